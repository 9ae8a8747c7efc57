//! Expressions: their types, and what their types ask for.

use sqlparser::ast::{CastKind, Expr, Ident, JsonPath, JsonPathElem, UnaryOperator, Value};

use super::build::{TEXT, literal_text, number, own, plain_call, take, trimmed, wrap};
use super::kinds::{self, Kind, is_integer, is_text};
use super::scope::{Found, is_reserved};
use super::{Binder, syntax};
use crate::datetime;
use crate::dialect::rewrite::column_type;
use crate::dialect::types::ColumnType;
use crate::engine::SqlError;

impl Binder<'_> {
    /// An expression that is true or not; `of` is the clause that asks.
    pub(super) fn condition(&mut self, of: &str, expression: &mut Expr) -> Result<(), SqlError> {
        let kind = self.expression(expression)?;
        must_be_boolean(of, expression, &kind)
    }

    pub(super) fn expression(&mut self, expression: &mut Expr) -> Result<Kind, SqlError> {
        Ok(match expression {
            Expr::Identifier(ident) => return self.name(ident),
            Expr::CompoundIdentifier(parts) => {
                let parts = parts.clone();
                return self.qualified(&parts, expression);
            }
            Expr::Value(value) => match &value.value {
                Value::Number(text, _) => number_kind(text),
                Value::SingleQuotedString(text)
                | Value::EscapedStringLiteral(text)
                | Value::DollarQuotedString(sqlparser::ast::DollarQuotedString {
                    value: text,
                    ..
                }) => Some(text_of(text.len())),
                Value::Boolean(_) => Some(ColumnType::Boolean),
                Value::Null => None,
                Value::HexStringLiteral(_) => Some(ColumnType::Varbyte { bytes_max: 64_000 }),
                other => return syntax(&other.to_string()),
            },
            Expr::TypedString(typed) => {
                let kind = column_type(&typed.data_type.to_string())?;
                if let Value::SingleQuotedString(text) = &mut typed.value.value
                    && let Some(time) = time_text(text, &kind)?
                {
                    *text = time;
                }
                Some(kind)
            }
            Expr::Nested(inside) => self.expression(inside)?,
            Expr::Cast { .. } | Expr::Convert { .. } => self.cast(expression)?,
            Expr::BinaryOp { .. } => self.binary(expression)?,
            Expr::UnaryOp { op, expr } => {
                let kind = self.expression(expr)?;
                match op {
                    UnaryOperator::Not => {
                        must_be_boolean("NOT", expr, &kind)?;
                        Some(ColumnType::Boolean)
                    }
                    UnaryOperator::PGSquareRoot | UnaryOperator::PGCubeRoot => {
                        Some(ColumnType::Double)
                    }
                    UnaryOperator::Plus
                    | UnaryOperator::Minus
                    | UnaryOperator::PGAbs
                    | UnaryOperator::BitwiseNot => kind,
                    other => return syntax(&other.to_string()),
                }
            }
            Expr::IsNull(inside) | Expr::IsNotNull(inside) => {
                self.expression(inside)?;
                Some(ColumnType::Boolean)
            }
            Expr::IsTrue(inside)
            | Expr::IsNotTrue(inside)
            | Expr::IsFalse(inside)
            | Expr::IsNotFalse(inside)
            | Expr::IsUnknown(inside)
            | Expr::IsNotUnknown(inside) => {
                self.expression(inside)?;
                Some(ColumnType::Boolean)
            }
            Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => return syntax("distinct"),
            Expr::Between { .. } | Expr::InList { .. } | Expr::InSubquery { .. } => {
                self.membership(expression)?;
                Some(ColumnType::Boolean)
            }
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
                let kind = self.expression(left)?;
                trimmed(left, &kind);
                self.expression(right)?;
                Some(ColumnType::Boolean)
            }
            Expr::Like { any: false, expr, pattern, escape_char, .. }
            | Expr::ILike { any: false, expr, pattern, escape_char, .. }
            | Expr::SimilarTo { expr, pattern, escape_char, .. } => {
                self.expression(expr)?;
                self.expression(pattern)?;
                if let Some(escape) = escape_char {
                    self.expression(escape)?;
                }
                Some(ColumnType::Boolean)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let operand_kind = operand.as_mut().map(|operand| self.expression(operand));
                let operand_kind = operand_kind.transpose()?;
                if let (Some(operand), Some(kind)) = (operand, &operand_kind) {
                    trimmed(operand, kind);
                }
                let mut results = Vec::new();
                for when in conditions {
                    let kind = self.expression(&mut when.condition)?;
                    match operand_kind {
                        Some(_) => trimmed(&mut when.condition, &kind),
                        None => must_be_boolean("CASE/WHEN", &when.condition, &kind)?,
                    }
                    results.push(&mut when.result);
                }
                results.extend(else_result.as_deref_mut());
                self.unify("CASE", results)?
            }
            Expr::Exists { subquery, .. } => {
                self.query(subquery)?;
                Some(ColumnType::Boolean)
            }
            Expr::Subquery(query) => {
                let fields = self.query(query)?;
                fields.and_then(|fields| fields.into_iter().next()).and_then(|field| field.kind)
            }
            Expr::Extract { expr, .. } => {
                self.expression(expr)?;
                Some(ColumnType::Integer)
            }
            Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => match self.expression(expr)? {
                Some(ColumnType::Decimal { precision, .. }) => {
                    Some(kinds::decimal(precision.into(), 0))
                }
                kind if is_integer(kind.as_ref()) => {
                    *expression = *take(expr);
                    kind
                }
                kind => kind,
            },
            Expr::Position { expr, r#in } => {
                self.expression(expr)?;
                self.expression(r#in)?;
                Some(ColumnType::Integer)
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let kind = self.expression(expr)?;
                if substring_from.is_none() && substring_for.is_none() {
                    return Err(super::signatures::unknown("substring", &[kind]));
                }
                let from = substring_from.take().map_or_else(|| number(1), |from| *from);
                let mut arguments = vec![*take(expr), from];
                arguments.extend(substring_for.take().map(|count| *count));
                for argument in &mut arguments[1..] {
                    self.expression(argument)?;
                }
                *expression = plain_call("substring", arguments);
                Some(kind.filter(|kind| is_text(Some(kind))).unwrap_or(TEXT))
            }
            Expr::Trim { expr, trim_what, trim_characters, .. } => {
                let kind = self.expression(expr)?;
                let others = trim_what.iter_mut().map(Box::as_mut);
                for other in others.chain(trim_characters.iter_mut().flatten()) {
                    self.expression(other)?;
                }
                kind.or(Some(TEXT))
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                let kind = self.expression(timestamp)?;
                let (name, result) =
                    super::functions::zone_call(kind == Some(ColumnType::TimestampTz));
                *expression = own(name, vec![*take(timestamp), *take(time_zone)]);
                Some(result)
            }
            Expr::Interval(interval) => {
                *expression = super::functions::interval(interval)?;
                None
            }
            Expr::Function(_) => return self.function(expression),
            Expr::Tuple(items) => {
                for item in items {
                    let kind = self.expression(item)?;
                    trimmed(item, &kind);
                }
                None
            }
            Expr::JsonAccess { value, path } => {
                self.expression(value)?;
                let path = super_path(path)?;
                *expression = own("json_extract", vec![*take(value), path]);
                Some(ColumnType::Super)
            }
            Expr::CompoundFieldAccess { .. } => {
                return Err(SqlError::unsupported("navigation into a computed SUPER value"));
            }
            Expr::OuterJoin(_) => return Err(SqlError::unsupported("the outer join mark (+)")),
            Expr::Prior(_) => return Err(SqlError::unsupported("CONNECT BY")),
            Expr::Collate { .. } => return Err(SqlError::unsupported("COLLATE in an expression")),
            Expr::Array(_) => return syntax("["),
            Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                for item in sets.iter_mut().flatten() {
                    self.expression(item)?;
                }
                None
            }
            other => return syntax(other.to_string().split(' ').next().unwrap_or_default()),
        })
    }

    fn name(&self, ident: &Ident) -> Result<Kind, SqlError> {
        let word = ident.value.as_str();
        if ident.quote_style.is_none() {
            let kind = match word {
                "sysdate" => Some(Some(ColumnType::Timestamp)),
                "current_user" | "session_user" | "user" => {
                    Some(Some(ColumnType::Varchar { bytes_max: 128 }))
                }
                "current_user_id" => Some(Some(ColumnType::Integer)),
                "default" => Some(None),
                _ if is_reserved(word) && word != "oid" => return syntax(word),
                _ => None,
            };
            if let Some(kind) = kind {
                return Ok(kind);
            }
        }
        let depth = self.scopes.len();
        for (level, scope) in self.scopes.iter().rev().enumerate() {
            match scope.find(None, word) {
                Found::Column(_, kind) if level < 2 => return Ok(kind),
                Found::Column(..) => return skipped_level(),
                Found::Alias(kind) => return Ok(kind),
                Found::Unknown => return Ok(None),
                Found::HiddenAlias if depth == level + 1 => {
                    return Err(SqlError::new(format!("column \"{word}\" does not exist")));
                }
                Found::HiddenAlias | Found::Nothing => {}
            }
        }
        Ok(None)
    }

    fn qualified(&self, parts: &[Ident], expression: &mut Expr) -> Result<Kind, SqlError> {
        let names: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
        for (level, scope) in self.scopes.iter().rev().enumerate() {
            // `alias.column`, `schema.table.column`, or a path into a SUPER value.
            for at in 0..names.len() - 1 {
                if !scope.has_relation(names[at]) {
                    continue;
                }
                match scope.find(Some(names[at]), names[at + 1]) {
                    Found::Column(..) if level > 1 => return skipped_level(),
                    Found::Column(_, kind) => {
                        return Ok(navigate(parts, at + 2, kind, expression));
                    }
                    Found::Unknown => return Ok(None),
                    _ => {}
                }
            }
            if let Found::Column(_, kind @ Some(ColumnType::Super)) = scope.find(None, names[0]) {
                return Ok(navigate(parts, 1, kind, expression));
            }
        }
        Ok(None)
    }

    fn cast(&mut self, expression: &mut Expr) -> Result<Kind, SqlError> {
        let (inside, data_type, tries) = match expression {
            Expr::Cast { kind, expr, data_type, format: None } => {
                (expr, data_type, matches!(kind, CastKind::TryCast | CastKind::SafeCast))
            }
            Expr::Convert { expr, data_type: Some(data_type), is_try: false, .. } => {
                (expr, data_type, false)
            }
            _ => return syntax("format"),
        };
        let target = column_type(&data_type.to_string())?;
        let kind = self.expression(inside)?;
        if tries {
            if is_integer(Some(&target)) && is_text(kind.as_ref()) {
                wrap(inside, "rs_integer_or_null");
            }
            return Ok(Some(target));
        }
        prepare(inside, &kind, &target)?;
        Ok(Some(match (target, data_type.to_string().contains('(')) {
            (ColumnType::Varchar { .. }, false) if is_text(kind.as_ref()) => kind.unwrap_or(TEXT),
            (target, _) => target,
        }))
    }

    /// Expressions that share a type.
    pub(super) fn unify(&mut self, what: &str, items: Vec<&mut Expr>) -> Result<Kind, SqlError> {
        let mut shared: Option<Kind> = None;
        let mut known: Kind = None;
        for item in items {
            let is_literal = literal_text(item).is_some();
            let is_null = matches!(item, Expr::Value(value) if value.value == Value::Null);
            let kind = self.expression(item)?;
            if is_null {
                continue;
            }
            if !is_literal {
                kinds::must_meet(what, &known, &kind)?;
            }
            if !is_literal {
                known = known.or_else(|| kind.clone());
            } else if let Some(target) = known.as_ref().filter(|kind| !is_text(Some(kind))) {
                prepare(item, &kind, target)?;
            }
            shared = Some(match shared {
                None => kind,
                Some(_) if is_literal && !is_text(known.as_ref()) && known.is_some() => {
                    known.clone()
                }
                Some(shared) => kinds::common(shared, kind),
            });
        }
        Ok(shared.flatten())
    }
}

