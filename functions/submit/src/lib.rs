//! Submits one step of a run as a single Redshift transaction and returns without waiting for its
//! end, beyond one short poll.

use segue_contract::messages::{StatementState, Step};
use segue_contract::{Failure, pipeline};
use segue_warehouse::Warehouse;

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The warehouse to submit to.
    pub warehouse: Warehouse,
    /// What the deployment adds to the SQL.
    pub deployment: pipeline::Deployment,
}

/// Submits the step.
///
/// Safe to run again: run, step and attempt make the client token, so the Data API runs an attempt
/// once, even if it is submitted several times.
///
/// # Errors
/// `InvalidInput` for a run or step that cannot be carried out, `InvalidConfiguration`;
/// `WarehouseBusy` and `WarehouseUnreachable`, which are worth a retry.
#[tracing::instrument(
    skip_all, fields(run_id = %step.run.id, step = %step.step, attempt = step.attempt)
)]
pub async fn handle(context: &Context, step: Step) -> Result<StatementState, Failure> {
    step.run.validate()?;
    let statements = pipeline::render(&step, &context.deployment)?;
    context.warehouse.submit(&step, &statements).await
}
