//! `segue follow`: one run, to its end.

use clap::Args;

use crate::{cli::Target, errors::Outcome, print, runs::Found};

/// `segue follow`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue follow            the latest run
  segue follow 1f0e8400   one of `segue runs`")]
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

/// Follows a run to its end, or says how it ended.
pub async fn follow(wanted: Follow) -> Outcome {
    let again = wanted.target.flags();
    let found = Found::of(wanted.target, wanted.run.as_deref()).await?;
    let report = found.runs.follow(&found.arn, &again).await?;
    if wanted.json {
        print::json(&report)?;
    } else if report.is_good() {
        let place = (&found.clients, &found.stack);
        print::line(&found.runs.summary(place, &report, &again).await?)?;
    }
    report.into_problem().map(|_| ())
}
