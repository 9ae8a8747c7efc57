//! What a report says: everything that is known about a run at its end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use segue_contract::cost::Comparison;
use segue_contract::messages::{
    Caught, Changes, Checked, CompactedSource, Plan, ReportRequest, StatementState, Variants,
};
use segue_contract::{ErrorName, Failure, Run, RunInput};
use serde::Serialize;

use crate::cause;
use crate::phases::{self, Phase};
use crate::records::{BadRecord, SetAsideFile};

/// The list of objects, which is staged like a source but is not one.
const PLANNED_OBJECTS: &str = "planned_objects";

/// A run's report, as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The run.
    pub run_id: String,
    /// The stack that it belongs to, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// What started it: `arrival`, `schedule`, `manual`, or the `trigger` of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// Its options; `None` if they cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<RunInput>,
    /// The beginning of the input as text, if it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// `loaded`, `loaded-with-rejects` or `failed`.
    pub status: &'static str,
    /// When the run started, RFC 3339.
    pub started_at: String,
    /// When the report was written, RFC 3339.
    pub finished_at: String,
    /// The time between, in seconds.
    pub duration_seconds: i64,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Caught>,
    /// The first records that could not be loaded, of every source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<BadRecord>,
    /// How many records were skipped.
    pub rejected: u64,
    /// Objects that this run has set aside whole.
    pub set_aside: u64,
    /// The first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_aside_files: Vec<SetAsideFile>,
    /// What was planned, if the run got that far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// What was merged per source, if anything was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compacted: Vec<CompactedSource>,
    /// What loading the objects was expected to take, and what it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Comparison>,
    /// What the checks found, if they passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
    /// The URI of the skipped records, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects_uri: Option<String>,
    /// Keys with differing records, for each table that has any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variants>,
    /// Rows that the run inserted and updated, for each table of the star schema that it touched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Changes>,
    /// The phases of the run, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// What each statement did, in the order of the run.
    pub statements: Vec<StatementState>,
    /// The run, for the page's own use.
    #[serde(skip)]
    pub run: Run,
}

impl Report {
    /// Assembles what is known about a run.
    ///
    /// # Errors
    /// `InvalidInput` if the run's start is not a time.
    pub fn new(request: ReportRequest, now: Timestamp) -> Result<Self, Failure> {
        let started: Timestamp = request.run.started_at.parse().map_err(|error| {
            Failure::new(ErrorName::InvalidInput, format!("the run's start is no time: {error}"))
        })?;
        // A failed run may have stopped anywhere.
        let finished = request.plan.as_ref().filter(|_| request.failure.is_none());
        let seconds = now.as_second() - started.as_second();
        let compare =
            |plan| Comparison::new(plan, &request.compacted, &request.loaded, seconds as f64);
        let cost = finished.map(compare).transpose()?;
        let status = status(&request);
        let input = input(&request);
        let phases = phases::of(&request, started, now);
        let (variants, changes) = match &request.published {
            Some(StatementState::Finished { variants, changes, .. }) => {
                (variants.clone(), changes.clone())
            }
            _ => Default::default(),
        };
        let statements = request.loaded.into_iter().chain(request.transformed);
        let statements = statements.chain(request.published);
        let staged = request.checked.iter().flat_map(|checked| &checked.staged);
        let staged: BTreeMap<&str, u64> =
            staged.map(|rows| (rows.counted.as_str(), rows.rows)).collect();
        let statements = statements.map(|statement| with_staged_rows(statement, &staged)).collect();
        Ok(Self {
            run_id: request.run.id.clone(),
            stack: None,
            trigger: trigger(input.as_ref()),
            options: request.options.filter(|_| input.is_none()),
            input,
            status,
            records: Vec::new(),
            rejected: rejected(request.checked.as_ref()),
            set_aside_files: Vec::new(),
            set_aside: request.set_aside,
            rejects_uri: None,
            started_at: request.run.started_at.clone(),
            finished_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            duration_seconds: seconds,
            failure: request.failure.map(cause::innermost),
            plan: request.plan,
            compacted: request.compacted,
            cost,
            checked: request.checked,
            variants,
            changes,
            phases,
            statements,
            run: request.run,
        })
    }

    /// Rows that were staged from the sources' objects.
    pub fn rows(&self) -> u64 {
        let staged = self.checked.iter().flat_map(|checked| &checked.staged);
        staged.filter(|one| one.counted != PLANNED_OBJECTS).map(|one| one.rows).sum()
    }

    /// When something happened, in milliseconds since the run started.
    pub fn since_start(&self, time: &str) -> Option<i64> {
        let read = |time: &str| time.parse::<Timestamp>().ok();
        Some(read(time)?.as_millisecond() - read(&self.started_at)?.as_millisecond())
    }
}

/// Records that were skipped.
fn rejected(checked: Option<&Checked>) -> u64 {
    checked.iter().flat_map(|checked| &checked.rejected).map(|source| source.rows).sum()
}

/// The options of the run. The state machine omits them from the request of a run that failed, and
/// sends their text, which may be anything.
fn input(request: &ReportRequest) -> Option<RunInput> {
    match &request.options {
        None => Some(request.run.input.clone()),
        Some(text) => serde_json::from_str(text).ok(),
    }
}

/// What started a run, in the words of `segue runs`; `None` if its input cannot be read.
fn trigger(input: Option<&RunInput>) -> Option<String> {
    let RunInput { trigger, arrivals, .. } = input?;
    let unnamed = if *arrivals { "arrival" } else { "manual" };
    Some(trigger.clone().unwrap_or_else(|| unnamed.to_owned()))
}

/// The statement with the rows that it staged, as counted by the check: the Data API does not count
/// the rows of a COPY.
fn with_staged_rows(mut statement: StatementState, staged: &BTreeMap<&str, u64>) -> StatementState {
    if let StatementState::Finished { step, files, .. } = &mut statement
        && let Some((_, counted)) = step.split_once('/')
    {
        let counted = if step == "plan/objects" { "planned_objects" } else { counted };
        for file in files.iter_mut().filter(|file| file.file == *step) {
            file.rows = staged.get(counted).copied().or(file.rows);
        }
    }
    statement
}

/// How a run ended, in one word.
fn status(request: &ReportRequest) -> &'static str {
    match &request.checked {
        _ if request.failure.is_some() => "failed",
        _ if request.set_aside > 0 => "loaded-with-rejects",
        Some(checked) if !checked.rejected.is_empty() => "loaded-with-rejects",
        _ => "loaded",
    }
}
