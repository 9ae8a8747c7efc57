//! `segue runs`: the runs of a stack.

use clap::Args;
use serde::Serialize;

use crate::{
    aws::AwsClients,
    cli::Target,
    commands::find,
    errors::Outcome,
    execution::{self, Runs},
    print, ui,
};

/// `segue runs`
#[derive(Debug, Args)]
pub struct List {
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// List at most this many runs
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub count: u16,
    /// Print a JSON array of objects
    #[arg(long)]
    pub json: bool,
}

/// A stack's runs, and one of them.
pub struct Found {
    /// Clients for its stack.
    pub clients: AwsClients,
    /// All runs of the stack.
    pub runs: Runs,
    /// The run's execution.
    pub arn: String,
}

impl Found {
    /// The run of this name, or of the only name that begins like this; the latest without one.
    ///
    /// # Errors
    /// If there is no such run, or more than one.
    pub async fn of(target: Target, run: Option<&str>) -> Outcome<Self> {
        let (clients, stack) = find(target).await?;
        let runs = Runs::of(clients.step_functions(), stack.load_state_machine()?);
        let arn = runs.find(run).await?;
        Ok(Self { clients, runs, arn })
    }
}

/// One run in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    run_id: String,
    status: String,
    started_at: String,
    duration_seconds: Option<f64>,
}

/// Lists the latest runs.
pub async fn list(wanted: List) -> Outcome {
    let (clients, stack) = find(wanted.target).await?;
    let runs = Runs::of(clients.step_functions(), stack.load_state_machine()?);
    let listed: Vec<Listed> = runs
        .latest(wanted.count)
        .await?
        .into_iter()
        .map(|run| Listed {
            status: execution::status(&run.status),
            started_at: jiff::Timestamp::from_second(run.start_date.secs())
                .map(|started| started.to_string())
                .unwrap_or_default(),
            duration_seconds: run
                .stop_date
                .map(|stopped| stopped.as_secs_f64() - run.start_date.as_secs_f64()),
            run_id: run.name,
        })
        .collect();
    if wanted.json {
        return print::json(&listed);
    }
    if listed.is_empty() {
        ui::say("there are no runs yet");
        return Ok(());
    }
    let rows = listed.into_iter().map(|run| {
        let seconds = run.duration_seconds.map(|seconds| format!("{seconds:.1}"));
        [run.run_id, run.status, run.started_at, seconds.unwrap_or_default()]
    });
    print::line(&print::table(&["run", "status", "started", "seconds"], rows, &[3]).to_string())
}
