//! The objects that a run cannot load, so that it can set them aside whole.

use std::io::Write;

use aws_sdk_s3::Client;
use flate2::write::GzEncoder;
use segue_contract::messages::{Caught, Plan};
use segue_contract::rejects::storable;
use segue_contract::{ErrorName, Failure, Run, layout};
use segue_function::{s3_failure, unreadable};
use serde_json::json;

/// The objects that a failure names, each with its reason: the lines of its cause that begin with
/// an object of a source, as in all failures that name records.
pub fn named<'a>(failure: &'a Caught, plan: &'a Plan) -> Vec<(&'a str, &'a str, &'a str)> {
    let mut named: Vec<(&str, &str, &str)> = Vec::new();
    if failure.error != ErrorName::LoadRejected.to_string() {
        return named;
    }
    for line in failure.cause.lines().filter_map(|line| line.strip_prefix("  s3://")) {
        let Some(end) = end_of_uri(line) else { continue };
        let source = plan.sources.iter().find(|source| {
            source.prefix.strip_prefix("s3://").is_some_and(|prefix| line.starts_with(prefix))
        });
        let Some(source) = source else { continue };
        if !named.iter().any(|(_, uri, _)| *uri == &line[..end]) {
            named.push((&source.source, &line[..end], line[end..].trim_start()));
        }
    }
    named
}

/// Where ` line 3` or ` lines 3 to 5` begins.
fn end_of_uri(line: &str) -> Option<usize> {
    let follows = |word: &str| {
        let digit = |end: usize| line[end..].starts_with(|c: char| c.is_ascii_digit());
        line.match_indices(word).find(|(at, _)| digit(at + word.len())).map(|(at, _)| at)
    };
    [follows(" line "), follows(" lines ")].into_iter().flatten().min()
}

/// Lists the objects for the step `plan/set_aside`, as they are now; returns their URIs. An object
/// that is gone is omitted.
///
/// # Errors
/// `SourceUnreadable` when a bucket does not answer.
pub async fn list(
    s3: &Client,
    bucket: &str,
    run: &Run,
    before: u64,
    named: Vec<(&str, &str, &str)>,
) -> Result<Vec<String>, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut offenders = Vec::new();
    for (source, place, reason) in named {
        let Some((landing, key)) = place.split_once('/') else { continue };
        let uri = layout::uri(landing, key);
        let object = match s3.get_object().bucket(landing).key(key).send().await {
            Ok(object) => object,
            Err(error) => {
                tracing::warn!(uri, %error, "not set aside: it cannot be read");
                continue;
            }
        };
        let etag = object.e_tag.unwrap_or_default();
        let line = json!({
            "source": source, "uri": uri, "etag": etag.trim_matches('"'),
            "bytes": object.content_length.unwrap_or_default(), "reason": storable(reason),
            "run_id": run.id,
        });
        writeln!(encoder, "{line}").map_err(|error| unreadable("a list", error))?;
        offenders.push(uri);
    }
    if offenders.is_empty() {
        return Ok(offenders);
    }
    let key = layout::set_aside_key(run, before);
    let body = encoder.finish().map_err(|error| unreadable("a list", error))?;
    let put = s3.put_object().bucket(bucket).key(&key).body(body.into());
    put.send().await.map_err(|error| {
        let what = format!("{} cannot be written", layout::uri(bucket, &key));
        s3_failure(what, "s3:PutObject", &error)
    })?;
    Ok(offenders)
}

#[cfg(test)]
mod tests {
    use segue_contract::messages::PlannedSource;

    use super::*;

    #[test]
    fn offenders_are_the_objects_that_a_failure_names() {
        let source = |name: &str, prefix: &str| PlannedSource {
            source: name.into(),
            prefix: format!("s3://landing/{prefix}"),
            listed: 0,
            objects: 0,
            changed: 0,
            bytes: 0,
            max_rejects: 0,
            set_aside: 0,
            skipped: Vec::new(),
            loaded_by_other_paths: 0,
        };
        let sources = vec![source("events", "log_data/"), source("songs", "song_data/")];
        let plan = Plan { sources, ..Plan::default() };
        let cause = "events: 2 records are not documents, the first:\n  \
            s3://landing/log_data/a line b.json line 2, byte 9, 7 bytes: broken\n  \
            s3://landing/song_data/s.json lines 3 to 4, byte 9, 7 bytes: broken\n  \
            s3://landing/log_data/a line b.json line 5: broken\n  s3://work/runs/r/parts line 1: x";
        let failure = Caught { error: "LoadRejected".into(), cause: cause.into() };
        let found = named(&failure, &plan);
        assert_eq!(
            found,
            [
                ("events", "landing/log_data/a line b.json", "line 2, byte 9, 7 bytes: broken"),
                ("songs", "landing/song_data/s.json", "lines 3 to 4, byte 9, 7 bytes: broken"),
            ]
        );
        let other = Caught { error: "StatementFailed".into(), cause: cause.into() };
        assert!(named(&other, &plan).is_empty());
    }
}
