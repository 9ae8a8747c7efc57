//! What the run could not load: compared with the limit, and written for the publishing transaction
//! to copy.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};

use flate2::read::GzDecoder;
use segue_buckets::{encoder, put};
use segue_contract::messages::{CheckRequest, PlannedSource, RejectedRows};
use segue_contract::rejects::{Refused, Reject, storable};
use segue_contract::{ErrorName, Failure, layout};
use segue_function::{s3_failure, unreadable};
use segue_records::{Document, Parts, texts, whole_names};

use crate::Context;
use crate::loads::SourceLoad;

/// The most files of a source to read again for rejected records: each takes about a second.
const FILES_READ_AGAIN_MAX: usize = 20;
/// The most records of a source to show.
const SHOWN_MAX: usize = 5;
/// The most characters of each: all of them together cross a state boundary.
const SHOWN_CHARACTERS_MAX: usize = 600;

/// What could not be loaded of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRejects {
    /// The source.
    pub source: String,
    /// How many records may be skipped.
    pub max_rejects: u64,
    /// Records that are not documents, and were set aside before the COPY.
    pub set_aside: u64,
    /// Records that the COPY rejected.
    pub refused: Vec<Reject>,
}

impl SourceRejects {
    /// All of them.
    pub fn rows(&self) -> u64 {
        self.set_aside + self.refused.len() as u64
    }
}

/// Finds what could not be loaded, and writes what the COPYs rejected.
///
/// Safe to run again: it writes the same keys.
///
/// # Errors
/// `LoadRejected` if there are more records than may be skipped; `SourceUnreadable` when the work
/// bucket does not answer.
pub async fn find(
    context: &Context,
    request: &CheckRequest,
    loads: &[SourceLoad],
) -> Result<Vec<SourceRejects>, Failure> {
    let mut found = Vec::new();
    for planned in &request.plan.sources {
        let rejects = of_source(context, request, planned, loads).await;
        if rejects.rows() > 0 {
            found.push(rejects);
        }
    }
    for rejects in &found {
        if rejects.rows() > rejects.max_rejects {
            return Err(too_many(rejects, &first(context, request, rejects).await?));
        }
    }
    for rejects in &found {
        write(context, request, rejects).await?;
    }
    Ok(found)
}

/// What the report says about it.
///
/// # Errors
/// `SourceUnreadable` when the work bucket does not answer.
pub async fn summarize(
    context: &Context,
    request: &CheckRequest,
    found: Vec<SourceRejects>,
) -> Result<Vec<RejectedRows>, Failure> {
    let mut summaries = Vec::new();
    for rejects in found {
        summaries.push(RejectedRows {
            rows: rejects.rows(),
            max_rejects: rejects.max_rejects,
            first: first(context, request, &rejects).await?,
            source: rejects.source,
        });
    }
    Ok(summaries)
}

async fn of_source(
    context: &Context,
    request: &CheckRequest,
    planned: &PlannedSource,
    loads: &[SourceLoad],
) -> SourceRejects {
    let (source, max_rejects) = (&planned.source, planned.max_rejects);
    let merged = request.compacted.iter().filter(|merged| merged.source == *source);
    let mut rejects = SourceRejects {
        source: source.clone(),
        max_rejects,
        set_aside: merged.map(|merged| merged.merged.rejected).sum(),
        refused: Vec::new(),
    };
    for load in loads.iter().filter(|load| load.source == *source) {
        let refused = with_whole_names(context, request, load).await;
        rejects.refused.extend(looked_up(context, request, source, refused).await);
    }
    rejects
}

/// What a COPY rejected, with the whole names of files: the warehouse truncates long ones.
async fn with_whole_names(
    context: &Context,
    request: &CheckRequest,
    load: &SourceLoad,
) -> Vec<Refused> {
    let (s3, bucket) = (&context.s3, &context.deployment.work_bucket);
    let steps = [format!("stage/{}", load.source)];
    let files = load.refused.iter().map(|refused| refused.file.as_str());
    let names = whole_names(s3, bucket, &request.run, &steps, files).await;
    let whole = |refused: &Refused| {
        let file = names.get(&refused.file).unwrap_or(&refused.file).clone();
        Refused { file, ..refused.clone() }
    };
    load.refused.iter().map(whole).collect()
}

