//! One execution: from state to state.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use crate::attempts::Labour;
use crate::definition::{Choice, Definition, Fail, State};
use crate::error::{QUERY_EVALUATION, RUNTIME, StateError, TIMEOUT};
use crate::evaluation::{Seen, within_quota};
use crate::history::History;
use crate::outcome::Status;
use crate::region::Region;
use crate::template::Template;

/// The most seconds that a state may wait.
const WAIT_SECONDS_MAX: u64 = 99_999_999;
/// The most characters of an execution's cause.
const CAUSE_CHARACTERS_MAX: usize = 32_768;

/// What all states of an execution share.
pub(crate) struct Run {
    pub region: Region,
    pub machine: String,
    pub arn: String,
    pub name: String,
    pub history: Arc<History>,
    definition: Arc<Definition>,
    pub started: Timestamp,
    pub input: Value,
    random: Mutex<ChaCha8Rng>,
    children: AtomicU64,
}

impl Run {
    pub(crate) fn new(
        region: Region,
        definition: Arc<Definition>,
        machine: &str,
        arn: &str,
        name: &str,
        input: Value,
        history: Arc<History>,
    ) -> Self {
        let seed = arn.bytes().fold(region.seed(), |seed, byte| {
            // FNV-1a: every execution has its own sequence, the same in every test.
            (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            started: region.now(),
            region,
            machine: machine.to_owned(),
            arn: arn.to_owned(),
            name: name.to_owned(),
            history,
            definition,
            input,
            random: Mutex::new(ChaCha8Rng::seed_from_u64(seed)),
            children: AtomicU64::new(0),
        }
    }

    /// Runs to the end, or to the machine's timeout.
    pub(crate) async fn execute(&self) -> (Status, Value, Option<StateError>) {
        let states = &self.definition.states;
        let mut scope = Scope { run: self, states, variables: Map::new(), item: None };
        let path = scope.execute(&self.definition.start_at, self.input.clone());
        let outcome = match self.definition.timeout_seconds {
            None => path.await,
            Some(seconds) => match tokio::time::timeout(Duration::from_secs(seconds), path).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let error = StateError::new(TIMEOUT, "");
                    return (Status::TimedOut, Value::Null, Some(error));
                }
            },
        };
        match outcome {
            Ok(output) => (Status::Succeeded, output, None),
            Err(error) => (Status::Failed, Value::Null, Some(error)),
        }
    }

    pub(crate) fn draw(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// A name for an execution that is started without one.
    pub(crate) fn child_name(&self) -> String {
        let number = self.children.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{number}", self.draw() >> 32)
    }
}

/// The states of a machine or of one iteration, and their variables.
pub(crate) struct Scope<'a> {
    pub run: &'a Run,
    pub states: &'a BTreeMap<String, State>,
    pub variables: Map<String, Value>,
    /// `$states.context.Map.Item`, within an iteration.
    pub item: Option<Value>,
}

/// The outcome of a state.
pub(crate) struct Step {
    pub output: Value,
    pub next: Option<String>,
}

impl<'a> Scope<'a> {
    /// Moves from state to state until the last.
    pub(crate) fn execute<'s>(
        &'s mut self,
        start_at: &'s str,
        input: Value,
    ) -> BoxFuture<'s, Result<Value, StateError>> {
        async move {
            let (mut name, mut input) = (start_at.to_owned(), input);
            loop {
                within_quota(&input)?;
                let step = self.state(&name, &input).await?;
                within_quota(&step.output)?;
                match step.next {
                    None => return Ok(step.output),
                    Some(next) => (name, input) = (next, step.output),
                }
            }
        }
        .boxed()
    }

    async fn state(&mut self, name: &str, input: &Value) -> Result<Step, StateError> {
        let states = self.states;
        let history = &self.run.history;
        let state = states
            .get(name)
            .ok_or_else(|| StateError::new(RUNTIME, format!("there is no state {name:?}")))?;
        let (on_entry, exited) = event_kinds(state);
        history.add(on_entry, name)?;
        let entered = self.run.region.now();
        let seen = Seen { state: name, input, result: None, error: None, retry_count: 0, entered };
        let step = match state {
            State::Pass(pass) => {
                let output = self.leave(&seen, &pass.assign, &pass.output, input)?;
                Step { output, next: pass.next.clone() }
            }
            State::Wait(wait) => {
                let seconds = self.whole_number(&wait.seconds, &seen, "Seconds")?;
                if seconds > WAIT_SECONDS_MAX {
                    return Err(StateError::new(RUNTIME, format!("{name}: Seconds is {seconds}")));
                }
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                let output = self.leave(&seen, &wait.assign, &wait.output, input)?;
                Step { output, next: wait.next.clone() }
            }
            State::Choice(choice) => self.choose(choice, &seen)?,
            State::Task(task) => self.labour(Labour::Task(task), name, input).await?,
            State::Map(map) => self.labour(Labour::Map(map), name, input).await?,
            State::Succeed(succeed) => {
                Step { output: self.leave(&seen, &None, &succeed.output, input)?, next: None }
            }
            State::Fail(fail) => return Err(self.failure(fail, &seen)?),
        };
        history.add(exited, name)?;
        Ok(step)
    }

    fn choose(&mut self, choice: &Choice, seen: &Seen<'_>) -> Result<Step, StateError> {
        for rule in &choice.choices {
            match self.evaluate(&rule.condition, seen)? {
                Value::Bool(false) => {}
                Value::Bool(true) => {
                    let output = self.leave(seen, &rule.assign, &rule.output, seen.input)?;
                    return Ok(Step { output, next: Some(rule.next.clone()) });
                }
                other => {
                    let cause = format!("{}: expected true or false, found {other}", seen.state);
                    return Err(StateError::new(QUERY_EVALUATION, cause));
                }
            }
        }
        let next = choice.default.clone().ok_or_else(|| {
            StateError::new("States.NoChoiceMatched", format!("{}: no choice", seen.state))
        })?;
        let output = self.leave(seen, &choice.assign, &choice.output, seen.input)?;
        Ok(Step { output, next: Some(next) })
    }

    fn failure(&self, fail: &Fail, seen: &Seen<'_>) -> Result<StateError, StateError> {
        let text = |template: &Template| match self.evaluate(template, seen)? {
            Value::String(text) => Ok(text),
            other => Err(StateError::new(
                QUERY_EVALUATION,
                format!("{}: expected text, found {other}", seen.state),
            )),
        };
        let error = StateError::new(text(&fail.error)?, text(&fail.cause)?);
        if error.cause.chars().count() > CAUSE_CHARACTERS_MAX {
            return Err(StateError::new(RUNTIME, format!("{}: Cause is too long", seen.state)));
        }
        Ok(error)
    }
}

fn event_kinds(state: &State) -> (&'static str, &'static str) {
    match state {
        State::Pass(_) => ("PassStateEntered", "PassStateExited"),
        State::Task(_) => ("TaskStateEntered", "TaskStateExited"),
        State::Choice(_) => ("ChoiceStateEntered", "ChoiceStateExited"),
        State::Wait(_) => ("WaitStateEntered", "WaitStateExited"),
        State::Map(_) => ("MapStateEntered", "MapStateExited"),
        State::Succeed(_) => ("SucceedStateEntered", "SucceedStateExited"),
        State::Fail(_) => ("FailStateEntered", ""),
    }
}
