//! Where a run keeps its files in the work bucket.
//!
//! All files of a run are under `runs/<run>/`, so that a lifecycle rule can delete them and the
//! copy role can be restricted to them. An invalid name may be any text, so it never becomes part
//! of a key: the report of such a run is under `runs/refused-<digest>/`.

use crate::Run;

/// The prefix of the files of all runs in the work bucket.
pub const RUNS_PREFIX: &str = "runs/";

/// The prefix of the lines about the last runs, one object each, the newest first.
pub const RECENT_PREFIX: &str = "recent/";
/// Later than any run starts, in milliseconds since 1970: keys count down from here.
const LAST_MS: i64 = 9_999_999_999_999;

/// The bucket and the key that an S3 URI names; `None` if it is not one.
pub fn bucket_and_key(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix("s3://")?.split_once('/')
}

/// The key of a file of this run.
pub fn key(run: &Run, name: &str) -> String {
    format!("{RUNS_PREFIX}{}/{name}", run.folder())
}

/// The manifest that a COPY step reads: `stage/songs` reads `manifests/stage/songs.json`.
pub fn manifest_key(run: &Run, step: &str) -> String {
    key(run, &format!("manifests/{step}.json"))
}

/// One part of the list of a source's objects that may be new, from one range of the listing: gzip,
/// one JSON document per line.
pub fn candidates_key(run: &Run, source: &str, range: usize, part: usize) -> String {
    key(run, &format!("candidates/{source}/{range:03}-{part:05}.json.gz"))
}

/// The prefix of what one attempt of the warehouse found to be new: a manifest, and what it names.
/// Each attempt has its own, because nothing undoes what a failed one has written.
pub fn new_objects_prefix(run: &Run, attempt: u32) -> String {
    key(run, &format!("new/{}-{attempt}/", run.redrive_count))
}

/// The arrivals that a run has looked at, see [`crate::arrivals`].
pub fn looked_at_key(run: &Run) -> String {
    looked_at_key_of(&run.folder())
}

/// The same, by the run's name: of a run that was started under a valid one.
pub fn looked_at_key_of(run_id: &str) -> String {
    format!("{RUNS_PREFIX}{run_id}/arrivals.json")
}

/// The JSONPaths file that the COPY of a source uses.
pub fn jsonpaths_key(run: &Run, source: &str) -> String {
    key(run, &format!("jsonpaths/{source}.json"))
}

/// One part of the list of the objects that this run loads: gzip, one JSON document per line.
pub fn planned_objects_key(run: &Run, part: usize) -> String {
    key(run, &format!("objects/{part:05}.json.gz"))
}

/// The list of the objects of one batch, as they were listed: gzip, one JSON document per line.
pub fn batch_key(run: &Run, source: &str, batch: u32) -> String {
    key(run, &format!("batches/{source}/{batch:05}.json.gz"))
}

/// The documents of one batch: Zstandard, one JSON document per line.
pub fn part_key(run: &Run, source: &str, batch: u32) -> String {
    key(run, &format!("parts/{source}/{batch:05}.json.zst"))
}

/// Which lines of a part came from which object: gzip, one JSON document per line.
pub fn part_index_key(run: &Run, source: &str, batch: u32) -> String {
    key(run, &format!("parts/{source}/{batch:05}.index.json.gz"))
}

/// The objects of one batch as they were read; with the other lists, what this run loads.
pub fn batch_objects_key(run: &Run, source: &str, batch: u32) -> String {
    key(run, &format!("objects/{source}/{batch:05}.json.gz"))
}

/// The prefix of everything that a run could not load; publishing copies it from here.
pub fn rejects_prefix(run: &Run) -> String {
    key(run, "rejects/")
}

/// The prefix of the lists of objects that a run sets aside whole; they are copied from here.
pub fn set_aside_prefix(run: &Run) -> String {
    key(run, "set-aside/")
}

/// The objects that a run sets aside, after `others` earlier ones: gzip, one JSON document per
/// line.
pub fn set_aside_key(run: &Run, before: u64) -> String {
    format!("{}{before:05}.json.gz", set_aside_prefix(run))
}

/// The records of one batch that are not documents: gzip, one JSON document per line.
pub fn batch_rejects_key(run: &Run, source: &str, batch: u32) -> String {
    format!("{}{source}/{batch:05}.json.gz", rejects_prefix(run))
}

/// The records of one source that its COPY rejected: gzip, one JSON document per line.
pub fn copy_rejects_key(run: &Run, source: &str) -> String {
    format!("{}{source}/copy.json.gz", rejects_prefix(run))
}

/// The run's report; `extension` is `json` or `html`.
pub fn report_key(run: &Run, extension: &str) -> String {
    key(run, &format!("report.{extension}"))
}

/// The line about a run among the last runs; `started_ms` is when it started, since 1970.
pub fn recent_key(run: &Run, started_ms: i64) -> String {
    format!("{RECENT_PREFIX}{:013}-{}.json", (LAST_MS - started_ms).clamp(0, LAST_MS), run.folder())
}

/// The URI of an object.
pub fn uri(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}
