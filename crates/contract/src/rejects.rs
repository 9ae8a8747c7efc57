//! Records that could not be loaded: how many a run may skip, and how they are recorded.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most records of one source that a run may skip. A COPY fails when its errors reach
/// `MAXERROR`, which is at most 100,000, so it tolerates one fewer.
pub const MAX_REJECTS: u64 = 99_999;
/// The most bytes of a record's text, and of a reason, that the warehouse keeps: the Data API
/// returns rows of at most 64 KB, and one row has both.
const RAW_VALUE_BYTES_MAX: usize = 30_000;

/// One record that could not be loaded, with the columns of `ops.rejected_rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The run that skipped it.
    pub run_id: String,
    /// The source.
    pub source: String,
    /// The object that contains it, as it landed.
    pub uri: String,
    /// The line of the object; for merged objects the number of the document within it.
    pub line: u64,
    /// The column that rejected its value, if a value was the reason.
    pub column_name: Option<String>,
    /// The number in Redshift's list of errors, if the COPY rejected it.
    pub code: Option<i64>,
    /// What was expected and what was found.
    pub reason: String,
    /// The record's text, if it is known.
    pub raw_value: Option<String>,
}

/// A value, or a whole record, that a COPY rejected. Written as a line of a failure's message, and
/// parsed from there by code that can look up the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// The file that was read: an object, or a part.
    pub file: String,
    /// Its line.
    pub line: u64,
    /// The column, if it was a value.
    pub column: Option<String>,
    /// The column's type, with its length if it has one.
    pub kind: String,
    /// The number in Redshift's list of errors.
    pub code: i64,
    /// Redshift's message.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} line {}", self.file, self.line)?;
        if let Some(column) = &self.column {
            write!(formatter, ", column {column} {}", self.kind)?;
        }
        write!(formatter, ": {} (error {})", self.reason, self.code)
    }
}

impl Refused {
    /// Takes a row of `sql/diagnose/load_errors.sql`, whose fields are read by their position.
    pub fn of_row(field: impl Fn(usize) -> String) -> Self {
        let kind = match field(4).as_str() {
            "" | "0" => field(3),
            length => format!("{}({length})", field(3)),
        };
        Self {
            file: field(0),
            line: field(1).parse().unwrap_or_default(),
            column: Some(field(2)).filter(|column| !column.is_empty()),
            kind,
            code: field(5).parse().unwrap_or_default(),
            reason: field(6),
        }
    }

    /// How many values the COPY rejected, of which such a row is one; 0 if it does not say.
    pub fn total(field: impl Fn(usize) -> String) -> u64 {
        field(7).parse().unwrap_or_default()
    }

    /// Parses such a line; `None` for any other line.
    pub fn parse(text: &str) -> Option<Self> {
        let (file, line, rest) = text.match_indices(" line ").find_map(|(at, mark)| {
            let digits = &text[at + mark.len()..];
            let end = digits.find(|c: char| !c.is_ascii_digit())?;
            let rest = &digits[end..];
            let goes_on = rest.starts_with(": ") || rest.starts_with(", column ");
            goes_on.then_some(())?;
            Some((&text[..at], digits[..end].parse().ok()?, rest))
        })?;
        let (column, kind, rest) = match rest.strip_prefix(", column ") {
            None => (None, "", rest.strip_prefix(": ")?),
            Some(rest) => {
                let (named, rest) = rest.split_once(": ")?;
                let (column, kind) = named.split_once(' ')?;
                (Some(column.to_owned()), kind, rest)
            }
        };
        let (reason, code) = rest.rsplit_once(" (error ")?;
        Some(Self {
            file: file.to_owned(),
            line,
            column,
            kind: kind.to_owned(),
            code: code.strip_suffix(')')?.parse().ok()?,
            reason: reason.to_owned(),
        })
    }

    /// How many bytes the column holds, if its type says so.
    pub fn column_bytes_max(&self) -> Option<usize> {
        let (kind, length) = self.kind.strip_suffix(')')?.split_once('(')?;
        kind.contains("char").then(|| length.parse().ok())?
    }
}

/// Text that the warehouse can store: without the character 0, and not too long.
pub fn storable(text: &str) -> String {
    let mut text = text.replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(RAW_VALUE_BYTES_MAX));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_as_it_is_written() {
        let refused = Refused {
            file: "s3://landing/log_data/a line 1 (copy).json".into(),
            line: 3,
            column: Some("title".into()),
            kind: "varchar(256)".into(),
            code: 1204,
            reason: "String length exceeds DDL length (column 2): cut it".into(),
        };
        let whole = Refused { column: None, kind: String::new(), ..refused.clone() };
        let number = Refused { kind: "numeric(12, 5)".into(), ..refused.clone() };
        for refused in [&refused, &whole, &number] {
            assert_eq!(Refused::parse(&refused.to_string()).as_ref(), Some(refused));
        }
        assert_eq!(refused.column_bytes_max(), Some(256));
        assert_eq!((whole.column_bytes_max(), number.column_bytes_max()), (None, None));
        assert_eq!(Refused::parse("sql/stage/songs.sql: one value was rejected:"), None);
    }

    #[test]
    fn what_is_kept_of_a_record_fits_its_column() {
        let kept = storable(&"é\0".repeat(RAW_VALUE_BYTES_MAX));
        assert!(kept.len() <= 65_535 && !kept.contains('\0'), "{}", kept.len());
        assert_eq!(storable("{\"a\": 1}"), "{\"a\": 1}");
    }
}
