//! Writes the run's report to the work bucket, for success and failure: as JSON for programs and as
//! a page for people; and the run's metrics to the log.

mod cause;
mod measures;
mod offenders;
mod origin;
mod page;
mod phases;
mod recent;
mod records;
mod rejected;
mod report;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use segue_contract::messages::{Checked, ReportRequest, Reported};
use segue_contract::{ErrorName, Failure, Run, layout};
use segue_function::{s3_failure, unreadable};

pub use phases::Phase;
pub use records::{BadRecord, SetAsideFile};
pub use report::Report;

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The client of the work bucket.
    pub s3: Client,
    /// The bucket that keeps the report.
    pub work_bucket: String,
    /// The name of the stack, if it is known.
    pub stack: Option<String>,
}

/// The name of the stack on a developer's machine.
pub const LOCAL_STACK: &str = "segue-local";

/// A failure's message with everything that could be found out about its records.
struct Explained {
    cause: String,
    records: Vec<BadRecord>,
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
    let (s3, bucket) = (&context.s3, context.work_bucket.as_str());
    let mut report = Report::new(request, Timestamp::now())?;
    report.stack.clone_from(&context.stack);
    explain(s3, bucket, &run, &mut report).await?;
    let offenders = match (&report.failure, &report.plan) {
        (Some(failure), Some(plan)) => {
            let named = offenders::named(failure, plan);
            offenders::list(s3, bucket, &run, report.set_aside, named).await?
        }
        _ => Vec::new(),
    };
    if report.rejected > 0 {
        report.rejects_uri = Some(layout::uri(bucket, &layout::rejects_prefix(&run)));
    }
    report.set_aside_files = records::set_aside(s3, bucket, &run, report.set_aside).await;
    let json = serde_json::to_string_pretty(&report)
        .map_err(|error| unreadable("the report cannot be written", error))?;
    put(s3, bucket, &layout::report_key(&run, "json"), "application/json", json).await?;
    let recent = recent::add(s3, bucket, &report).await;
    let key = layout::report_key(&run, "html");
    let page = page::render(&report, &recent)?;
    put(s3, bucket, &key, "text/html; charset=utf-8", page).await?;
    let uri = layout::uri(bucket, &key);
    tracing::info!(status = report.status, report = %uri, rejected = report.rejected, "ended");
    measures::write(&report);
    let (rejected, set_aside) = (report.rejected, report.set_aside);
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

/// Finds out what can be known about the records that could not be loaded.
async fn explain(s3: &Client, bucket: &str, run: &Run, report: &mut Report) -> Result<(), Failure> {
    let Some(failure) = &mut report.failure else {
        report.records = records::skipped(s3, bucket, run, report).await;
        return Ok(());
    };
    let rejected = match &report.plan {
        Some(plan) if failure.error == ErrorName::LoadRejected.to_string() => {
            rejected::cause(s3, bucket, run, plan, &report.compacted).await?
        }
        _ => None,
    };
    let Explained { cause, records } = match rejected {
        Some(explained) => explained,
        None => origin::name_records(s3, bucket, run, &failure.cause).await,
    };
    failure.cause = cause;
    report.records = match &report.plan {
        Some(plan) if records.is_empty() => records::named(failure, plan),
        _ => records,
    };
    Ok(())
}

async fn put(
    s3: &Client,
    bucket: &str,
    key: &str,
    kind: &str,
    body: String,
) -> Result<(), Failure> {
    let body = ByteStream::from(body.into_bytes());
    let sent = s3.put_object().bucket(bucket).key(key).content_type(kind).body(body).send().await;
    sent.map(|_| ()).map_err(|error| {
        let what = format!("{} cannot be written", layout::uri(bucket, key));
        s3_failure(what, "s3:PutObject", &error)
    })
}

#[cfg(test)]
mod tests;
