//! Columns that are being filled, for the engine.

use std::sync::Arc;

use super::fields::Field;
use crate::dialect::ColumnType;
use duckdb::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use duckdb::arrow::datatypes::DataType;

/// A column that is being filled.
pub(super) struct Builder {
    kind: ColumnType,
    values: Vec<Field>,
}

/// The values of one kind, as an array; whatever is of another is null.
macro_rules! array {
    ($array:ty, $values:expr, $field:path, $convert:expr) => {
        <$array>::from_iter($values.into_iter().map(|value| match value {
            $field(value) => Some($convert(value)),
            _ => None,
        }))
    };
}

impl Builder {
    pub(super) fn new(kind: &ColumnType) -> Self {
        Self { kind: kind.clone(), values: Vec::new() }
    }

    /// One null of the type.
    pub(super) fn null(kind: &ColumnType) -> ArrayRef {
        let mut builder = Self::new(kind);
        builder.append(Field::Null);
        builder.finish()
    }

    /// The engine's type of such a column.
    pub(super) fn data_type(kind: &ColumnType) -> DataType {
        Self::new(kind).finish().data_type().clone()
    }

    /// Adds a value that has been read.
    pub(super) fn append(&mut self, value: Field) {
        self.values.push(value);
    }

    /// The rows so far, as the engine's column; begins again with none.
    pub(super) fn finish(&mut self) -> ArrayRef {
        let values = std::mem::take(&mut self.values);
        match self.kind {
            ColumnType::SmallInt => {
                Arc::new(array!(Int16Array, values, Field::Integer, |number| number as i16))
            }
            ColumnType::Integer => {
                Arc::new(array!(Int32Array, values, Field::Integer, |number| number as i32))
            }
            ColumnType::BigInt => Arc::new(array!(Int64Array, values, Field::Integer, i64::from)),
            ColumnType::Decimal { precision, scale } => {
                let numbers = array!(Decimal128Array, values, Field::Decimal, i128::from);
                let kind = DataType::Decimal128(precision, scale);
                Arc::new(numbers.with_data_type(kind))
            }
            ColumnType::Real => {
                Arc::new(array!(Float32Array, values, Field::Double, |number| number as f32))
            }
            ColumnType::Double => Arc::new(array!(Float64Array, values, Field::Double, f64::from)),
            ColumnType::Boolean => {
                Arc::new(array!(BooleanArray, values, Field::Boolean, bool::from))
            }
            ColumnType::Date => Arc::new(array!(Date32Array, values, Field::Days, i32::from)),
            ColumnType::Timestamp | ColumnType::TimestampTz => {
                let times =
                    array!(TimestampMicrosecondArray, values, Field::Microseconds, i64::from);
                let zone = (self.kind == ColumnType::TimestampTz).then_some("UTC");
                Arc::new(times.with_timezone_opt(zone))
            }
            ColumnType::Time | ColumnType::TimeTz => {
                Arc::new(array!(Time64MicrosecondArray, values, Field::Microseconds, i64::from))
            }
            ColumnType::Varbyte { .. } => {
                Arc::new(array!(BinaryArray, values, Field::Bytes, Vec::<u8>::from))
            }
            ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::Super => {
                Arc::new(array!(StringArray, values, Field::Text, String::from))
            }
        }
    }
}
