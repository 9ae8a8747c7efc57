//! Finds the records that a COPY rejected: where they landed, and what they contain. A COPY knows
//! only the line of the file that it read; if small objects were merged, that file is a part, and
//! the part's index knows which object each line came from.

mod names;
mod paths;
mod texts;

use std::io::{self, BufRead, BufReader};

use aws_sdk_s3::Client;
use flate2::read::GzDecoder;
use segue_contract::{Run, layout};
use serde::Deserialize;

pub use names::{may_be_cut, whole_names};
pub use paths::{Found, Path, plain};
pub use texts::{Given, broken, texts};

/// The ending of a part's name, and of its index's.
const PART_ENDING: &str = ".json.zst";
const INDEX_ENDING: &str = ".index.json.gz";

/// The entry of one object in an index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Entry {
    uri: String,
    #[serde(default)]
    line: u64,
    #[serde(default)]
    documents: u64,
    /// Runs of documents at equal distances: the first document and its line, from 1, and the lines
    /// from one document to the next. Without any, each line is a document.
    #[serde(default)]
    places: Vec<[u64; 3]>,
}

/// A document of an object that landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The object.
    pub uri: String,
    /// The line of the object on which it begins, from 1.
    pub line: u64,
}

/// The parts of one run, by their indexes; keeps the one that was read last.
#[derive(Debug)]
pub struct Parts<'a> {
    s3: &'a Client,
    bucket: &'a str,
    prefix: String,
    last: Option<(String, Vec<Entry>)>,
}

impl<'a> Parts<'a> {
    /// The parts of a run in its work bucket.
    pub fn new(s3: &'a Client, bucket: &'a str, run: &Run) -> Self {
        let prefix = layout::uri(bucket, &layout::key(run, "parts/"));
        Self { s3, bucket, prefix, last: None }
    }

    /// The prefix of the URIs of all parts.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The document and object of this line of the file, if it is a part. `None` if the lookup
    /// fails: the rejected value is reported anyway.
    pub async fn document(&mut self, file: &str, line: u64) -> Option<Document> {
        if !file.starts_with(&self.prefix) {
            return None;
        }
        let part = file.strip_suffix(PART_ENDING)?;
        let key = part.strip_prefix(&layout::uri(self.bucket, ""))?;
        let key = format!("{key}{INDEX_ENDING}");
        if self.last.as_ref().is_none_or(|(last, _)| *last != key) {
            match self.read(&key).await {
                Ok(entries) => self.last = Some((key.clone(), entries)),
                Err(error) => {
                    tracing::warn!(index = key, %error, "no index");
                    return None;
                }
            }
        }
        let (_, entries) = self.last.as_ref()?;
        let found = document(entries, line);
        if found.is_none() {
            tracing::warn!(index = key, line, "the index lacks the line");
        }
        found
    }

    async fn read(
        &self,
        key: &str,
    ) -> Result<Vec<Entry>, Box<dyn std::error::Error + Send + Sync>> {
        let index = self.s3.get_object().bucket(self.bucket).key(key).send().await?;
        let index = index.body.collect().await?.into_bytes();
        Ok(entries(&index)?)
    }
}

/// The lines of an index, in the order of the part's.
fn entries(index: &[u8]) -> io::Result<Vec<Entry>> {
    let lines = BufReader::new(GzDecoder::new(index)).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

fn document(entries: &[Entry], wanted: u64) -> Option<Document> {
    let holds = |entry: &&Entry| (entry.line..entry.line + entry.documents).contains(&wanted);
    let entry = entries.iter().find(holds)?;
    let number = wanted - entry.line + 1;
    let run = entry.places.iter().rfind(|[first, ..]| *first <= number);
    let [first, line, step] = run.copied().unwrap_or([1, 1, 1]);
    Some(Document { uri: entry.uri.clone(), line: line + (number - first) * step })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_line_of_a_part_is_a_line_of_an_object() {
        let lines = "{\"line\":1,\"documents\":2,\"uri\":\"s3://l/a.json\"}\n\
                     {\"vanished\":true,\"uri\":\"s3://l/b.json\"}\n\
                     {\"line\":3,\"documents\":40,\"uri\":\"s3://l/c.json\",\"places\":[[1,2,8],[5,90,1]]}\n";
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(lines.as_bytes()).expect("compresses");
        let entries = entries(&encoder.finish().expect("compresses")).expect("an index");
        let on = |line| document(&entries, line).map(|found| (found.uri, found.line));
        assert_eq!(on(2), Some(("s3://l/a.json".into(), 2)));
        assert_eq!(on(3), Some(("s3://l/c.json".into(), 2)));
        assert_eq!(on(6), Some(("s3://l/c.json".into(), 26)));
        assert_eq!(on(12), Some(("s3://l/c.json".into(), 95)));
        assert_eq!(on(99), None);
    }
}
