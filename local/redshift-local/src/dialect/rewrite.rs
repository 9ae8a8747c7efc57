//! Rewrites a parsed query from Redshift's dialect to the engine's.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Ident, LimitClause, ObjectName, Query, Select, SelectItem,
    SetExpr, TableAliasColumnDef, TableFactor, TopQuantity, UnaryOperator, Value, VisitMut,
    VisitorMut,
};

use super::calls;
use super::names::{TableName, literal, object};
use super::tokens::{Tokens, statements};
use super::types::ColumnType;
use crate::engine::SqlError;

/// What a query was found to be about.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Tables and views that it reads, as named.
    pub(crate) relations: BTreeSet<TableName>,
    /// Whether it calls a function that only the leader node has.
    pub(crate) leader_only: bool,
}

/// Rewrites in place.
pub(crate) fn rewrite<N: VisitMut>(node: &mut N) -> Result<Found, SqlError> {
    let mut rewriter = Rewriter::default();
    match node.visit(&mut rewriter) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(rewriter.found),
    }
}

/// An expression that prints as this text.
pub(crate) fn raw(text: String) -> Expr {
    Expr::Identifier(Ident::new(text))
}

#[derive(Default)]
struct Rewriter {
    found: Found,
    /// Names of common table expressions: no tables.
    common: Vec<String>,
    /// Names of relations so far: what begins with one is a path into a SUPER value.
    aliases: BTreeSet<String>,
}

