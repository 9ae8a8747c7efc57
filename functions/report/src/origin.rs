//! Names the file that a refused row came from, where a cause names only the line of a part.

use std::ops::Range;

use aws_sdk_s3::Client;
use segue_contract::Run;
use segue_records::{Document, Parts};

/// Rows whose files are looked up at most: as many as a failure shows.
const LOOKUPS_MAX: usize = 5;
/// What the name of a part ends with.
const PART_ENDING: &str = ".json.zst";

/// A line of a part, and where a cause names it.
#[derive(Debug, PartialEq, Eq)]
struct Mention {
    range: Range<usize>,
    part: String,
    line: u64,
}

/// The same cause, saying beside each line of a part which document of which object it is. What
/// cannot be looked up stays as it is: the cause is told either way.
pub async fn name_files(s3: &Client, bucket: &str, run: &Run, mut cause: String) -> String {
    let mut parts = Parts::new(s3, bucket, run);
    // From the last to the first, so that the places of the others stay.
    for mention in mentions(&cause, parts.prefix()).into_iter().take(LOOKUPS_MAX).rev() {
        if let Some(Document { uri, number }) = parts.document(&mention.part, mention.line).await {
            let text = format!("{uri} document {number} ({})", &cause[mention.range.clone()]);
            cause.replace_range(mention.range, &text);
        }
    }
    cause
}

/// Every `s3://…/parts/….json.zst line N` of this run.
fn mentions(cause: &str, prefix: &str) -> Vec<Mention> {
    let found = cause.match_indices(prefix).filter_map(|(begin, _)| {
        let (part, rest) = cause[begin..].split_once(PART_ENDING)?;
        let digits = rest.strip_prefix(" line ")?;
        let count = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let line = digits[..count].parse().ok()?;
        let length = part.len() + PART_ENDING.len() + " line ".len() + count;
        Some(Mention { range: begin..begin + length, part: format!("{part}{PART_ENDING}"), line })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_part_that_a_cause_names_is_found() {
        let part = "s3://w/runs/r/parts/songs/00003.json.zst";
        let cause = format!("refused:\n  {part} line 2, column year\n  {part} line 12\n  {part}");
        let found = mentions(&cause, "s3://w/runs/r/parts/");
        let named: Vec<(&str, u64)> =
            found.iter().map(|mention| (&cause[mention.range.clone()], mention.line)).collect();
        let (two, twelve) = (format!("{part} line 2"), format!("{part} line 12"));
        assert_eq!(named, [(two.as_str(), 2), (twelve.as_str(), 12)]);
        assert_eq!(found[0].part, part);
        assert!(mentions(&cause, "s3://another/runs/r/parts/").is_empty());
    }
}
