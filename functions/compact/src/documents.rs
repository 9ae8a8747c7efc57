//! Finds the JSON documents in the text of an object, as it comes in.
//!
//! An object may hold one document or many, a line each or pretty-printed, with or without anything
//! between them, with a byte order mark, with or without a final newline. What is no document is
//! set aside, and the scan goes on at the next line that begins with `{`.

use std::io;

use memchr::memmem::Finder;
use serde::de::IgnoredAny;

/// Bytes of a document at most, as a COPY takes them.
pub const DOCUMENT_BYTES_MAX: usize = 4 << 20;
/// Bytes of a rejected record that are kept at most.
pub const RAW_BYTES_MAX: usize = 256 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where documents go.
pub trait Sink {
    /// Takes a document: valid JSON in UTF-8, an object, perhaps over several lines.
    ///
    /// # Errors
    /// When it cannot be written.
    fn document(&mut self, document: &[u8]) -> io::Result<()>;

    /// Takes what is no document.
    ///
    /// # Errors
    /// When it cannot be written.
    fn reject(&mut self, reject: Reject) -> io::Result<()>;
}

/// Some bytes of an object that are no document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reject {
    /// Where they begin in the object's text, from 0.
    pub offset: u64,
    /// The line on which they begin, from 1.
    pub line: u64,
    /// How many there are.
    pub bytes: u64,
    /// What was expected and what was found.
    pub reason: String,
    /// The bytes themselves, the first [`RAW_BYTES_MAX`].
    pub raw: Vec<u8>,
}

/// The scan of one object's text.
pub struct Documents {
    unread: Vec<u8>,
    offset: u64,
    line: u64,
    /// The length of `unread` from which a document that was incomplete is worth another look.
    enough: usize,
    skipping: Option<Reject>,
    next_record: Finder<'static>,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            unread: Vec::new(),
            offset: 0,
            line: 1,
            enough: 0,
            skipping: None,
            next_record: Finder::new(b"\n{"),
        }
    }
}

/// What stands at the beginning of some text.
enum Found {
    Document(usize),
    Incomplete,
    Broken(String),
}

impl Documents {
    /// Takes the next bytes of the text.
    ///
    /// # Errors
    /// When the sink cannot write.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        self.unread.extend_from_slice(bytes);
        if self.unread.len() < self.enough { Ok(()) } else { self.scan(false, sink) }
    }

    /// Takes the end of the text; `broken_by` says why it ended too early, if it did.
    ///
    /// # Errors
    /// When the sink cannot write.
    pub fn finish(&mut self, broken_by: Option<&str>, sink: &mut impl Sink) -> io::Result<()> {
        if let Some(reason) = broken_by {
            self.scan(false, sink)?;
            let mut reject = self.skipping.take().unwrap_or_else(|| self.begin_reject(""));
            reason.clone_into(&mut reject.reason);
            self.extend(&mut reject, self.unread.len());
            self.consume(self.unread.len());
            sink.reject(reject)?;
        } else {
            self.scan(true, sink)?;
        }
        *self = Self::default();
        Ok(())
    }

    fn scan(&mut self, is_last: bool, sink: &mut impl Sink) -> io::Result<()> {
        self.enough = 0;
        if self.offset == 0 && self.unread.starts_with(BYTE_ORDER_MARK) {
            self.consume(BYTE_ORDER_MARK.len());
        } else if self.offset == 0 && !is_last && BYTE_ORDER_MARK.starts_with(&self.unread) {
            return Ok(());
        }
        // What is read is taken from the buffer once, at the end: moving the rest costs.
        let unread = std::mem::take(&mut self.unread);
        let mut at = 0;
        while at < unread.len() {
            if self.skipping.is_some() {
                at += self.skip(&unread[at..], is_last, sink)?;
                if self.skipping.is_some() {
                    break;
                }
                continue;
            }
            at += self.pass(&unread[at..], blank_bytes(&unread[at..]));
            let rest = &unread[at..];
            match find(rest, is_last) {
                _ if rest.is_empty() => break,
                Found::Document(length) => {
                    match refusal(&rest[..length]) {
                        None => sink.document(&rest[..length])?,
                        Some(reason) => {
                            let mut reject = self.begin_reject(&reason);
                            keep(&mut reject, &rest[..length]);
                            sink.reject(reject)?;
                        }
                    }
                    at += self.pass(rest, length);
                }
                Found::Incomplete if !is_last => {
                    // Looking again only when there is twice as much keeps the work linear.
                    self.enough = rest.len() * 2;
                    break;
                }
                Found::Incomplete => {
                    let reason = "expected the end of the document, found the end of the object";
                    self.skipping = Some(self.begin_reject(reason));
                }
                Found::Broken(reason) => self.skipping = Some(self.begin_reject(&reason)),
            }
        }
        self.unread = unread;
        self.unread.drain(..at);
        match self.skipping.take_if(|_| is_last) {
            Some(reject) => sink.reject(trimmed(reject)),
            None => Ok(()),
        }
    }

    /// Goes on to the next line that begins with `{`; returns how many bytes it has passed.
    fn skip(&mut self, rest: &[u8], is_last: bool, sink: &mut impl Sink) -> io::Result<usize> {
        let Some(mut reject) = self.skipping.take() else { return Ok(0) };
        let next = self.next_record.find(rest);
        // A newline at the end may be the one before the next record.
        let length = next.unwrap_or(match rest {
            [.., b'\n'] if !is_last => rest.len() - 1,
            _ => rest.len(),
        });
        keep(&mut reject, &rest[..length]);
        self.pass(rest, length);
        match next {
            Some(_) => sink.reject(trimmed(reject))?,
            None => self.skipping = Some(reject),
        }
        Ok(length)
    }

    /// Counts bytes as read.
    fn pass(&mut self, rest: &[u8], length: usize) -> usize {
        self.offset += length as u64;
        self.line += memchr::memchr_iter(b'\n', &rest[..length]).count() as u64;
        length
    }

    fn consume(&mut self, length: usize) {
        let unread = std::mem::take(&mut self.unread);
        self.pass(&unread, length);
        self.unread = unread;
        self.unread.drain(..length);
    }

    fn begin_reject(&self, reason: &str) -> Reject {
        Reject {
            offset: self.offset,
            line: self.line,
            reason: reason.to_owned(),
            ..Reject::default()
        }
    }

    fn extend(&self, reject: &mut Reject, length: usize) {
        keep(reject, &self.unread[..length]);
    }
}

