//! The records that a run could not load, as the report shows them, and the files that it set aside.

use std::io::{BufRead, BufReader};

use aws_sdk_s3::Client;
use flate2::read::GzDecoder;
use segue_contract::messages::{Caught, Plan};
use segue_contract::rejects::Reject;
use segue_contract::{Failure, Run, layout};
use segue_function::{s3_failure, unreadable};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Report, offenders};

/// The most records of a source, and the most files, to show.
pub const SHOWN_MAX: usize = 20;
/// The most characters of a record to show.
const RECORD_CHARACTERS_MAX: usize = 500;
/// The most bytes of a list to read: more than what is shown fills.
const LIST_BYTES_MAX: u64 = 4 << 20;

/// A record that could not be loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BadRecord {
    /// The object that holds it.
    pub uri: String,
    /// Its line there.
    pub line: u64,
    /// The column that its value did not fit, if a value was the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What was expected and what was found.
    pub reason: String,
    /// The beginning of its text, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// A file that was set aside whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideFile {
    /// The object.
    pub uri: String,
    /// Why.
    pub reason: String,
}

impl BadRecord {
    /// A record with the beginning of its text.
    pub fn new(uri: String, line: u64, reason: String, record: Option<&str>) -> Self {
        Self { uri, line, column: None, reason, record: record.map(beginning) }
    }
}

impl From<Reject> for BadRecord {
    fn from(reject: Reject) -> Self {
        let record = reject.raw_value.as_deref();
        let column = reject.column_name;
        Self { column, ..Self::new(reject.uri, reject.line, reject.reason, record) }
    }
}

fn beginning(text: &str) -> String {
    let cut: String = text.chars().take(RECORD_CHARACTERS_MAX).collect();
    if cut.len() < text.len() { format!("{cut} …") } else { cut }
}

/// The first records that a run skipped. What cannot be read is left out: nothing depends on it.
pub async fn skipped(s3: &Client, bucket: &str, run: &Run, report: &Report) -> Vec<BadRecord> {
    let mut records = Vec::new();
    for rejected in report.checked.iter().flat_map(|checked| &checked.rejected) {
        let source = &rejected.source;
        let batches = report.plan.iter().flat_map(|plan| &plan.batches);
        let batches = batches.filter(|batch| batch.source == *source);
        let merged = batches.map(|batch| layout::batch_rejects_key(run, source, batch.batch));
        let mut room = SHOWN_MAX;
        for key in [layout::copy_rejects_key(run, source)].into_iter().chain(merged) {
            if room == 0 {
                break;
            }
            match first::<Reject>(s3, bucket, &key, room).await {
                Ok(found) => {
                    room -= found.len();
                    records.extend(found.into_iter().map(BadRecord::from));
                }
                Err(error) => tracing::warn!(key, %error, "the report lacks skipped records"),
            }
        }
    }
    records
}

/// The records that a failure names, without their texts.
pub fn named(failure: &Caught, plan: &Plan) -> Vec<BadRecord> {
    let named = offenders::named(failure, plan).into_iter().map(|(_, place, text)| {
        let digits = text.trim_start_matches("lines ").trim_start_matches("line ");
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let reason = digits[end..].trim_start_matches([',', ':', ' ']).to_owned();
        BadRecord::new(format!("s3://{place}"), digits[..end].parse().unwrap_or(0), reason, None)
    });
    named.take(SHOWN_MAX).collect()
}

/// The first files that a run has set aside, of this many. What cannot be read is left out.
pub async fn set_aside(s3: &Client, bucket: &str, run: &Run, files: u64) -> Vec<SetAsideFile> {
    let mut found: Vec<SetAsideFile> = Vec::new();
    // Each round wrote a list, named by how many files came before it.
    while (found.len() as u64) < files && found.len() < SHOWN_MAX {
        let key = layout::set_aside_key(run, found.len() as u64);
        match first(s3, bucket, &key, SHOWN_MAX).await {
            Ok(list) if !list.is_empty() => found.extend(list),
            Ok(_) => break,
            Err(error) => {
                tracing::warn!(key, %error, "the report lacks files that were set aside");
                break;
            }
        }
    }
    found.truncate(SHOWN_MAX);
    found
}

/// The first documents of a list: gzip, one JSON document per line.
///
/// # Errors
/// `SourceUnreadable` when the work bucket does not answer, or the list is broken.
pub async fn first<Item: DeserializeOwned>(
    s3: &Client,
    bucket: &str,
    key: &str,
    most: usize,
) -> Result<Vec<Item>, Failure> {
    let what = format!("{} cannot be read", layout::uri(bucket, key));
    let range = format!("bytes=0-{}", LIST_BYTES_MAX - 1);
    let object = s3.get_object().bucket(bucket).key(key).range(range).send().await;
    let object = object.map_err(|error| s3_failure(&what, "s3:GetObject", &error))?;
    let body = object.body.collect().await.map_err(|error| unreadable(&what, error))?.into_bytes();
    let lines = BufReader::new(GzDecoder::new(body.as_ref())).lines().take(most);
    lines
        .map(|line| {
            let line = line.map_err(|error| unreadable(&what, error))?;
            serde_json::from_str(&line).map_err(|error| unreadable(&what, error))
        })
        .collect()
}
