//! Columns that are being filled, for the engine.

use std::sync::Arc;

use super::fields::Field;
use crate::dialect::ColumnType;
use duckdb::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use duckdb::arrow::datatypes::{DataType, TimeUnit};

/// A column that is being filled.
pub(super) enum Builder {
    SmallInt(Int16Builder),
    Integer(Int32Builder),
    BigInt(Int64Builder),
    Decimal(Decimal128Builder),
    Real(Float32Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
    Bytes(BinaryBuilder),
}

impl Builder {
    pub(super) fn new(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::SmallInt => Self::SmallInt(Int16Builder::new()),
            ColumnType::Integer => Self::Integer(Int32Builder::new()),
            ColumnType::BigInt => Self::BigInt(Int64Builder::new()),
            ColumnType::Decimal { precision, scale } => {
                let builder = Decimal128Builder::new()
                    .with_data_type(DataType::Decimal128(*precision, *scale));
                Self::Decimal(builder)
            }
            ColumnType::Real => Self::Real(Float32Builder::new()),
            ColumnType::Double => Self::Double(Float64Builder::new()),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            ColumnType::TimestampTz => Self::Timestamp(
                TimestampMicrosecondBuilder::new()
                    .with_data_type(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
            ),
            ColumnType::Time | ColumnType::TimeTz => Self::Time(Time64MicrosecondBuilder::new()),
            ColumnType::Varbyte { .. } => Self::Bytes(BinaryBuilder::new()),
            ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::Super => {
                Self::Text(StringBuilder::new())
            }
        }
    }

    /// One null of the type.
    pub(super) fn null(kind: &ColumnType) -> ArrayRef {
        let mut builder = Self::new(kind);
        builder.append_null();
        builder.finish()
    }

    /// The rows so far, as the engine's column; begins anew.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::SmallInt(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::BigInt(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Real(builder) => Arc::new(builder.finish()),
            Self::Double(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Bytes(builder) => Arc::new(builder.finish()),
        }
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::SmallInt(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::BigInt(builder) => builder.append_null(),
            Self::Decimal(builder) => builder.append_null(),
            Self::Real(builder) => builder.append_null(),
            Self::Double(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
        }
    }

    /// Adds a value that has been read.
    pub(super) fn append(&mut self, value: Field) {
        match (self, value) {
            (Self::SmallInt(builder), Field::Integer(number)) => {
                builder.append_value(number as i16);
            }
            (Self::Integer(builder), Field::Integer(number)) => builder.append_value(number as i32),
            (Self::BigInt(builder), Field::Integer(number)) => builder.append_value(number),
            (Self::Decimal(builder), Field::Decimal(number)) => builder.append_value(number),
            (Self::Real(builder), Field::Double(number)) => builder.append_value(number as f32),
            (Self::Double(builder), Field::Double(number)) => builder.append_value(number),
            (Self::Boolean(builder), Field::Boolean(value)) => builder.append_value(value),
            (Self::Text(builder), Field::Text(text)) => builder.append_value(text),
            (Self::Date(builder), Field::Days(days)) => builder.append_value(days),
            (Self::Timestamp(builder), Field::Microseconds(time)) => builder.append_value(time),
            (Self::Time(builder), Field::Microseconds(time)) => builder.append_value(time),
            (Self::Bytes(builder), Field::Bytes(bytes)) => builder.append_value(bytes),
            (builder, _) => builder.append_null(),
        }
    }
}
