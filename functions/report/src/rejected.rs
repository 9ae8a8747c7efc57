//! What prevents merged files from being loaded, for all batches and sources, so that a run names
//! everything at once.

use aws_sdk_s3::Client;
use segue_contract::messages::{CompactedSource, Plan};
use segue_contract::{Failure, Run, layout};
use serde::Deserialize;

use crate::Explained;
use crate::records::{BadRecord, first};

/// The most records of a source to show.
const SHOWN_MAX: usize = 20;
/// The most characters of each: an error's cause holds 32,768.
const SHOWN_CHARACTERS_MAX: usize = 600;

/// What a batch has recorded about a record, or a file.
#[derive(Debug, Deserialize)]
struct Reject {
    uri: String,
    line: u64,
    #[serde(default)]
    lines: u64,
    offset: u64,
    bytes: u64,
    reason: String,
    #[serde(default)]
    is_file: bool,
    #[serde(default)]
    raw_value: Option<String>,
}

/// The cause of a run that failed because too many records of its merged files cannot be loaded;
/// `None` if it failed for another reason.
///
/// # Errors
/// `SourceUnreadable` when the work bucket does not answer.
pub async fn cause(
    s3: &Client,
    bucket: &str,
    run: &Run,
    plan: &Plan,
    compacted: &[CompactedSource],
) -> Result<Option<Explained>, Failure> {
    let mut paragraphs = Vec::new();
    let mut records = Vec::new();
    for merged in compacted {
        let planned = plan.sources.iter().find(|planned| planned.source == merged.source);
        let most = planned.map(|planned| planned.max_rejects).unwrap_or_default();
        if merged.merged.rejected <= most && merged.merged.refused == 0 {
            continue;
        }
        let mut shown = Vec::new();
        for batch in plan.batches.iter().filter(|batch| batch.source == merged.source) {
            let room = SHOWN_MAX.saturating_sub(shown.len());
            if room == 0 {
                break;
            }
            let key = layout::batch_rejects_key(run, &batch.source, batch.batch);
            shown.extend(first::<Reject>(s3, bucket, &key, room).await?);
        }
        paragraphs.push(paragraph(merged, most, &shown));
        records.extend(shown.into_iter().map(BadRecord::from));
    }
    if paragraphs.is_empty() {
        return Ok(None);
    }
    let rejects = layout::uri(bucket, &layout::rejects_prefix(run));
    paragraphs.push(format!(
        "hint: fix or remove the files, then start the run again; {rejects} lists everything that \
         is broken"
    ));
    Ok(Some(Explained { cause: paragraphs.join("\n"), records }))
}

impl From<Reject> for BadRecord {
    fn from(reject: Reject) -> Self {
        let record = reject.raw_value.as_deref().filter(|_| !reject.is_file);
        Self::new(reject.uri, reject.line, reject.reason, record)
    }
}

fn paragraph(merged: &CompactedSource, most: u64, shown: &[Reject]) -> String {
    let (rejected, refused) = (merged.merged.rejected, merged.merged.refused);
    let mut counts = Vec::new();
    match refused {
        0 => {}
        1 => counts.push("one file cannot be loaded".to_owned()),
        _ => counts.push(format!("{refused} files cannot be loaded")),
    }
    match rejected {
        0 => {}
        1 => counts.push("one record is not a document".to_owned()),
        _ => counts.push(format!("{rejected} records are not documents")),
    }
    if rejected > 0 && most > 0 {
        counts.push(format!("where {most} may be skipped"));
    }
    if rejected + refused > shown.len() as u64 {
        counts.push(format!("the first {}", shown.len()));
    }
    let lines: String = shown.iter().map(|reject| format!("\n  {}", line(reject))).collect();
    format!("{}: {}:{lines}", merged.source, counts.join(", "))
}

/// Where it is, how much it covers, and why it cannot be loaded.
fn line(reject: &Reject) -> String {
    let Reject { uri, line, lines, offset, bytes, reason, is_file, .. } = reject;
    let end = line + lines.saturating_sub(1);
    let place = if end > *line { format!("lines {line} to {end}") } else { format!("line {line}") };
    let text = match is_file {
        true => format!("{uri} {place}: {reason}"),
        false => format!("{uri} {place}, byte {offset}, {bytes} bytes: {reason}"),
    };
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use segue_contract::messages::Merged;

    use super::*;

    #[test]
    fn records_and_files_are_counted_and_the_first_are_named() {
        let reject = |is_file: bool| Reject {
            uri: "s3://l/a.json".into(),
            line: 2,
            lines: 3,
            offset: 9,
            bytes: 70,
            reason: "broken".into(),
            is_file,
            raw_value: None,
        };
        let merged = |rejected, refused| CompactedSource {
            source: "songs".into(),
            batches: 1,
            merged: Merged { rejected, refused, ..Merged::default() },
        };
        assert_eq!(
            paragraph(&merged(7, 1), 2, &[reject(false), reject(true)]),
            "songs: one file cannot be loaded, 7 records are not documents, where 2 may be skipped, the first 2:\n  s3://l/a.json lines 2 to 4, byte 9, 70 bytes: broken\n  \
             s3://l/a.json lines 2 to 4: broken"
        );
        assert!(
            paragraph(&merged(1, 0), 0, &[reject(false)])
                .starts_with("songs: one record is not a document:\n")
        );
    }
}
