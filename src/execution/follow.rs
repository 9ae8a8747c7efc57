//! Watches one execution until it ends.

use std::{
    collections::HashSet,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use aws_sdk_sfn::{
    Client, operation::describe_execution::DescribeExecutionOutput, types::ExecutionStatus,
};
use indicatif::ProgressBar;
use serde_json::Value;

use super::{Report, cause, history, name, status};
use crate::{aws, errors::Outcome, talk};

/// A short run is polled often; in a long one a few seconds do not matter.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(250);
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(5);
const POLL_SHARE_OF_AGE: u32 = 20;

/// Watches until the execution has ended.
pub async fn follow(client: &Client, arn: &str) -> Outcome<Report> {
    let watched_since = Instant::now();
    let mut progress = Progress::new();
    let mut seen = 0;
    loop {
        let described = describe(client, arn).await?;
        for event in history::newer(client, arn, seen).await? {
            seen = event.id;
            if let Some(state) = history::entered(&event) {
                let entered = event.timestamp.as_secs_f64() - described.start_date.as_secs_f64();
                progress.enter(state, Duration::try_from_secs_f64(entered).unwrap_or_default());
            }
        }
        if described.status != ExecutionStatus::Running {
            progress.end();
            return Ok(report(arn, described));
        }
        let interval = watched_since.elapsed() / POLL_SHARE_OF_AGE;
        tokio::time::sleep(interval.clamp(POLL_INTERVAL_MIN, POLL_INTERVAL_MAX)).await;
    }
}

async fn describe(client: &Client, arn: &str) -> Outcome<DescribeExecutionOutput> {
    let described = client.describe_execution().execution_arn(arn).send().await;
    described.map_err(|error| aws::problem("describe the run", error))
}

fn report(arn: &str, described: DescribeExecutionOutput) -> Report {
    let output: Value = described
        .output
        .as_deref()
        .and_then(|output| serde_json::from_str(output).ok())
        .unwrap_or_default();
    let text = |key: &str| output.get(key).and_then(Value::as_str).map(str::to_owned);
    let ended = described.stop_date.map(|stop| stop.as_secs_f64());
    let mut report = Report {
        run_id: text("runId").unwrap_or_else(|| name(arn).to_owned()),
        report: text("report"),
        objects: output.get("objects").and_then(Value::as_u64),
        rows: output.get("rows").and_then(Value::as_u64),
        skipped: output
            .get("skipped")
            .and_then(|skipped| serde_json::from_value(skipped.clone()).ok())
            .unwrap_or_default(),
        loaded_by_other_paths: output
            .get("loadedByOtherPaths")
            .and_then(Value::as_u64)
            .filter(|files| *files > 0),
        rejected: output.get("rejected").and_then(Value::as_u64).filter(|count| *count > 0),
        set_aside: output.get("setAside").and_then(Value::as_u64).filter(|count| *count > 0),
        variants: output
            .get("variants")
            .and_then(|variants| serde_json::from_value(variants.clone()).ok())
            .unwrap_or_default(),
        warnings: output
            .get("warnings")
            .and_then(|warnings| serde_json::from_value(warnings.clone()).ok())
            .unwrap_or_default(),
        status: text("status").unwrap_or_else(|| "loaded".to_owned()),
        duration_seconds: ended.map(|end| milliseconds(end - described.start_date.as_secs_f64())),
        ..Report::started(arn.to_owned())
    };
    if described.status == ExecutionStatus::Succeeded {
        return report;
    }
    let explanation = cause::explain(described.cause.as_deref().unwrap_or_default());
    report.status = status(&described.status);
    report.error = Some(described.error.unwrap_or_else(|| report.status.clone()));
    report.message = Some(explanation.message).filter(|message| !message.is_empty());
    report.hint = explanation.hint;
    report.report = explanation.report;
    report
}

/// Seconds to the millisecond: more digits are noise of the conversion.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Names each state once, when it is first entered; a spinner shows the current one.
struct Progress {
    spinner: Option<ProgressBar>,
    named: HashSet<String>,
}

impl Progress {
    fn new() -> Self {
        let spinner = io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            spinner.enable_steady_tick(POLL_INTERVAL_MIN);
            spinner
        });
        Self { spinner, named: HashSet::new() }
    }

    fn enter(&mut self, state: &str, since_start: Duration) {
        let line = format!("{:>10}  {state}", talk::seconds(since_start));
        let first_time = self.named.insert(state.to_owned());
        match &self.spinner {
            Some(spinner) => {
                spinner.set_message(state.to_owned());
                if first_time {
                    spinner.println(line);
                }
            }
            None if first_time => talk::say(line),
            None => {}
        }
    }

    fn end(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
