//! Results: the engine's columns as the protocol's values.

use duckdb::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use duckdb::arrow::compute::cast;
use duckdb::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int64Type, Schema,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use duckdb::arrow::temporal_conversions::timestamp_us_to_datetime;
use duckdb::arrow::util::display::{ArrayFormatter, FormatOptions};

use serde::{Deserialize, Serialize};

use super::error::SqlError;
use crate::dialect::ColumnType;

/// One field of a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A truth value.
    Boolean(bool),
    /// An integer of any width.
    Long(i64),
    /// A floating-point number.
    Double(f64),
    /// Text; also decimals, dates and times, as the protocol has them.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The text, if it is text.
    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// One column of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as the protocol spells it, such as `int8` or `varchar`.
    pub type_name: String,
    /// Digits, or bytes of text.
    pub precision: i32,
    /// Digits after the point.
    pub scale: i32,
    /// The table whose column it is; empty for what a query computes.
    #[serde(default)]
    pub table: String,
    /// Whether that column takes no NULL.
    #[serde(default)]
    pub not_null: bool,
}

impl Column {
    /// Takes what was declared, which says more than the engine's type.
    pub(crate) fn declare(&mut self, field: &crate::dialect::Field) {
        self.table = field.table.clone().unwrap_or_default();
        self.not_null = field.not_null;
        let kind = field.kind.as_ref();
        match kind {
            Some(ColumnType::Char { bytes_max } | ColumnType::Varchar { bytes_max }) => {
                self.precision = i32::try_from(*bytes_max).unwrap_or(i32::MAX);
            }
            Some(ColumnType::Super | ColumnType::TimeTz) => {}
            _ => return,
        }
        if let Some(kind) = kind {
            self.type_name = kind.udt().to_owned();
        }
    }
}

/// The rows that a statement gave.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct QueryResult {
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The rows, in order.
    pub rows: Vec<Vec<Value>>,
    /// What the fields take, in bytes.
    pub bytes: u64,
}

/// The largest result that is kept, in bytes; Redshift's is 500 MB.
const RESULT_BYTES_MAX: u64 = 500_000_000;
/// The largest row of a result, in bytes.
const ROW_BYTES_MAX: u64 = 64 * 1024;

impl QueryResult {
    /// An empty result with the engine's columns.
    pub(crate) fn new(schema: &Schema) -> Self {
        let columns = schema.fields().iter().map(|field| column(field)).collect();
        Self { columns, ..Self::default() }
    }

    /// A result made here, all of text.
    pub(crate) fn text(names: &[&str], rows: Vec<Vec<String>>) -> Self {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            type_name: "varchar".to_owned(),
            precision: 256,
            scale: 0,
            table: String::new(),
            not_null: false,
        };
        let rows = rows.into_iter().map(|row| row.into_iter().map(Value::Text).collect());
        Self { columns: names.iter().map(column).collect(), rows: rows.collect(), bytes: 0 }
    }

    /// Adds the engine's rows.
    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        for row in rows(batch)? {
            let bytes: u64 = row.iter().map(bytes).sum();
            if bytes > ROW_BYTES_MAX {
                return Err(SqlError::new(format!(
                    "Packet for query is too large: a row of the result set has {bytes} bytes, the \
                     size limit is {ROW_BYTES_MAX} (64 KB)"
                )));
            }
            for (column, value) in self.columns.iter_mut().zip(&row) {
                if matches!(value, Value::Text(_)) && column.type_name == "int8" {
                    // A sum beyond 64 bits.
                    column.type_name = "numeric".to_owned();
                }
            }
            self.bytes += bytes;
            self.rows.push(row);
        }
        if self.bytes > RESULT_BYTES_MAX {
            return Err(SqlError::new(
                "Database response exceeded size limit: a result set has at most 500 MB",
            ));
        }
        Ok(())
    }
}

/// The next rows of a statement that streams them. The driver's own iterator panics when a query is
/// interrupted.
pub(crate) fn next_batch(statement: &duckdb::Statement<'_>) -> duckdb::Result<Option<RecordBatch>> {
    Ok(statement.step()?.map(|rows| RecordBatch::from(&rows)))
}

/// The rows of a batch of the engine's.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Value>>, SqlError> {
    let width = batch.num_columns();
    let mut rows: Vec<Vec<Value>> =
        (0..batch.num_rows()).map(|_| Vec::with_capacity(width)).collect();
    for array in batch.columns() {
        let array = &plain(array)?;
        for (index, row) in rows.iter_mut().enumerate() {
            row.push(value(array, index)?);
        }
    }
    Ok(rows)
}

fn bytes(value: &Value) -> u64 {
    match value {
        Value::Null => 0,
        Value::Boolean(_) => 1,
        Value::Long(_) | Value::Double(_) => 8,
        Value::Text(text) => text.len() as u64,
        Value::Bytes(bytes) => bytes.len() as u64,
    }
}

