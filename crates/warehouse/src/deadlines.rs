//! How long a step and a run may take: a statement that is still running then is cancelled.

use std::time::{Duration, SystemTime};

use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::types::StatusString;
use jiff::Timestamp;
use segue_contract::messages::{StatementState, Step};
use segue_contract::pipeline::Statement;
use segue_contract::{ErrorName, Failure};
use tokio::time::Instant;

use crate::waiting::came_early;
use crate::{Warehouse, age};

/// The shortest deadline, in seconds: a faster step does not need one.
const DEADLINE_SECONDS_MIN: u64 = 60;
/// The longest deadline, in seconds: after two days the state machine ends a run anyway.
const DEADLINE_SECONDS_MAX: u64 = 172_800;

/// The deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// A step, from the submission of its statement.
    pub step: Duration,
    /// A run, from its start. It does not apply to a redriven run.
    pub run: Duration,
}

impl Deadlines {
    /// Takes the settings, in seconds.
    ///
    /// # Errors
    /// `InvalidConfiguration` when one is not a number or out of bounds.
    pub fn new(step: &str, run: &str) -> Result<Self, Failure> {
        let seconds = |what: &str, text: &str| {
            let seconds = text.parse().ok();
            let seconds = seconds
                .filter(|seconds| (DEADLINE_SECONDS_MIN..=DEADLINE_SECONDS_MAX).contains(seconds));
            seconds.map(Duration::from_secs).ok_or_else(|| {
                Failure::new(
                    ErrorName::InvalidConfiguration,
                    format!(
                        "expected the deadline of a {what} to be a number of seconds from \
                         {DEADLINE_SECONDS_MIN} to {DEADLINE_SECONDS_MAX}, found {text:?}"
                    ),
                )
            })
        };
        Ok(Self { step: seconds("step", step)?, run: seconds("run", run)? })
    }

    /// Which deadline has passed, and when; `None` if none has.
    fn passed(
        &self,
        step: &Step,
        statement: &DescribeStatementOutput,
        now: SystemTime,
    ) -> Option<(&'static str, Duration)> {
        if age(statement, now) > self.step {
            return Some(("step", self.step));
        }
        // The time before the redrive does not count.
        if step.run.redrive_count > 0 {
            return None;
        }
        let started = step.run.started_at.parse::<Timestamp>().ok()?;
        let run = now.duration_since(SystemTime::from(started)).unwrap_or_default();
        (run > self.run).then_some(("run", self.run))
    }
}

impl Warehouse {
    /// Like [`Warehouse::state`], but cancels a statement that is still running after a deadline.
    /// If it succeeds at that very moment, it has succeeded: what is committed is reported.
    ///
    /// # Errors
    /// `DeadlineExceeded`; else as [`Warehouse::state`].
    pub async fn state_by(
        &self,
        deadlines: &Deadlines,
        step: &Step,
        statements: &[Statement],
        statement_id: &str,
        long_poll: Duration,
        now: SystemTime,
    ) -> Result<StatementState, Failure> {
        let asked_at = Instant::now();
        let statement = self.describe(statement_id, long_poll).await?;
        let early = came_early(asked_at, long_poll);
        let state = self.judge(step, statements, &statement, now, early).await?;
        let (StatementState::Running { .. }, Some((what, limit))) =
            (&state, deadlines.passed(step, &statement, now))
        else {
            return Ok(state);
        };
        self.cancel_one(statement_id).await?;
        let statement = self.describe(statement_id, long_poll).await?;
        if statement.status == Some(StatusString::Aborted) {
            return Err(exceeded(step, what, limit));
        }
        self.judge(step, statements, &statement, now, false).await
    }
}

fn exceeded(step: &Step, what: &str, limit: Duration) -> Failure {
    let setting = if what == "step" { "StepDeadlineSeconds" } else { "RunDeadlineSeconds" };
    Failure::new(
        ErrorName::DeadlineExceeded,
        format!(
            "{}: cancelled after {} seconds, the deadline of a {what}; nothing of it was kept",
            step.step,
            limit.as_secs()
        ),
    )
    .hint(format!(
        "find out what it waited for in sys_query_history, or deploy with a longer {setting}; then \
         start the run again"
    ))
}

#[cfg(test)]
mod tests {
    use segue_contract::{Run, RunInput};

    use super::*;

    #[test]
    fn a_deadline_is_a_number_of_seconds_within_bounds() {
        assert!(Deadlines::new("60", "172800").is_ok());
        for wrong in ["", "59", "172801", "1 day"] {
            for failure in [Deadlines::new(wrong, "60"), Deadlines::new("60", wrong)] {
                assert_eq!(failure.expect_err(wrong).name, ErrorName::InvalidConfiguration);
            }
        }
    }

    #[test]
    fn a_run_that_was_redriven_is_held_to_its_steps_deadlines_only() {
        let deadlines = Deadlines::new("60", "60").expect("valid");
        let statement = DescribeStatementOutput::builder().id("s").build().expect("has an id");
        let passed = |redrive_count| {
            let started_at = "2018-11-01T00:00:00Z".into();
            let run = Run { id: "r".into(), started_at, redrive_count, input: RunInput::default() };
            deadlines.passed(&Step::first(run, "publish"), &statement, SystemTime::now())
        };
        assert_eq!(passed(0), Some(("run", deadlines.run)));
        assert_eq!(passed(1), None);
    }
}
