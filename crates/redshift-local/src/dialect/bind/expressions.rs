//! Expressions: their types, and what their types ask for.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, JsonPath, JsonPathElem, UnaryOperator, Value,
};

use super::kinds::{self, Kind, computed, is_integer, is_number, is_text};
use super::scope::{Found, is_reserved};
use super::{Binder, syntax};
use crate::datetime;
use crate::dialect::names::object;
use crate::dialect::rewrite::column_type;
use crate::dialect::types::ColumnType;
use crate::engine::SqlError;

/// A text whose length nobody declared.
pub(super) const TEXT: ColumnType = ColumnType::Varchar { bytes_max: 65_535 };

/// A call of one of the warehouse's own functions.
pub(super) fn own(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)));
    Expr::Function(sqlparser::ast::Function {
        name: vec![Ident::with_quote('`', name)].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        within_group: Vec::new(),
        filter: None,
        null_treatment: None,
        over: None,
    })
}

pub(super) fn number(value: impl ToString) -> Expr {
    Expr::value(Value::Number(value.to_string(), false))
}

/// Takes an expression out to put it into another.
pub(super) fn take(expression: &mut Expr) -> Box<Expr> {
    Box::new(std::mem::replace(expression, Expr::value(Value::Null)))
}

pub(super) fn wrap(expression: &mut Expr, name: &str) {
    *expression = own(name, vec![*take(expression)]);
}

fn cast(expression: &mut Expr, data_type: DataType) {
    *expression =
        Expr::Cast { kind: CastKind::Cast, expr: take(expression), data_type, format: None };
}

pub(super) fn cast_to_decimal(expression: &mut Expr, kind: &ColumnType) {
    if let ColumnType::Decimal { precision, scale } = kind {
        let info = ExactNumberInfo::PrecisionAndScale((*precision).into(), (*scale).into());
        cast(expression, DataType::Decimal(info));
    }
}

