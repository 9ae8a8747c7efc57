//! How a run ended, for people and for programs.

use std::time::Duration;

use jiff::Timestamp;
use segue_contract::{
    data_files::{Skipped, loaded_by_other_paths},
    messages::Variants,
};
use serde::Serialize;

use super::name;
use crate::{
    errors::{Outcome, Problem},
    ui,
};

/// How a run ended, as it is printed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `loaded`, `up-to-date`, `loaded-with-rejects`, `failed`, `aborted`, `timed-out`; or
    /// `running` when nobody waited for the end.
    pub status: String,
    /// The run's name, which is its execution's name too.
    pub run_id: String,
    /// Its execution.
    pub execution_arn: String,
    /// When it started, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// What started it: `arrival`, `schedule`, `manual`, or the `trigger` of its input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// From start to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// States entered, including those of nested executions: what Step Functions bills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transitions: Option<u64>,
    /// Objects that it loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<u64>,
    /// Rows that they brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Objects that are not data, by source and reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Published objects that were loaded with other JSONPaths than the current ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loaded_by_other_paths: Option<u64>,
    /// Records that it could not load and was allowed to skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<u64>,
    /// Files that it could not load and was allowed to set aside whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<u64>,
    /// Keys under which it brought records that differ, by table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variants>,
    /// What looks wrong but did not stop it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The URI of the run's own report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// The error's name, when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What happened, when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do about it, when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Report {
    /// A run that nobody waits for.
    pub fn started(arn: String) -> Self {
        Self {
            status: "running".to_owned(),
            run_id: name(&arn).to_owned(),
            execution_arn: arn,
            started_at: None,
            trigger: None,
            duration_seconds: None,
            transitions: None,
            objects: None,
            rows: None,
            skipped: Vec::new(),
            loaded_by_other_paths: None,
            rejected: None,
            set_aside: None,
            variants: Vec::new(),
            warnings: Vec::new(),
            report: None,
            error: None,
            message: None,
            hint: None,
        }
    }

    /// Whether the run succeeded, or was only started.
    pub fn is_good(&self) -> bool {
        self.error.is_none()
    }

    /// Whether the run found nothing new to load.
    pub fn found_nothing(&self) -> bool {
        self.status == "up-to-date"
    }

    /// Whether the run has not ended.
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// What happened: `✓ loaded`, `✗ LoadRejected`, `- up-to-date`.
    pub fn outcome(&self) -> String {
        match (&self.error, self.status.as_str()) {
            (Some(error), "failed") => format!("✗ {error}"),
            (Some(_), status) => format!("✗ {status}"),
            (None, status @ ("running" | "up-to-date")) => format!("- {status}"),
            (None, status) => format!("✓ {status}"),
        }
    }

    /// What it loaded: `101 files, 8,127 rows`; empty if nothing.
    pub fn loaded(&self) -> String {
        match (self.objects.filter(|one| *one > 0), self.rows) {
            (Some(objects), Some(rows)) => {
                format!("{}, {}", ui::count(objects, "file"), ui::count(rows, "row"))
            }
            _ => String::new(),
        }
    }

    /// How long it took: `3.5 s`; empty if it is running.
    pub fn took(&self) -> String {
        let duration = self.duration_seconds.and_then(|it| Duration::try_from_secs_f64(it).ok());
        duration.map(ui::seconds).unwrap_or_default()
    }

    /// When it started, if the service says so.
    pub fn start_time(&self) -> Option<Timestamp> {
        self.started_at.as_ref()?.parse().ok()
    }

    /// What started it, in words.
    pub fn started_by(&self) -> &str {
        match self.trigger.as_deref() {
            Some("arrival") => "new files",
            Some("schedule") => "the schedule",
            Some("manual") | None => "a person",
            Some(name) => name,
        }
    }

    /// `✓ loaded 101 files, 8,127 rows in 3.5 s`
    pub fn headline(&self) -> String {
        let headline = [self.outcome(), self.loaded()].join(" ");
        match self.took() {
            took if took.is_empty() => headline.trim_end().to_owned(),
            took => format!("{} in {took}", headline.trim_end()),
        }
    }

    /// What is worth knowing besides the outcome, a line each. `rebuild` is the command that loads
    /// everything again.
    pub fn notes(&self, rebuild: &str) -> Vec<String> {
        let other_paths = self.loaded_by_other_paths.unwrap_or_default();
        let mut notes: Vec<String> = self.skipped.iter().map(Skipped::line).collect();
        notes.extend(loaded_by_other_paths(other_paths, rebuild));
        if let Some(rejected) = self.rejected {
            let records = ui::count(rejected, "record");
            notes.push(format!("{records} skipped: see ops.rejected_rows and the report"));
        }
        if let Some(set_aside) = self.set_aside {
            let files = ui::count(set_aside, "file");
            notes.push(format!("{files} set aside: see ops.set_aside_objects and the report"));
        }
        for Variants { table, within_run, beside_published } in &self.variants {
            let within = ui::count(*within_run, "key");
            let beside = ui::count(*beside_published, "key");
            notes.push(format!(
                "mart.{table}: records of this run differ under {within}, and differ from \
                 published ones under {beside}"
            ));
        }
        notes.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        notes
    }

    /// The failure as the command's own, when it failed.
    pub fn into_problem(self) -> Outcome<Self> {
        let Some(error) = &self.error else { return Ok(self) };
        let message = self.message.as_deref().unwrap_or("no reason given");
        let problem = Problem::failed(format!("run {} failed, {error}: {message}", self.run_id));
        let hint =
            self.hint.as_deref().unwrap_or("read its report or its history in Step Functions");
        Err(match &self.report {
            Some(report) => problem.hint(format!("{hint}\nreport: {report}")),
            None => problem.hint(hint),
        })
    }
}
