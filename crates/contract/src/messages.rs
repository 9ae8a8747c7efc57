//! What the functions take and return. Counts are of objects, bytes or rows, as they are named;
//! durations say their unit. Only small things cross a state boundary: lists stand in the work bucket.

use serde::{Deserialize, Serialize};

use crate::Run;
use crate::data_files::Skipped;

/// Which step of which run to carry out, and how often it has been tried.
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
    /// Records that a COPY may leave out without failing.
    #[serde(default)]
    pub max_rejects: u64,
    /// Whether there are records that were left out, for the publishing transaction to write down.
    #[serde(default)]
    pub has_rejects: bool,
    /// Staging schemas of earlier runs to drop, as [`Plan::abandoned`].
    #[serde(default)]
    pub abandoned: Vec<String>,
    /// By which JSONPaths the run loads, as [`Plan::paths`].
    #[serde(default)]
    pub paths: Vec<UsedPaths>,
}

/// Which JSONPaths file a run maps the keys of a source by.
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
    /// The id that the Data API gave it.
    pub statement_id: String,
    /// What time it is, RFC 3339: when the state was entered.
    #[serde(default)]
    pub entered_at: Option<String>,
}

/// What has become of a step's statement. A statement that failed is an error, not a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StatementState {
    /// Not ended yet: look again after the wait.
    Running {
        /// The Data API's id.
        statement_id: String,
        /// How long to wait before looking again.
        wait_seconds: u64,
    },
    /// Ended well.
    Finished {
        /// The Data API's id; a result set is read from `<id>:<n>`.
        statement_id: String,
        /// The step it carried out.
        step: String,
        /// How long it ran in the warehouse, in milliseconds.
        duration_ms: u64,
        /// What each SQL file of the step did.
        files: Vec<FileOutcome>,
    },
}

/// What the statements of one SQL file did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileOutcome {
    /// The file below `sql/`, without its ending.
    pub file: String,
    /// Rows that its statements wrote or returned; none where the Data API does not count them, as
    /// for a COPY. What they deleted does not count.
    pub rows: Option<u64>,
    /// How long its statements ran, in milliseconds.
    pub duration_ms: u64,
}

/// Asks what there is to load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanRequest {
    /// The run to plan.
    pub run: Run,
    /// The statement whose result is the ledger.
    pub ledger_statement_id: String,
    /// The run's own execution, beside which those of earlier runs are looked up.
    pub execution_arn: String,
}

/// What this run will load. Lists and manifests stand in the work bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// Objects to load, over all sources.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was found per source.
    pub sources: Vec<PlannedSource>,
    /// The batches of small objects to merge before the COPY, where that pays.
    #[serde(default)]
    pub batches: Vec<Batch>,
    /// The COPY steps to carry out, independent of each other.
    pub loads: Vec<Load>,
    /// Slices of the warehouse that all of it was reckoned with.
    #[serde(default)]
    pub slices: u64,
    /// Staging schemas that failed runs left behind and nobody needs: a few at a time.
    #[serde(default)]
    pub abandoned: Vec<String>,
    /// The JSONPaths files that the keys of sources are mapped by.
    #[serde(default)]
    pub paths: Vec<UsedPaths>,
}

/// What was found of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedSource {
    /// Its name.
    pub source: String,
    /// Where it was looked for.
    pub prefix: String,
    /// Objects listed there that are data.
    pub listed: u64,
    /// Objects to load.
    pub objects: u64,
    /// Of these, objects that were loaded before with another content.
    pub changed: u64,
    /// Bytes to load.
    pub bytes: u64,
    /// Records that may be left out without failing the run.
    #[serde(default)]
    pub max_rejects: u64,
    /// Of the listed objects, those that are set aside as they are.
    #[serde(default)]
    pub set_aside: u64,
    /// Objects listed there that are not data, by reason.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// Published objects of the source that were loaded by other JSONPaths than the present ones.
    #[serde(default)]
    pub loaded_by_other_paths: u64,
}

/// Some objects of one source that become one part; their list stands at [`layout::batch_key`].
///
/// [`layout::batch_key`]: crate::layout::batch_key
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// The source.
    pub source: String,
    /// Counts from 0 within the source.
    pub batch: u32,
    /// Records of its source that may be left out.
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
    /// Records of the source that may be left out.
    #[serde(default)]
    pub max_rejects: u64,
}

/// What became of one batch. Small, because a run's batches come back together.
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

/// What became of all batches of one source.
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
    /// Objects whose content was another than the planned one; they count among the read ones.
    pub changed: u64,
    /// Documents written.
    pub documents: u64,
    /// Records that are no documents, and were set aside.
    pub rejected: u64,
    /// Objects whose layout no COPY takes: they fail the run.
    #[serde(default)]
    pub refused: u64,
    /// Bytes of the objects as they were read.
    pub bytes_read: u64,
    /// Bytes of the parts.
    pub bytes_written: u64,
    /// How long the function took, added up over its batches.
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
    /// Records that it may leave out.
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
    /// What was merged per source, where anything was.
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
    /// What could not be loaded, of the sources of which something could not.
    #[serde(default)]
    pub rejected: Vec<RejectedRows>,
    /// Keys with records that differ, of the tables that have such keys.
    #[serde(default)]
    pub variants: Vec<Variants>,
    /// What looks wrong and does not stop the run: one sentence each, with examples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Under how many keys of one table a run brought records that differ. The greatest version wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variants {
    /// The table, without its schema.
    pub table: String,
    /// Keys whose records in this run differ from each other.
    pub within_run: u64,
    /// Keys whose record differs from the one that was published when the checks ran.
    pub beside_published: u64,
}

/// What could not be loaded of one source, and was no more than may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectedRows {
    /// The source.
    pub source: String,
    /// Records.
    pub rows: u64,
    /// How many there might have been.
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

/// What is known of a run at its end, for its report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportRequest {
    /// The run that ended.
    pub run: Run,
    /// What the state machine caught, when the run failed.
    #[serde(default)]
    pub failure: Option<Caught>,
    /// What was planned, if it came to that.
    #[serde(default)]
    pub plan: Option<Plan>,
    /// What was merged per source, where anything was.
    #[serde(default)]
    pub compacted: Vec<CompactedSource>,
    /// What each COPY did.
    #[serde(default)]
    pub loaded: Vec<StatementState>,
    /// What the transformation did, if it came to that.
    #[serde(default)]
    pub transformed: Option<StatementState>,
    /// What the checks found, if they passed.
    #[serde(default)]
    pub checked: Option<Checked>,
    /// What was published, if it came to that.
    #[serde(default)]
    pub published: Option<StatementState>,
    /// Objects that this run has set aside so far.
    #[serde(default)]
    pub set_aside: u64,
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
        /// Keys with records that differ, by table.
        variants: Vec<Variants>,
        /// Objects that are not data, by source and reason.
        skipped: Vec<Skipped>,
        /// Published objects that were loaded by other JSONPaths than the present ones.
        loaded_by_other_paths: u64,
        /// What looks wrong and did not stop the run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        /// Where the report stands.
        report: String,
    },
    /// It failed.
    Failed {
        /// The name of the innermost error.
        error: String,
        /// Its message, and where the report stands.
        cause: String,
        /// The objects that cannot be loaded, as far as the message names them: without them the run
        /// could go on. Their list is at [`layout::set_aside_key`](crate::layout::set_aside_key).
        offenders: Vec<String>,
    },
}