/// What a COPY rejected, as it landed, with the records' texts as far as they can be read again.
async fn looked_up(
    context: &Context,
    request: &CheckRequest,
    source: &str,
    refused: Vec<Refused>,
) -> Vec<Reject> {
    let mut lines: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for one in &refused {
        lines.entry(&one.file).or_default().insert(one.line);
    }
    let mut read = BTreeMap::new();
    for (file, lines) in lines.into_iter().take(FILES_READ_AGAIN_MAX) {
        read.insert(file.to_owned(), texts(&context.s3, file, &lines).await);
    }
    let mut parts = Parts::new(&context.s3, &context.deployment.work_bucket, &request.run);
    let mut rejects = Vec::new();
    for refused in refused {
        let text = read.get(&refused.file).and_then(|texts| texts.get(&refused.line));
        let raw_value = text.map(|text| storable(text));
        let document = parts.document(&refused.file, refused.line).await;
        let landed = document.unwrap_or(Document { uri: refused.file, line: refused.line });
        rejects.push(Reject {
            run_id: request.run.id.clone(),
            source: source.to_owned(),
            uri: landed.uri,
            line: landed.line,
            column_name: refused.column,
            code: Some(refused.code),
            reason: storable(&refused.reason),
            raw_value,
        });
    }
    rejects
}

fn too_many(rejects: &SourceRejects, first: &[String]) -> Failure {
    let (source, rows, most) = (&rejects.source, rejects.rows(), rejects.max_rejects);
    let list: String = first.iter().map(|line| format!("\n  {line}")).collect();
    Failure::new(
        ErrorName::LoadRejected,
        format!(
            "{source}: expected at most {most} records that cannot be loaded, found {rows}, and \
             nothing was published; the first:{list}"
        ),
    )
    .hint("fix or remove the files, or raise `maxRejects`, then start the run again")
}

/// The first records, for people: what the COPY rejected, then what was set aside before it.
async fn first(
    context: &Context,
    request: &CheckRequest,
    rejects: &SourceRejects,
) -> Result<Vec<String>, Failure> {
    let mut first: Vec<String> = rejects.refused.iter().take(SHOWN_MAX).map(line).collect();
    let batches = request.plan.batches.iter().filter(|batch| batch.source == rejects.source);
    for batch in batches {
        if rejects.set_aside == 0 || first.len() == SHOWN_MAX {
            break;
        }
        let key = layout::batch_rejects_key(&request.run, &batch.source, batch.batch);
        let room = SHOWN_MAX - first.len();
        first.extend(read(context, &key, room).await?.iter().map(line));
    }
    Ok(first)
}

fn line(reject: &Reject) -> String {
    let column = reject.column_name.as_ref().map(|column| format!(", column {column}"));
    let code = reject.code.map(|code| format!(" (error {code})"));
    let text = format!(
        "{} line {}{}: {}{}",
        reject.uri,
        reject.line,
        column.unwrap_or_default(),
        reject.reason,
        code.unwrap_or_default()
    );
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

/// The first records of a list.
async fn read(context: &Context, key: &str, rows_max: usize) -> Result<Vec<Reject>, Failure> {
    let bucket = &context.deployment.work_bucket;
    let what = format!("{} cannot be read", layout::uri(bucket, key));
    let object = context.s3.get_object().bucket(bucket).key(key).send().await;
    let object = object.map_err(|error| s3_failure(&what, "s3:GetObject", &error))?;
    let body = object.body.collect().await.map_err(|error| unreadable(&what, error))?.into_bytes();
    let lines = BufReader::new(GzDecoder::new(body.as_ref())).lines().take(rows_max);
    lines
        .map(|line| {
            let line = line.map_err(|error| unreadable(&what, error))?;
            serde_json::from_str(&line).map_err(|error| unreadable(&what, error))
        })
        .collect()
}

/// Writes what the COPY of a source rejected, even if that is nothing: a retry must replace what
/// another attempt has written.
async fn write(
    context: &Context,
    request: &CheckRequest,
    rejects: &SourceRejects,
) -> Result<(), Failure> {
    let bucket = &context.deployment.work_bucket;
    let key = layout::copy_rejects_key(&request.run, &rejects.source);
    let what = format!("{} cannot be written", layout::uri(bucket, &key));
    let mut encoder = encoder();
    for reject in &rejects.refused {
        let line = serde_json::to_string(reject).map_err(|error| unreadable(&what, error))?;
        writeln!(encoder, "{line}").map_err(|error| unreadable(&what, error))?;
    }
    let body = encoder.finish().map_err(|error| unreadable(&what, error))?;
    put(&context.s3, bucket, &key, body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_may_be_skipped_is_a_failure_that_shows_the_first() {
        let reject = Reject {
            uri: "s3://l/a.json".into(),
            line: 3,
            column_name: Some("year".into()),
            code: Some(1207),
            reason: "Invalid digit".into(),
            ..Reject::default()
        };
        let shown = line(&reject);
        let rejects = SourceRejects {
            source: "songs".into(),
            max_rejects: 1,
            set_aside: 1,
            refused: vec![reject],
        };
        let failure = too_many(&rejects, &[shown]);
        assert_eq!(failure.name, ErrorName::LoadRejected);
        assert_eq!(
            failure.message,
            "songs: expected at most 1 records that cannot be loaded, found 2, and nothing was \
             published; the first:\n  s3://l/a.json line 3, column year: Invalid digit (error 1207)"
        );
    }
}
