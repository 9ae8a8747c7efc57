//! What the functions take and return. Counts are of objects, bytes or rows, as they are named;
//! durations say their unit. Only small things cross a state boundary: lists are in the work
//! bucket.

use serde::{Deserialize, Serialize};

use crate::Run;
use crate::data_files::Skipped;
use crate::pipeline::Pending;

/// A step of a run to carry out, and how often it has been tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// The run that the step belongs to.
    pub run: Run,
    /// The step: a folder of `sql/`, or a file within one, without its ending.
    pub step: String,
    /// Counts from 1; a conflict leads to the next.
    pub attempt: u32,
    /// How the objects that a COPY reads are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Records that a COPY may skip without failing.
    #[serde(default)]
    pub max_rejects: u64,
    /// Whether the publishing transaction has skipped records to record.
    #[serde(default)]
    pub has_rejects: bool,
    /// Staging schemas of earlier runs to drop, as [`Plan::abandoned`].
    #[serde(default)]
    pub abandoned: Vec<String>,
    /// The JSONPaths that the run loads with, as [`Plan::paths`].
    #[serde(default)]
    pub paths: Vec<UsedPaths>,
    /// The sources that the run loads objects of; `None` for all.
    #[serde(default)]
    pub sources: Option<Vec<String>>,
    /// Where the run's plays lie, as [`Checked::bounds`]; publishing them needs it.
    #[serde(default)]
    pub bounds: Option<Bounds>,
    /// Objects that may be new, as [`Found::candidates`].
    #[serde(default)]
    pub candidates: u64,
    /// Whether these are all objects of the bucket, as [`Found::is_complete`].
    #[serde(default)]
    pub is_complete: bool,
    /// The hashes of the objects that may be new, as [`Found::uri_hashes`].
    #[serde(default)]
    pub uri_hashes: Option<Vec<String>>,
    /// The columns that a migration is to add, as [`Pending::missing`].
    #[serde(default)]
    pub missing: Vec<String>,
}

/// The JSONPaths file with which a run maps the keys of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsedPaths {
    /// The source.
    pub source: String,
    /// A digest of its paths, in their order.
    pub digest: String,
}

impl Step {
    /// The first attempt at a step that reads no files.
    pub fn first(run: Run, step: &str) -> Self {
        Self {
            run,
            step: step.into(),
            attempt: 1,
            compression: Compression::None,
            max_rejects: 0,
            has_rejects: false,
            abandoned: Vec::new(),
            paths: Vec::new(),
            sources: None,
            bounds: None,
            candidates: 0,
            is_complete: false,
            uri_hashes: None,
            missing: Vec::new(),
        }
    }
}

/// How the objects that one COPY reads are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Each object is gzip.
    Gzip,
    /// Each object is Zstandard.
    Zstd,
}

/// Asks for the state of a step's statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Poll {
    /// What was submitted.
    pub step: Step,
    /// The ID from the Data API.
    pub statement_id: String,
    /// The current time, RFC 3339: when the state was entered.
    #[serde(default)]
    pub entered_at: Option<String>,
}

/// The state of a step's statement. A statement that failed is an error, not a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StatementState {
    /// Not ended yet: poll again after the wait.
    Running {
        /// The Data API's id.
        statement_id: String,
        /// How long to wait before the next poll.
        wait_seconds: u64,
    },
    /// Succeeded.
    Finished {
        /// The Data API's id; a result set is read from `<id>:<n>`.
        statement_id: String,
        /// The step it carried out.
        step: String,
        /// How long it ran in the warehouse, in milliseconds.
        duration_ms: u64,
        /// What each SQL file of the step did.
        files: Vec<FileOutcome>,
        /// When it ended, RFC 3339, if the warehouse says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended_at: Option<String>,
        /// Keys with differing records, for each table that has any, if the step counts them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        variants: Vec<Variants>,
        /// The migrations that the warehouse needs, if the step asks for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pending: Option<Vec<Pending>>,
        /// What the step changed in the star schema, by table, if the step counts it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<Changes>,
    },
}

