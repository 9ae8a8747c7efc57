//! Watches one execution until it ends.

use std::{
    pin::pin,
    time::{Duration, SystemTime},
};

use aws_sdk_sfn::{
    Client,
    operation::describe_execution::DescribeExecutionOutput,
    primitives::DateTime,
    types::{ExecutionStatus, HistoryEvent, HistoryEventType},
};
use jiff::{Timestamp, Unit};
use segue_contract::RunInput;
use serde_json::Value;

use tokio::time::Instant;

use super::{
    Report, cause,
    copies::Copies,
    history, name,
    phases::{News, PLAN, Phases, STAGE},
    planned::Planned,
    status,
};
use crate::{aws, errors::Outcome, ui::Screen};

/// A short run is polled often; in a long one a few seconds do not matter.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(250);
const POLL_INTERVAL_MAX: Duration = Duration::from_secs(5);
const POLL_SHARE_OF_AGE: u32 = 20;
/// Between two polls, what is under way is shown again with the time that has passed.
const SHOW_INTERVAL: Duration = Duration::from_secs(1);
/// The most executions of a phase that are looked into: one for each of a few sources.
const NESTED_MAX: usize = 8;
/// A phase that takes longer than this is looked into.
const LONG_PHASE: Duration = Duration::from_secs(3);

/// Watches until the execution has ended.
pub async fn follow(
    client: &Client,
    arn: &str,
    copies: Option<Copies>,
    screen: &mut dyn Screen,
) -> Outcome<Report> {
    let mut watch = Watch { phases: Phases::default(), seen: 0, nested: Vec::new(), copies };
    let watched_since = Instant::now();
    let described = describe(client, arn).await?;
    let since_start = since(&described.start_date);
    let age = since_start(&DateTime::from(SystemTime::now()));
    let now = || age + watched_since.elapsed();
    let mut due = Instant::now();
    let ended = loop {
        let mut polling = pin!(poll(client, arn, watch.seen, watch.nested_seen(), due));
        let polled = loop {
            tokio::select! {
                polled = &mut polling => break polled?,
                // A poll may take long; the time that has passed is shown all the same.
                () = tokio::time::sleep(SHOW_INTERVAL) => watch.show(now(), screen),
            }
        };
        watch.take(polled.events, &since_start, screen);
        if let Some(stopped) = polled.described.stop_date.as_ref() {
            if let Some(phase) = watch.phases.broken_off(since_start(stopped)) {
                screen.line(&phase.line());
            }
            break report(arn, polled.described);
        }
        watch.take_nested(polled.nested, screen);
        watch.look_inside(now()).await;
        watch.show(now(), screen);
        let interval = watched_since.elapsed() / POLL_SHARE_OF_AGE;
        due = Instant::now() + interval.clamp(POLL_INTERVAL_MIN, POLL_INTERVAL_MAX);
    };
    screen.end();
    Ok(ended)
}

/// What one poll has found.
struct Polled {
    described: DescribeExecutionOutput,
    /// The events since the last one; with its data where it is needed.
    events: Vec<HistoryEvent>,
    /// The same of the executions that the current phase waits for, by their ARNs.
    nested: Vec<(String, Vec<HistoryEvent>)>,
}

/// Asks once it is time.
async fn poll(
    client: &Client,
    arn: &str,
    seen: i64,
    nested: Vec<(String, i64)>,
    due: Instant,
) -> Outcome<Polled> {
    tokio::time::sleep_until(due).await;
    let described = describe(client, arn).await?;
    let mut events = history::newer(client, arn, seen).await?;
    for event in &mut events {
        let is_plan = event.state_exited_event_details().is_some_and(|state| state.name == PLAN);
        let is_nested = event.r#type == HistoryEventType::TaskSubmitted;
        if (is_plan || is_nested)
            && let Some(complete) = history::with_data(client, arn, event.id).await?
        {
            *event = complete;
        }
    }
    // What nested executions do is shown if it can be read; nothing depends on it.
    let mut events_of_nested = Vec::new();
    for (arn, seen) in nested {
        let newer = history::newer(client, &arn, seen).await.unwrap_or_default();
        events_of_nested.push((arn, newer));
    }
    let nested = events_of_nested;
    Ok(Polled { described, events, nested })
}

/// What is known about an execution while it is watched.
struct Watch {
    phases: Phases,
    /// The id of the last event that was taken.
    seen: i64,
    /// The executions that the current phase waits for, the newest last.
    nested: Vec<Nested>,
    copies: Option<Copies>,
}

/// An execution that the current phase waits for.
struct Nested {
    arn: String,
    phases: Phases,
    seen: i64,
    since: Instant,
}

impl Watch {
    /// The nested executions to look into, and the last event of each that was taken: only those that
    /// take long, because most do not.
    fn nested_seen(&self) -> Vec<(String, i64)> {
        let long = self.nested.iter().filter(|one| one.since.elapsed() >= LONG_PHASE);
        long.map(|nested| (nested.arn.clone(), nested.seen)).collect()
    }

    /// Takes what has happened since the last time.
    fn take(
        &mut self,
        events: Vec<HistoryEvent>,
        since_start: &impl Fn(&DateTime) -> Duration,
        screen: &mut dyn Screen,
    ) {
        for event in events {
            self.seen = event.id;
            if let Some(arn) = history::nested_execution(&event) {
                // The end of a task names its execution, too.
                self.nested.retain(|nested| nested.arn != arn);
                if event.r#type == HistoryEventType::TaskSubmitted {
                    let (phases, since) = (Phases::default(), Instant::now());
                    self.nested.push(Nested { arn, phases, seen: 0, since });
                    self.nested.drain(..self.nested.len().saturating_sub(NESTED_MAX));
                }
            }
            if let Some(state) = event.state_exited_event_details() {
                let plan = state.output().filter(|_| state.name == PLAN);
                self.phases.planned = plan.and_then(Planned::read).or(self.phases.planned.take());
            }
            if let Some(news) = self.phases.take(&event, since_start(&event.timestamp)) {
                if matches!(news, News::Ended(_)) {
                    self.nested.clear();
                }
                screen.line(&news.line());
            }
        }
    }

    /// Takes what the nested executions try again.
    fn take_nested(&mut self, events: Vec<(String, Vec<HistoryEvent>)>, screen: &mut dyn Screen) {
        let current = self.phases.current(Duration::ZERO).map(|(name, _)| name.to_owned());
        let Some(phase) = current else { return };
        for (arn, events) in events {
            let Some(nested) = self.nested.iter_mut().find(|one| one.arn == arn) else { continue };
            for event in events {
                nested.seen = event.id;
                let news = nested.phases.take(&event, Duration::ZERO);
                if let Some(News::Retried { attempt, reason, .. }) = news {
                    let phase = phase.clone();
                    screen.line(&News::Retried { phase, attempt, reason }.line());
                }
            }
        }
        self.phases.nested_failure = self.nested.iter().find_map(|one| one.phases.failure());
    }

    /// Asks the warehouse how much it has copied, if that takes long.
    async fn look_inside(&mut self, at: Duration) {
        let is_long = |(name, so_far)| name == STAGE && so_far >= LONG_PHASE;
        if self.phases.current(at).is_some_and(is_long)
            && let Some(copies) = &mut self.copies
        {
            self.phases.copied = copies.so_far().await;
        }
    }

    fn show(&self, at: Duration, screen: &mut dyn Screen) {
        if let Some(status) = self.phases.under_way(at) {
            screen.status(&status);
        }
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

#[cfg(test)]
mod tests;
