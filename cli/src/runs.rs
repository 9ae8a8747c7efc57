//! `segue runs`, `follow`, `report`, `stop`: the runs of a stack, and one of them.

use std::{fs, path::PathBuf};

use clap::Args;
use segue_contract::layout;
use serde::Serialize;

use crate::{
    aws::{self, AwsClients},
    cli::Target,
    commands::find,
    errors::{Outcome, Problem, on_file},
    execution::{self, Runs, name},
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

/// `segue follow`
#[derive(Debug, Args)]
pub struct Follow {
    /// The run, or the first characters of its name [default: the latest]
    pub run: Option<String>,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

/// `segue report`
#[derive(Debug, Args)]
pub struct Show {
    /// The run, or the first characters of its name [default: the latest]
    pub run: Option<String>,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// Where to write the page [default: segue-report-<RUN>.html]
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub out: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long, conflicts_with = "json")]
    pub open: bool,
    /// Print the report as JSON instead
    #[arg(long)]
    pub json: bool,
}

/// `segue stop`
#[derive(Debug, Args)]
pub struct Stop {
    /// The run, or the first characters of its name
    pub run: String,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
}

/// A stack's runs, and one of them.
struct Found {
    clients: AwsClients,
    runs: Runs,
    arn: String,
}

impl Found {
    async fn of(target: Target, run: Option<&str>) -> Outcome<Self> {
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

/// Follows a run to its end, or says how it ended.
pub async fn follow(wanted: Follow) -> Outcome {
    let again = wanted.target.flags();
    let found = Found::of(wanted.target, wanted.run.as_deref()).await?;
    let report = found.runs.follow(&found.arn, &again).await?;
    if wanted.json {
        print::json(&report)?;
    } else if report.is_good() {
        print::line(&report.line(&format!("segue run{again} --rebuild")))?;
    }
    report.into_problem().map(|_| ())
}

/// Stops a run. What it has begun in the warehouse is cancelled by the stack; nothing is published
/// by halves.
pub async fn stop(wanted: Stop) -> Outcome {
    let again = wanted.target.flags();
    let found = Found::of(wanted.target, Some(&wanted.run)).await?;
    let run = name(&found.arn);
    let status = found.runs.ended(&found.arn).await?.status;
    if status != "running" {
        return Err(Problem::wrong_use(format!("run {run} has ended already: {status}")));
    }
    found.runs.stop(&found.arn).await?;
    ui::say(format!("stopped {run}; `segue run{again}` starts another one"));
    Ok(())
}

/// Fetches the report of a run.
pub async fn report(wanted: Show) -> Outcome {
    let found = Found::of(wanted.target, wanted.run.as_deref()).await?;
    let run = name(&found.arn);
    let kind = if wanted.json { "json" } else { "html" };
    let ended = found.runs.ended(&found.arn).await?;
    let Some(uri) = ended.report else {
        return Err(Problem::failed(format!("run {run} is {} and has no report", ended.status))
            .hint(match ended.status.as_str() {
                "running" => "a report is written when the run ends",
                _ => {
                    "a run that is aborted or timed out writes none; see its history in Step \
                      Functions"
                }
            }));
    };
    let Some((bucket, page)) = layout::bucket_and_key(&uri) else {
        return Err(Problem::failed(format!("expected the URI of a report, found {uri}")));
    };
    let key = format!("{}{kind}", page.strip_suffix("html").unwrap_or(page));
    let object = found.clients.s3().get_object().bucket(bucket).key(&key).send().await;
    let object = object.map_err(|error| aws::problem(&format!("read {uri}"), error))?;
    let bytes = object.body.collect().await;
    let bytes = bytes.map_err(|error| Problem::failed(format!("cannot read {uri}: {error}")))?;
    if wanted.json {
        return print::line(&String::from_utf8_lossy(&bytes.into_bytes()));
    }
    let file = wanted.out.unwrap_or_else(|| format!("segue-report-{run}.html").into());
    fs::write(&file, bytes.into_bytes()).map_err(on_file("write", &file))?;
    if wanted.open {
        open::that_detached(&file).map_err(on_file("open", &file))?;
    }
    print::line(&file.display().to_string())
}
