//! `segue stop`: ends a run.

use clap::Args;

use crate::{
    cli::Target,
    errors::{Outcome, Problem},
    execution::name,
    runs::Found,
    ui,
};

/// `segue stop`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue stop 1f0e8400")]
pub struct Stop {
    /// The run, or the first characters of its name
    pub run: String,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
}

/// Stops a run. What it has begun in the warehouse is cancelled by the stack; nothing is published
/// by halves.
pub async fn stop(wanted: Stop) -> Outcome {
    let again = wanted.target.flags();
    let found = Found::of(wanted.target, Some(&wanted.run)).await?;
    let run = name(&found.arn);
    let ended = found.runs.ended(&found.arn).await?;
    if !ended.is_running() {
        return Err(Problem::wrong_use(format!("run {run} has ended already: {}", ended.status)));
    }
    found.runs.stop(&found.arn).await?;
    ui::say(format!("stopped {run}; `segue run{again}` starts another one"));
    Ok(())
}
