//! Runs as executions of the load state machine: start or attach, follow, and say how it ended.

mod cause;
mod follow;
mod history;
mod phases;

use std::time::Duration;

use aws_sdk_sfn::{
    Client,
    types::{ExecutionListItem, ExecutionStatus},
};
use segue_contract::data_files::{Skipped, loaded_by_other_paths};
use segue_contract::{RunInput, messages::Variants};
use serde::Serialize;

use crate::{
    aws,
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

/// The executions of one load state machine.
pub struct Runs {
    client: Client,
    machine: String,
}

impl Runs {
    /// Runs of the state machine with this ARN.
    pub fn of(client: Client, machine: &str) -> Self {
        Self { client, machine: machine.to_owned() }
    }

    /// Starts a run.
    pub async fn start(&self, input: &RunInput) -> Outcome<String> {
        let input = serde_json::to_string(input)
            .map_err(|error| Problem::failed(format!("cannot write the input: {error}")))?;
        let started = self
            .client
            .start_execution()
            .state_machine_arn(&self.machine)
            .input(input)
            .send()
            .await
            .map_err(|error| aws::problem("start a run", error))?;
        Ok(started.execution_arn)
    }

    /// The run in flight with this input, or a new one.
    ///
    /// A run with other options cannot replace this one; both may run at once.
    pub async fn start_or_attach(&self, input: &RunInput) -> Outcome<String> {
        for arn in self.in_flight().await? {
            if self.input_of(&arn).await?.as_ref() == Some(input) {
                ui::say(format!("a run is in flight: following {}", name(&arn)));
                return Ok(arn);
            }
        }
        self.start(input).await
    }

    /// The runs that have not ended, newest first.
    pub async fn in_flight(&self) -> Outcome<Vec<String>> {
        let running = self.list(Some(ExecutionStatus::Running), LISTED_MAX).await?;
        Ok(running.into_iter().map(|run| run.execution_arn).collect())
    }

    /// The latest runs, newest first.
    pub async fn latest(&self, count: u16) -> Outcome<Vec<ExecutionListItem>> {
        self.list(None, count).await
    }

    async fn list(
        &self,
        status: Option<ExecutionStatus>,
        count: u16,
    ) -> Outcome<Vec<ExecutionListItem>> {
        let page = self
            .client
            .list_executions()
            .state_machine_arn(&self.machine)
            .set_status_filter(status)
            .max_results(i32::from(count))
            .send()
            .await
            .map_err(|error| aws::problem("list the runs", error))?;
        Ok(page.executions)
    }

    /// A run's input; `None` if it is not valid.
    async fn input_of(&self, arn: &str) -> Outcome<Option<RunInput>> {
        let described = self
            .client
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await
            .map_err(|error| aws::problem("describe the run", error))?;
        let input = described.input.unwrap_or_else(|| "{}".to_owned());
        let input = serde_json::from_str::<RunInput>(&input).ok();
        Ok(input.map(|input| RunInput { started_by: None, ..input }))
    }

    /// The run of this name, or of the only name that begins like this; the latest without one.
    pub async fn find(&self, wanted: Option<&str>) -> Outcome<String> {
        let runs = self.latest(LISTED_MAX).await?;
        let Some(wanted) = wanted else {
            let latest = runs.into_iter().next().map(|run| run.execution_arn);
            return latest.ok_or_else(|| Problem::failed("there are no runs yet"));
        };
        let alike: Vec<_> = runs.iter().filter(|run| run.name.starts_with(wanted)).collect();
        match (alike.iter().find(|run| run.name == wanted), alike.as_slice()) {
            (Some(run), _) | (None, [run]) => Ok(run.execution_arn.clone()),
            // An older one is found by its whole name.
            (None, []) => {
                let arn = self.machine.replacen(":stateMachine:", ":execution:", 1);
                let arn = format!("{arn}:{wanted}");
                let described = self.client.describe_execution().execution_arn(&arn).send().await;
                described.map(|_| arn).map_err(|_| {
                    Problem::wrong_use(format!(
                        "expected the name of a run, or how one of the latest {LISTED_MAX} begins, \
                         found {wanted}"
                    ))
                    .hint("`segue runs` lists them")
                })
            }
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|run| run.name.as_str()).collect();
                let message = format!("several runs begin with {wanted}: {}", names.join(", "));
                Err(Problem::wrong_use(message).hint("type more of its name"))
            }
        }
    }

    /// Stops a run that has not ended.
    pub async fn stop(&self, arn: &str) -> Outcome {
        let stopped = self.client.stop_execution().execution_arn(arn).error("Stopped");
        let stopped = stopped.cause("`segue stop` stopped this run").send().await;
        stopped.map(|_| ()).map_err(|error| aws::problem(&format!("stop {}", name(arn)), error))
    }

    /// How a run ended, or that it is still running.
    pub async fn ended(&self, arn: &str) -> Outcome<Report> {
        follow::look(&self.client, arn).await
    }

    /// Follows a run to its end; each phase is a line on stderr. `target` names the stack in a command.
    ///
    /// # Errors
    /// Only if the run cannot be followed; a failure of the run is in the report.
    pub async fn follow(&self, arn: &str, target: &str) -> Outcome<Report> {
        let end = tokio::select! {
            end = follow::follow(&self.client, arn) => end?,
            _ = tokio::signal::ctrl_c() => {
                let run = name(arn);
                return Err(Problem::interrupted(format!("stopped following {run}")).hint(format!(
                    "the run continues; `segue follow {run}{target}` follows it again"
                )));
            }
        };
        self.counted(end).await
    }

    async fn counted(&self, report: Report) -> Outcome<Report> {
        let transitions = history::transitions(&self.client, &report.execution_arn).await?;
        Ok(Report { transitions: Some(transitions), ..report })
    }
}

