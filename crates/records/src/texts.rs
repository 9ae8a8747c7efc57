//! Reads rejected records again from their files.

use segue_contract::layout;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use aws_sdk_s3::Client;
use segue_documents::{Records, Reject, Sink, read};

/// The most bytes of a file to read again, compressed or not: a merged part has up to 60 MB.
const FILE_BYTES_MAX: i64 = 64 << 20;

/// The texts of the records on these lines of a file. Records that cannot be read again are
/// omitted; nothing depends on them.
pub async fn texts(s3: &Client, file: &str, lines: &BTreeSet<u64>) -> BTreeMap<u64, String> {
    let mut finder = Finder { wanted: lines.clone(), ..Finder::default() };
    again(s3, file, |bytes| read(bytes, Records::ObjectsAndArrays, &mut finder)).await;
    finder.found
}

/// The record at which a COPY stopped, when it reported this line: the broken one on that line,
/// otherwise the first broken one. `None` when the file has none, or cannot be read again.
pub async fn broken(s3: &Client, file: &str, line: u64) -> Option<Reject> {
    let mut found = None;
    again(s3, file, |bytes| {
        for records in [Records::ObjectsAndArrays, Records::Objects] {
            let mut finder = Finder { wanted: BTreeSet::from([line]), ..Finder::default() };
            read(bytes, records, &mut finder)?;
            found = found.take().or(finder.broken);
        }
        Ok(())
    })
    .await;
    found
}

async fn again(s3: &Client, file: &str, take: impl FnOnce(&[u8]) -> io::Result<()>) {
    let read = async {
        let bytes = fetch(s3, file).await?;
        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(take(&bytes)?)
    };
    if let Err(error) = read.await {
        tracing::warn!(file, %error, "a refused record cannot be read again");
    }
}

async fn fetch(
    s3: &Client,
    file: &str,
) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let (bucket, key) = layout::bucket_and_key(file).ok_or("expected s3://bucket/key")?;
    let object = s3.get_object().bucket(bucket).key(key).send().await?;
    if object.content_length.is_some_and(|length| length > FILE_BYTES_MAX) {
        return Err(format!("expected at most {FILE_BYTES_MAX} bytes").into());
    }
    Ok(object.body.collect().await?.to_vec())
}

/// Finds the records on some lines.
#[derive(Default)]
struct Finder {
    wanted: BTreeSet<u64>,
    /// By line: the first record that ends on it.
    found: BTreeMap<u64, String>,
    /// The last line of each of them.
    ends: BTreeMap<u64, u64>,
    broken: Option<Reject>,
}

impl Finder {
    fn note(&mut self, text: &[u8], begin: u64, end: u64) {
        for line in self.wanted.range(begin..=end) {
            // A COPY names the line on which a record ends.
            if self.ends.get(line).is_none_or(|known| known != line) {
                self.ends.insert(*line, end);
                self.found.insert(*line, String::from_utf8_lossy(text).into_owned());
            }
        }
    }
}

impl Sink for Finder {
    fn document(&mut self, document: &[u8], line: u64) -> io::Result<()> {
        let lines = document.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.note(document, line, line + lines);
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        let end = reject.line + reject.lines.saturating_sub(1);
        self.note(&reject.raw, reject.line, end);
        let is_there = self.wanted.range(reject.line..=end).next().is_some();
        let is_better = |known: &Reject| is_there && !self.wanted.contains(&known.line);
        if self.broken.as_ref().is_none_or(is_better) {
            self.broken = Some(reject);
        }
        Ok(())
    }
}

/// What a record has for a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Text, without quotes and escapes.
    Text(String),
    /// Anything else, as it is written, on one line: somebody who searches the file for `1e9` does
    /// not find `1000000000.0`.
    Other(String),
}

impl Given {
    /// What a COPY uses as its text.
    pub fn text(&self) -> &str {
        let (Self::Text(text) | Self::Other(text)) = self;
        text
    }
}

impl fmt::Display for Given {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "{text:?}"),
            Self::Other(written) => formatter.write_str(written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder(text: &str, line: u64) -> Finder {
        let mut finder = Finder { wanted: BTreeSet::from([line]), ..Finder::default() };
        read(text.as_bytes(), Records::Objects, &mut finder).expect("memory");
        finder
    }

    fn found(text: &str, line: u64) -> Option<String> {
        finder(text, line).found.remove(&line)
    }

    #[test]
    fn the_broken_record_is_the_one_on_the_line_or_the_first() {
        let text = "{\"a\": 1}\n{\"a\": \n{\"a\": 3}\n{\"a\": oops}\n{}\n";
        let line = |noticed| finder(text, noticed).broken.map(|reject| reject.line);
        assert_eq!((line(6), line(4), line(1)), (Some(2), Some(4), Some(2)));
        assert!(finder("{}\n", 1).broken.is_none());
    }

    #[test]
    fn a_record_is_the_document_that_ends_on_the_line() {
        let text = "{\"a\": 1}\n{\n  \"a\": {\n    \"b\": 2}\n}\n{\"a\": oops}\n";
        assert_eq!(found(text, 1).as_deref(), Some("{\"a\": 1}"));
        assert_eq!(found(text, 5).as_deref(), Some("{\n  \"a\": {\n    \"b\": 2}\n}"));
        assert_eq!(found(text, 6).as_deref(), Some("{\"a\": oops}"));
        assert_eq!(found(text, 7), None);
    }
}
