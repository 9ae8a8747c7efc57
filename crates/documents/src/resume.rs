//! Where the next record begins after a broken one.
//!
//! A broken record ends where its brackets balance. If they never do, it ends before the next line
//! that begins a record, or that cannot belong to it. Within a line, a `{` begins a record if it
//! follows a `}`, if its first key is that of the earlier records, or if it begins a whole document
//! that is not a value of another.

use crate::record::{Found, Records, blank_bytes, find, first_key, is_blank};

/// Bytes of a broken record that are kept while searching for its end: twice the longest document.
pub const HELD_BYTES_MAX: usize = 8 << 20;

/// The end of a broken record.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// More text is needed.
    Unknown,
    /// Its number of bytes, including blanks after it.
    At(usize),
}

/// A broken record while searching for its end.
#[derive(Debug)]
pub struct Resume {
    is_record: bool,
    /// Blanks before it on its line; `None` if anything else is before it.
    indent: Option<usize>,
    /// Whether its first line is only a bracket.
    is_bare: Option<bool>,
    /// Where another record may have interrupted a string of it.
    cut_at: Option<usize>,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    /// Whether its brackets balanced, but something else followed on the line.
    has_balanced: bool,
    /// Whether a line end interrupted a string, which JSON does not allow.
    is_text_cut: bool,
    at_line_start: bool,
    /// Bytes that have been scanned.
    scanned: usize,
    /// The last non-blank byte of the record before the current place.
    last: u8,
    /// Whether the beginning is still part of the text.
    is_held: bool,
}

/// Context of the search.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Whether this is the end of the text.
    pub is_last: bool,
    /// What records may be.
    pub records: Records,
    /// The first key of the file's records, if one has been read.
    pub key: Option<&'a [u8]>,
}

impl Resume {
    /// Starts at a broken record.
    pub fn new(first: u8, indent: Option<usize>, cut_at: Option<usize>) -> Self {
        Self {
            is_record: matches!(first, b'{' | b'['),
            indent,
            is_bare: None,
            cut_at: cut_at.filter(|at| *at > 0),
            depth: 0,
            in_text: false,
            is_escaped: false,
            has_balanced: false,
            is_text_cut: false,
            at_line_start: false,
            scanned: 0,
            last: 0,
            is_held: true,
        }
    }

    /// How many bytes at the beginning of the text are no longer needed, once it grows too long.
    pub fn drop_scanned(&mut self) -> usize {
        (self.is_held, self.cut_at) = (false, None);
        std::mem::take(&mut self.scanned)
    }

    /// Searches for the end; `text` begins with the record, or with the part of it that has not
    /// been dropped.
    pub fn end(&mut self, text: &[u8], known: Known<'_>) -> End {
        if self.is_bare.is_none() {
            let rest = text.get(1..).unwrap_or_default();
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let first = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
            self.is_bare = match (first, end) {
                (Some(first), end) => Some(Some(first) == end),
                (None, _) if known.is_last => Some(true),
                (None, _) => return End::Unknown,
            };
        }
        match self.scan(text, known) {
            Some((end, is_balanced)) => self.within(text, end, is_balanced, known),
            None => End::Unknown,
        }
    }

    /// Where the record ends if no other begins within it, and whether its brackets balance there.
    fn scan(&mut self, text: &[u8], known: Known<'_>) -> Option<(usize, bool)> {
        while let Some(byte) = text.get(self.scanned).copied() {
            if self.cut_at == Some(self.scanned) {
                if stands_alone(&text[self.scanned..], known)? == Alone::Whole {
                    return Some((self.scanned, true));
                }
                self.cut_at = None;
            }
            if self.at_line_start {
                if self.ends_before_line(text, known)? {
                    return Some((self.scanned, false));
                }
                self.at_line_start = false;
            }
            if !self.is_record
                && byte == b'{'
                && self.begins_record(text, self.scanned, self.last, known)?
            {
                return Some((self.scanned, true));
            }
            if self.is_record && self.balances(byte) {
                let end = self.scanned + 1;
                let rest = &text[end..];
                match rest.iter().find(|byte| !matches!(byte, b' ' | b'\t')) {
                    None if !known.is_last => return None,
                    // The rest of the line is part of it, unless it is another record.
                    Some(b'\n' | b'\r' | b',' | b'{' | b'[') | None => return Some((end, true)),
                    Some(_) => {
                        (self.is_record, self.has_balanced, self.indent) = (false, true, None);
                    }
                }
            }
            self.at_line_start = matches!(byte, b'\n' | b'\r');
            if !is_blank(byte) {
                self.last = byte;
            }
            self.scanned += 1;
        }
        known.is_last.then_some((text.len(), false))
    }