/// What the statements of one SQL file did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileOutcome {
    /// The file below `sql/`, without its ending.
    pub file: String,
    /// Rows that its statements wrote or returned; `None` if the Data API does not count them, as
    /// for a COPY. Deleted rows do not count.
    pub rows: Option<u64>,
    /// How long its statements ran, in milliseconds.
    pub duration_ms: u64,
}

/// Asks which objects may be new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindRequest {
    /// The run that looks.
    pub run: Run,
    /// Whether to list everything, even if the run trusts arrivals.
    #[serde(default)]
    pub everything: bool,
}

/// The objects that may be new: the warehouse knows which of them are. Their lists are in the work
/// bucket, see [`layout::candidates_key`](crate::layout::candidates_key).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Found {
    /// Whether everything was listed; otherwise only what has arrived was looked at.
    pub is_complete: bool,
    /// Objects that are data, over all sources.
    pub candidates: u64,
    /// What was found per source.
    pub sources: Vec<FoundSource>,
    /// The [hash](crate::uri_hash) of each candidate as text, because a state machine's numbers have
    /// 53 bits; `None` if there are more than [`URI_HASHES_MAX`].
    #[serde(default)]
    pub uri_hashes: Option<Vec<String>>,
}

/// The most candidates whose hashes become literals in the SQL. With more, nearly every block of the
/// ledger would be read anyway.
pub const URI_HASHES_MAX: usize = 100;

/// The objects of one source that may be new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FoundSource {
    /// The source.
    pub source: String,
    /// Objects that are data.
    pub listed: u64,
    /// Objects that are not, by reason.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
}

/// Asks what there is to load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanRequest {
    /// The run to plan.
    pub run: Run,
    /// The objects that may be new.
    pub found: Found,
    /// The statement that has subtracted what is known already.
    pub subtract_statement_id: String,
    /// The run's own execution, from which the ARNs of earlier runs follow.
    pub execution_arn: String,
}

/// What this run will load. Lists and manifests are in the work bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// Objects to load, over all sources.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was found per source.
    pub sources: Vec<PlannedSource>,
    /// The batches of small objects to merge before the COPY, if that pays off.
    #[serde(default)]
    pub batches: Vec<Batch>,
    /// The COPY steps to carry out, independent of each other.
    pub loads: Vec<Load>,
    /// The slices of the warehouse that the plan assumes.
    #[serde(default)]
    pub slices: u64,
    /// Staging schemas of failed runs that nobody needs: a few at a time.
    #[serde(default)]
    pub abandoned: Vec<String>,
    /// The JSONPaths files that map the keys of sources.
    #[serde(default)]
    pub paths: Vec<UsedPaths>,
    /// A digest of the SQL that this run runs, see [`pipeline::digest`](crate::pipeline::digest).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_digest: Option<String>,
    /// Whether everything must be listed after all: the ledger is empty, so what has arrived cannot
    /// be all that is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_listing: bool,
}

impl Plan {
    /// The sources with objects to load.
    pub fn sources_to_load(&self) -> Vec<String> {
        let with_objects = self.sources.iter().filter(|source| source.objects > 0);
        with_objects.map(|source| source.source.clone()).collect()
    }
}

/// What was found of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedSource {
    /// Its name.
    pub source: String,
    /// The prefix that was listed.
    pub prefix: String,
    /// Objects listed there that are data.
    pub listed: u64,
    /// Objects to load.
    pub objects: u64,
    /// Of these, objects that were loaded before with other content.
    pub changed: u64,
    /// Bytes to load.
    pub bytes: u64,
    /// Records that may be skipped without failing the run.
    #[serde(default)]
    pub max_rejects: u64,
    /// Listed objects that are set aside with their current content.
    #[serde(default)]
    pub set_aside: u64,
    /// Objects listed there that are not data, by reason.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// Published objects of the source that were loaded with other JSONPaths than the current ones.
    #[serde(default)]
    pub loaded_by_other_paths: u64,
}

