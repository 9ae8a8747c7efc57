//! Operators: which types meet, and in which type a computation is done.

use sqlparser::ast::{BinaryOperator, DataType, Expr, UnaryOperator, Value};

use super::build::{TEXT, cast, cast_to_decimal, literal_text, number, own, take, trimmed, wrap};
use super::expressions::{as_text, is_super, must_be_boolean, number_kind, prepare, text_of};
use super::kinds::{self, Kind, computed, is_integer, is_number, is_text};
use super::{Binder, syntax};
use crate::dialect::types::ColumnType;
use crate::engine::SqlError;

impl Binder<'_> {
    pub(super) fn binary(&mut self, expression: &mut Expr) -> Result<Kind, SqlError> {
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

    /// Binds a value and what it is compared with.
    fn compared<'e>(
        &mut self,
        value: &mut Expr,
        others: impl IntoIterator<Item = &'e mut Expr>,
    ) -> Result<(), SqlError> {
        let kind = self.expression(value)?;
        for other in others {
            let against = self.expression(other)?;
            compare(&mut value.clone(), &kind, other, &against)?;
        }
        trimmed(value, &kind);
        Ok(())
    }

    pub(super) fn membership(&mut self, expression: &mut Expr) -> Result<(), SqlError> {
        match expression {
            Expr::Between { expr, low, high, .. } => self.compared(expr, [&mut **low, high])?,
            Expr::InList { expr, list, .. } => self.compared(expr, list)?,
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
