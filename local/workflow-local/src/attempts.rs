//! States that can fail: tried, retried, caught.

use std::time::Duration;

use crate::definition::{Catcher, Jitter, Map, Retrier, Task};
use crate::error::{StateError, TIMEOUT};
use crate::evaluation::{Seen, within_quota};
use crate::execution::{Scope, Step};
use serde_json::Value;

/// A state that does something.
#[derive(Clone, Copy)]
pub(crate) enum Labour<'a> {
    Task(&'a Task),
    Map(&'a Map),
}

impl<'a> Labour<'a> {
    fn retry(self) -> &'a [Retrier] {
        match self {
            Self::Task(task) => &task.retry,
            Self::Map(map) => &map.retry,
        }
    }

    fn catch(self) -> &'a [Catcher] {
        match self {
            Self::Task(task) => &task.catch,
            Self::Map(map) => &map.catch,
        }
    }
}

impl Scope<'_> {
    /// Tries until it succeeds, no retrier applies any more, or a catcher takes over.
    pub(crate) async fn labour(
        &mut self,
        labour: Labour<'_>,
        name: &str,
        input: &Value,
    ) -> Result<Step, StateError> {
        let entered = self.run.region.now();
        let mut tried = vec![0; labour.retry().len()];
        for retry_count in 0.. {
            let seen = Seen { state: name, input, result: None, error: None, retry_count, entered };
            let error = match self.once(labour, &seen).await {
                Ok(step) => return Ok(step),
                Err(error) => error,
            };
            match delay(labour.retry(), &mut tried, &error, self.run.draw()) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return self.caught(labour.catch(), &seen, error),
            }
        }
        unreachable!("the loop above never ends")
    }

    async fn once(&mut self, labour: Labour<'_>, seen: &Seen<'_>) -> Result<Step, StateError> {
        let (result, assign, output, next) = match labour {
            Labour::Task(task) => {
                (self.task(task, seen).await?, &task.assign, &task.output, &task.next)
            }
            Labour::Map(map) => {
                (self.iterate(map, seen).await?, &map.assign, &map.output, &map.next)
            }
        };
        within_quota(&result)?;
        let seen = Seen { result: Some(&result), ..*seen };
        let output = self.leave(&seen, assign, output, &result)?;
        Ok(Step { output, next: next.clone() })
    }

    async fn task(&self, task: &Task, seen: &Seen<'_>) -> Result<Value, StateError> {
        let history = &self.run.history;
        let arguments = self.evaluate(&task.arguments, seen)?;
        let seconds = match &task.timeout_seconds {
            None => None,
            Some(seconds) => Some(self.whole_number(seconds, seen, "TimeoutSeconds")?),
        };
        history.add("TaskScheduled", seen.state)?;
        history.add("TaskStarted", seen.state)?;
        let call = self.call(task.resource, arguments, seen.state);
        let called = match seconds {
            None => call.await,
            Some(seconds) => tokio::select! {
                // Step Functions' clock starts first: a task that ends at the same moment is too
                // late.
                biased;
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {
                    history.add("TaskTimedOut", seen.state)?;
                    return Err(StateError::new(TIMEOUT, ""));
                }
                called = call => called,
            },
        };
        history.add(if called.is_ok() { "TaskSucceeded" } else { "TaskFailed" }, seen.state)?;
        called
    }

    fn caught(
        &mut self,
        catch: &[Catcher],
        seen: &Seen<'_>,
        error: StateError,
    ) -> Result<Step, StateError> {
        let Some(catcher) = catch.iter().find(|catcher| error.matches(&catcher.error_equals))
        else {
            return Err(error);
        };
        let seen = Seen { error: Some(&error), ..*seen };
        let output = self.leave(&seen, &catcher.assign, &catcher.output, &error.output())?;
        Ok(Step { output, next: Some(catcher.next.clone()) })
    }
}

/// How long to wait before the next attempt; `None` if the matching retrier has used its attempts,
/// or if none matches. "Each retrier counts its own attempts."
fn delay(
    retry: &[Retrier],
    tried: &mut [u32],
    error: &StateError,
    random: u64,
) -> Option<Duration> {
    let index = retry.iter().position(|retrier| error.matches(&retrier.error_equals))?;
    let (retrier, tried) = (&retry[index], &mut tried[index]);
    if *tried >= retrier.max_attempts {
        return None;
    }
    let backoff = retrier.backoff_rate.powi(i32::try_from(*tried).unwrap_or(i32::MAX));
    *tried += 1;
    let seconds = retrier.interval_seconds as f64 * backoff;
    let seconds = match retrier.max_delay_seconds {
        Some(most) => seconds.min(most as f64),
        None => seconds,
    };
    let part = match retrier.jitter_strategy {
        Jitter::None => 1.0,
        Jitter::Full => random as f64 / u64::MAX as f64,
    };
    Some(Duration::try_from_secs_f64(seconds * part).unwrap_or(Duration::MAX))
}
