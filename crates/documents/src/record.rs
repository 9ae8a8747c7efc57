//! What is in the place of a record: a document, something broken, or another kind of file.

use serde::de::IgnoredAny;

use crate::layout::Layout;

/// The most bytes of a document, the limit of COPY.
pub const DOCUMENT_BYTES_MAX: usize = 4 << 20;

/// What the records of a file may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Records {
    /// Objects: keys, or paths that begin with a key, find their values.
    #[default]
    Objects,
    /// Objects or arrays: paths such as `$[0]` find values in arrays.
    ObjectsAndArrays,
}

impl Records {
    /// Whether a record may begin with this byte.
    pub fn may_begin_with(self, byte: u8) -> bool {
        byte == b'{' || (byte == b'[' && self == Self::ObjectsAndArrays)
    }
}

/// What is at the beginning of some text.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A document, with its number of bytes.
    Document(usize),
    /// A value that cannot be a record, with its number of bytes, and why not.
    Other(usize, String),
    /// Something that may still become a document.
    Incomplete,
    /// Something that cannot become one, why, and where another record interrupted a string.
    Broken(String, Option<usize>),
    /// The file as a whole is not a file of documents.
    File(Layout),
}

/// What the text begins with; its first byte is not blank. Never looks further than the longest
/// document, so that the answer does not depend on how much text is available.
pub fn find(text: &[u8], is_last: bool, records: Records) -> Found {
    let Some(first) = text.first().copied() else { return Found::Incomplete };
    match Layout::of(text, is_last, records) {
        Some(Some(layout)) => return Found::File(layout),
        None => return Found::Incomplete,
        Some(None) => {}
    }
    match first {
        b'{' => value(text, is_last),
        b'[' => match value(text, is_last) {
            Found::Document(length) if !records.may_begin_with(b'[') => {
                Found::Other(length, "expected a JSON object, found an array".to_owned())
            }
            found => found,
        },
        b',' => broken("expected a JSON object, found a comma".to_owned()),
        printable @ b' '..=b'~' => {
            broken(format!("expected a JSON object, found {:?}", char::from(printable)))
        }
        other => broken(format!("expected a JSON object, found the byte 0x{other:02x}")),
    }
}

fn value(text: &[u8], is_last: bool) -> Found {
    let is_long = text.len() > DOCUMENT_BYTES_MAX;
    let text = if is_long { &text[..DOCUMENT_BYTES_MAX + 1] } else { text };
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(IgnoredAny)) if values.byte_offset() > DOCUMENT_BYTES_MAX => too_long(),
        Some(Ok(IgnoredAny)) => Found::Document(values.byte_offset()),
        Some(Err(error)) if error.is_eof() && is_long => too_long(),
        Some(Err(error)) if error.is_eof() && is_last => {
            broken("expected the end of the document, found the end of the file".to_owned())
        }
        Some(Err(error)) if error.is_eof() || (!is_last && is_at_end(&error, text)) => {
            Found::Incomplete
        }
        Some(Err(error)) => Found::Broken(
            format!("expected valid JSON, found: {error} of the record"),
            cut_at(&error, text),
        ),
        None => Found::Incomplete,
    }
}

/// Whether the next byte could change the result: the parser calls a number that ends in `-`
/// invalid, even if nothing follows it yet.
fn is_at_end(error: &serde_json::Error, text: &[u8]) -> bool {
    let last_line = memchr::memrchr(b'\n', text).map_or(text, |newline| &text[newline + 1..]);
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    error.line() == lines && error.column() >= last_line.len()
}

/// Where a record begins that interrupts a string of the previous one: in `"tex{"key": 1}` the
/// quote of the key ends the string, and the next byte is the error.
fn cut_at(error: &serde_json::Error, text: &[u8]) -> Option<usize> {
    let lines = memchr::memchr_iter(b'\n', text);
    let line = match error.line() {
        1 => 0,
        line => lines.take(line - 1).last()? + 1,
    };
    let before = text.get(..line + error.column().checked_sub(1)?)?.strip_suffix(b"\"")?;
    let blanks = before.iter().rev().take_while(|byte| is_blank(**byte)).count();
    before[..before.len() - blanks].ends_with(b"{").then(|| before.len() - blanks - 1)
}

fn broken(reason: String) -> Found {
    Found::Broken(reason, None)
}

fn too_long() -> Found {
    broken(format!("expected a document of at most {DOCUMENT_BYTES_MAX} bytes, found a longer one"))
}

/// Why a document that is complete cannot be loaded.
pub fn refusal(document: &[u8]) -> Option<String> {
    let error = std::str::from_utf8(document).err()?;
    Some(format!("expected UTF-8, found another byte at {} of the document", error.valid_up_to()))
}

/// The first key of the object that the text begins with: `Some(None)` if it does not begin like an
/// object with a key, `None` if there is too little of it.
pub fn first_key(text: &[u8], is_last: bool) -> Option<Option<&[u8]>> {
    let more = |at: usize| if at < text.len() || is_last { Some(None) } else { None };
    if text.first() != Some(&b'{') {
        return Some(None);
    }
    let quote = 1 + blank_bytes(&text[1..]);
    if text.get(quote) != Some(&b'"') {
        return more(quote);
    }
    let key = &text[quote + 1..];
    let Some(end) = key.iter().position(|byte| matches!(byte, b'"' | b'\n' | b'\r')) else {
        return more(text.len());
    };
    let colon = end + 1 + blank_bytes(&key[end + 1..]);
    match (key[end], key.get(colon)) {
        (b'"', Some(b':')) => Some(Some(&key[..end])),
        (b'"', None) => more(text.len()),
        _ => Some(None),
    }
}

/// Blank bytes between records.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// How many blank bytes the text begins with.
pub fn blank_bytes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_blank(**byte)).count()
}
