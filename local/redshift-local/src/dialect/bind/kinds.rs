//! The types of computations, by "Computations with numeric values".

use sqlparser::ast::BinaryOperator;

use crate::dialect::types::ColumnType;
use crate::engine::SqlError;

/// The minimum scale of a quotient.
const QUOTIENT_SCALE_MIN: i32 = 4;
/// Digits of the longest decimal.
const DIGITS_MAX: i32 = 38;

/// What a computation with an expression of unknown type gives.
pub(super) type Kind = Option<ColumnType>;

pub(super) fn is_text(kind: Option<&ColumnType>) -> bool {
    matches!(kind, Some(ColumnType::Varchar { .. } | ColumnType::Char { .. }))
}

pub(super) fn is_integer(kind: Option<&ColumnType>) -> bool {
    matches!(kind, Some(ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt))
}

pub(super) fn is_float(kind: Option<&ColumnType>) -> bool {
    matches!(kind, Some(ColumnType::Real | ColumnType::Double))
}

pub(super) fn is_number(kind: Option<&ColumnType>) -> bool {
    digits(kind).is_some() || is_float(kind)
}

pub(super) fn is_time(kind: Option<&ColumnType>) -> bool {
    matches!(kind, Some(ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz))
}

/// Precision and scale of an exact number; integers are decimals when they meet one.
pub(super) fn digits(kind: Option<&ColumnType>) -> Option<(i32, i32)> {
    Some(match kind? {
        ColumnType::SmallInt => (5, 0),
        ColumnType::Integer => (10, 0),
        ColumnType::BigInt => (19, 0),
        ColumnType::Decimal { precision, scale } => ((*precision).into(), (*scale).into()),
        _ => return None,
    })
}

pub(super) fn decimal(precision: i32, scale: i32) -> ColumnType {
    let precision = precision.clamp(1, DIGITS_MAX);
    let scale = scale.clamp(0, precision);
    ColumnType::Decimal { precision: precision as u8, scale: scale as i8 }
}

/// The type of `left operator right`.
pub(super) fn computed(left: &Kind, operator: &BinaryOperator, right: &Kind) -> Kind {
    let (one, other) = (left.as_ref(), right.as_ref());
    if is_number(one) && is_number(other) && (is_float(one) || is_float(other)) {
        return Some(match (one, other) {
            (Some(ColumnType::Real), Some(ColumnType::Real)) => ColumnType::Real,
            _ => ColumnType::Double,
        });
    }
    if is_integer(one) && is_integer(other) {
        return common(left.clone(), right.clone());
    }
    let ((p1, s1), (p2, s2)) = (digits(one)?, digits(other)?);
    Some(match operator {
        BinaryOperator::Plus | BinaryOperator::Minus => {
            let scale = s1.max(s2);
            decimal((p1 - s1).max(p2 - s2) + 1 + scale, scale)
        }
        BinaryOperator::Multiply => decimal(p1 + p2 + 1, s1 + s2),
        BinaryOperator::Divide => {
            let scale = QUOTIENT_SCALE_MIN.max(s1 + p2 - s2 + 1);
            let precision = p1 - s1 + s2 + scale;
            if precision > DIGITS_MAX {
                decimal(DIGITS_MAX, (DIGITS_MAX + scale - precision).max(QUOTIENT_SCALE_MIN))
            } else {
                decimal(precision, scale)
            }
        }
        _ => return None,
    })
}

/// The type that two expressions share in a CASE, a COALESCE or a set operation.
pub(super) fn common(one: Kind, other: Kind) -> Kind {
    use ColumnType::{BigInt, Char, Double, Integer, SmallInt, Timestamp, TimestampTz, Varchar};
    let (one, other) = (one?, other?);
    if one == other {
        return Some(one);
    }
    Some(match (&one, &other) {
        (BigInt, SmallInt | Integer) | (SmallInt | Integer, BigInt) => BigInt,
        (Integer, SmallInt) | (SmallInt, Integer) => Integer,
        (TimestampTz, ColumnType::Date | Timestamp)
        | (ColumnType::Date | Timestamp, TimestampTz) => TimestampTz,
        (Timestamp, ColumnType::Date) | (ColumnType::Date, Timestamp) => Timestamp,
        (
            Varchar { bytes_max: a } | Char { bytes_max: a },
            Varchar { bytes_max: b } | Char { bytes_max: b },
        ) => Varchar { bytes_max: *a.max(b) },
        _ if is_number(Some(&one)) && is_number(Some(&other)) => {
            match (digits(Some(&one)), digits(Some(&other))) {
                (Some((p1, s1)), Some((p2, s2))) => {
                    let scale = s1.max(s2);
                    decimal((p1 - s1).max(p2 - s2) + scale, scale)
                }
                _ => Double,
            }
        }
        _ => return None,
    })
}

/// Whether two types can meet in a comparison, a CASE or a COALESCE.
pub(super) fn can_meet(one: &Kind, other: &Kind) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    let family = |kind: &ColumnType| match kind {
        kind if is_number(Some(kind)) => 0,
        kind if is_text(Some(kind)) => 1,
        kind if is_time(Some(kind)) => 2,
        ColumnType::Boolean => 3,
        ColumnType::Super => 9,
        _ => 4,
    };
    let (a, b) = (family(one), family(other));
    a == b || a == 9 || b == 9
}

/// Refuses two types that cannot become one.
pub(super) fn must_meet(what: &str, one: &Kind, other: &Kind) -> Result<(), SqlError> {
    match (one, other) {
        (Some(a), Some(b)) if !can_meet(one, other) => {
            let (a, b) = (a.display(), b.display());
            Err(SqlError::new(format!("{what} types {a} and {b} cannot be matched")))
        }
        _ => Ok(()),
    }
}
