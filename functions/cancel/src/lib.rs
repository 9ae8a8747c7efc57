//! Cancels the statements of an execution that was aborted, timed out or failed, so that the
//! warehouse stops working for a run that has ended.

use std::time::{Duration, SystemTime};

use segue_contract::{ErrorName, Failure, Run, RunInput};
use segue_warehouse::Warehouse;
use serde::{Deserialize, Serialize};

/// The status of an execution with an uncaught failure.
const FAILED: &str = "FAILED";
/// How often to list statements. A submission may be under way when the execution is stopped, and
/// its statement appears only after the first listing.
const LOOKS: u32 = 3;
/// How long to wait between listings.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// What the function needs besides an event.
#[derive(Debug)]
pub struct Context {
    /// The warehouse that runs the statements.
    pub warehouse: Warehouse,
    /// The load state machine; the other is the statement machine.
    pub load_state_machine_arn: String,
}

/// EventBridge's "Step Functions Execution Status Change", as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct StatusChange {
    detail: Execution,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Execution {
    state_machine_arn: String,
    name: String,
    status: String,
    #[serde(default)]
    input: Option<String>,
    /// When it ended, in milliseconds since 1970.
    #[serde(default)]
    stop_date: Option<u64>,
}

/// What a nested execution was started with.
#[derive(Deserialize)]
struct StatementInput {
    run: Run,
    step: String,
}

/// What was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// The names of the statements.
    pub statements: Vec<String>,
}

/// Cancels the statements of the execution: of its step, or of its whole run.
///
/// Most steps fail because their statement did, and then there is nothing to cancel. A step that
/// failed for lack of an answer has left its statement running.
///
/// Safe to run again: a statement that has ended is left as it is.
///
/// # Errors
/// `WarehouseBusy` and `WarehouseUnreachable`: Lambda retries an event.
#[tracing::instrument(skip_all, fields(execution = %change.detail.name, run_id))]
pub async fn handle(context: &Context, change: StatusChange) -> Result<Cancelled, Failure> {
    let (prefix, is_run) = prefix(context, &change.detail)?;
    let run_id = prefix.split('/').nth(1).unwrap_or_default();
    tracing::Span::current().record("run_id", run_id);
    let until = submitted_until(&change.detail);
    let mut statements = Vec::new();
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        // The attempts of `publish` follow, and so does the step `publish/outcome`, which is
        // another step.
        let is_meant = |rest: &str, submitted: SystemTime| {
            (is_run || !rest.contains('/')) && until.is_none_or(|until| submitted <= until)
        };
        statements.extend(context.warehouse.cancel(&prefix, is_meant).await?);
    }
    tracing::info!(status = change.detail.status, cancelled = statements.len());
    Ok(Cancelled { statements })
}

/// Until when the execution may have submitted statements; `None` when one may still be under way.
///
/// A failed step submits nothing more, but its run may carry out the same step again at once,
/// without the files that made it fail: that is another statement.
fn submitted_until(execution: &Execution) -> Option<SystemTime> {
    (execution.status == FAILED).then(|| {
        let stopped = execution.stop_date.map(Duration::from_millis);
        stopped.map_or_else(SystemTime::now, |stopped| SystemTime::UNIX_EPOCH + stopped)
    })
}

/// The prefix of the names of the execution's statements, and whether it is that of a whole run.
fn prefix(context: &Context, execution: &Execution) -> Result<(String, bool), Failure> {
    if execution.state_machine_arn == context.load_state_machine_arn {
        let run = Run {
            id: execution.name.clone(),
            started_at: String::new(),
            redrive_count: 0,
            input: RunInput::default(),
        };
        return Ok((run.statement_name_prefix(), true));
    }
    let input = execution.input.as_deref().unwrap_or_default();
    let input: StatementInput = serde_json::from_str(input).map_err(|error| {
        Failure::new(
            ErrorName::InvalidInput,
            format!("the input of the execution {} cannot be read: {error}", execution.name),
        )
    })?;
    Ok((format!("{}{}/", input.run.statement_name_prefix(), input.step), false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_warehouse::Target;

    fn context() -> Context {
        let config = aws_sdk_redshiftdata::Config::builder()
            .behavior_version(aws_sdk_redshiftdata::config::BehaviorVersion::latest())
            .build();
        let target = Target::new("dev".into(), Some("wg".into()), None, None).expect("one target");
        Context {
            warehouse: Warehouse::new(aws_sdk_redshiftdata::Client::from_conf(config), target),
            load_state_machine_arn: "arn:load".into(),
        }
    }

    fn execution(machine: &str, input: &str) -> Execution {
        Execution {
            state_machine_arn: machine.into(),
            name: "daily".into(),
            status: "ABORTED".into(),
            input: Some(input.into()),
            stop_date: Some(1_541_105_830_796),
        }
    }

    #[test]
    fn a_run_s_statements_are_all_that_have_its_name() {
        let found = prefix(&context(), &execution("arn:load", "{}"));
        assert_eq!(found, Ok(("segue/daily/".into(), true)));
    }

    #[test]
    fn a_step_s_statements_are_its_attempts() {
        let input = r#"{"run": {"id": "r", "startedAt": "t"}, "step": "stage/songs", "x": 1}"#;
        let found = prefix(&context(), &execution("arn:statement", input));
        assert_eq!(found, Ok(("segue/r/stage/songs/".into(), false)));
    }

    #[test]
    fn of_a_step_that_failed_only_statements_from_before_are_cancelled() {
        let aborted = execution("arn:statement", "{}");
        assert_eq!(submitted_until(&aborted), None);
        let failed = Execution { status: FAILED.into(), ..aborted };
        let stopped = SystemTime::UNIX_EPOCH + Duration::from_millis(1_541_105_830_796);
        assert_eq!(submitted_until(&failed), Some(stopped));
    }

    #[test]
    fn an_invalid_input_is_named() {
        let failure = prefix(&context(), &execution("arn:statement", "")).expect_err("no input");
        assert_eq!(failure.name, ErrorName::InvalidInput);
    }
}
