//! Running a statement or batch on a connection of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit};

use super::known::Known;
use super::sessions::{Connection, Kept, Sessions, closes};
use super::submit::parameters;
use super::{Part, Statement, Statements, Status};
use crate::dialect::{Tokens, bind, statements};
use crate::engine::{Cancel, Done, STL_OFFSET, Session, SqlError, Warehouse, serializable};
use crate::faults::{Fault, RUN};
use crate::statements::journal::Journal;

/// The error of a statement whose end is unknown.
const END_LOST: &str = "The connection was closed before the statement's end was known.";
/// The error of the statements after a failed one, in the service's words.
const EARLIER_FAILED: &str = "Connection or an prior query failed.";

impl Statements {
    /// Starts a statement, which runs in the background.
    pub(super) fn start(&self, statement: Arc<Statement>) {
        let fault = self.faults.next(RUN);
        let kept = statement.session_id.as_ref().and_then(|id| self.sessions.begin(id));
        let run = Run {
            warehouse: Arc::clone(&self.warehouse),
            journal: Arc::clone(&self.journal),
            known: Arc::clone(&self.known),
            sessions: Arc::clone(&self.sessions),
            statement,
            began: Instant::now(),
            fault,
        };
        let slots = Arc::clone(&self.slots);
        let runner = async move {
            let cancel = Arc::clone(&run.statement.cancel);
            let place = tokio::select! {
                place = Place::take(kept.clone(), slots) => Some(place),
                () = cancel.cancelled() => None,
            };
            let Some(mut place) = place else {
                run.end(Err((0, SqlError::Cancelled)));
                return;
            };
            run.set(Status::Picked);
            if let Some(Fault::Slow(delay)) = fault {
                tokio::select! {
                    () = run.warehouse.clock.sleep(delay) => {}
                    () = cancel.cancelled() => {}
                }
            }
            let refusal = run.refusal(fault);
            let work = tokio::task::spawn_blocking(move || match refusal {
                Some(error) => run.end(Err((0, error))),
                None => run.run(&mut place, kept.as_ref()),
            });
            if let Err(error) = work.await {
                tracing::error!(%error, "a statement ended without an outcome");
            }
        };
        self.runners.spawn_on(runner, &self.warehouse.runtime);
    }
}

/// Where a statement runs.
enum Place {
    /// On a connection of its own. Holds one of the places of those that run at once.
    Own { _slot: Option<OwnedSemaphorePermit> },
    /// On a kept one, which is a place of its own: its COMMIT must not wait for those that wait for it.
    Kept(OwnedMutexGuard<Kept>),
}

impl Place {
    async fn take(kept: Option<Connection>, slots: Arc<tokio::sync::Semaphore>) -> Self {
        match kept {
            Some(connection) => Self::Kept(connection.lock_owned().await),
            None => Self::Own { _slot: slots.acquire_owned().await.ok() },
        }
    }
}

/// One statement or batch on its way.
struct Run {
    warehouse: Arc<Warehouse>,
    journal: Arc<Journal>,
    known: Arc<Mutex<Known>>,
    sessions: Arc<Sessions>,
    statement: Arc<Statement>,
    began: Instant,
    fault: Option<Fault>,
}

/// The number of the statement that failed, and why.
type Outcome = Result<(), (usize, SqlError)>;

impl Run {
    fn refusal(&self, fault: Option<Fault>) -> Option<SqlError> {
        match fault {
            Some(Fault::Conflict) => {
                let text = serializable(100_000, 1, 2, 3);
                Some(SqlError::new(text))
            }
            Some(Fault::Abort) => Some(SqlError::Cancelled),
            _ if self.statement.cancel.is_cancelled() => Some(SqlError::Cancelled),
            _ => None,
        }
    }

    fn set(&self, status: Status) {
        let now = self.warehouse.clock_now();
        self.statement.change(|state| {
            state.status = status;
            state.updated = now;
        });
    }

