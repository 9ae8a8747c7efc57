//! Staging schemas that can be dropped: their runs have ended, and the schemas are old or too many.

use aws_sdk_sfn::types::ExecutionStatus;
use segue_contract::Failure;
use segue_function::reason;
use segue_warehouse::{Warehouse, number, text};

/// A schema from the step `plan/subtract`.
struct Candidate {
    schema: String,
    run_id: String,
    /// Whether it is older than schemas are kept, and so older than any run may be.
    is_old: bool,
}

/// The schemas, from the first result of the step `plan/subtract`. `execution_arn` is the ARN of any
/// run of this stack.
///
/// A run may be live even if many others have failed since it began; its schema is kept. So is the
/// schema of a run that Step Functions does not know, unless it is old: it may belong to another
/// stack.
///
/// If anything goes wrong here, fewer schemas are dropped: this never fails a run, and the next run
/// finds them again.
pub async fn find(
    warehouse: &Warehouse,
    step_functions: &aws_sdk_sfn::Client,
    statement_id: &str,
    execution_arn: &str,
) -> Vec<String> {
    let candidates = match candidates(warehouse, statement_id).await {
        Ok(candidates) => candidates,
        Err(error) => {
            tracing::warn!(%error, "nothing is swept: the list of staging schemas is unreadable");
            return Vec::new();
        }
    };
    let mut abandoned = Vec::new();
    for Candidate { schema, run_id, is_old } in candidates {
        match status(step_functions, execution_arn, &run_id).await {
            Ok(Some(ExecutionStatus::Running)) => tracing::info!(schema, run_id, "its run lives"),
            Ok(None) if !is_old => tracing::info!(schema, run_id, "not a run of this stack"),
            Ok(_) => abandoned.push(schema),
            Err(error) => tracing::warn!(schema, run_id, error, "kept: its run is in doubt"),
        }
    }
    abandoned
}

async fn candidates(warehouse: &Warehouse, statement_id: &str) -> Result<Vec<Candidate>, Failure> {
    let mut candidates = Vec::new();
    warehouse
        .read(&format!("{statement_id}:1"), |rows| {
            let named = rows.iter().filter_map(|row| {
                let [schema, run_id, is_old] = row.as_slice() else { return None };
                let is_old = number(is_old)? == 1;
                Some(Candidate { schema: text(schema)?, run_id: text(run_id)?, is_old })
            });
            candidates.extend(named);
            Ok(())
        })
        .await?;
    Ok(candidates)
}

/// The status of the run's execution; `None` if there is no such execution.
async fn status(
    step_functions: &aws_sdk_sfn::Client,
    execution_arn: &str,
    run_id: &str,
) -> Result<Option<ExecutionStatus>, String> {
    let (machine, _) = execution_arn.rsplit_once(':').unwrap_or_default();
    let arn = format!("{machine}:{run_id}");
    match step_functions.describe_execution().execution_arn(arn).send().await {
        Ok(execution) => Ok(Some(execution.status)),
        Err(error) => match error.as_service_error() {
            Some(error) if error.is_execution_does_not_exist() => Ok(None),
            _ => Err(reason(&error)),
        },
    }
}
