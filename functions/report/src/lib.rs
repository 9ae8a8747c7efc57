//! Writes the run's report to the work bucket, for success and failure: as JSON for programs and as
//! a page for people; and the run's metrics to the log.

mod cause;
mod measures;
mod offenders;
mod origin;
mod page;
mod rejected;

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use segue_contract::cost::Comparison;
use segue_contract::messages::{
    Caught, Checked, CompactedSource, Plan, ReportRequest, Reported, StatementState, Variants,
};
use segue_contract::{ErrorName, Failure, layout};
use segue_function::{s3_failure, unreadable};
use serde::Serialize;

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The client of the work bucket.
    pub s3: Client,
    /// The bucket that keeps the report.
    pub work_bucket: String,
}

/// The list of objects, which is staged like a source but is not one.
const PLANNED_OBJECTS: &str = "planned_objects";

/// A run's report, as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The run.
    pub run_id: String,
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
    /// Objects that this run has set aside whole.
    pub set_aside: u64,
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
    /// What each statement did, in the order of the run.
    pub statements: Vec<StatementState>,
}

/// Writes the report and the metrics.
///
/// Safe to run again: it writes the same keys; a metric that is written twice counts twice, and no
/// alarm depends on it.
///
/// # Errors
/// `SourceUnreadable` when the work bucket does not take it, `InvalidConfiguration` when the function
/// may not write there.
#[tracing::instrument(skip_all, fields(run_id = %request.run.id))]
pub async fn handle(context: &Context, request: ReportRequest) -> Result<Reported, Failure> {
    let run = request.run.clone();
    let mut report = Report::new(request, Timestamp::now())?;
    if let Some(failure) = &mut report.failure {
        let cause = std::mem::take(&mut failure.cause);
        let (s3, bucket) = (&context.s3, &context.work_bucket);
        let rejected = match &report.plan {
            Some(plan) if failure.error == ErrorName::LoadRejected.to_string() => {
                rejected::cause(s3, bucket, &run, plan, &report.compacted).await?
            }
            _ => None,
        };
        failure.cause = match rejected {
            Some(cause) => cause,
            None => origin::name_records(s3, bucket, &run, &cause).await,
        };
    }
    let offenders = match (&report.failure, &report.plan) {
        (Some(failure), Some(plan)) => {
            let named = offenders::named(failure, plan);
            let (s3, bucket) = (&context.s3, &context.work_bucket);
            offenders::list(s3, bucket, &run, report.set_aside, named).await?
        }
        _ => Vec::new(),
    };
    if report.rejected() > 0 {
        report.rejects_uri = Some(layout::uri(&context.work_bucket, &layout::rejects_prefix(&run)));
    }
    let json = serde_json::to_string_pretty(&report)
        .map_err(|error| unreadable("the report cannot be written", error))?;
    put(context, &layout::report_key(&run, "json"), "application/json", json).await?;
    let key = layout::report_key(&run, "html");
    put(context, &key, "text/html; charset=utf-8", page::render(&report)?).await?;
    let uri = layout::uri(&context.work_bucket, &key);
    tracing::info!(status = report.status, report = %uri, rejected = report.rejected(), "ended");
    measures::write(&report);
    let (rejected, set_aside) = (report.rejected(), report.set_aside);
    let rows = report.rows();
    let sources = report.plan.as_ref().map(|plan| plan.sources.clone()).unwrap_or_default();
    let Checked { warnings, .. } = report.checked.unwrap_or_default();
    Ok(match report.failure {
        None => Reported::Loaded {
            status: report.status.into(),
            run_id: report.run_id,
            objects: report.plan.map(|plan| plan.objects).unwrap_or_default(),
            rows,
            skipped: sources.iter().flat_map(|source| source.skipped.clone()).collect(),
            loaded_by_other_paths: sources.iter().map(|one| one.loaded_by_other_paths).sum(),
            rejected,
            set_aside,
            variants: report.variants,
            warnings,
            report: uri,
        },
        Some(failure) => Reported::Failed {
            error: failure.error,
            cause: format!("{}\nreport: {uri}", failure.cause),
            offenders,
        },
    })
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
        let variants = match &request.published {
            Some(StatementState::Finished { variants, .. }) => variants.clone(),
            _ => Vec::new(),
        };
        let statements = request.loaded.into_iter().chain(request.transformed);
        let statements = statements.chain(request.published);
        let staged = request.checked.iter().flat_map(|checked| &checked.staged);
        let staged: BTreeMap<&str, u64> =
            staged.map(|rows| (rows.counted.as_str(), rows.rows)).collect();
        let statements = statements.map(|statement| with_staged_rows(statement, &staged)).collect();
        Ok(Self {
            run_id: request.run.id,
            status,
            set_aside: request.set_aside,
            rejects_uri: None,
            started_at: request.run.started_at,
            finished_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            duration_seconds: seconds,
            failure: request.failure.map(cause::innermost),
            plan: request.plan,
            compacted: request.compacted,
            cost,
            checked: request.checked,
            variants,
            statements,
        })
    }

    /// Rows that were staged from the sources' objects.
    pub fn rows(&self) -> u64 {
        let staged = self.checked.iter().flat_map(|checked| &checked.staged);
        staged.filter(|one| one.counted != PLANNED_OBJECTS).map(|one| one.rows).sum()
    }

    /// Records that were skipped.
    pub fn rejected(&self) -> u64 {
        self.checked.iter().flat_map(|checked| &checked.rejected).map(|source| source.rows).sum()
    }
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

async fn put(context: &Context, key: &str, kind: &str, body: String) -> Result<(), Failure> {
    let sent = context
        .s3
        .put_object()
        .bucket(&context.work_bucket)
        .key(key)
        .content_type(kind)
        .body(ByteStream::from(body.into_bytes()))
        .send()
        .await;
    sent.map(|_| ()).map_err(|error| {
        let what = format!("{} cannot be written", layout::uri(&context.work_bucket, key));
        s3_failure(what, "s3:PutObject", &error)
    })
}

#[cfg(test)]
mod tests;
