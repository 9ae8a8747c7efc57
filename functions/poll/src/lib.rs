//! Long-polls one statement and says whether it is running (and how long to wait), has finished, or
//! failed: with a name that says who must act, and its diagnosis.

use std::time::Duration;

use jiff::Timestamp;
use segue_contract::messages::{Poll, StatementState};
use segue_contract::metrics::Metric;
use segue_contract::{Failure, Run, pipeline};
use segue_function::metrics::{Subject, emit};
use segue_warehouse::{LONG_POLL_SECONDS, Warehouse};

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The warehouse that runs the statement.
    pub warehouse: Warehouse,
    /// What the deployment adds to the SQL: the place of a failure is found in the rendered step.
    pub deployment: pipeline::Deployment,
}

/// Looks at the statement, for as long as one long poll.
///
/// Safe to run again: it only reads.
///
/// # Errors
/// `TransactionConflict`, `StatementInterrupted`, `LoadRejected`, `SourceUnreadable`,
/// `StatementFailed`, `StatementAborted` when the statement ended badly; `ResultExpired` when it is
/// no longer known; `WarehouseBusy` and `WarehouseUnreachable`, which are worth a retry.
#[tracing::instrument(
    skip_all,
    fields(run_id = %poll.step.run.id, step = %poll.step.step, statement_id = %poll.statement_id)
)]
pub async fn handle(context: &Context, poll: Poll) -> Result<StatementState, Failure> {
    let statements = pipeline::render(&poll.step, &context.deployment)?;
    let long_poll = Duration::from_secs(LONG_POLL_SECONDS.unsigned_abs().into());
    let state =
        context.warehouse.state(&poll.step, &statements, &poll.statement_id, long_poll).await?;
    if let (StatementState::Running { .. }, Some(age)) = (&state, age(&poll.step.run)) {
        emit(Subject { run_id: &poll.step.run.id, step: None }, &[(Metric::RunAgeSeconds, age)]);
    }
    Ok(state)
}

/// How long ago the run started, in seconds: the only sign of a run that takes too long before it
/// ends, since Step Functions measures executions when they have ended.
fn age(run: &Run) -> Option<f64> {
    let started: Timestamp = run.started_at.parse().ok()?;
    Some(Timestamp::now().duration_since(started).as_secs_f64())
}
