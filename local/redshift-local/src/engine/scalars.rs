//! Functions that SQL says badly, registered with the engine.

use std::error::Error;
use std::sync::Arc;

use duckdb::Connection;
use duckdb::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use duckdb::arrow::datatypes::DataType::{self, Boolean, Float64, Int64, Utf8};
use duckdb::arrow::datatypes::{Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};

use super::{hashes, number_format};
use crate::datetime::{self, Pattern};

pub(super) type Answer = Result<Arc<dyn Array>, Box<dyn Error>>;

const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// Functions by their names: what computes them, the types that they take, and the type that they give.
macro_rules! scalars {
    ($($scalar:ident $name:literal $compute:path: $([$($kind:expr),*])+ => $result:expr;)*) => {
        $(
            struct $scalar;

            impl VArrowScalar for $scalar {
                type State = ();

                fn invoke(_: &(), input: RecordBatch) -> Answer {
                    $compute(&input)
                }

                fn signatures() -> Vec<ArrowFunctionSignature> {
                    vec![$(ArrowFunctionSignature::exact(vec![$($kind),*], $result)),+]
                }
            }
        )*

        /// Registers them all.
        pub(crate) fn register(connection: &Connection) -> duckdb::Result<()> {
            $(connection.register_scalar_function::<$scalar>($name)?;)*
            Ok(())
        }
    };
}

scalars! {
    BytesLeft "rs_bytes_left" bytes_left: [Utf8, Int64] => Utf8;
    ToChar "rs_to_char" to_char: [TIMESTAMP, Utf8] [Float64, Utf8] => Utf8;
    ToTimestamp "rs_parse_time" parsed_time: [Utf8, Utf8, Int64] => TIMESTAMP;
    Recognise "rs_recognise" recognised: [Utf8] => TIMESTAMP;
    Similar "rs_similar" similar_pattern: [Utf8, Utf8] => Utf8;
    JsonValid "rs_json_valid" is_json: [Utf8] => Boolean;
    InitialCapitals "rs_initcap" initial_capitals: [Utf8] => Utf8;
    Fnv "rs_fnv_hash" hashes::fnv: [Utf8] [Int64] [Utf8, Int64] [Int64, Int64] => Int64;
    StringToInteger "rs_strtol" integer_of_base: [Utf8, Int64] => Int64;
    Sha2 "rs_sha2" hashes::sha2: [Utf8, Int64] => Utf8;
    Soundex "rs_soundex" hashes::soundex_code: [Utf8] => Utf8;
    JsonPathText "rs_json_path_text" json_path_text: [Utf8, Utf8, Int64] => Utf8;
}

/// One text of each row's texts.
pub(super) fn texts(
    input: &RecordBatch,
    row: impl Fn(usize) -> Result<Option<String>, String>,
) -> Answer {
    let mut values = Vec::with_capacity(input.num_rows());
    for index in 0..input.num_rows() {
        let missing = input.columns().iter().any(|column| column.is_null(index));
        values.push(if missing { None } else { row(index)? });
    }
    Ok(Arc::new(StringArray::from(values)))
}

pub(super) fn numbers(
    input: &RecordBatch,
    row: impl Fn(usize) -> Result<Option<i64>, String>,
) -> Answer {
    let mut values = Vec::with_capacity(input.num_rows());
    for index in 0..input.num_rows() {
        let missing = input.columns().iter().any(|column| column.is_null(index));
        values.push(if missing { None } else { row(index)? });
    }
    Ok(Arc::new(Int64Array::from(values)))
}

pub(super) fn text(column: &ArrayRef, row: usize) -> &str {
    column.as_string::<i32>().value(row)
}

pub(super) fn integer(column: &ArrayRef, row: usize) -> i64 {
    column.as_primitive::<Int64Type>().value(row)
}

/// The first bytes of a text, without cutting a character in two.
fn bytes_left(input: &RecordBatch) -> Answer {
    texts(input, |row| {
        let whole = text(input.column(0), row);
        let most = usize::try_from(integer(input.column(1), row)).unwrap_or(0);
        let end = (0..=most.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at));
        Ok(Some(whole[..end.unwrap_or(0)].to_owned()))
    })
}

/// `TO_CHAR` of a time or a number.
fn to_char(input: &RecordBatch) -> Answer {
    let value = input.column(0);
    // Nearly always the pattern is the same in all rows.
    let mut last = (String::new(), Pattern::new(""));
    let mut rows = Vec::with_capacity(input.num_rows());
    for row in 0..input.num_rows() {
        if value.is_null(row) || input.column(1).is_null(row) {
            rows.push(None);
            continue;
        }
        let pattern = text(input.column(1), row);
        if value.data_type() == &TIMESTAMP {
            if pattern != last.0 {
                last = (pattern.to_owned(), Pattern::new(pattern));
            }
            let time = value.as_primitive::<TimestampMicrosecondType>().value(row);
            let time = datetime::from_microseconds(time).ok_or("timestamp out of range")?;
            rows.push(Some(datetime::format(&last.1, time)));
        } else {
            let number = value.as_primitive::<Float64Type>().value(row);
            rows.push(Some(number_format::format(number, pattern)));
        }
    }
    Ok(Arc::new(StringArray::from(rows)))
}