fn column(field: &Field) -> Column {
    let (type_name, precision, scale) = match field.data_type() {
        DataType::Boolean => ("bool", 1, 0),
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => ("int2", 5, 0),
        DataType::UInt16 | DataType::Int32 => ("int4", 10, 0),
        DataType::UInt32 | DataType::Int64 | DataType::UInt64 => ("int8", 19, 0),
        // A sum of integers: the engine's 128-bit integer.
        DataType::Decimal128(38, 0) => ("int8", 19, 0),
        DataType::Decimal128(precision, scale) => {
            ("numeric", i32::from(*precision), i32::from(*scale))
        }
        DataType::Float32 => ("float4", 8, 8),
        DataType::Float64 => ("float8", 17, 17),
        DataType::Date32 => ("date", 13, 0),
        DataType::Timestamp(_, None) => ("timestamp", 29, 6),
        DataType::Timestamp(_, Some(_)) => ("timestamptz", 35, 6),
        DataType::Time64(_) => ("time", 15, 6),
        DataType::Binary | DataType::LargeBinary => ("varbyte", 1_024_000, 0),
        DataType::List(_) | DataType::Struct(_) | DataType::Map(_, _) => ("super", 0, 0),
        _ => ("varchar", 65_535, 0),
    };
    let json =
        field.metadata().get("ARROW:extension:name").is_some_and(|name| name == "arrow.json");
    let type_name = if json { "super" } else { type_name };
    let (name, type_name, table) = (field.name().clone(), type_name.to_owned(), String::new());
    Column { name, type_name, precision, scale, table, not_null: false }
}

/// Integers, texts and bytes of any width, as those of one.
fn plain(array: &ArrayRef) -> Result<ArrayRef, SqlError> {
    let wanted = match array.data_type() {
        DataType::UInt64 => DataType::Decimal128(38, 0),
        kind if kind.is_integer() => DataType::Int64,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary => DataType::Binary,
        _ => return Ok(array.clone()),
    };
    cast(array, &wanted).map_err(|error| SqlError::new(error.to_string()))
}

fn value(array: &ArrayRef, row: usize) -> Result<Value, SqlError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Int64 => Value::Long(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => {
            Value::Double(shortest(array.as_primitive::<Float32Type>().value(row)))
        }
        DataType::Float64 => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(38, 0) => {
            let number = array.as_primitive::<Decimal128Type>().value(row);
            i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Long)
        }
        DataType::Decimal128(_, _) => {
            Value::Text(array.as_primitive::<Decimal128Type>().value_as_string(row))
        }
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::Interval(_) => return Err(SqlError::unsupported("a result of type INTERVAL")),
        _ => Value::Text(temporal(array, row)?),
    })
}

/// The 64-bit number that prints like the 32-bit one.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

fn temporal(array: &ArrayRef, row: usize) -> Result<String, SqlError> {
    let text = match array.data_type() {
        DataType::Date32 => {
            let date = array.as_primitive::<Date32Type>().value_as_date(row);
            date.map(|date| date.format("%Y-%m-%d").to_string())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            let seconds = zone.as_ref().map_or(0, |zone| offset_seconds(zone, times.value(row)));
            let local = times.value(row).saturating_add(seconds * 1_000_000);
            let time = timestamp_us_to_datetime(local);
            let zone = zone.as_ref().map(|_| offset_text(seconds)).unwrap_or_default();
            time.map(|time| {
                let whole = time.format("%Y-%m-%d %H:%M:%S").to_string();
                let fraction = time.and_utc().timestamp_subsec_micros();
                format!("{whole}{}{zone}", fraction_text(fraction))
            })
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let time = array.as_primitive::<Time64MicrosecondType>().value_as_time(row);
            time.map(|time| {
                let text = time.format("%H:%M:%S%.6f").to_string();
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            })
        }
        _ => None,
    };
    match text {
        Some(text) => Ok(text),
        None => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(array, &options)
                .map_err(|error| SqlError::unsupported(&format!("this type of result: {error}")))?;
            Ok(formatter.value(row).to_string())
        }
    }
}

/// How far east of UTC the session's zone is at this instant.
fn offset_seconds(zone: &str, microseconds: i64) -> i64 {
    if zone == "UTC" {
        return 0;
    }
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let instant = jiff::Timestamp::from_microsecond(microseconds);
    instant.map_or(0, |instant| zone.to_offset(instant).seconds().into())
}

/// `-05`, or `+05:30` where the minutes matter.
fn offset_text(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    match minutes % 60 {
        0 => format!("{sign}{:02}", minutes / 60),
        rest => format!("{sign}{:02}:{rest:02}", minutes / 60),
    }
}

/// `.796` of 796,000 microseconds; nothing of none.
fn fraction_text(microseconds: u32) -> String {
    match microseconds {
        0 => String::new(),
        microseconds => format!(".{microseconds:06}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use duckdb::arrow::array::StringArray;

    use super::*;

    fn batch(text: &str) -> RecordBatch {
        let fields =
            vec![Field::new("one", DataType::Utf8, true), Field::new("two", DataType::Utf8, true)];
        let column = || Arc::new(StringArray::from(vec![text])) as ArrayRef;
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![column(), column()])
            .expect("a batch")
    }

    #[test]
    fn a_row_over_64_kb_and_a_result_over_500_mb_are_refused() {
        let small = batch("x");
        let mut result = QueryResult::new(&small.schema());
        let half = usize::try_from(ROW_BYTES_MAX / 2).expect("fits");
        result.append(&batch(&"x".repeat(half))).expect("64 KB are allowed");
        let error = result.append(&batch(&"x".repeat(half + 1))).expect_err("a row too long");
        assert!(error.to_string().contains("Packet for query is too large"), "{error}");
        let mut result =
            QueryResult { bytes: RESULT_BYTES_MAX - 2, ..QueryResult::new(&small.schema()) };
        result.append(&small).expect("500 MB are allowed");
        let error = result.append(&small).expect_err("too much");
        assert!(error.to_string().contains("Database response exceeded size limit"), "{error}");
    }
}