/// What the text begins with. Never looks further than the longest document, so that the answer
/// does not depend on how much of the text is there.
fn find(text: &[u8], is_last: bool) -> Found {
    let is_long = text.len() > DOCUMENT_BYTES_MAX;
    let text = if is_long { &text[..DOCUMENT_BYTES_MAX + 1] } else { text };
    if let Some(first) = text.first().filter(|byte| **byte != b'{') {
        let first = match first {
            b'[' => "an array".to_owned(),
            printable @ b' '..=b'~' => format!("{:?}", char::from(*printable)),
            other => format!("the byte 0x{other:02x}"),
        };
        return Found::Broken(format!("expected a JSON object, found {first}"));
    }
    let mut documents = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    match documents.next() {
        Some(Ok(IgnoredAny)) if documents.byte_offset() > DOCUMENT_BYTES_MAX => too_long(),
        Some(Ok(IgnoredAny)) => Found::Document(documents.byte_offset()),
        Some(Err(error)) if error.is_eof() && is_long => too_long(),
        Some(Err(error)) if error.is_eof() || (!is_last && is_at_end(&error, text)) => {
            Found::Incomplete
        }
        Some(Err(error)) => Found::Broken(format!("expected valid JSON, found: {error}")),
        None => Found::Incomplete,
    }
}

/// Whether the next byte could mend it: the parser calls a number that ends in `-` invalid, even if
/// nothing has come after it yet.
fn is_at_end(error: &serde_json::Error, text: &[u8]) -> bool {
    let last_line = memchr::memrchr(b'\n', text).map_or(text, |newline| &text[newline + 1..]);
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    error.line() == lines && error.column() >= last_line.len()
}

/// Why a document that is complete is none that can be loaded.
fn refusal(document: &[u8]) -> Option<String> {
    let error = std::str::from_utf8(document).err()?;
    Some(format!("expected UTF-8, found another byte at {} of the document", error.valid_up_to()))
}

fn too_long() -> Found {
    Found::Broken(format!(
        "expected a document of at most {DOCUMENT_BYTES_MAX} bytes, found a longer one"
    ))
}

fn blank_bytes(text: &[u8]) -> usize {
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    text.iter().take_while(is_blank).count()
}

fn keep(reject: &mut Reject, bytes: &[u8]) {
    let room = RAW_BYTES_MAX.saturating_sub(reject.raw.len()).min(bytes.len());
    reject.raw.extend_from_slice(&bytes[..room]);
    reject.bytes += bytes.len() as u64;
}

fn trimmed(mut reject: Reject) -> Reject {
    let is_whole = reject.raw.len() as u64 == reject.bytes;
    while is_whole && reject.raw.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        reject.raw.pop();
        reject.bytes -= 1;
    }
    reject
}

#[cfg(test)]
#[path = "documents_tests.rs"]
mod tests;