/// Some objects of one source that become one part; their list is at [`layout::batch_key`].
///
/// [`layout::batch_key`]: crate::layout::batch_key
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// The source.
    pub source: String,
    /// Counts from 0 within the source.
    pub batch: u32,
    /// Records of its source that may be skipped.
    #[serde(default)]
    pub max_rejects: u64,
}

/// Asks for one batch to be merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompactRequest {
    /// The run that the batch belongs to.
    pub run: Run,
    /// The source.
    pub source: String,
    /// Which batch of the source.
    pub batch: u32,
    /// Records of the source that may be skipped.
    #[serde(default)]
    pub max_rejects: u64,
}

/// The outcome of one batch. Small, because the results of all batches of a run are returned
/// together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compacted {
    /// The source.
    pub source: String,
    /// Which batch of the source.
    pub batch: u32,
    /// What was merged.
    #[serde(flatten)]
    pub merged: Merged,
}

/// The outcome of all batches of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompactedSource {
    /// The source.
    pub source: String,
    /// How many batches, and so parts, there are.
    pub batches: u64,
    /// What was merged.
    #[serde(flatten)]
    pub merged: Merged,
}

/// What went into parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Merged {
    /// Objects that were read.
    pub objects: u64,
    /// Planned objects that were gone; the next run loads them if they come back.
    pub vanished: u64,
    /// Objects whose content had changed since the plan; they count as read.
    pub changed: u64,
    /// Documents written.
    pub documents: u64,
    /// Records that are not documents, and were set aside.
    pub rejected: u64,
    /// Objects whose layout no COPY accepts: they fail the run.
    #[serde(default)]
    pub refused: u64,
    /// Bytes of the objects as they were read.
    pub bytes_read: u64,
    /// Bytes of the parts.
    pub bytes_written: u64,
    /// How long the function took, summed over its batches.
    #[serde(default)]
    pub milliseconds: u64,
}

/// One COPY step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Load {
    /// The step, as [`Step::step`].
    pub step: String,
    /// How its objects are compressed.
    pub compression: Compression,
    /// Records that it may skip.
    #[serde(default)]
    pub max_rejects: u64,
}

/// Asks whether what is staged may be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckRequest {
    /// The run to judge.
    pub run: Run,
    /// The finished statement of the step `check`, whose results are the offenders and counts.
    pub statement_id: String,
    /// What was planned.
    pub plan: Plan,
    /// What was merged per source, if anything was.
    #[serde(default)]
    pub compacted: Vec<CompactedSource>,
    /// What each COPY reported.
    pub loaded: Vec<StatementState>,
}

/// Every check is healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checked {
    /// The checks that found no offender.
    pub healthy: Vec<String>,
    /// Rows staged by each COPY.
    pub staged: Vec<StagedRows>,
    /// What could not be loaded, for each source with rejects.
    #[serde(default)]
    pub rejected: Vec<RejectedRows>,
    /// Where the plays to publish lie.
    #[serde(default)]
    pub bounds: Bounds,
    /// What looks wrong but does not stop the run: one sentence each, with examples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Where the plays of a run lie, and those that its songs may change: publishing reads these parts of
/// the large tables and no others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// Ranges of session IDs; none if the run brings no plays.
    pub sessions: Vec<Range>,
    /// Ranges of instants, `YYYY-MM-DD HH:MM:SS.ffffff`.
    pub instants: Vec<Range>,
    /// Ranges of session IDs in which published plays may have a song that the run brings; `None`
    /// for all.
    #[serde(default)]
    pub late_sessions: Option<Vec<Range>>,
}

impl Bounds {
    /// Bounds that exclude nothing, to show the statements of a run that has not staged its plays.
    pub fn unknown() -> Self {
        let sessions = [i64::MIN, i64::MAX].map(|session| Some(session.to_string()));
        let [first, last] = sessions;
        Self {
            sessions: vec![Range { first: first.clone(), last: last.clone() }],
            instants: vec![Range { first: None, last: None }],
            late_sessions: Some(vec![Range { first, last }]),
        }
    }
}