pub(super) fn is_super(kind: &Kind) -> bool {
    *kind == Some(ColumnType::Super)
}

pub(super) fn must_be_boolean(of: &str, expression: &Expr, kind: &Kind) -> Result<(), SqlError> {
    match kind {
        Some(kind)
            if !matches!(kind, ColumnType::Boolean | ColumnType::Super)
                && literal_text(expression).is_none() =>
        {
            let kind = kind.display();
            Err(SqlError::new(format!("argument of {of} must be type boolean, not type {kind}")))
        }
        _ => Ok(()),
    }
}

fn skipped_level() -> Result<Kind, SqlError> {
    Err(SqlError::new("This type of correlated subquery pattern is not supported yet"))
}

/// What is left of a name after its column is a path into a SUPER value.
fn navigate(parts: &[Ident], end: usize, kind: Kind, expression: &mut Expr) -> Kind {
    if end >= parts.len() {
        return kind;
    }
    let path: String = parts[end..].iter().map(|part| format!(".{}", part.value)).collect();
    let root = match end {
        1 => Expr::Identifier(parts[0].clone()),
        end => Expr::CompoundIdentifier(parts[..end].to_vec()),
    };
    let path = Expr::value(Value::SingleQuotedString(format!("${path}")));
    *expression = own("json_extract", vec![root, path]);
    Some(ColumnType::Super)
}

