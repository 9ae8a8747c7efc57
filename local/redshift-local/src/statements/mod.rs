//! Statements and batches: submitted, run, described, kept for a day.

mod journal;
mod known;
mod runner;
mod sessions;
mod submit;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::engine::{Cancel, QueryResult, Warehouse};
use crate::faults::{FaultPlan, Faults};
use crate::protocol::{ApiError, Caller, Execute};
use journal::Journal;
pub(crate) use known::Age;
use known::Known;
use sessions::Sessions;

/// Statements and batches that may be under way at once.
pub(crate) const ACTIVE_STATEMENTS_MAX: usize = 200;
/// Statements and batches that run at once; the others wait their turn.
const RUNNING_MAX: usize = 24;
/// Requests that may wait for the same statement at once.
const WAITING_REQUESTS_MAX: usize = 10;
/// How long a statement and its result are kept.
const KEPT_HOURS: u64 = 24;
/// How long to wait for statements that were stopped to end.
const STOP_MAX: Duration = Duration::from_secs(10);
/// How long a client token is remembered.
const TOKEN_HOURS: u64 = 8;

/// Where a statement is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Submitted,
    Picked,
    Started,
    Finished,
    Failed,
    Aborted,
}

impl Status {
    /// The protocol's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Picked => "PICKED",
            Self::Started => "STARTED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Submitted, Self::Picked, Self::Started, Self::Finished, Self::Failed, Self::Aborted]
            .into_iter()
            .find(|status| status.name() == name)
    }

    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Aborted)
    }
}

/// One statement of a batch, or the only one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) status: Status,
    pub(crate) updated: SystemTime,
    pub(crate) error: Option<String>,
    pub(crate) has_result: bool,
    /// Rows given or written; −1 before it has run.
    pub(crate) rows: i64,
    /// Bytes given; −1 before it has run.
    pub(crate) size: i64,
    pub(crate) query_id: i64,
    /// Nanoseconds.
    pub(crate) duration: i64,
    pub(crate) result: Option<Arc<QueryResult>>,
}

impl Part {
    fn new(now: SystemTime) -> Self {
        Self {
            status: Status::Submitted,
            updated: now,
            error: None,
            has_result: false,
            rows: -1,
            size: -1,
            query_id: 0,
            duration: -1,
            result: None,
        }
    }
}

/// What changes of a statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) status: Status,
    pub(crate) updated: SystemTime,
    pub(crate) error: Option<String>,
    pub(crate) process: i64,
    /// Nanoseconds.
    pub(crate) duration: i64,
    pub(crate) parts: Vec<Part>,
}

impl State {
    pub(crate) fn has_result(&self) -> bool {
        self.parts.iter().any(|part| part.has_result)
    }
}

/// A statement or batch.
pub(crate) struct Statement {
    pub(crate) id: String,
    pub(crate) created: SystemTime,
    pub(crate) request: Execute,
    pub(crate) batch: bool,
    /// The statements' texts.
    pub(crate) texts: Vec<String>,
    pub(crate) session_id: Option<String>,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    waiting: AtomicUsize,
    pub(crate) cancel: Arc<Cancel>,
}

impl Statement {
    fn new(
        id: String,
        created: SystemTime,
        request: Execute,
        batch: bool,
        session_id: Option<String>,
    ) -> Self {
        let texts = match batch {
            true => request.sqls.clone().unwrap_or_default(),
            false => request.sql.clone().into_iter().collect(),
        };
        let parts = vec![Part::new(created); texts.len()];
        let state = State {
            status: Status::Submitted,
            updated: created,
            error: None,
            process: 0,
            duration: -1,
            parts,
        };
        Self {
            id,
            created,
            request,
            batch,
            texts,
            session_id,
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            waiting: AtomicUsize::new(0),
            cancel: Arc::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its current state.
    pub(crate) fn state(&self) -> State {
        self.lock().clone()
    }

    /// Whether it has ended, well or not.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().status.has_ended()
    }

    /// Its position among all statements.
    pub(crate) fn age(&self) -> Age {
        (self.created, self.id.clone())
    }

    /// Lets its results expire early.
    fn forget_results(&self) {
        for part in &mut self.lock().parts {
            part.result = None;
        }
    }

    /// Changes it, and wakes the waiting callers.
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.send_replace(());
    }

    /// `JSON` or `CSV`.
    pub(crate) fn format(&self) -> &str {
        self.request.result_format.as_deref().unwrap_or("JSON")
    }

