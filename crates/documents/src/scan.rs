//! The scan of one file's text, as it comes in.

use std::io;

use crate::record::{Found, Records, blank_bytes, find, first_key, is_blank, refusal};
use crate::resume::{End, HELD_BYTES_MAX, Known, Resume};
use crate::{RAW_BYTES_MAX, Reject, Sink};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Finds the documents of one file after another.
#[derive(Debug)]
pub struct Documents {
    records: Records,
    unread: Vec<u8>,
    offset: u64,
    line: u64,
    /// Whether the last byte was a carriage return: a newline after it ends the same line.
    after_return: bool,
    /// Blanks before `unread` on its line; `None` if there is anything else.
    indent: Option<usize>,
    /// The length of `unread` from which it is worth parsing an incomplete record again.
    enough: usize,
    skipping: Option<(Reject, Resume)>,
    first_key: Option<Vec<u8>>,
    /// Why the text ended too early, if it did.
    broken_by: Option<String>,
    is_refused: bool,
}

impl Documents {
    /// Before the first file.
    pub fn new(records: Records) -> Self {
        Self {
            records,
            unread: Vec::new(),
            offset: 0,
            line: 1,
            after_return: false,
            indent: Some(0),
            enough: 0,
            skipping: None,
            first_key: None,
            broken_by: None,
            is_refused: false,
        }
    }

