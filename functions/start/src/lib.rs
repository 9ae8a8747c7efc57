//! On S3 events starts a run, unless one is in flight: then one wake-up stays in the queue.
//!
//! What a message says does not matter, only that something has landed: a run lists everything
//! itself. So a hundred messages are as good as one, a duplicate does no harm, and nothing is lost
//! with a message that cannot be read.

use aws_sdk_sfn::error::ProvideErrorMetadata;
use aws_sdk_sfn::types::ExecutionStatus;
use jiff::Timestamp;
use segue_contract::{ErrorName, Failure};
use segue_function::{denied, said};
use serde::{Deserialize, Serialize};

/// The `detail-type` of the message that this function sends itself.
const WAKE_UP: &str = "Wake-up";
/// The `detail-type` of S3's messages.
const OBJECT_CREATED: &str = "Object Created";
/// A run is started at most once in this many seconds: messages of one upload arrive in several
/// batches, which may be handled side by side.
const START_SECONDS_MIN: i64 = 30;

/// How far the clocks of two services may lie apart, in seconds.
const CLOCK_SECONDS_MAX: i64 = 1;

/// What the function needs besides messages.
#[derive(Debug)]
pub struct Context {
    /// The client that starts executions.
    pub step_functions: aws_sdk_sfn::Client,
    /// The client of the queue.
    pub sqs: aws_sdk_sqs::Client,
    /// The load state machine.
    pub state_machine_arn: String,
    /// The queue that the messages come from.
    pub queue_url: String,
    /// After how many seconds a wake-up comes back.
    pub wake_up_seconds: i32,
}

/// A batch of messages, as Lambda hands over SQS's.
#[derive(Debug, Deserialize)]
pub struct Messages {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<Message>,
}

/// One message, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id, by which it is handed back.
    pub message_id: String,
    /// What it says.
    pub body: String,
}

/// Which messages were not dealt with, as SQS takes it from a function.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The messages that come again.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// A message that comes again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// The message's id.
    pub item_identifier: String,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "detail-type")]
    detail_type: String,
}

/// Starts a run for the messages, or keeps one wake-up for later.
///
/// A message that is neither S3's nor a wake-up is handed back alone, and ends in the dead-letter
/// queue for somebody to look at; the others are not held up by it.
///
/// Safe to run again: a run that finds nothing new ends at once.
///
/// # Errors
/// `WarehouseUnreachable` when Step Functions or the queue does not answer, `InvalidConfiguration`
/// when the function may not ask them: the messages come again.
#[tracing::instrument(skip_all, fields(messages = event.records.len()))]
pub async fn handle(context: &Context, event: Messages) -> Result<Response, Failure> {
    let (known, unknown): (Vec<_>, Vec<_>) = event.records.into_iter().partition(is_known);
    for message in &unknown {
        tracing::warn!(message_id = message.message_id, "neither S3's message nor a wake-up");
    }
    if !known.is_empty() {
        let started = !in_flight(context).await? && start(context, Timestamp::now()).await?;
        if !started {
            keep_wake_up(context).await?;
        }
    }
    let failure = |message: Message| ItemFailure { item_identifier: message.message_id };
    Ok(Response { batch_item_failures: unknown.into_iter().map(failure).collect() })
}

fn is_known(message: &Message) -> bool {
    serde_json::from_str::<Envelope>(&message.body)
        .is_ok_and(|envelope| [OBJECT_CREATED, WAKE_UP].contains(&envelope.detail_type.as_str()))
}

async fn in_flight(context: &Context) -> Result<bool, Failure> {
    let running = context
        .step_functions
        .list_executions()
        .state_machine_arn(&context.state_machine_arn)
        .status_filter(ExecutionStatus::Running)
        .max_results(1)
        .send()
        .await
        .map_err(|error| failed("listing executions", "states:ListExecutions", &error))?;
    Ok(!running.executions.is_empty())
}

/// Starts a run; false when another invocation has just done so: that run may have planned already,
/// and an execution of the same name and input is answered as if it were new.
async fn start(context: &Context, now: Timestamp) -> Result<bool, Failure> {
    let started = context
        .step_functions
        .start_execution()
        .state_machine_arn(&context.state_machine_arn)
        .name(execution_name(now))
        .input("{}")
        .send()
        .await;
    match started {
        Ok(execution) => {
            let is_new = execution.start_date.secs() >= now.as_second() - CLOCK_SECONDS_MAX;
            tracing::info!(execution_arn = execution.execution_arn, is_new, "started");
            Ok(is_new)
        }
        Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(false),
        Err(error) => Err(failed("starting the run", "states:StartExecution", &error)),
    }
}

/// The same name for all who would start a run now: only the first of them does.
fn execution_name(now: Timestamp) -> String {
    let second = now.as_second() - now.as_second().rem_euclid(START_SECONDS_MIN);
    let slot = Timestamp::from_second(second).unwrap_or(now);
    slot.strftime("s3-%Y%m%dT%H%M%SZ").to_string()
}

async fn keep_wake_up(context: &Context) -> Result<(), Failure> {
    context
        .sqs
        .send_message()
        .queue_url(&context.queue_url)
        .message_body(serde_json::json!({ "detail-type": WAKE_UP }).to_string())
        .delay_seconds(context.wake_up_seconds)
        .send()
        .await
        .map_err(|error| failed("keeping a wake-up", "sqs:SendMessage", &error))?;
    tracing::info!(seconds = context.wake_up_seconds, "a run is in flight: looking again later");
    Ok(())
}

fn failed<E>(what: &str, action: &str, error: &E) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    denied(what, action, error).unwrap_or_else(|| {
        Failure::new(ErrorName::WarehouseUnreachable, format!("{what}: {}", said(error)))
    })
}

#[cfg(test)]
mod tests;