    /// Waits until it has ended, or `most` has passed.
    pub(crate) async fn wait(&self, most: Duration, warehouse: &Warehouse) -> Result<(), ApiError> {
        if most.is_zero() {
            return Ok(());
        }
        let _waiter = Waiter::new(&self.waiting)?;
        let mut changes = self.changed.subscribe();
        let timeout = warehouse.clock.sleep(most);
        tokio::pin!(timeout);
        loop {
            if self.has_ended() {
                return Ok(());
            }
            tokio::select! {
                () = &mut timeout => return Ok(()),
                _ = changes.changed() => {}
            }
        }
    }
}

/// Counts a request that waits, for as long as it does.
struct Waiter<'a>(&'a AtomicUsize);

impl<'a> Waiter<'a> {
    fn new(waiting: &'a AtomicUsize) -> Result<Self, ApiError> {
        let before = waiting.fetch_add(1, Ordering::SeqCst);
        let waiter = Self(waiting);
        if before >= WAITING_REQUESTS_MAX {
            return Err(ApiError::too_many_waiting());
        }
        Ok(waiter)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// All statements of a warehouse.
pub(crate) struct Statements {
    warehouse: Arc<Warehouse>,
    pub(crate) faults: FaultPlan,
    known: Arc<Mutex<Known>>,
    sessions: Arc<Sessions>,
    slots: Arc<Semaphore>,
    runners: TaskTracker,
    journal: Arc<Journal>,
}

impl Statements {
    /// Those of an earlier process come back; what was under way then is aborted.
    pub(crate) fn open(warehouse: Arc<Warehouse>, faults: Faults, durable: bool) -> Self {
        let journal = Arc::new(Journal::new(Arc::clone(&warehouse.database), durable));
        let mut known = Known::default();
        for statement in journal.restore(warehouse.clock_now()) {
            let statement = Arc::new(statement);
            let parts = statement.state().parts;
            let results = parts.iter().filter_map(|part| part.result.as_ref());
            let bytes = results.map(|result| result.bytes).sum();
            known.add(Arc::clone(&statement));
            known.keep_results(&statement, bytes);
        }
        Self {
            warehouse,
            faults: FaultPlan::new(faults),
            known: Arc::new(Mutex::new(known)),
            sessions: Arc::default(),
            slots: Arc::new(Semaphore::new(RUNNING_MAX)),
            runners: TaskTracker::new(),
            journal,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statement of this id.
    ///
    /// # Errors
    /// Also when somebody else submitted it: nobody but the submitter may describe, read or cancel it.
    pub(crate) fn get(&self, id: &str, caller: &Caller) -> Result<Arc<Statement>, ApiError> {
        let well_formed = id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if !well_formed {
            return Err(ApiError::validation(format!(
                "id must satisfy regex pattern: ^[a-z0-9]{{8}}(-[a-z0-9]{{4}}){{3}}-[a-z0-9]{{12}}(:\\d+)?$, but is {id}"
            )));
        }
        let found = self.lock().get(id).cloned();
        found
            .filter(|statement| statement.request.caller.as_deref() == caller.database_user())
            .ok_or_else(|| ApiError::not_found("Query does not exist."))
    }

    /// A page of those that are wanted, the newest first, and whether there are more.
    pub(crate) fn page(
        &self,
        before: Option<Age>,
        most: usize,
        wanted: impl Fn(&Statement) -> bool,
    ) -> (Vec<Arc<Statement>>, bool) {
        let known = self.lock();
        let mut found = known.newest_first(before).filter(|statement| wanted(statement));
        let page = found.by_ref().take(most).cloned().collect();
        (page, found.next().is_some())
    }

    /// Stops a statement that runs.
    pub(crate) fn cancel(&self, id: &str, caller: &Caller) -> Result<(), ApiError> {
        let statement = self.get(id, caller)?;
        let status = statement.state().status;
        if status.has_ended() {
            return Err(ApiError::validation(format!(
                "Could not cancel a query that is already in {} state with ID: {id}",
                status.name()
            )));
        }
        statement.cancel.cancel();
        Ok(())
    }

    /// Stops all that runs or waits to, and waits until it has ended and let the warehouse go.
    pub(crate) async fn stop(&self) {
        for statement in self.lock().active() {
            statement.cancel.cancel();
        }
        self.runners.close();
        let _ = tokio::time::timeout(STOP_MAX, self.runners.wait()).await;
        self.sessions.clear();
    }
}