    /// Takes the next bytes of the text.
    ///
    /// # Errors
    /// When the sink cannot write.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        if self.is_refused {
            return Ok(());
        }
        self.unread.extend_from_slice(bytes);
        if self.unread.len() < self.enough { Ok(()) } else { self.scan(false, sink) }
    }

    /// Takes the end of the text; `broken_by` says why it ended too early, if it did. Unread text
    /// is then one reject, which says where the text ends.
    ///
    /// # Errors
    /// When the sink cannot write.
    pub fn finish(&mut self, broken_by: Option<&str>, sink: &mut impl Sink) -> io::Result<()> {
        if !self.is_refused {
            self.broken_by = broken_by.map(ToOwned::to_owned);
            self.scan(true, sink)?;
            if let (Some(reason), false) = (self.broken_by.take(), self.is_refused) {
                let reject = self.begin_reject(&reason);
                sink.reject(Reject { lines: 1, ..reject })?;
            }
        }
        *self = Self { unread: std::mem::take(&mut self.unread), ..Self::new(self.records) };
        self.unread.clear();
        Ok(())
    }

    fn scan(&mut self, is_last: bool, sink: &mut impl Sink) -> io::Result<()> {
        self.enough = 0;
        // Remove read bytes from the buffer once, at the end: moving the rest costs time.
        let mut unread = std::mem::take(&mut self.unread);
        let mut at = 0;
        if self.offset == 0 && unread.starts_with(BYTE_ORDER_MARK) {
            self.offset += BYTE_ORDER_MARK.len() as u64;
            at = BYTE_ORDER_MARK.len();
        } else if self.offset == 0 && !is_last && BYTE_ORDER_MARK.starts_with(&unread) {
            self.unread = unread;
            return Ok(());
        }
        let begin = at;
        while at < unread.len() && !self.is_refused {
            let text = &unread[at..];
            let used = match self.skipping.take() {
                Some((reject, resume)) => self.skip(text, is_last, reject, resume, sink)?,
                None => {
                    let blanks = blank_bytes(text);
                    self.pass(&text[..blanks]);
                    at += blanks;
                    self.next(&unread[begin..], at - begin, is_last, sink)?
                }
            };
            let Some(used) = used else { break };
            at += used;
        }
        self.indent = indent(&unread[begin..at], self.indent);
        unread.drain(..at);
        self.unread = unread;
        Ok(())
    }

    /// Takes what is at a place of the text; returns how many bytes, or `None` if more text is
    /// needed.
    fn next(
        &mut self,
        text: &[u8],
        at: usize,
        is_last: bool,
        sink: &mut impl Sink,
    ) -> io::Result<Option<usize>> {
        let (before, text) = text.split_at(at);
        let Some(first) = text.first() else { return Ok(None) };
        let broken = match find(text, is_last, self.records) {
            Found::Document(length) => {
                let document = &text[..length];
                if self.first_key.is_none() {
                    self.first_key = first_key(document, true).flatten().map(Into::into);
                }
                match refusal(document) {
                    None => {
                        sink.document(document, self.line)?;
                        self.pass(document);
                    }
                    Some(reason) => self.reject(self.begin_reject(&reason), document, sink)?,
                }
                return Ok(Some(length));
            }
            Found::Other(length, reason) => {
                self.reject(self.begin_reject(&reason), &text[..length], sink)?;
                return Ok(Some(length));
            }
            Found::Incomplete => {
                // Parsing again only when there is twice as much text keeps the work linear.
                self.enough = text.len() * 2;
                return Ok(None);
            }
            Found::File(layout) => {
                self.is_refused = true;
                let reject = Reject { is_file: true, ..self.begin_reject(layout.reason()) };
                self.reject(reject, &text[..1], sink)?;
                return Ok(Some(text.len()));
            }
            Found::Broken(reason, cut_at) => (self.begin_reject(&reason), cut_at),
        };
        let resume = Resume::new(*first, indent(before, self.indent), broken.1);
        self.skipping = Some((broken.0, resume));
        Ok(Some(0))
    }

    /// Continues to the end of a broken record.
    fn skip(
        &mut self,
        text: &[u8],
        is_last: bool,
        mut reject: Reject,
        mut resume: Resume,
        sink: &mut impl Sink,
    ) -> io::Result<Option<usize>> {
        let known = Known { is_last, records: self.records, key: self.first_key.as_deref() };
        match resume.end(text, known) {
            End::At(length) => {
                let is_end = is_last && length == text.len();
                if let Some(reason) = self.broken_by.take_if(|_| is_end) {
                    reject.reason = reason;
                }
                self.reject(reject, &text[..length], sink)?;
                Ok(Some(length))
            }
            End::Unknown if text.len() > HELD_BYTES_MAX => {
                let dropped = resume.drop_scanned();
                keep(&mut reject, &text[..dropped]);
                self.pass(&text[..dropped]);
                self.enough = (text.len() - dropped) * 2;
                self.skipping = Some((reject, resume));
                // The rest of the text has been scanned as far as possible.
                Ok((dropped > 0).then_some(dropped))
            }
            End::Unknown => {
                self.enough = text.len() * 2;
                self.skipping = Some((reject, resume));
                Ok(None)
            }
        }
    }

    /// Skips a reject and passes it on, without the blanks after it.
    fn reject(&mut self, mut reject: Reject, text: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        let visible = text.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
        keep(&mut reject, &text[..visible]);
        self.pass(&text[..visible]);
        reject.lines = self.line - reject.line + 1;
        self.pass(&text[visible..]);
        sink.reject(reject)
    }

    /// Counts bytes as read.
    fn pass(&mut self, text: &[u8]) {
        let Some(last) = text.last() else { return };
        self.offset += text.len() as u64;
        let mut after_return = self.after_return;
        let mut previous = usize::MAX;
        for at in memchr::memchr2_iter(b'\n', b'\r', text) {
            let is_second = text[at] == b'\n'
                && if at == 0 {
                    after_return
                } else {
                    previous == at - 1 && text[previous] == b'\r'
                };
            self.line += u64::from(!is_second);
            (previous, after_return) = (at, false);
        }
        self.after_return = *last == b'\r';
    }

    fn begin_reject(&self, reason: &str) -> Reject {
        Reject {
            offset: self.offset,
            line: self.line,
            reason: reason.to_owned(),
            ..Reject::default()
        }
    }
}

/// Blanks at the end of the text, on its last line; `None` if anything else is before them.
fn indent(text: &[u8], before: Option<usize>) -> Option<usize> {
    let line = memchr::memrchr2(b'\n', b'\r', text).map(|end| &text[end + 1..]);
    let is_indent = |line: &[u8]| line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
    match line {
        Some(line) => is_indent(line).then_some(line.len()),
        None => before.filter(|_| is_indent(text)).map(|blanks| blanks + text.len()),
    }
}

fn keep(reject: &mut Reject, bytes: &[u8]) {
    let room = RAW_BYTES_MAX.saturating_sub(reject.raw.len()).min(bytes.len());
    reject.raw.extend_from_slice(&bytes[..room]);
    reject.bytes += bytes.len() as u64;
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