/// A range of values, both ends included. Text, because a state machine would round a large number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Range {
    /// The first value; `None` for a range without a beginning.
    pub first: Option<String>,
    /// The last value; `None` for a range without an end.
    pub last: Option<String>,
}

/// The number of keys of one table with differing records in a run. The greatest version wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variants {
    /// The table, without its schema.
    pub table: String,
    /// Keys whose records in this run differ from each other.
    pub within_run: u64,
    /// Keys whose record differs from the one that was published before.
    pub beside_published: u64,
}

/// The rows of one table that a run changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Changes {
    /// The table, without its schema.
    pub table: String,
    /// Rows under keys that the table did not have.
    pub inserted: u64,
    /// Rows that a greater version replaced, or that a late song was matched with.
    pub updated: u64,
}

/// The records of one source that could not be loaded, within the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectedRows {
    /// The source.
    pub source: String,
    /// Records.
    pub rows: u64,
    /// The limit.
    pub max_rejects: u64,
    /// The first: object, line, column and reason.
    pub first: Vec<String>,
}

/// How many rows one COPY staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StagedRows {
    /// A source, or `planned_objects`.
    pub counted: String,
    /// Rows.
    pub rows: u64,
}

/// Everything known about a run at its end, for its report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportRequest {
    /// The run that ended.
    pub run: Run,
    /// What the state machine caught, when the run failed.
    #[serde(default)]
    pub failure: Option<Caught>,
    /// What was planned, if the run got that far.
    #[serde(default)]
    pub plan: Option<Plan>,
    /// What was merged per source, if anything was.
    #[serde(default)]
    pub compacted: Vec<CompactedSource>,
    /// What each COPY did.
    #[serde(default)]
    pub loaded: Vec<StatementState>,
    /// What the transformation did, if the run got that far.
    #[serde(default)]
    pub transformed: Option<StatementState>,
    /// What the checks found, if they passed.
    #[serde(default)]
    pub checked: Option<Checked>,
    /// What was published, if the run got that far.
    #[serde(default)]
    pub published: Option<StatementState>,
    /// Objects that this run has set aside so far.
    #[serde(default)]
    pub set_aside: u64,
    /// The states that the run entered, in their order: each ended when the next one was entered.
    #[serde(default)]
    pub phases: Vec<Entered>,
    /// When the last of them ended, RFC 3339.
    #[serde(default)]
    pub entered_at: Option<String>,
    /// The beginning of the run's input as text, of a run that failed: the input may be the cause.
    #[serde(default)]
    pub options: Option<String>,
}

/// A state that a run entered, as Step Functions' context object describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entered {
    /// The state.
    pub name: String,
    /// When it was entered, RFC 3339.
    pub entered_time: String,
    /// How often it was tried again after an error.
    #[serde(default)]
    pub retry_count: u64,
}

/// An error as Step Functions hands it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caught {
    /// The error's name.
    pub error: String,
    /// What led to it: text, or JSON of the function or execution that failed.
    #[serde(default)]
    pub cause: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Reported {
    /// It loaded what was planned.
    Loaded {
        /// `loaded` or `loaded-with-rejects`.
        status: String,
        /// The run.
        run_id: String,
        /// Objects loaded.
        objects: u64,
        /// Rows that they brought.
        rows: u64,
        /// Records that could not be loaded.
        rejected: u64,
        /// Objects that were set aside whole.
        set_aside: u64,
        /// Keys with differing records, by table.
        variants: Vec<Variants>,
        /// Objects that are not data, by source and reason.
        skipped: Vec<Skipped>,
        /// Published objects that were loaded with other JSONPaths than the current ones.
        loaded_by_other_paths: u64,
        /// What looks wrong but did not stop the run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        /// The URI of the report.
        report: String,
    },
    /// It failed.
    Failed {
        /// The name of the innermost error.
        error: String,
        /// Its message, and the URI of the report.
        cause: String,
        /// The objects that cannot be loaded, as far as the message names them: without them the
        /// run could continue. Their list is at
        /// [`layout::set_aside_key`](crate::layout::set_aside_key).
        offenders: Vec<String>,
    },
}