/// Runs that one list call may return.
const LISTED_MAX: u16 = 100;

/// The last part of an execution's ARN.
pub fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// An execution's status as a report names it.
pub fn status(status: &ExecutionStatus) -> String {
    status.as_str().to_lowercase().replace('_', "-")
}

impl Report {
    /// A run that nobody waits for.
    pub fn started(arn: String) -> Self {
        Self {
            status: "running".to_owned(),
            run_id: name(&arn).to_owned(),
            execution_arn: arn,
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

    /// How it ended, for people: the last line sums up; notes and warnings come before. `rebuild`
    /// is the command that loads everything again.
    pub fn line(&self, rebuild: &str) -> String {
        let other_paths = self.loaded_by_other_paths.unwrap_or_default();
        let mut before: Vec<String> = self.skipped.iter().map(Skipped::line).collect();
        before.extend(loaded_by_other_paths(other_paths, rebuild));
        let mut line = self.status.clone();
        if let (Some(objects), Some(rows)) = (self.objects.filter(|one| *one > 0), self.rows) {
            let (files, rows) =
                (ui::count(objects as usize, "file"), ui::count(rows as usize, "row"));
            line.push_str(&format!(" {files}, {rows}"));
        }
        if let Some(seconds) = self.duration_seconds {
            let duration = ui::seconds(Duration::from_secs_f64(seconds.max(0.0)));
            line.push_str(&format!(" in {duration}"));
        }
        if let Some(transitions) = self.transitions {
            let transitions = ui::count(transitions as usize, "transition");
            line.push_str(&format!(", {transitions}: run {}", self.run_id));
        } else {
            line.push_str(&format!(": run {}", self.run_id));
        }
        if let Some(rejected) = self.rejected {
            let records = ui::count(rejected as usize, "record");
            line.push_str(&format!("; {records} skipped: see ops.rejected_rows and the report"));
        }
        if let Some(set_aside) = self.set_aside {
            let files = ui::count(set_aside as usize, "file");
            line.push_str(&format!(
                "; {files} set aside: see ops.set_aside_objects and the report"
            ));
        }
        for Variants { table, within_run, beside_published } in &self.variants {
            let within = ui::count(*within_run as usize, "key");
            let beside = ui::count(*beside_published as usize, "key");
            before.push(format!(
                "mart.{table}: records of this run differ under {within}, and differ from \
                 published ones under {beside}"
            ));
        }
        let warnings = self.warnings.iter().map(|warning| format!("warning: {warning}"));
        before.extend(warnings);
        before.push(line);
        before.join("\n")
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
