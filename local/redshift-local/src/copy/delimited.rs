//! Records of CSV and of delimited text.

use std::io::{self, BufRead};

use super::documents::DOCUMENT_BYTES_MAX;
use super::fields::Refusal;
use crate::dialect::{Copy, Format};

/// How a record is taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    delimiter: u8,
    /// CSV's quote.
    quote: Option<u8>,
    escape: bool,
    remove_quotes: bool,
}

impl Shape {
    pub(super) fn new(copy: &Copy) -> Self {
        match copy.format {
            Format::Csv { quote } => Self {
                delimiter: copy.delimiter.unwrap_or(b','),
                quote: Some(quote),
                escape: false,
                remove_quotes: false,
            },
            Format::Delimited { escape, remove_quotes } => Self {
                delimiter: copy.delimiter.unwrap_or(b'|'),
                quote: None,
                escape,
                remove_quotes,
            },
            Format::Json(_) => {
                Self { delimiter: b'|', quote: None, escape: false, remove_quotes: false }
            }
        }
    }
}

impl Shape {
    /// Whether a record may end with one extra delimiter.
    pub(super) fn may_end_in_delimiter(self) -> bool {
        self.quote.is_none()
    }
}

/// Reads records line by line; a quoted or escaped line break belongs to its record.
pub(super) struct Records<R> {
    input: R,
    shape: Shape,
    line: u64,
    bytes: u64,
    record: Vec<u8>,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(input: R, shape: Shape) -> Self {
        Self { input, shape, line: 0, bytes: 0, record: Vec::new() }
    }

    pub(super) fn lines(&self) -> u64 {
        self.line
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Leaves out lines at the beginning.
    pub(super) fn skip(&mut self, lines: u64) -> io::Result<()> {
        for _ in 0..lines {
            if self.read_line()? == 0 {
                break;
            }
            self.record.clear();
        }
        Ok(())
    }

    /// The next record and the line that it begins on; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(&[u8], u64)>> {
        self.record.clear();
        if self.read_line()? == 0 {
            return Ok(None);
        }
        let line = self.line;
        while self.is_open() && self.record.len() <= DOCUMENT_BYTES_MAX {
            if self.read_line()? == 0 {
                break;
            }
        }
        while matches!(self.record.last(), Some(b'\n' | b'\r')) {
            self.record.pop();
        }
        Ok(Some((&self.record, line)))
    }

    fn read_line(&mut self) -> io::Result<usize> {
        let start = self.record.len();
        let read = self.input.read_until(b'\n', &mut self.record)?;
        if self.bytes == 0 && self.record.starts_with(&[0xef, 0xbb, 0xbf]) {
            self.record.drain(..3);
        }
        self.bytes += read as u64;
        if self.record.len() > start {
            self.line += 1;
        }
        Ok(read)
    }

    /// Whether the record continues after the line break.
    fn is_open(&self) -> bool {
        if let Some(quote) = self.shape.quote {
            return self.record.iter().filter(|byte| **byte == quote).count() % 2 == 1;
        }
        if self.shape.escape {
            let text = self.record.strip_suffix(b"\n").unwrap_or(&self.record);
            return text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
                && self.record.ends_with(b"\n");
        }
        false
    }
}

/// The fields of a record.
pub(super) fn fields(record: &str, shape: Shape) -> Result<Vec<String>, Refusal> {
    match shape.quote {
        Some(quote) => quoted_fields(record, shape.delimiter as char, quote as char),
        None => plain_fields(record, shape),
    }
}

fn quoted_fields(record: &str, delimiter: char, quote: char) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    let mut characters = record.chars().peekable();
    loop {
        let mut field = String::new();
        let blank = |next: &char| next.is_whitespace() && *next != delimiter;
        // White space around the quotation marks is no part of the field.
        let blanks = characters.clone().take_while(blank).count();
        if characters.clone().nth(blanks) == Some(quote) {
            characters.nth(blanks);
            loop {
                match characters.next() {
                    Some(character) if character == quote => {
                        if characters.peek() != Some(&quote) {
                            break;
                        }
                        characters.next();
                        field.push(quote);
                    }
                    Some(character) => field.push(character),
                    None => {
                        let text = "Invalid quote formatting for CSV";
                        return Err(Refusal::new(1214, text));
                    }
                }
            }
            while characters.next_if(blank).is_some() {}
            if characters.peek().is_some_and(|next| *next != delimiter) {
                return Err(Refusal::new(1214, "Invalid quote formatting for CSV"));
            }
        } else {
            while let Some(character) = characters.next_if(|next| *next != delimiter) {
                field.push(character);
            }
        }
        found.push(field);
        if characters.next().is_none() {
            return Ok(found);
        }
    }
}

fn plain_fields(record: &str, shape: Shape) -> Result<Vec<String>, Refusal> {
    let mut found = Vec::new();
    let delimiter = shape.delimiter as char;
    let mut rest = record;
    loop {
        let quote =
            rest.chars().next().filter(|first| shape.remove_quotes && "'\"".contains(*first));
        let mut field = String::new();
        let null = rest
            .strip_prefix("\\N")
            .filter(|after| shape.escape && (after.is_empty() || after.starts_with(delimiter)));
        if let Some(after) = null {
            // It needs no escape to be the null string.
            found.push("\\N".to_owned());
            match after.get(1..) {
                Some(next) => rest = next,
                None => return Ok(found),
            }
            continue;
        }
        let mut characters = rest.char_indices().skip(usize::from(quote.is_some()));
        let next = loop {
            let Some((at, character)) = characters.next() else {
                if quote.is_some() {
                    return Err(Refusal::new(1214, "Missing closing quotation mark"));
                }
                break None;
            };
            let after = &rest[at + character.len_utf8()..];
            if shape.escape && character == '\\' {
                field.extend(characters.next().map(|(_, escaped)| escaped));
            } else if quote.is_none() && character == delimiter {
                break Some(after);
            } else if quote == Some(character) && after.is_empty() {
                break None;
            } else if quote == Some(character) && after.starts_with(delimiter) {
                break Some(&after[1..]);
            } else {
                field.push(character);
            }
        };
        found.push(field);
        match next {
            Some(next) => rest = next,
            None => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_hold_delimiters_quotes_and_line_breaks() {
        let shape =
            Shape { delimiter: b',', quote: Some(b'"'), escape: false, remove_quotes: false };
        let text = "1,\"a,\"\"b\"\"\nc\"\r\n2,\n";
        let mut records = Records::new(text.as_bytes(), shape);
        let (first, line) = records.next().expect("readable").expect("a record");
        assert_eq!(line, 1);
        let first = String::from_utf8(first.to_vec()).expect("text");
        assert_eq!(fields(&first, shape).expect("valid"), ["1", "a,\"b\"\nc"]);
        let (second, line) = records.next().expect("readable").expect("a record");
        assert_eq!((second, line), (&b"2,"[..], 3));
        assert!(records.next().expect("readable").is_none());
    }
}
