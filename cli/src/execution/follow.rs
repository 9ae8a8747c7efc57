//! Watches one execution until it ends.

use std::time::{Duration, Instant, SystemTime};

use aws_sdk_sfn::{
    Client,
    operation::describe_execution::DescribeExecutionOutput,
    primitives::DateTime,
    types::{ExecutionStatus, HistoryEvent},
};
use indicatif::ProgressBar;
use jiff::{Timestamp, Unit};
use segue_contract::RunInput;
use serde_json::Value;

use super::{Report, cause, history, name, phases::Phases, status};
use crate::{aws, errors::Outcome, ui};

/// A short run is polled often; in a long one a few seconds do not matter.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(250);
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(5);
const POLL_SHARE_OF_AGE: u32 = 20;
/// How long a log may be without news of a phase that takes long.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Watches until the execution has ended.
pub async fn follow(client: &Client, arn: &str) -> Outcome<Report> {
    let watched_since = Instant::now();
    let mut progress = Progress::new();
    let mut seen = 0;
    loop {
        let described = describe(client, arn).await?;
        let since_start = since(&described.start_date);
        for event in history::newer(client, arn, seen).await? {
            seen = event.id;
            progress.take(&event, since_start(&event.timestamp));
        }
        if let Some(stopped) = described.stop_date.as_ref() {
            progress.end(since_start(stopped));
            return Ok(report(arn, described));
        }
        progress.show(since_start(&DateTime::from(SystemTime::now())));
        let interval = watched_since.elapsed() / POLL_SHARE_OF_AGE;
        tokio::time::sleep(interval.clamp(POLL_INTERVAL_MIN, POLL_INTERVAL_MAX)).await;
    }
}

/// How long after the start of a run something was.
pub fn since(start: &DateTime) -> impl Fn(&DateTime) -> Duration + 'static {
    let start = start.as_secs_f64();
    move |time| Duration::try_from_secs_f64(time.as_secs_f64() - start).unwrap_or_default()
}

/// Looks once.
pub async fn look(client: &Client, arn: &str) -> Outcome<Report> {
    let described = describe(client, arn).await?;
    Ok(match described.status {
        ExecutionStatus::Running => Report {
            started_at: rfc_3339(&described.start_date),
            trigger: Some(trigger(described.input.as_deref())),
            ..Report::started(arn.to_owned())
        },
        _ => report(arn, described),
    })
}

/// The execution as Step Functions describes it.
pub async fn describe(client: &Client, arn: &str) -> Outcome<DescribeExecutionOutput> {
    let described = client.describe_execution().execution_arn(arn).send().await;
    described.map_err(|error| aws::problem("describe the run", error))
}

fn rfc_3339(time: &DateTime) -> Option<String> {
    let time = Timestamp::new(time.secs(), time.subsec_nanos().cast_signed()).ok()?;
    Some(time.round(Unit::Second).ok()?.to_string())
}

/// What started a run, by its input.
fn trigger(input: Option<&str>) -> String {
    let input = input.and_then(|input| serde_json::from_str::<RunInput>(input).ok());
    let RunInput { trigger, arrivals, .. } = input.unwrap_or_default();
    let unnamed = if arrivals { "arrival" } else { "manual" };
    trigger.unwrap_or_else(|| unnamed.to_owned())
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
        started_at: rfc_3339(&described.start_date),
        trigger: Some(trigger(described.input.as_deref())),
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

/// Shows the phases: a line for each that ended; a spinner, or a line now and then, for the current one.
struct Progress {
    spinner: Option<ProgressBar>,
    phases: Phases,
    said_last: Instant,
}

impl Progress {
    fn new() -> Self {
        let spinner = ui::is_watched().then(|| {
            let spinner = ProgressBar::new_spinner();
            spinner.enable_steady_tick(POLL_INTERVAL_MIN);
            spinner
        });
        Self { spinner, phases: Phases::default(), said_last: Instant::now() }
    }

    fn take(&mut self, event: &HistoryEvent, since_start: Duration) {
        if let Some(news) = self.phases.take(event, since_start) {
            self.say(news.line());
        }
    }

    fn show(&mut self, since_start: Duration) {
        let Some(line) = self.phases.under_way(since_start) else { return };
        match &self.spinner {
            Some(spinner) => spinner.set_message(line),
            None if self.said_last.elapsed() >= SILENCE_MAX => self.say(format!("  {line}")),
            None => {}
        }
    }

    fn end(&mut self, since_start: Duration) {
        if let Some(phase) = self.phases.broken_off(since_start) {
            self.say(phase.line());
        }
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }

    fn say(&mut self, line: String) {
        self.said_last = Instant::now();
        match &self.spinner {
            Some(spinner) => spinner.println(line),
            None => ui::say(line),
        }
    }
}
