//! Records that could not be loaded: how many of them a run bears, and how they are written down.

use serde::{Deserialize, Serialize};

/// Records of one source that a run may be told to bear at most. A COPY fails when its errors reach
/// `MAXERROR`, which is 100,000 at most, so it bears one less.
pub const MAX_REJECTS: u64 = 99_999;
/// Bytes of a record's text, or of its part that was refused, that are kept in the warehouse at most.
const RAW_VALUE_BYTES_MAX: usize = 60_000;

/// One record that could not be loaded, with the columns of `ops.rejected_rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The run that left it out.
    pub run_id: String,
    /// The source.
    pub source: String,
    /// The object that it stands in, as it landed.
    pub uri: String,
    /// The line of the object; for merged objects the number of the document within it.
    pub line: u64,
    /// The column that did not take its value, where it was one.
    pub column_name: Option<String>,
    /// The number of Redshift's list of errors, where it was the COPY that refused it.
    pub code: Option<i64>,
    /// What was expected and what was found.
    pub reason: String,
    /// The record's text, where it is known.
    pub raw_value: Option<String>,
}

/// Text as the warehouse takes it: without the character 0, and not too long.
pub fn storable(text: &str) -> String {
    let mut text = text.replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(RAW_VALUE_BYTES_MAX));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_record_fits_its_column() {
        let kept = storable(&"é\0".repeat(RAW_VALUE_BYTES_MAX));
        assert!(kept.len() <= 65_535 && !kept.contains('\0'), "{}", kept.len());
        assert_eq!(storable("{\"a\": 1}"), "{\"a\": 1}");
    }
}
