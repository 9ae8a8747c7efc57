//! Keeps what has arrived, and starts a run that looks at it, unless one is in flight or the last one
//! has just failed: then one wake-up stays in the queue.
//!
//! A message names an object. Its key goes to the inbox in the work bucket before the message is
//! acknowledged, and stays there until a run that has looked at it has succeeded. So duplicates do no
//! harm, and nothing is lost with a run that fails. How long to wait follows from the runs that Step
//! Functions knows; there is no other state.

mod inbox;
mod messages;
mod runs;

use aws_sdk_sfn::error::ProvideErrorMetadata;
use aws_sdk_sfn::types::ExecutionStatus;
use jiff::{SignedDuration, Timestamp};
use segue_contract::arrivals::Arrivals;
use segue_contract::{ErrorName, Failure};
use segue_function::{denied, reason};
use serde::{Deserialize, Serialize};

use crate::messages::Wish;
use crate::runs::{Next, Run};

/// How far the clocks of two services may differ, in seconds.
const CLOCK_SECONDS_MAX: i64 = 1;
/// The input of the runs: they look at the inbox.
const INPUT: &str = r#"{"arrivals": true}"#;
/// A message is delayed at most this long, as SQS allows: a longer wait takes several.
const DELAY_SECONDS_MAX: i64 = 900;

/// What the function needs besides messages.
#[derive(Debug)]
pub struct Context {
    /// The client that starts executions.
    pub step_functions: aws_sdk_sfn::Client,
    /// The client of the work bucket.
    pub s3: aws_sdk_s3::Client,
    /// The bucket of the inbox, where runs also keep their files.
    pub work_bucket: String,
    /// The client of the queue.
    pub sqs: aws_sdk_sqs::Client,
    /// The load state machine.
    pub state_machine_arn: String,
    /// The queue that the messages come from.
    pub queue_url: String,
    /// How long to wait while a run is in flight, in seconds.
    pub wake_up_seconds: i64,
    /// A run starts at least this many minutes after the one before it.
    pub run_interval_minutes: i64,
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
    /// Its ID, by which it is returned.
    pub message_id: String,
    /// Its text.
    pub body: String,
}

/// The messages that were not handled, in the format that SQS expects from a function.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The messages to deliver again.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// A message to deliver again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// The message's id.
    pub item_identifier: String,
}

/// Keeps what the messages name, and starts a run, or keeps one wake-up for later.
///
/// A wake-up stays in the queue until a run has loaded what has arrived: however a started run ends,
/// it checks afterwards.
///
/// A message that is neither from S3 nor a wake-up is returned alone, and ends in the dead-letter
/// queue for inspection; it does not hold up the others.
///
/// Safe to run again: the same messages have the same place in the inbox, and a run that finds nothing
/// new ends at once.
///
/// # Errors
/// `WarehouseUnreachable` when Step Functions or the queue does not answer, `SourceUnreadable` when the
/// inbox cannot be written, `InvalidConfiguration` if the function lacks a permission: the messages are delivered again.
#[tracing::instrument(skip_all, fields(messages = event.records.len()))]
pub async fn handle(context: &Context, event: Messages) -> Result<Response, Failure> {
    handle_at(context, event, Timestamp::now).await
}

/// Like [`handle`], by this clock.
///
/// # Errors
/// As [`handle`].
pub async fn handle_at(
    context: &Context,
    event: Messages,
    clock: impl Fn() -> Timestamp,
) -> Result<Response, Failure> {
    let (mut arrivals, mut kept, mut woken) = (Arrivals::default(), Vec::new(), None);
    let mut response = Response::default();
    for message in event.records {
        match messages::read(&message.body) {
            Some(Wish::Look(keys)) => {
                kept.push(message.message_id);
                arrivals.is_unnamed |= keys.iter().any(Option::is_none);
                arrivals.keys.extend(keys.into_iter().flatten());
            }
            Some(Wish::WakeUp(time)) => woken = woken.max(Some(time.unwrap_or_else(&clock))),
            Some(Wish::Nothing) => tracing::info!(message_id = message.message_id, "nothing to do"),
            None => {
                let message_id = message.message_id;
                tracing::warn!(message_id, "neither S3's message nor a wake-up");
                response.batch_item_failures.push(ItemFailure { item_identifier: message_id });
            }
        }
    }
    // A run looks at what the inbox has when it begins, however long that took to get there.
    let is_kept = inbox::keep(context, &kept, arrivals).await?;
    let now = clock();
    let kept = is_kept.then_some(now);
    if let Some(arrived) = woken.max(kept) {
        match next(context, arrived, now).await? {
            Next::Nothing => tracing::info!("a later run has loaded everything"),
            Next::Wait(time) => keep_wake_up(context, arrived, time).await?,
            Next::Start => start(context, arrived, now).await?,
        }
    }
    Ok(response)
}

