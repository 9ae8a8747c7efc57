//! Long-polls one statement and says whether it is running (and how long to wait), has finished, or
//! failed, with a name that says who must act, and a diagnosis.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use segue_contract::messages::{Poll, StatementState};
use segue_contract::metrics::Metric;
use segue_contract::{ErrorName, Failure, Run, pipeline};
use segue_function::metrics::{Subject, emit};
use segue_function::setting;
use segue_warehouse::{Deadlines, LONG_POLL_SECONDS, Warehouse};

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The warehouse that runs the statement.
    pub warehouse: Warehouse,
    /// The deployment's settings in the SQL: the place of a failure is found in the rendered step.
    pub deployment: pipeline::Deployment,
    /// The deadlines of steps and runs.
    pub deadlines: Deadlines,
}

/// The deadlines of steps and runs, from the template.
///
/// # Errors
/// `InvalidConfiguration` when a setting is missing or out of bounds.
pub fn deadlines() -> Result<Deadlines, Failure> {
    Deadlines::new(&setting("STEP_DEADLINE_SECONDS")?, &setting("RUN_DEADLINE_SECONDS")?)
}

/// Polls the statement with one long poll.
///
/// Safe to run again: it reads, and cancels what has outlived its deadline.
///
/// # Errors
/// `DeadlineExceeded` when the statement was cancelled for that;
/// `TransactionConflict`, `StatementInterrupted`, `LoadRejected`, `SourceUnreadable`,
/// `StatementFailed`, `StatementAborted` if the statement failed; `ResultExpired` when it is
/// no longer known; `WarehouseBusy` and `WarehouseUnreachable`, which are worth a retry.
#[tracing::instrument(
    skip_all,
    fields(run_id = %poll.step.run.id, step = %poll.step.step, statement_id = %poll.statement_id)
)]
pub async fn handle(context: &Context, poll: Poll) -> Result<StatementState, Failure> {
    let statements = pipeline::render(&poll.step, &context.deployment)?;
    let long_poll = Duration::from_secs(LONG_POLL_SECONDS.unsigned_abs().into());
    let (now, id) = (now(&poll)?, &poll.statement_id);
    let (warehouse, deadlines) = (&context.warehouse, &context.deadlines);
    let state = warehouse.state_by(deadlines, &poll.step, &statements, id, long_poll, now).await?;
    if let (StatementState::Running { .. }, Some(age)) = (&state, age(&poll.step.run)) {
        emit(
            Subject { run_id: Some(&poll.step.run.id), step: None },
            &[(Metric::RunAgeSeconds, age)],
        );
    }
    Ok(state)
}

/// The state machine's time, if it is given: the ages of run and statement use one clock.
fn now(poll: &Poll) -> Result<SystemTime, Failure> {
    let Some(entered_at) = &poll.entered_at else { return Ok(SystemTime::now()) };
    let entered_at: Timestamp = entered_at.parse().map_err(|error| {
        let reason = format!("expected enteredAt to be a time, found {entered_at:?}: {error}");
        Failure::new(ErrorName::InvalidInput, reason)
    })?;
    Ok(entered_at.into())
}

/// How long ago the run started, in seconds: the only sign of a run that takes too long before it
/// ends, since Step Functions measures executions when they have ended.
fn age(run: &Run) -> Option<f64> {
    let started: Timestamp = run.started_at.parse().ok()?;
    Some(Timestamp::now().duration_since(started).as_secs_f64())
}
