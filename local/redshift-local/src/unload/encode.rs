//! Rows as lines of text, CSV or JSON.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::dialect::{FileFormat, Unload};
use crate::engine::{Column, SqlError, Value};

/// Digits that a `float4` keeps.
const FLOAT4_DIGITS: usize = 6;
/// Digits that a `float8` keeps.
const FLOAT8_DIGITS: usize = 15;

/// Writes rows the way that the options want them.
pub(super) struct Encoder<'a> {
    unload: &'a Unload,
    columns: &'a [Column],
    /// The columns' names as JSON has them.
    keys: Vec<String>,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(unload: &'a Unload, columns: &'a [Column]) -> Self {
        let keys = columns.iter().map(|column| quoted_json(&column.name)).collect();
        Self { unload, columns, keys }
    }

    /// The line of column names.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut line = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            self.field(index, &column.name, true, &mut line);
        }
        line.push(b'\n');
        line
    }

    /// Adds one row's line.
    pub(super) fn row(&self, row: &[Value], line: &mut Vec<u8>) -> Result<(), SqlError> {
        if self.unload.format == FileFormat::Json {
            return self.object(row, line);
        }
        for (index, (value, column)) in row.iter().zip(self.columns).enumerate() {
            match text(value, column) {
                Some(text) => {
                    let is_character = ["varchar", "bpchar"].contains(&column.type_name.as_str());
                    self.field(index, &text, is_character, line);
                }
                None => self.field(index, &self.unload.null_as, false, line),
            }
        }
        line.push(b'\n');
        Ok(())
    }

    fn field(&self, index: usize, text: &str, is_character: bool, line: &mut Vec<u8>) {
        let delimiter = self.unload.delimiter;
        if index > 0 {
            line.push(delimiter);
        }
        if self.unload.format == FileFormat::Csv {
            let special = [delimiter, b'"', b'\n', b'\r'];
            if text.bytes().any(|byte| special.contains(&byte)) {
                let text = text.replace('"', "\"\"");
                line.extend(format!("\"{text}\"").as_bytes());
            } else {
                line.extend(text.as_bytes());
            }
            return;
        }
        let quotes = self.unload.add_quotes;
        line.extend(quotes.then_some(b'"'));
        for byte in text.bytes() {
            let special = matches!(byte, b'\n' | b'\r' | b'\\')
                || byte == delimiter
                || (quotes && matches!(byte, b'"' | b'\''));
            if self.unload.escape && is_character && special {
                line.push(b'\\');
            }
            line.push(byte);
        }
        line.extend(quotes.then_some(b'"'));
    }

    fn object(&self, row: &[Value], line: &mut Vec<u8>) -> Result<(), SqlError> {
        for (index, (value, column)) in row.iter().zip(self.columns).enumerate() {
            line.push(if index == 0 { b'{' } else { b',' });
            line.extend(self.keys[index].as_bytes());
            line.push(b':');
            if matches!(value, Value::Double(number) if !number.is_finite()) {
                return Err(SqlError::unsupported("UNLOAD of NaN and Infinity as JSON"));
            }
            let written = ["int2", "int4", "int8", "numeric", "float4", "float8", "super"];
            match text(value, column) {
                None => line.extend(b"null"),
                Some(text) if written.contains(&column.type_name.as_str()) => {
                    line.extend(text.as_bytes());
                }
                Some(text) => line.extend(quoted_json(&text).as_bytes()),
            }
        }
        line.extend(b"}\n");
        Ok(())
    }
}

/// Whether columns of these names and engine types can be unloaded in this format.
pub(super) fn check(format: FileFormat, described: Vec<Vec<Value>>) -> Result<(), SqlError> {
    let mut names = BTreeSet::new();
    for row in described {
        let mut fields = row.into_iter().map(|value| value.into_text().unwrap_or_default());
        let (name, kind) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        if kind.ends_with(']') || ["STRUCT", "MAP"].iter().any(|nested| kind.starts_with(nested)) {
            return Err(SqlError::unsupported("UNLOAD of a computed SUPER value"));
        }
        if format != FileFormat::Json {
            continue;
        }
        if kind == "BLOB" {
            return Err(SqlError::new(format!(
                "VARBYTE column \"{name}\" can be unloaded as text or CSV only"
            )));
        }
        if names.contains(&name) {
            return Err(SqlError::new(format!(
                "UNLOAD as JSON needs unique column names; \"{name}\" occurs more than once"
            )));
        }
        names.insert(name);
    }
    Ok(())
}

/// A value as text; none for a NULL.
fn text<'a>(value: &'a Value, column: &Column) -> Option<Cow<'a, str>> {
    Some(match value {
        // NULL AS is not for SUPER.
        Value::Null if column.type_name == "super" => "null".into(),
        Value::Null => return None,
        Value::Boolean(true) => "t".into(),
        Value::Boolean(false) => "f".into(),
        Value::Long(number) => number.to_string().into(),
        Value::Double(number) => {
            let digits = if column.type_name == "float4" { FLOAT4_DIGITS } else { FLOAT8_DIGITS };
            float(*number, digits).into()
        }
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => hex::encode(bytes).into(),
    })
}

/// A number as C's `%.15g` has it: what a cast to text gives.
fn float(number: f64, digits: usize) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let shown = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let digits = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= digits {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(digits - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{number:.decimals$}"))
}

fn quoted_json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_keep_as_many_digits_as_a_cast_to_text() {
        let cases = [
            (1.0, "1"),
            (0.1 + 0.2, "0.3"),
            (1e20, "1e+20"),
            (-2.5, "-2.5"),
            (0.00001, "1e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (0.0, "0"),
            (999_999_999_999_999.9, "1e+15"),
        ];
        for (number, expected) in cases {
            assert_eq!(float(number, FLOAT8_DIGITS), expected, "{number}");
        }
        assert_eq!(float(19_999.99, FLOAT4_DIGITS), "20000");
    }
}