impl VisitorMut for Rewriter {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        if let Some(with) = &query.with {
            self.common.extend(with.cte_tables.iter().map(|cte| cte.alias.name.value.clone()));
        }
        if let Err(error) = top_to_limit(query) {
            return ControlFlow::Break(error);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expression) = item
                && let Some(name) = column_name(expression)
            {
                let alias = Ident::with_quote('"', name);
                *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<SqlError> {
        match self.relation(relation) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. }
                if !name.to_string().eq_ignore_ascii_case("generate_series") =>
            {
                let text = format!("function {name}() does not exist");
                ControlFlow::Break(SqlError::new(text))
            }
            TableFactor::UnpivotExpr { .. } => {
                ControlFlow::Break(SqlError::unsupported("UNPIVOT of an object"))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<SqlError> {
        // The alias of a function is its column's name too.
        if let TableFactor::Table { args: Some(_), alias: Some(alias), .. } = factor
            && alias.columns.is_empty()
        {
            alias.columns.push(TableAliasColumnDef::from_name(alias.name.value.clone()));
        }
        if let TableFactor::Table { name, alias, .. } = factor
            && let Some(last) = name.0.last().and_then(|part| part.as_ident())
        {
            let alias = alias.as_ref().map_or(last, |alias| &alias.name);
            self.aliases.insert(alias.value.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_ident(&mut self, ident: &mut Ident) -> ControlFlow<SqlError> {
        // What is a name in Redshift may be a keyword of the engine's.
        if ident.quote_style.is_none() {
            ident.quote_style = Some('"');
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<SqlError> {
        match self.expression(expression) {
            Ok(Some(rewritten)) => {
                *expression = rewritten;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Rewriter {
    fn relation(&mut self, relation: &mut ObjectName) -> Result<(), SqlError> {
        let first = relation.0.first().and_then(|part| part.as_ident());
        if relation.0.len() > 1 && first.is_some_and(|first| self.aliases.contains(&first.value)) {
            return Ok(());
        }
        let name = TableName::from_object(relation)?;
        match name.schema.as_deref() {
            None if self.common.contains(&name.name) => return Ok(()),
            None if name.name == "generate_series" => {
                self.found.leader_only = true;
                return Ok(());
            }
            Some("information_schema") => {
                let view = format!("information_schema.{}", name.name);
                must_be_system_view(&view)?;
                *relation = object(&["redshift", "main", &view]);
                return Ok(());
            }
            Some("pg_catalog") => {
                must_be_system_view(&name.name)?;
                *relation = object(&["redshift", "main", &name.name]);
                return Ok(());
            }
            Some("redshift_local" | "redshift" | "system" | "temp" | "main") => {
                let schema = name.schema.as_deref().unwrap_or_default();
                return Err(SqlError::new(format!("schema \"{schema}\" does not exist")));
            }
            Some(schema) => *relation = object(&[schema, &name.name]),
            None => {
                // The engine has catalogs of its own, which are not Redshift's.
                if ["pg_", "duckdb_", "sqlite_"].iter().any(|start| name.name.starts_with(start)) {
                    must_be_system_view(&name.name)?;
                }
                *relation = object(&[&name.name]);
            }
        }
        self.found.relations.insert(name);
        Ok(())
    }

    fn expression(&mut self, expression: &mut Expr) -> Result<Option<Expr>, SqlError> {
        Ok(match expression {
            Expr::Identifier(ident) => keyword(&ident.value).map(|text| raw(text.to_owned())),
            Expr::Value(value) => value_text(&value.value).map(raw),
            Expr::TypedString(typed) => {
                let kind = column_type(&typed.data_type.to_string())?.engine();
                let text = match &typed.value.value {
                    Value::SingleQuotedString(text) => literal(text),
                    other => other.to_string(),
                };
                Some(raw(format!("CAST({text} AS {kind})")))
            }
            Expr::Cast {
                kind: CastKind::TryCast | CastKind::SafeCast, expr, data_type, ..
            } => {
                let kind = column_type(&data_type.to_string())?.engine();
                Some(raw(format!("TRY_CAST({expr} AS {kind})")))
            }
            Expr::Cast { expr, data_type, .. } => {
                Some(cast(&expr.to_string(), &data_type.to_string())?)
            }
            Expr::Convert { expr, data_type: Some(data_type), .. } => {
                Some(cast(&expr.to_string(), &data_type.to_string())?)
            }
            Expr::BinaryOp { left, op, right } => binary(left, op, right)?,
            Expr::UnaryOp { op, expr } => match op {
                UnaryOperator::PGSquareRoot => Some(raw(format!("sqrt({expr})"))),
                UnaryOperator::PGCubeRoot => Some(raw(format!("rs_cbrt({expr})"))),
                UnaryOperator::PGAbs => Some(raw(format!("abs({expr})"))),
                _ => None,
            },
            Expr::Like { escape_char: Some(escape), .. }
            | Expr::ILike { escape_char: Some(escape), .. }
                if escape.to_string().chars().count() != 3 =>
            {
                return Err(SqlError::new("invalid escape string"));
            }
            Expr::Like { expr, pattern, negated, escape_char: None, .. } => {
                Some(like(expr, pattern, *negated, "LIKE"))
            }
            Expr::ILike { expr, pattern, negated, escape_char: None, .. } => {
                Some(like(expr, pattern, *negated, "ILIKE"))
            }
            Expr::SimilarTo { expr, pattern, negated, escape_char } => {
                let not = if *negated { "NOT " } else { "" };
                let escape = match escape_char.as_deref().map(ToString::to_string) {
                    None => "'\\'".to_owned(),
                    Some(escape) => escape,
                };
                Some(raw(format!(
                    "({not}regexp_full_match({expr}, rs_similar({pattern}, {escape})))"
                )))
            }
            Expr::Extract { field, expr, .. } => {
                let field = field.to_string().replace(['"', '\''], "");
                let text = calls::date_part(&field.to_lowercase(), &expr.to_string())?;
                Some(raw(format!("CAST(floor({text}) AS INTEGER)")))
            }
            Expr::Function(function) => calls::call(function, &mut self.found)?,
            Expr::OuterJoin(_) => return Err(SqlError::unsupported("the outer join mark (+)")),
            Expr::Prior(_) => return Err(SqlError::unsupported("CONNECT BY")),
            Expr::Position { expr, r#in } => {
                Some(raw(format!("CAST(instr({in}, {expr}) AS INTEGER)", in = r#in)))
            }
            _ => None,
        })
    }
}

/// The system views that there are, by name.
static SYSTEM_VIEWS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let views =
        [include_str!("../engine/system_views.sql"), include_str!("../engine/live_views.sql")];
    let lines = views.into_iter().flat_map(str::lines);
    let named = lines.filter_map(|line| line.strip_prefix("create view redshift.main."));
    named.filter_map(|rest| Some(rest.split(' ').next()?.trim_matches('"'))).collect()
});

fn must_be_system_view(name: &str) -> Result<(), SqlError> {
    match SYSTEM_VIEWS.contains(name) {
        true => Ok(()),
        false => Err(SqlError::unsupported(&format!("system view {name}"))),
    }
}

/// The name of a column that the statement does not name.
pub(super) fn column_name(expression: &Expr) -> Option<String> {
    Some(match expression {
        Expr::Identifier(ident) if ident.quote_style.is_none() => match ident.value.as_str() {
            "sysdate" => "timestamp".to_owned(),
            "user" => "current_user".to_owned(),
            name @ ("current_user" | "session_user" | "current_user_id") => name.to_owned(),
            _ => return None,
        },
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => return None,
        Expr::Function(function) => {
            let name = function.name.0.last()?.as_ident()?.value.clone();
            match name.as_str() {
                "nvl" => "coalesce".to_owned(),
                "decode" | "nvl2" => "case".to_owned(),
                _ => name,
            }
        }
        Expr::Cast { expr, data_type, .. } => match expr.as_ref() {
            Expr::Identifier(ident) => ident.value.clone(),
            Expr::CompoundIdentifier(parts) => parts.last()?.value.clone(),
            Expr::Function(_) | Expr::Cast { .. } => column_name(expr)?,
            _ => column_type(&data_type.to_string()).ok()?.udt().to_owned(),
        },
        Expr::Case { .. } => "case".to_owned(),
        Expr::Extract { .. } => "date_part".to_owned(),
        Expr::Substring { .. } => "substring".to_owned(),
        Expr::Trim { .. } => "btrim".to_owned(),
        Expr::Position { .. } => "position".to_owned(),
        Expr::Ceil { .. } => "ceil".to_owned(),
        Expr::Floor { .. } => "floor".to_owned(),
        Expr::TypedString(typed) => column_type(&typed.data_type.to_string()).ok()?.udt().into(),
        Expr::Nested(inside) => return column_name(inside),
        _ => "?column?".to_owned(),
    })
}

/// `SELECT TOP n` is the engine's `LIMIT n`.
fn top_to_limit(query: &mut Query) -> Result<(), SqlError> {
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    let Some(top) = select.top.take() else { return Ok(()) };
    if top.percent || top.with_ties {
        return Err(SqlError::unsupported("TOP with PERCENT or WITH TIES"));
    }
    if query.limit_clause.is_some() {
        return Err(SqlError::new("TOP and LIMIT cannot both be given"));
    }
    let limit = match top.quantity {
        Some(TopQuantity::Constant(count)) => raw_number(count),
        Some(TopQuantity::Expr(expression)) => expression,
        None => return Err(SqlError::syntax("top")),
    };
    query.limit_clause =
        Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by: Vec::new() });
    Ok(())
}

fn raw_number(count: u64) -> Expr {
    Expr::value(Value::Number(count.to_string(), false))
}

/// Words that are functions without parentheses.
fn keyword(word: &str) -> Option<&'static str> {
    Some(match word {
        "sysdate" => "CAST(now() AS TIMESTAMP)",
        "current_user" | "session_user" | "user" => "CAST(getvariable('user_name') AS VARCHAR)",
        "current_user_id" => "100",
        "default" => "DEFAULT",
        _ => return None,
    })
}

fn value_text(value: &Value) -> Option<String> {
    match value {
        Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::NationalStringLiteral(text) => Some(literal(text)),
        Value::HexStringLiteral(digits) => Some(format!("unhex('{digits}')")),
        _ => None,
    }
}

/// A type as the parser prints it.
pub(crate) fn column_type(printed: &str) -> Result<ColumnType, SqlError> {
    let mut found = statements(&printed.replace('"', ""))?;
    let tokens: &mut Tokens = found.first_mut().ok_or_else(|| SqlError::syntax(""))?;
    ColumnType::parse(tokens)
}

/// A cast to a length cuts the text off, by bytes; an insert does not.
fn cast(expression: &str, data_type: &str) -> Result<Expr, SqlError> {
    let kind = column_type(data_type)?;
    let sized = data_type.contains('(');
    Ok(raw(match kind {
        ColumnType::Varchar { bytes_max } if sized => {
            format!("rs_bytes_left(CAST({expression} AS VARCHAR), {bytes_max})")
        }
        ColumnType::Char { bytes_max } => {
            format!("rtrim(rs_bytes_left(CAST({expression} AS VARCHAR), {bytes_max}), ' ')")
        }
        ColumnType::Boolean => format!("CAST({expression} AS BOOLEAN)"),
        kind => format!("CAST({expression} AS {})", kind.engine()),
    }))
}

fn binary(left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Option<Expr>, SqlError> {
    // A text in a calculation, as every parameter is, is the number that it spells.
    let arithmetic = matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    );
    let numbers =
        (arithmetic.then(|| spelled(left)).flatten(), arithmetic.then(|| spelled(right)).flatten());
    if numbers.0.is_some() || numbers.1.is_some() {
        let left = numbers.0.map_or_else(|| left.clone(), raw);
        let right = numbers.1.map_or_else(|| right.clone(), raw);
        let inner = binary(&left, op, &right)?;
        return Ok(Some(inner.unwrap_or_else(|| raw(format!("{left} {op} {right}")))));
    }
    let text = match op {
        BinaryOperator::Divide | BinaryOperator::Modulo => {
            if is_nonzero_number(right) {
                return Ok(None);
            }
            format!("({left} {op} rs_nonzero({right}))")
        }
        BinaryOperator::PGExp | BinaryOperator::BitwiseXor => format!("power({left}, {right})"),
        BinaryOperator::PGBitwiseXor => format!("xor({left}, {right})"),
        BinaryOperator::PGRegexMatch => format!("regexp_matches({left}, {right})"),
        BinaryOperator::PGRegexNotMatch => format!("(NOT regexp_matches({left}, {right}))"),
        BinaryOperator::PGRegexIMatch => format!("regexp_matches({left}, {right}, 'i')"),
        BinaryOperator::PGRegexNotIMatch => format!("(NOT regexp_matches({left}, {right}, 'i'))"),
        BinaryOperator::StringConcat => {
            format!("(CAST({left} AS VARCHAR) || CAST({right} AS VARCHAR))")
        }
        _ => return Ok(None),
    };
    Ok(Some(raw(text)))
}

fn spelled(expression: &Expr) -> Option<String> {
    let text = expression.to_string();
    let inside = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let plain = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    (inside.chars().all(plain) && inside.parse::<f64>().is_ok()).then(|| inside.to_owned())
}

fn is_nonzero_number(expression: &Expr) -> bool {
    let text = expression.to_string();
    text.parse::<f64>().is_ok_and(|number| number != 0.0)
}

/// The backslash escapes in a pattern, unless ESCAPE names another character.
fn like(expression: &Expr, pattern: &Expr, negated: bool, operator: &str) -> Expr {
    let not = if negated { "NOT " } else { "" };
    raw(format!("({expression} {not}{operator} {pattern} ESCAPE '\\')"))
}
