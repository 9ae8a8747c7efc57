//! Runs as executions of the load state machine: start or attach, follow, and say how it ended.

mod cause;
mod copies;
mod details;
mod follow;
mod forecast;
mod history;
mod phases;
mod planned;
mod report;

use std::sync::Arc;

use aws_sdk_sfn::{
    Client,
    types::{ExecutionListItem, ExecutionStatus},
};
use segue_contract::RunInput;

use self::copies::Copies;
pub use self::{
    details::{Changes, Details, Source},
    phases::Ended,
    report::Report,
};
use crate::{
    aws::{self, AwsClients},
    errors::{Outcome, Problem},
    stack::Stack,
    ui, version,
    warehouse::Warehouse,
};

/// The executions of one load state machine.
pub struct Runs {
    client: Client,
    machine: String,
    /// The warehouse whose views say how much is copied, if they are to be asked.
    warehouse: Option<Arc<Warehouse>>,
}

impl Runs {
    /// The runs of a stack.
    pub fn of(clients: &AwsClients, stack: &Stack) -> Outcome<Self> {
        Ok(Self {
            client: clients.step_functions(),
            machine: stack.load_state_machine()?.to_owned(),
            warehouse: Warehouse::of(clients, stack).ok().map(Arc::new),
        })
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
        let described = follow::describe(&self.client, arn).await?;
        let input = described.input.unwrap_or_else(|| "{}".to_owned());
        let input = serde_json::from_str::<RunInput>(&input).ok();
        Ok(input.map(|input| RunInput { started_by: None, trigger: None, ..input }))
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

    /// The shortest beginning of a run's name that no other one has, see [`short_names`].
    pub async fn short_name(&self, arn: &str) -> Outcome<String> {
        let runs = self.latest(LISTED_MAX).await?;
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        Ok(short_name(name(arn), &names))
    }

    /// How a run ended, for people; the last line sums up. `target` names the stack in a command.
    pub async fn summary(
        &self,
        (clients, stack): (&AwsClients, &Stack),
        run: &Report,
        target: &str,
    ) -> Outcome<String> {
        let mut lines = run.notes(&format!("segue run{target} --rebuild"));
        let short = self.short_name(&run.execution_arn).await?;
        let command = match (&run.report, run.is_running()) {
            (Some(_), _) => format!("segue report {short}{target}"),
            (None, true) => format!("segue follow {short}{target}"),
            (None, false) => format!("segue show {short}{target}"),
        };
        let details = Details::read(clients, stack, run).await;
        lines.extend(details.sql_digest.as_deref().and_then(version::of_other_sql));
        lines.push(format!("{}{}: {command}", run.headline(), details.summary()));
        Ok(lines.join("\n"))
    }

    /// The phases of a run so far, in their order.
    pub async fn phases(&self, arn: &str) -> Outcome<Vec<Ended>> {
        let described = follow::describe(&self.client, arn).await?;
        let events = history::newer(&self.client, arn, 0).await?;
        let since_start = follow::since(&described.start_date);
        let mut phases = phases::Phases::default();
        let mut ended: Vec<Ended> = Vec::new();
        for event in &events {
            if let Some(phases::News::Ended(phase)) =
                phases.take(event, since_start(&event.timestamp))
            {
                ended.push(phase);
            }
        }
        let stopped = described.stop_date.as_ref();
        ended.extend(stopped.and_then(|stopped| phases.broken_off(since_start(stopped))));
        Ok(ended)
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
        let copies = self.warehouse.clone().map(|warehouse| Copies::of(warehouse, name(arn)));
        let mut screen = ui::screen();
        let end = tokio::select! {
            end = follow::follow(&self.client, arn, copies, &mut *screen) => end?,
            _ = tokio::signal::ctrl_c() => {
                screen.end();
                let run = name(arn);
                return Err(Problem::interrupted(format!("stopped following {run}")).hint(format!(
                    "the run continues; `segue follow {run}{target}` follows it again"
                )));
            }
        };
        self.counted(end).await
    }

    /// The same with the states that it entered.
    pub async fn counted(&self, report: Report) -> Outcome<Report> {
        let transitions = history::transitions(&self.client, &report.execution_arn).await?;
        Ok(Report { transitions: Some(transitions), ..report })
    }
}

/// The runs among which the beginning of a name must be unambiguous: what one call lists.
pub const LISTED_MAX: u16 = 1_000;
/// The least characters of a shortened name: shorter ones would soon be ambiguous.
const SHORT_NAME_CHARACTERS_MIN: usize = 8;

/// The shortest beginning of a run's name that none of the others has, as `segue runs` shows it.
pub fn short_name(run: &str, names: &[&str]) -> String {
    let shared = |other: &&str| {
        run.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
    };
    let others = names.iter().filter(|other| **other != run);
    let longest = others.map(shared).max().unwrap_or_default();
    run.chars().take(SHORT_NAME_CHARACTERS_MIN.max(longest + 1)).collect()
}

/// The last part of an execution's ARN.
pub fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// An execution's status as a report names it.
pub fn status(status: &ExecutionStatus) -> String {
    status.as_str().to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_the_beginning_of_one_run_only() {
        let names = ["1f0e8400-e29b", "1f0e8400-e300", "s3-20181101T000000Z", "1f0", "1f0e8400"];
        let short: Vec<String> = names.iter().map(|name| short_name(name, &names)).collect();
        assert_eq!(short, ["1f0e8400-e2", "1f0e8400-e3", "s3-20181", "1f0", "1f0e8400"]);
    }
}
