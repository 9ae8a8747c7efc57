//! `segue runs`: the runs of a stack.

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    aws::AwsClients,
    cli::Target,
    commands::find,
    display,
    errors::Outcome,
    execution::{LISTED_MAX, Report, Runs, short_name},
    print,
    stack::Stack,
    ui,
};

/// Runs that are described at once.
const DESCRIBED_AT_ONCE: usize = 8;
/// Runs that are described at most, to find those that loaded something.
const DESCRIBED_MAX: usize = 1_000;

/// `segue runs`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue runs                    the latest runs that loaded something or failed
  segue runs --all --count 50   those that found nothing new, too
  segue runs --json")]
pub struct List {
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// List at most this many runs
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub count: u16,
    /// List runs that found nothing new, too
    #[arg(long)]
    pub all: bool,
    /// Print a JSON array of objects
    #[arg(long)]
    pub json: bool,
}

/// A stack's runs, and one of them.
pub struct Found {
    /// Clients for its stack.
    pub clients: AwsClients,
    /// The stack.
    pub stack: Stack,
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
        let runs = Runs::of(&clients, &stack)?;
        let arn = runs.find(run).await?;
        Ok(Self { clients, stack, runs, arn })
    }
}

/// One run in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    /// What other commands accept in place of the whole name.
    short_id: String,
    #[serde(flatten)]
    run: Report,
}

/// Lists the latest runs.
pub async fn list(wanted: List) -> Outcome {
    let (clients, stack) = find(wanted.target).await?;
    let runs = Runs::of(&clients, &stack)?;
    let latest = runs.latest(LISTED_MAX).await?;
    let names: Vec<&str> = latest.iter().map(|run| run.name.as_str()).collect();
    let mut hidden = 0;
    let mut listed = Vec::new();
    let described = latest.iter().take(DESCRIBED_MAX).map(|run| runs.ended(&run.execution_arn));
    let mut described = stream::iter(described).buffered(DESCRIBED_AT_ONCE);
    while let Some(run) = described.try_next().await? {
        if run.found_nothing() && !wanted.all {
            hidden += 1;
            continue;
        }
        listed.push(Listed { short_id: short_name(&run.run_id, &names), run });
        if listed.len() == usize::from(wanted.count) {
            break;
        }
    }
    if wanted.json {
        return print::json(&listed);
    }
    if latest.is_empty() {
        ui::say("there are no runs yet; `segue run` starts one");
        return Ok(());
    }
    if !listed.is_empty() {
        print::line(&table(&listed, Timestamp::now()))?;
    }
    if hidden > 0 {
        let runs = ui::count(hidden, "run");
        ui::say(format!("hidden: {runs} that found nothing new (--all shows them)"));
    }
    Ok(())
}

fn table(listed: &[Listed], now: Timestamp) -> String {
    let rows = listed.iter().map(|Listed { short_id, run }| {
        let started =
            run.start_time().map(|started| display::ago(started, now)).unwrap_or_default();
        let by = run.started_by().to_owned();
        [short_id.clone(), run.outcome(), run.loaded(), started, run.took(), by]
    });
    print::table(&["run", "outcome", "loaded", "started", "took", "started by"], rows, &[4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_happened_what_was_loaded_and_when() {
        let run = |name: &str, status: &str, error: Option<&str>| Report {
            status: status.to_owned(),
            error: error.map(str::to_owned),
            started_at: Some("2018-11-01T00:00:00Z".to_owned()),
            ..Report::started(format!("arn:{name}"))
        };
        let loaded = Report {
            objects: Some(101),
            rows: Some(8_127),
            duration_seconds: Some(3.5),
            trigger: Some("arrival".to_owned()),
            ..run("1f0e8400-e29b", "loaded", None)
        };
        let runs = [
            run("s3-20181101T000000Z", "running", None),
            loaded,
            run("1f0e8400-e300", "failed", Some("LoadRejected")),
            run("77b1c2d3-0000", "aborted", Some("Stopped")),
        ];
        let names: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
        let short: Vec<String> = names.iter().map(|name| short_name(name, &names)).collect();
        let listed = runs.into_iter().zip(short).map(|(run, short_id)| Listed { short_id, run });
        let listed: Vec<Listed> = listed.collect();
        let now = "2018-11-01T00:03:10Z".parse().expect("a time");
        insta::assert_snapshot!(print::at_widths(|| table(&listed, now)));
    }
}