    fn run(&self, place: &mut Place, kept: Option<&Connection>) {
        let cancel = Arc::clone(&self.statement.cancel);
        let outcome = match place {
            Place::Own { .. } if self.statement.session_id.is_some() => Err((0, self.no_session())),
            Place::Own { .. } => {
                self.open(cancel).and_then(|mut session| self.run_in(&mut session, false))
            }
            Place::Kept(place) => self.run_kept(place, kept, cancel),
        };
        self.end(outcome.and_then(|()| {
            if self.fault == Some(Fault::LostEnd) { self.lose_end() } else { Ok(()) }
        }));
    }

    fn no_session(&self) -> SqlError {
        let id = self.statement.session_id.as_deref().unwrap_or_default();
        SqlError::new(format!("Session {id} is not available."))
    }

    /// Everything is done, and reported as failed.
    fn lose_end(&self) -> Outcome {
        let (last, error) = (self.statement.texts.len() - 1, SqlError::new(END_LOST));
        self.fail(last, &error, Duration::ZERO, true);
        Err((last, error))
    }

    /// A session of the user who sent the request.
    fn open(&self, cancel: Arc<Cancel>) -> Result<Session, (usize, SqlError)> {
        let failed = |error| (0, error);
        let mut session = Session::open(Arc::clone(&self.warehouse), cancel).map_err(failed)?;
        let request = &self.statement.request;
        session.is_serverless = request.connection.workgroup_name.is_some();
        if let Some((user, is_made)) = request.database_user() {
            session.log_in_as(user, is_made).map_err(failed)?;
        }
        Ok(session)
    }

    fn run_kept(
        &self,
        kept: &mut Kept,
        connection: Option<&Connection>,
        cancel: Arc<Cancel>,
    ) -> Outcome {
        if matches!(kept, Kept::Unopened) {
            let session = self.open(Arc::clone(&cancel))?;
            if let Some(connection) = connection {
                session.closes_by(closes(connection, &self.warehouse));
            }
            *kept = Kept::Open(Box::new(session));
        }
        let Kept::Open(session) = kept else { return Err((0, self.no_session())) };
        session.adopt(cancel);
        self.run_in(session, true)
    }

    fn run_in(&self, session: &mut Session, kept: bool) -> Outcome {
        let process = session.process();
        self.statement.change(|state| state.process = process);
        session.number_from(self.number_offset());
        if let Some(Fault::LateViews(delay)) = self.fault {
            self.warehouse.log.delay(process, delay);
        }
        self.set(Status::Started);
        let one_by_one = self.statement.request.execution_mode.as_deref() == Some("AUTO_COMMIT");
        let last = self.statement.texts.len() - 1;
        session.set_block(self.statement.batch && last > 0 && !one_by_one);
        let mut outcome = Ok(());
        for (index, text) in self.statement.texts.iter().enumerate() {
            let started = Instant::now();
            let earlier_query = session.last_query();
            self.change_part(index, |part| part.status = Status::Started);
            let done = self.tokens(text).and_then(|tokens| {
                let mut done = session.run(&tokens, text)?;
                if tokens.is("copy") || tokens.is("unload") {
                    // The service does not say how many rows a COPY loaded or an UNLOAD wrote.
                    done.rows = 0;
                    if self.fault == Some(Fault::NoCopyCount) {
                        session.forget_counts()?;
                    }
                }
                self.note(index, &done, started.elapsed());
                let explicit = kept && session.is_explicit();
                if index == last && outcome.is_ok() {
                    // Kept with the work itself: after a crash both are there, or neither.
                    self.journal.finished(&self.statement, session)?;
                }
                if (index == last || one_by_one) && !explicit {
                    session.commit()?;
                }
                Ok(())
            });
            let Err(error) = done else { continue };
            session.fail();
            // The system views say under this number why it failed.
            let began = session.last_query() != earlier_query;
            let query_id = if began { self.shown(session.last_query()) } else { 0 };
            self.change_part(index, |part| part.query_id = query_id);
            let goes_on = one_by_one && error != SqlError::Cancelled;
            self.fail(index, &error, started.elapsed(), !goes_on);
            outcome = outcome.and(Err((index, error)));
            if !goes_on {
                break;
            }
        }
        outcome
    }

