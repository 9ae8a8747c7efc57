//! Files that contain documents in a layout that no COPY accepts.

use crate::record::{Records, is_blank};

/// A layout that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[{…}, {…}]`: the records are wrapped in an array.
    Array,
    /// `{…}, {…}`: commas between the records, or after the last.
    Commas,
}

impl Layout {
    /// The layout that the text begins, where a record should begin: `Some(None)` for any other
    /// text, `None` if there is too little of it.
    pub fn of(text: &[u8], is_last: bool, records: Records) -> Option<Option<Self>> {
        let layout = match text.first() {
            Some(b'[') if records == Records::Objects => Self::Array,
            Some(b',') => Self::Commas,
            _ => return Some(None),
        };
        let passes = |byte: u8| is_blank(byte) || (layout == Self::Commas && byte == b',');
        let next = text[1..].iter().copied().find(|byte| !passes(*byte));
        Some(match (next, layout) {
            (Some(b'{'), _) => Some(layout),
            (Some(b'['), Self::Commas) if records.may_begin_with(b'[') => Some(layout),
            (Some(_), _) => None,
            (None, _) if !is_last => return None,
            (None, Self::Commas) => Some(layout),
            (None, Self::Array) => None,
        })
    }

    /// What was expected and what was found.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Array => {
                "expected one JSON object after another, found a JSON array of objects: write one \
                 object per line, without brackets and commas"
            }
            Self::Commas => {
                "expected one JSON object after another, found a comma after a document: write one \
                 object per line, without commas between them"
            }
        }
    }
}