    /// Scans a byte; returns whether it closes the record.
    fn balances(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' | b'\r' if self.in_text => (self.is_text_cut, self.is_escaped) = (true, false),
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.in_text => self.is_escaped = true,
            b'"' => self.in_text = !self.in_text,
            _ if self.in_text => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    /// Whether the line that begins here belongs to another record; `None` if there is too little
    /// of it.
    fn ends_before_line(&mut self, text: &[u8], known: Known<'_>) -> Option<bool> {
        let line = &text[self.scanned..];
        let indent = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let Some(first) = line.get(indent).copied() else {
            return known.is_last.then_some(false);
        };
        if matches!(first, b'\n' | b'\r') {
            return Some(false);
        }
        let is_deeper = indent > self.indent.unwrap_or(0);
        if known.records.may_begin_with(first) {
            if !self.is_record {
                return Some(true);
            }
            return match (self.is_bare, is_deeper) {
                (Some(true), true) => Some(false),
                (Some(true), false) => {
                    stands_alone(&line[indent..], known).map(|how| how != Alone::Not)
                }
                (_, false) => Some(true),
                (_, true) if self.in_text => Some(true),
                (_, true) => stands_alone(&line[indent..], known).map(|how| how == Alone::Whole),
            };
        }
        let is_field = is_field(&line[indent..], known.is_last)?;
        if self.is_record && is_field {
            self.in_text = false;
        }
        let goes_on = match (first, self.is_record) {
            (b'}' | b']' | b',', true) | (b'}' | b']', false) => true,
            (_, true) => is_field || is_deeper || self.in_text,
            (_, false) => is_field && self.last != b'}',
        };
        Some(!goes_on)
    }

    /// Searches for another record within an incomplete one.
    fn within(&self, text: &[u8], end: usize, is_balanced: bool, known: Known<'_>) -> End {
        let is_whole = (is_balanced || self.has_balanced) && !self.is_text_cut;
        if !self.is_held || !matches!(text.first(), Some(b'{' | b'[')) {
            return End::At(end);
        }
        let own = first_key(text, true).flatten();
        let mut last = text[0];
        for (at, byte) in text[..end].iter().copied().enumerate().skip(1) {
            if byte == b'{' {
                let key = first_key(&text[at..end], true).flatten();
                let is_same = key.is_some() && (key == own || key == known.key);
                // Brackets may balance by chance if an extra quote turns strings inside out.
                let begins = match is_whole {
                    true => Some(is_same && last == b'}'),
                    false => self.begins_record(text, at, last, known),
                };
                match begins {
                    None => return End::Unknown,
                    Some(false) if is_whole || !is_same => {}
                    Some(_) => return End::At(at),
                }
            }
            if !is_blank(byte) {
                last = byte;
            }
        }
        End::At(end)
    }

    /// Whether the `{` at this place of a line begins a record, after `last`; `None` if there is
    /// too little text.
    fn begins_record(&self, text: &[u8], at: usize, last: u8, known: Known<'_>) -> Option<bool> {
        let text = &text[at..];
        let Some(key) = first_key(text, known.is_last)? else { return Some(false) };
        // Text that begins after a document, not at the beginning of a line, has nothing before it.
        let is_first = last == 0 && self.indent.is_none();
        if is_first || last == b'}' || known.key == Some(key) {
            return Some(true);
        }
        if matches!(last, b':' | b',' | b'[') {
            return Some(false);
        }
        stands_alone(text, known).map(|how| how == Alone::Whole)
    }
}

/// How a value is placed in the text.
#[derive(Debug, PartialEq, Eq)]
enum Alone {
    /// A whole document, alone on the rest of its line or up to the next.
    Whole,
    /// A whole value, part of something that continues after it.
    Not,
    /// Anything else.
    Broken,
}

fn stands_alone(text: &[u8], known: Known<'_>) -> Option<Alone> {
    match find(text, known.is_last, known.records) {
        Found::Document(length) => {
            let rest = &text[length..];
            let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            match (rest.get(blanks), rest.get(blanks + blank_bytes(&rest[blanks..]))) {
                (_, None) if !known.is_last => None,
                (_, Some(b',' | b']' | b'}')) => Some(Alone::Not),
                (Some(b'\n' | b'\r' | b'{' | b'[') | None, _) => Some(Alone::Whole),
                _ => Some(Alone::Broken),
            }
        }
        Found::Incomplete => None,
        Found::Other(..) | Found::Broken(..) | Found::File(_) => Some(Alone::Broken),
    }
}

/// Whether a line begins like a field of an object, `"key":`.
fn is_field(line: &[u8], is_last: bool) -> Option<bool> {
    let Some(key) = line.strip_prefix(b"\"") else { return Some(false) };
    let end = key.iter().position(|byte| matches!(byte, b'"' | b'\n' | b'\r'));
    let Some(end) = end else { return is_last.then_some(false) };
    let rest = &key[end + 1..];
    let next = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    match (key[end], next) {
        (b'"', None) if !is_last => None,
        (quote, next) => Some(quote == b'"' && next == Some(&b':')),
    }
}
