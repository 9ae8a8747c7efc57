//! An execution's history: what AWS counts towards its quota, and what tests look at.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{RUNTIME, StateError};

/// The most events of one execution. "If the execution history reaches 25,000 events the execution
/// fails."
const EVENTS_MAX: usize = 25_000;

/// One event of an execution's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// How long the execution had been running.
    pub at: Duration,
    /// The type, as in AWS's history: `TaskStateEntered`, `TaskScheduled`, …
    pub kind: &'static str,
    /// The state, empty for events of the execution itself.
    pub state: String,
}

/// A history that is being written.
#[derive(Debug)]
pub(crate) struct History {
    begun: Instant,
    events: Mutex<Vec<Event>>,
}

impl History {
    pub(crate) fn new() -> Self {
        let history = Self { begun: Instant::now(), events: Mutex::default() };
        history.push("ExecutionStarted", "");
        history
    }

    /// Adds an event; fails if there are too many.
    pub(crate) fn add(&self, kind: &'static str, state: &str) -> Result<(), StateError> {
        match self.push(kind, state) {
            // The last one is kept for the end of the execution.
            events if events < EVENTS_MAX => Ok(()),
            _ => Err(StateError::new(
                RUNTIME,
                "The execution reached the maximum number of history events (25000).",
            )),
        }
    }

    /// Adds an event in any case; returns how many there are.
    pub(crate) fn push(&self, kind: &'static str, state: &str) -> usize {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(Event { at: self.begun.elapsed(), kind, state: state.to_owned() });
        events.len()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