/// What follows the value in `v[0].a['b']`, as the engine's path.
fn super_path(path: &JsonPath) -> Result<Expr, SqlError> {
    let mut text = "$".to_owned();
    for step in &path.path {
        text += &match step {
            JsonPathElem::Dot { key, .. } => format!(".\"{key}\""),
            JsonPathElem::Bracket { key } => match (literal_text(key), key) {
                (Some(key), _) => format!(".\"{key}\""),
                (None, Expr::Value(number)) => format!("[{number}]"),
                _ => {
                    return Err(SqlError::unsupported(
                        "navigation into a SUPER value by anything but a constant",
                    ));
                }
            },
            JsonPathElem::ColonBracket { .. } => return syntax(":"),
        };
    }
    Ok(Expr::value(Value::SingleQuotedString(text)))
}

pub(super) fn text_of(bytes: usize) -> ColumnType {
    ColumnType::Varchar { bytes_max: u32::try_from(bytes).unwrap_or(1).clamp(1, 65_535) }
}

pub(super) fn number_kind(text: &str) -> Kind {
    if text.contains(['e', 'E']) {
        return Some(ColumnType::Double);
    }
    if let Some((whole, fraction)) = text.split_once('.') {
        let scale = fraction.len() as i32;
        return Some(kinds::decimal(whole.trim_start_matches('0').len() as i32 + scale, scale));
    }
    Some(match text.parse::<i64>() {
        Ok(number) if i32::try_from(number).is_ok() => ColumnType::Integer,
        Ok(_) => ColumnType::BigInt,
        Err(_) => kinds::decimal(38, 0),
    })
}