/// A time of a text, by a pattern.
fn parsed_time(input: &RecordBatch) -> Answer {
    let mut rows = Vec::with_capacity(input.num_rows());
    for row in 0..input.num_rows() {
        if input.column(0).is_null(row) || input.column(1).is_null(row) {
            rows.push(None);
            continue;
        }
        let (value, pattern) = (text(input.column(0), row), text(input.column(1), row));
        let strict = integer(input.column(2), row) != 0;
        let parse = if strict { datetime::parse } else { datetime::parse_leniently };
        let time = parse(&Pattern::new(pattern), value)
            .and_then(datetime::to_microseconds)
            .ok_or_else(|| format!("invalid value \"{value}\" for format \"{pattern}\""))?;
        rows.push(Some(time));
    }
    Ok(Arc::new(TimestampMicrosecondArray::from(rows)))
}

/// Whether a text is JSON, by the strict grammar.
fn is_json(input: &RecordBatch) -> Answer {
    let column = input.column(0);
    let rows = (0..input.num_rows()).map(|row| {
        let parsed = |value| serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok();
        (!column.is_null(row)).then(|| parsed(text(column, row)))
    });
    Ok(Arc::new(rows.collect::<duckdb::arrow::array::BooleanArray>()))
}

/// SIMILAR TO's pattern as a regular expression.
fn similar_pattern(input: &RecordBatch) -> Answer {
    texts(input, |row| {
        let escape = text(input.column(1), row).chars().next();
        let mut pattern = String::from("(?s)");
        let mut characters = text(input.column(0), row).chars();
        while let Some(character) = characters.next() {
            match character {
                '%' => pattern += ".*",
                '_' => pattern.push('.'),
                '.' | '^' | '$' if Some(character) != escape => {
                    pattern.extend(['\\', character]);
                }
                _ if Some(character) == escape => {
                    pattern.push('\\');
                    pattern.extend(characters.next());
                }
                _ => pattern.push(character),
            }
        }
        Ok(Some(pattern))
    })
}

/// A time of a text of any common form.
fn recognised(input: &RecordBatch) -> Answer {
    let column = input.column(0);
    let rows = (0..input.num_rows()).map(|row| {
        if column.is_null(row) {
            return Ok(None);
        }
        let value = text(column, row);
        let time = datetime::literal(value).and_then(datetime::to_microseconds);
        let wrong = || format!("invalid input syntax for type timestamp: \"{value}\"");
        time.map(Some).ok_or_else(wrong)
    });
    Ok(Arc::new(TimestampMicrosecondArray::from(rows.collect::<Result<Vec<_>, _>>()?)))
}

/// `INITCAP`: words begin after anything that is no letter and no digit.
fn initial_capitals(input: &RecordBatch) -> Answer {
    texts(input, |row| {
        let mut inside = false;
        let mut capitals = String::new();
        for character in text(input.column(0), row).chars() {
            if inside {
                capitals.extend(character.to_lowercase());
            } else {
                capitals.extend(character.to_uppercase());
            }
            inside = character.is_alphanumeric();
        }
        Ok(Some(capitals))
    })
}

/// `STRTOL(text, base)`.
fn integer_of_base(input: &RecordBatch) -> Answer {
    numbers(input, |row| {
        let value = text(input.column(0), row).trim();
        let base = u32::try_from(integer(input.column(1), row)).unwrap_or(0);
        if !(2..=36).contains(&base) {
            return Err(format!("base must be between 2 and 36, not {base}"));
        }
        let digits = match base {
            16 => value.trim_start_matches("0x").trim_start_matches("0X"),
            _ => value,
        };
        i64::from_str_radix(digits, base)
            .map(Some)
            .map_err(|_| format!("The input {value} is not valid to be converted to base {base}"))
    })
}

/// `JSON_EXTRACT_PATH_TEXT`: the path's elements are joined by the unit separator.
fn json_path_text(input: &RecordBatch) -> Answer {
    texts(input, |row| {
        let document = text(input.column(0), row);
        let null_if_invalid = integer(input.column(2), row) != 0;
        let Ok(parsed) = serde_json::from_str::<serde_json::Value>(document) else {
            if null_if_invalid {
                return Ok(None);
            }
            return Err(format!("JSON parsing error: invalid json object {document}"));
        };
        let mut value = Some(&parsed);
        for key in text(input.column(1), row).split('\u{1f}') {
            value = value.and_then(|value| match value {
                serde_json::Value::Array(items) => items.get(key.parse::<usize>().ok()?),
                value => value.get(key),
            });
        }
        Ok(match value {
            None => None,
            Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        })
    })
}