    /// How much greater a cluster's numbers are than those of its SYS views. A workgroup has no STL
    /// views, and one numbering.
    fn number_offset(&self) -> i64 {
        let connection = &self.statement.request.connection;
        if connection.cluster_identifier.is_some() { STL_OFFSET } else { 0 }
    }

    /// The number that the service gives for the statement with this number in the SYS views.
    fn shown(&self, query_id: i64) -> i64 {
        match self.fault {
            Some(Fault::NoQueryIds) => -1,
            _ => query_id + self.number_offset(),
        }
    }

    /// One statement a text; parameters are put in.
    fn tokens(&self, text: &str) -> Result<Tokens, SqlError> {
        let mut found = statements(text)?;
        let parameters = parameters(&self.statement.request);
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(SqlError::new("syntax error at end of input")),
            (Some(_), false) => {
                Err(SqlError::new("cannot insert multiple commands into a prepared statement"))
            }
            (Some(tokens), true) => {
                let own = ["begin", "start", "commit", "end", "rollback", "abort"];
                if self.statement.batch && own.iter().any(|word| tokens.is(word)) {
                    return Err(SqlError::new(
                        "BEGIN, COMMIT and ROLLBACK are not allowed in a batch: it is a transaction of its own",
                    ));
                }
                bind(&tokens, &parameters)
            }
        }
    }

    fn change_part(&self, index: usize, change: impl FnOnce(&mut Part)) {
        let now = self.warehouse.clock_now();
        self.statement.change(|state| {
            if let Some(part) = state.parts.get_mut(index) {
                part.updated = now;
                change(part);
            }
        });
    }

    fn note(&self, index: usize, done: &Done, took: Duration) {
        self.change_part(index, |part| {
            part.status = Status::Finished;
            part.rows = i64::try_from(done.rows).unwrap_or(i64::MAX);
            part.has_result = done.result.is_some();
            part.size = done.result.as_ref().map_or(0, |result| result.bytes as i64);
            part.query_id = self.shown(done.query_id);
            part.duration = nanoseconds(took);
            part.result = done.result.clone().map(Arc::new);
        });
    }

    /// A part has failed, and with it, when `all`, those after it.
    fn fail(&self, index: usize, error: &SqlError, took: Duration, all: bool) {
        let status = status_of(error);
        self.change_part(index, |part| {
            part.status = status;
            part.error = Some(error.to_string());
            part.rows = -1;
            part.has_result = false;
            part.result = None;
            part.duration = nanoseconds(took);
        });
        for later in (index + 1..self.statement.texts.len()).filter(|_| all) {
            self.change_part(later, |part| {
                part.status = Status::Aborted;
                part.error = Some(EARLIER_FAILED.to_owned());
            });
        }
    }

    fn end(&self, outcome: Outcome) {
        let now = self.warehouse.clock_now();
        let duration = nanoseconds(self.began.elapsed());
        if let Err((0, error)) = &outcome
            && !self.statement.state().parts[0].status.has_ended()
        {
            self.fail(0, error, Duration::ZERO, true);
        }
        let batch = self.statement.batch;
        let mut ended = self.statement.state();
        ended.updated = now;
        ended.duration = duration;
        match outcome {
            Ok(()) => ended.status = Status::Finished,
            Err((index, error)) => {
                ended.status = status_of(&error);
                ended.error = Some(match batch {
                    true => format!("Query #{} failed with {error}", index + 1),
                    false => error.to_string(),
                });
            }
        }
        if ended.status != Status::Finished {
            self.journal.ended(&self.statement, &ended);
        }
        let results = ended.parts.iter().filter_map(|part| part.result.as_ref());
        let bytes = results.map(|result| result.bytes).sum();
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keep_results(&self.statement, bytes);
        if let Some(id) = &self.statement.session_id {
            self.sessions.end(id, now);
        }
        self.statement.change(|state| *state = ended);
    }
}

fn status_of(error: &SqlError) -> Status {
    match error {
        SqlError::Cancelled => Status::Aborted,
        SqlError::Failed(_) => Status::Failed,
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