async fn next(context: &Context, arrived: Timestamp, now: Timestamp) -> Result<Next, Failure> {
    let in_flight = Next::Wait(SignedDuration::from_secs(context.wake_up_seconds));
    let recent = executions(context, None, runs::RECENT_RUNS_MAX).await?;
    if recent.iter().any(Run::is_in_flight) {
        return Ok(in_flight);
    }
    if let Err(failure) = inbox::forget(context, &recent).await {
        tracing::warn!(%failure, "the inbox keeps what runs have loaded; a later call removes it");
    }
    let interval = SignedDuration::from_mins(context.run_interval_minutes);
    let next = runs::next(&recent, interval, arrived, now);
    if next != Next::Start {
        return Ok(next);
    }
    // A run that started before the recent ones may still be in flight.
    let running = executions(context, Some(ExecutionStatus::Running), 1).await?;
    Ok(if running.is_empty() { next } else { in_flight })
}

/// The latest runs with this status, newest first.
async fn executions(
    context: &Context,
    status: Option<ExecutionStatus>,
    runs_max: i32,
) -> Result<Vec<Run>, Failure> {
    let listed = context
        .step_functions
        .list_executions()
        .state_machine_arn(&context.state_machine_arn)
        .set_status_filter(status)
        .max_results(runs_max)
        .send()
        .await
        .map_err(|error| failed("listing executions", "states:ListExecutions", &error))?;
    Ok(listed.executions.iter().map(Run::from).collect())
}

/// Starts a run, and keeps a wake-up in case it fails.
///
/// If another invocation has just started a run, that run may already have read the inbox, and starting an
/// execution with the same name and input returns it as if it were new: the wake-up then requests
/// another run.
async fn start(context: &Context, arrived: Timestamp, now: Timestamp) -> Result<(), Failure> {
    let started = context
        .step_functions
        .start_execution()
        .state_machine_arn(&context.state_machine_arn)
        .name(runs::name(now))
        .input(INPUT)
        .send()
        .await;
    let arrived = match started {
        Ok(execution) => {
            let is_new = execution.start_date.secs() >= now.as_second() - CLOCK_SECONDS_MAX;
            tracing::info!(execution_arn = execution.execution_arn, is_new, "started");
            if is_new { runs::looked_at_by(&execution.start_date) } else { arrived }
        }
        Err(error) if error.code() == Some("ExecutionAlreadyExists") => arrived,
        Err(error) => return Err(failed("starting the run", "states:StartExecution", &error)),
    };
    keep_wake_up(context, arrived, SignedDuration::from_secs(context.wake_up_seconds)).await
}

async fn keep_wake_up(
    context: &Context,
    arrived: Timestamp,
    wait: SignedDuration,
) -> Result<(), Failure> {
    let seconds = wait.as_secs().saturating_add(i64::from(wait.subsec_nanos() > 0));
    let seconds = seconds.clamp(1, DELAY_SECONDS_MAX);
    context
        .sqs
        .send_message()
        .queue_url(&context.queue_url)
        .message_body(messages::wake_up(arrived))
        .delay_seconds(i32::try_from(seconds).unwrap_or_default())
        .send()
        .await
        .map_err(|error| failed("keeping a wake-up", "sqs:SendMessage", &error))?;
    tracing::info!(seconds, "looking again later");
    Ok(())
}

fn failed<E>(what: &str, action: &str, error: &E) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    denied(what, action, error).unwrap_or_else(|| {
        Failure::new(ErrorName::WarehouseUnreachable, format!("{what}: {}", reason(error)))
    })
}

#[cfg(test)]
mod tests;
