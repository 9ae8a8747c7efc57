//! `segue logs`: what the functions logged about one run.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::{
    aws,
    cli::Target,
    display,
    errors::{Outcome, Problem},
    execution::name,
    print,
    runs::Found,
    ui,
};

/// CloudWatch shows lines some seconds after they were written; clocks differ a little, too.
const AROUND_THE_RUN: SignedDuration = SignedDuration::from_mins(5);
/// The most lines of one run.
const LINES_MAX: usize = 100_000;

/// `segue logs`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue logs              the latest run
  segue logs 1f0e8400 --errors")]
pub struct Logs {
    /// The run, or the first characters of its name [default: the latest]
    pub run: Option<String>,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// Only warnings and errors
    #[arg(long)]
    pub errors: bool,
    /// Print the lines as they were logged: one JSON object each
    #[arg(long)]
    pub json: bool,
}

/// Shows the lines that name the run, oldest first.
///
/// # Errors
/// If there is no such run, or its lines cannot be read.
pub async fn logs(wanted: Logs) -> Outcome {
    let found = Found::of(wanted.target, wanted.run.as_deref()).await?;
    let group = found.stack.function_logs()?;
    let ended = found.runs.ended(&found.arn).await?;
    let run = name(&found.arn);
    let started = ended.start_time().unwrap_or(Timestamp::UNIX_EPOCH);
    let until = ended
        .duration_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .and_then(|took| started.checked_add(took).ok()?.checked_add(AROUND_THE_RUN).ok());
    let from = started.checked_sub(AROUND_THE_RUN).unwrap_or(started);
    let mut pages = found
        .clients
        .logs()
        .filter_log_events()
        .log_group_name(group)
        .filter_pattern(format!("\"{run}\""))
        .start_time(from.as_millisecond())
        .set_end_time(until.map(Timestamp::as_millisecond))
        .into_paginator()
        .send();
    let mut lines: Vec<(i64, Line)> = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| aws::problem("read the functions' log", error))?;
        let events = page.events.unwrap_or_default().into_iter();
        lines.extend(events.filter_map(|event| Line::about(run, event)));
        if lines.len() > LINES_MAX {
            return Err(Problem::failed(format!("the run has more than {LINES_MAX} log lines"))
                .hint(format!("query the log group {group} in CloudWatch Logs Insights")));
        }
    }
    lines.sort_by_key(|(time, _)| *time);
    lines.retain(|(_, line)| !wanted.errors || line.is_bad());
    if lines.is_empty() {
        let wanted = if wanted.errors { "warnings or errors" } else { "lines" };
        ui::say(format!("no {wanted} about {run} in {group}"));
    }
    print::with(|out| {
        for (time, line) in &lines {
            writeln!(out, "{}", if wanted.json { line.json() } else { line.text(*time) })?;
        }
        Ok(())
    })
}

/// A line of a function's log.
#[derive(Debug)]
struct Line(Map<String, Value>);

impl Line {
    /// A line with its time in milliseconds since 1970, if it is about this run.
    fn about(run: &str, event: FilteredLogEvent) -> Option<(i64, Self)> {
        let fields: Map<String, Value> = serde_json::from_str(event.message()?).ok()?;
        let is_about = fields.get("span")?.get("run_id")?.as_str()? == run;
        let written = fields.get("timestamp").and_then(Value::as_str);
        let written = written.and_then(|time| time.parse::<Timestamp>().ok());
        let time = written.map(Timestamp::as_millisecond).or(event.timestamp)?;
        is_about.then_some((time, Self(fields)))
    }

    fn field(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn is_bad(&self) -> bool {
        matches!(self.field("level"), "ERROR" | "WARN")
    }

    fn json(&self) -> String {
        display::json(&Value::Object(self.0.clone()).to_string())
    }

    /// `00:30:12.345 plan     listed objects=101`
    fn text(&self, time: i64) -> String {
        let time = Timestamp::from_millisecond(time).unwrap_or_default();
        let function = self.field("target");
        let function = function.split("::").next().unwrap_or(function);
        let function = function.strip_prefix("segue_").unwrap_or(function);
        let mut text = format!("{} {function:<8}", time.strftime("%H:%M:%S.%3f"));
        if self.is_bad() {
            text.push_str(&format!(" {}", self.field("level")));
        }
        text.push_str(&format!(" {}", self.field("message")));
        for (key, value) in &self.0 {
            if !["timestamp", "level", "target", "span", "message"].contains(&key.as_str()) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                text.push_str(&format!(" {key}={value}"));
            }
        }
        display::visible(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(run: &str, level: &str) -> Option<String> {
        let message = serde_json::json!({
            "timestamp": "2018-11-01T00:00:01.234567Z", "level": level, "target": "segue_plan::new",
            "message": "planned", "objects": 101, "key": "a\u{1b}[2J",
            "span": {"name": "handle", "run_id": run},
        });
        let event = FilteredLogEvent::builder().message(message.to_string()).build();
        Line::about("daily-7", event).map(|(time, line)| line.text(time))
    }

    #[test]
    fn a_line_says_when_who_and_what() {
        let shown = [line("daily-7", "INFO"), line("daily-7", "ERROR"), line("daily-77", "INFO")];
        insta::assert_snapshot!(shown.map(Option::unwrap_or_default).join("\n"), @r"
        00:00:01.234 plan     planned objects=101 key=a\x1b[2J
        00:00:01.234 plan     ERROR planned objects=101 key=a\x1b[2J
        ");
    }
}
