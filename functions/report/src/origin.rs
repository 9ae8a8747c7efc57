//! Names the file that a refused row came from: a COPY knows only the line of a part, and the part's
//! index knows which object's documents stand on it.

use std::io::{self, BufRead, BufReader};
use std::ops::Range;

use aws_sdk_s3::Client;
use flate2::read::GzDecoder;
use segue_contract::{Run, layout};
use serde::Deserialize;

/// Rows whose files are looked up at most: as many as a failure shows.
const LOOKUPS_MAX: usize = 5;
/// What the name of a part ends with, and its index instead.
const PART_ENDING: &str = ".json.zst";
const INDEX_ENDING: &str = ".index.json.gz";

/// What an index says of one object.
#[derive(Deserialize)]
struct Entry {
    uri: String,
    #[serde(default)]
    line: u64,
    #[serde(default)]
    documents: u64,
}

/// A line of a part, and where a cause names it.
#[derive(Debug, PartialEq, Eq)]
struct Mention {
    range: Range<usize>,
    index_key: String,
    line: u64,
}

/// The same cause, saying beside each line of a part which document of which object it is. What
/// cannot be looked up stays as it is: the cause is told either way.
pub async fn name_files(s3: &Client, bucket: &str, run: &Run, mut cause: String) -> String {
    let mentions = mentions(&cause, bucket, run);
    // From the last to the first, so that the places of the others stay.
    for mention in mentions.into_iter().take(LOOKUPS_MAX).rev() {
        match look_up(s3, bucket, &mention).await {
            Ok(Some(origin)) => {
                let text = format!("{origin} ({})", &cause[mention.range.clone()]);
                cause.replace_range(mention.range, &text);
            }
            Ok(None) => tracing::warn!(index = mention.index_key, "the index lacks the line"),
            Err(error) => tracing::warn!(index = mention.index_key, %error, "no index"),
        }
    }
    cause
}

/// Every `s3://…/parts/….json.zst line N` of this run.
fn mentions(cause: &str, bucket: &str, run: &Run) -> Vec<Mention> {
    let prefix = layout::uri(bucket, &layout::key(run, "parts/"));
    let found = cause.match_indices(&prefix).filter_map(|(begin, _)| {
        let (part, rest) = cause[begin..].split_once(PART_ENDING)?;
        let digits = rest.strip_prefix(" line ")?;
        let count = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let line = digits[..count].parse().ok()?;
        let length = part.len() + PART_ENDING.len() + " line ".len() + count;
        let key = part.strip_prefix(&layout::uri(bucket, ""))?;
        let index_key = format!("{key}{INDEX_ENDING}");
        Some(Mention { range: begin..begin + length, index_key, line })
    });
    found.collect()
}

async fn look_up(
    s3: &Client,
    bucket: &str,
    mention: &Mention,
) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
    let index = s3.get_object().bucket(bucket).key(&mention.index_key).send().await?;
    let index = index.body.collect().await?.into_bytes();
    Ok(document(&index, mention.line)?)
}

/// Which document of which object stands on a line of the part.
fn document(index: &[u8], wanted: u64) -> io::Result<Option<String>> {
    for line in BufReader::new(GzDecoder::new(index)).lines() {
        let Entry { uri, line, documents } = serde_json::from_str(&line?)?;
        if (line..line + documents).contains(&wanted) {
            return Ok(Some(format!("{uri} document {}", wanted - line + 1)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_line_of_a_part_is_a_document_of_an_object() {
        let lines = "{\"line\":1,\"documents\":2,\"uri\":\"s3://l/a.json\"}\n\
                     {\"vanished\":true,\"uri\":\"s3://l/b.json\"}\n\
                     {\"line\":3,\"documents\":40,\"uri\":\"s3://l/c.json\"}\n";
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(lines.as_bytes()).expect("compresses");
        let index = encoder.finish().expect("compresses");
        let on = |line| document(&index, line).expect("an index");
        assert_eq!(on(2).as_deref(), Some("s3://l/a.json document 2"));
        assert_eq!(on(12).as_deref(), Some("s3://l/c.json document 10"));
        assert_eq!(on(99), None);
    }

    #[test]
    fn every_line_of_a_part_that_a_cause_names_is_found() {
        let run = crate::tests::request().run;
        let part = "s3://w/runs/r/parts/songs/00003.json.zst";
        let cause = format!("refused:\n  {part} line 2, column year\n  {part} line 12\n  {part}");
        let found = mentions(&cause, "w", &run);
        let named: Vec<(&str, u64)> =
            found.iter().map(|mention| (&cause[mention.range.clone()], mention.line)).collect();
        let (two, twelve) = (format!("{part} line 2"), format!("{part} line 12"));
        assert_eq!(named, [(two.as_str(), 2), (twelve.as_str(), 12)]);
        assert_eq!(found[0].index_key, "runs/r/parts/songs/00003.index.json.gz");
        assert!(mentions(&cause, "another", &run).is_empty());
    }
}