/// Text as Redshift writes a value.
pub(super) fn as_text(expression: &mut Expr, kind: &Kind) {
    match kind {
        Some(ColumnType::Double) => wrap(expression, "rs_double_text"),
        Some(ColumnType::Real) => wrap(expression, "rs_real_text"),
        Some(ColumnType::Super) => wrap(expression, "rs_super_text"),
        _ => {}
    }
}

/// A literal time in the engine's form, of any form that Redshift reads.
fn time_text(text: &str, kind: &ColumnType) -> Result<Option<String>, SqlError> {
    let read = match kind {
        ColumnType::Date => {
            datetime::literal(text).map(|time| time.strftime("%Y-%m-%d").to_string())
        }
        ColumnType::Timestamp => {
            datetime::literal(text).map(|time| time.strftime("%Y-%m-%d %H:%M:%S%.f").to_string())
        }
        _ => return Ok(None),
    };
    Ok(read)
}

/// What a value needs before it becomes of another type.
pub(super) fn prepare(
    expression: &mut Expr,
    kind: &Kind,
    target: &ColumnType,
) -> Result<(), SqlError> {
    if let Some(text) = literal_text(expression) {
        let text = text.to_owned();
        if is_integer(Some(target)) {
            if text.trim().parse::<i128>().is_err() {
                return Err(SqlError::new(format!("invalid input syntax for integer: \"{text}\"")));
            }
        } else if let Some(time) = time_text(&text, target)? {
            *expression = Expr::value(Value::SingleQuotedString(time));
        }
        if *target == ColumnType::Super {
            wrap(expression, "to_json");
        }
        return Ok(());
    }
    match target {
        _ if is_integer(Some(target)) && (is_text(kind.as_ref())) => {
            wrap(expression, "rs_integer_text");
        }
        ColumnType::Varchar { .. } | ColumnType::Char { .. } => as_text(expression, kind),
        ColumnType::Super if kind.as_ref() != Some(&ColumnType::Super) && kind.is_some() => {
            wrap(expression, "to_json");
        }
        ColumnType::Date if is_text(kind.as_ref()) => wrap(expression, "rs_date_text"),
        ColumnType::Timestamp if is_text(kind.as_ref()) => wrap(expression, "rs_time_text"),
        _ if *kind == Some(ColumnType::Super) => wrap(expression, "rs_super_text"),
        _ => {}
    }
    Ok(())
}
