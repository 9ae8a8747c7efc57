//! JSON documents one after another, with or without line breaks between them.

use std::io::{self, BufRead};

/// The largest document, in bytes.
pub(super) const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How much of a broken document an error shows, in bytes.
const SHOWN_BYTES_MAX: usize = 1_024;

/// One document, or what stood in its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document<'a> {
    /// The document's text, and the line that it ends on.
    Whole(&'a [u8], u64),
    /// What cannot be a document: why, the beginning of its text, its line.
    Broken(&'static str, Vec<u8>, u64),
    /// The end.
    End,
}

/// Cuts a text into documents without reading what is in them.
pub(super) struct Documents<R> {
    input: R,
    document: Vec<u8>,
    line: u64,
    bytes: u64,
    started: bool,
}

/// Where in a document the reader is.
#[derive(Default)]
struct Position {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl<R: BufRead> Documents<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, document: Vec::new(), line: 1, bytes: 0, started: false }
    }

    /// Lines so far.
    pub(super) fn lines(&self) -> u64 {
        self.line
    }

    /// Bytes so far, uncompressed.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next document.
    pub(super) fn next(&mut self) -> io::Result<Document<'_>> {
        self.document.clear();
        match self.skip_blank()? {
            None => return Ok(Document::End),
            Some(b'{' | b'[') => {}
            Some(_) => return self.broken_line("Invalid JSON: a document must begin with {"),
        }
        let mut position = Position::default();
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                let shown = self.shown();
                let line = self.line;
                return Ok(Document::Broken("Invalid JSON: unexpected end of file", shown, line));
            }
            let (used, ended) = scan(chunk, &mut position, &mut self.line);
            let room = DOCUMENT_BYTES_MAX + 1 - self.document.len().min(DOCUMENT_BYTES_MAX + 1);
            self.document.extend_from_slice(&chunk[..used.min(room)]);
            self.input.consume(used);
            self.bytes += used as u64;
            if ended {
                break;
            }
        }
        if self.document.len() > DOCUMENT_BYTES_MAX {
            let shown = self.shown();
            let reason = "JSON object exceeds the maximum size of 4194304 bytes";
            return Ok(Document::Broken(reason, shown, self.line));
        }
        Ok(Document::Whole(&self.document, self.line))
    }

    /// The first byte that is not blank, still to be read.
    fn skip_blank(&mut self) -> io::Result<Option<u8>> {
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(None);
            }
            if !self.started {
                self.started = true;
                // A byte order mark is no data.
                if chunk.starts_with(&[0xef, 0xbb, 0xbf]) {
                    self.input.consume(3);
                    self.bytes += 3;
                    continue;
                }
            }
            let blank = chunk.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.line += chunk[..blank].iter().filter(|byte| **byte == b'\n').count() as u64;
            let found = chunk.get(blank).copied();
            self.input.consume(blank);
            self.bytes += blank as u64;
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// Takes the rest of the line: the next line may be a document again.
    fn broken_line(&mut self, reason: &'static str) -> io::Result<Document<'_>> {
        let line = self.line;
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(chunk.len(), |end| end + 1);
            let room = SHOWN_BYTES_MAX - self.document.len().min(SHOWN_BYTES_MAX);
            self.document.extend_from_slice(&chunk[..end.unwrap_or(used).min(room)]);
            self.input.consume(used);
            self.bytes += used as u64;
            if end.is_some() {
                self.line += 1;
                break;
            }
        }
        Ok(Document::Broken(reason, self.shown(), line))
    }

    fn shown(&self) -> Vec<u8> {
        self.document[..self.document.len().min(SHOWN_BYTES_MAX)].to_vec()
    }
}

/// How many bytes belong to the document, and whether it ends with them.
fn scan(chunk: &[u8], position: &mut Position, line: &mut u64) -> (usize, bool) {
    for (index, byte) in chunk.iter().enumerate() {
        if *byte == b'\n' {
            *line += 1;
        }
        if position.in_text {
            match byte {
                _ if position.escaped => position.escaped = false,
                b'\\' => position.escaped = true,
                b'"' => position.in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => position.in_text = true,
            b'{' | b'[' => position.depth += 1,
            b'}' | b']' => {
                position.depth -= 1;
                if position.depth == 0 {
                    return (index + 1, true);
                }
            }
            _ => {}
        }
    }
    (chunk.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let mut documents = Documents::new(io::BufReader::with_capacity(3, text.as_bytes()));
        let mut found = Vec::new();
        loop {
            match documents.next().expect("no input error") {
                Document::Whole(text, line) => {
                    found.push(format!("{line}: {}", String::from_utf8_lossy(text)));
                }
                Document::Broken(reason, _, line) => found.push(format!("{line}! {reason}")),
                Document::End => return found,
            }
        }
    }

    #[test]
    fn documents_need_no_line_breaks() {
        assert_eq!(cut("{\"a\":1}{\"b\":\"}\"}"), ["1: {\"a\":1}", "1: {\"b\":\"}\"}"]);
        assert_eq!(cut("{\n \"a\": {}\n}\n\n{}"), ["3: {\n \"a\": {}\n}", "5: {}"]);
        assert_eq!(cut("\u{feff}{}\n"), ["1: {}"]);
        assert!(cut("").is_empty());
    }

    #[test]
    fn what_is_no_document_is_named_with_its_line() {
        assert_eq!(
            cut("{}\nhello\n{}"),
            ["1: {}", "2! Invalid JSON: a document must begin with {", "3: {}"]
        );
        assert_eq!(cut("{\"a\": "), ["1! Invalid JSON: unexpected end of file"]);
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_between_documents_they_come_back_whole(
            texts in proptest::collection::vec("\\PC{0,12}", 0..8),
            gaps in proptest::collection::vec("[ \n\r\t]{0,3}", 8),
            capacity in 1_usize..32,
        ) {
            let written: Vec<String> =
                texts.iter().map(|text| serde_json::json!({ "a": [text] }).to_string()).collect();
            let joined: String =
                written.iter().zip(&gaps).map(|(text, gap)| format!("{text}{gap}")).collect();
            let input = io::BufReader::with_capacity(capacity, joined.as_bytes());
            let mut documents = Documents::new(input);
            for text in &written {
                let found = documents.next().expect("no input error");
                let whole = matches!(&found, Document::Whole(bytes, _) if *bytes == text.as_bytes());
                proptest::prop_assert!(whole, "{:?}", found);
            }
            proptest::prop_assert_eq!(documents.next().expect("no input error"), Document::End);
        }
    }
}