pub(super) fn literal_text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Nested(inside) => literal_text(inside),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Blanks at the end of a text do not count in comparisons.
pub(super) fn trimmed(expression: &mut Expr, kind: &Kind) {
    match (literal_text(expression), kind) {
        (Some(text), _) => {
            *expression = Expr::value(Value::SingleQuotedString(text.trim_end_matches(' ').into()));
        }
        (None, Some(kind)) if !is_text(Some(kind)) => {}
        _ if matches!(expression, Expr::Value(_)) => {}
        _ => wrap(expression, "rs_trimmed"),
    }
}

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

    fn binary(&mut self, expression: &mut Expr) -> Result<Kind, SqlError> {
        use BinaryOperator as Op;
        let Expr::BinaryOp { left, op, right } = expression else { return Ok(None) };
        let (one, other) = (self.expression(left)?, self.expression(right)?);
        match op {
            Op::Lt | Op::LtEq | Op::Gt | Op::GtEq if is_super(&one) && is_super(&other) => {
                Err(SqlError::unsupported("the order of SUPER values"))
            }
            Op::Plus | Op::Minus | Op::Multiply | Op::Divide | Op::Modulo
                if is_super(&one) || is_super(&other) =>
            {
                Err(SqlError::unsupported("arithmetic with a SUPER value without a cast"))
            }
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
                compare(left, &one, right, &other)?;
                Ok(Some(ColumnType::Boolean))
            }
            Op::And | Op::Or => {
                must_be_boolean(&op.to_string(), left, &one)?;
                must_be_boolean(&op.to_string(), right, &other)?;
                Ok(Some(ColumnType::Boolean))
            }
            Op::PGRegexMatch | Op::PGRegexNotMatch | Op::PGRegexIMatch | Op::PGRegexNotIMatch => {
                Ok(Some(ColumnType::Boolean))
            }
            Op::StringConcat => {
                as_text(left, &one);
                as_text(right, &other);
                Ok(Some(match (&one, &other) {
                    (
                        Some(
                            ColumnType::Varchar { bytes_max: a }
                            | ColumnType::Char { bytes_max: a },
                        ),
                        Some(
                            ColumnType::Varchar { bytes_max: b }
                            | ColumnType::Char { bytes_max: b },
                        ),
                    ) => text_of((a + b) as usize),
                    _ => TEXT,
                }))
            }
            Op::Plus | Op::Minus | Op::Multiply | Op::Divide => {
                let one = spelled(left, &other).or(one);
                let other = spelled(right, &one).or(other);
                let literals = is_literal_number(left) && is_literal_number(right);
                let operator = op.clone();
                arithmetic(expression, &operator, &one, &other, literals)
            }
            Op::Modulo
            | Op::BitwiseAnd
            | Op::BitwiseOr
            | Op::PGBitwiseXor
            | Op::PGBitwiseShiftLeft
            | Op::PGBitwiseShiftRight => {
                Ok(kinds::common(one, other).filter(|kind| is_integer(Some(kind))))
            }
            Op::PGExp | Op::BitwiseXor => Ok(Some(ColumnType::Double)),
            other => syntax(&other.to_string()),
        }
    }

    fn membership(&mut self, expression: &mut Expr) -> Result<(), SqlError> {
        match expression {
            Expr::Between { expr, low, high, .. } => {
                let kind = self.expression(expr)?;
                for bound in [low, high] {
                    let other = self.expression(bound)?;
                    let mut value = expr.as_ref().clone();
                    compare(&mut value, &kind, bound, &other)?;
                }
                trimmed(expr, &kind);
            }
            Expr::InList { expr, list, .. } => {
                let kind = self.expression(expr)?;
                for item in list {
                    let other = self.expression(item)?;
                    let mut value = expr.as_ref().clone();
                    compare(&mut value, &kind, item, &other)?;
                }
                trimmed(expr, &kind);
            }
            Expr::InSubquery { expr, subquery, .. } => {
                let kind = self.expression(expr)?;
                let fields = self.query(subquery)?;
                trimmed(expr, &kind);
                super::grouping::trim_items(&mut subquery.body, fields.as_deref());
            }
            _ => {}
        }
        Ok(())
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

fn must_be_boolean(of: &str, expression: &Expr, kind: &Kind) -> Result<(), SqlError> {
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

pub(super) fn plain_call(name: &str, arguments: Vec<Expr>) -> Expr {
    let mut call = own(name, arguments);
    if let Expr::Function(function) = &mut call {
        function.name = object(&[name]);
    }
    call
}

fn text_of(bytes: usize) -> ColumnType {
    ColumnType::Varchar { bytes_max: u32::try_from(bytes).unwrap_or(1).clamp(1, 65_535) }
}

fn number_kind(text: &str) -> Kind {
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

/// A text beside a number is the number that it spells.
fn spelled(side: &mut Expr, against: &Kind) -> Kind {
    let text = literal_text(side)?.trim().to_owned();
    let is_one = is_number(against.as_ref()) && text.parse::<f64>().is_ok();
    is_one.then(|| {
        *side = number(&text);
        number_kind(text.trim_start_matches('-'))
    })?
}

fn is_literal_number(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inside) | Expr::UnaryOp { op: UnaryOperator::Minus, expr: inside } => {
            is_literal_number(inside)
        }
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        _ => false,
    }
}

/// Makes two sides of a comparison comparable.
fn compare(left: &mut Expr, one: &Kind, right: &mut Expr, other: &Kind) -> Result<(), SqlError> {
    let (left_literal, right_literal) =
        (literal_text(left).is_some(), literal_text(right).is_some());
    if !left_literal && !right_literal && !kinds::can_meet(one, other) {
        let names =
            [one, other].map(|kind| kind.as_ref().map_or_else(String::new, ColumnType::display));
        let [one, other] = names;
        return Err(SqlError::new(format!("operator does not exist: {one} = {other}")));
    }
    for (side, own_kind, against) in [(&mut *left, one, other), (&mut *right, other, one)] {
        match (literal_text(side), against) {
            // A SUPER value is compared as what it is compared with.
            (None, Some(target)) if is_super(own_kind) && is_text(Some(target)) => {
                wrap(side, "rs_super_text");
            }
            (None, Some(target)) if is_super(own_kind) && is_number(Some(target)) => {
                wrap(side, "rs_super_number");
            }
            (None, Some(target)) if is_super(own_kind) && !is_super(against) => {
                let what = format!("comparing SUPER with {} without a cast", target.display());
                return Err(SqlError::unsupported(&what));
            }
            (Some(_), Some(ColumnType::Super)) => {}
            (Some(_), Some(target)) if !is_text(Some(target)) => {
                let kind = own_kind.clone();
                prepare(side, &kind, target)?;
            }
            _ => {}
        }
    }
    let texts = |kind: &Kind, literal| is_text(kind.as_ref()) || kind.is_none() || literal;
    if texts(one, left_literal) && texts(other, right_literal) {
        trimmed(left, one);
        trimmed(right, other);
    }
    Ok(())
}

/// `left op right` of numbers, in the type that Redshift gives it.
fn arithmetic(
    expression: &mut Expr,
    operator: &BinaryOperator,
    one: &Kind,
    other: &Kind,
    literals: bool,
) -> Result<Kind, SqlError> {
    let Expr::BinaryOp { left, right, .. } = expression else { return Ok(None) };
    let of_times = super::functions::time_arithmetic(left, one, operator, right, other)?;
    if of_times.is_some() {
        return Ok(of_times);
    }
    if let Some(interval) = super::functions::multiplied_interval(operator, left, right) {
        *expression = interval;
        return Ok(None);
    }
    let kind = computed(one, operator, other);
    match &kind {
        Some(ColumnType::Double) => {
            for (side, kind) in [(left, one), (right, other)] {
                if kind.as_ref() == Some(&ColumnType::Real) || !is_number(kind.as_ref()) {
                    cast(side, DataType::DoublePrecision);
                }
            }
        }
        Some(decimal @ ColumnType::Decimal { scale, .. }) if !literals => {
            if *operator == BinaryOperator::Divide
                && let (Some(one), Some(other)) =
                    (kinds::digits(one.as_ref()), kinds::digits(other.as_ref()))
            {
                let (left, right) = (unscaled(left, one), unscaled(right, other));
                let shift = i32::from(*scale) - one.1 + other.1;
                *expression = quotient(left, right, shift, (*scale).into());
            }
            cast_to_decimal(expression, decimal);
        }
        _ if literals => return Ok(kind.filter(|kind| !matches!(kind, ColumnType::Decimal { .. }))),
        _ => {}
    }
    Ok(kind)
}

/// The digits of an exact number as an integer.
pub(super) fn unscaled(expression: &mut Expr, (precision, scale): (i32, i32)) -> Expr {
    let name = if precision + scale > 36 { "rs_digits_of" } else { "rs_unscaled" };
    let power = number(10_i64.pow(scale.clamp(0, 18) as u32));
    own(name, vec![*take(expression), power])
}

/// The quotient of two integers, scaled by a power of ten; digits beyond the scale are cut off.
pub(super) fn quotient(left: Expr, right: Expr, shift: i32, scale: i32) -> Expr {
    let power = 10_i128.pow(shift.clamp(0, 37) as u32).to_string();
    let unit = match scale {
        0 => "1".to_owned(),
        scale => format!("0.{}1", "0".repeat(scale as usize - 1)),
    };
    let power = Expr::value(Value::SingleQuotedString(power));
    own("rs_quotient", vec![left, right, power, number(unit)])
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
