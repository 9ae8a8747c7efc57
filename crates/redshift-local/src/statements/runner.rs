//! Running a statement or batch on a connection of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::submit::parameters;
use super::{Part, Statement, Statements, Status};
use crate::dialect::{Tokens, bind, statements};
use crate::engine::{Cancel, Done, Session, SqlError, Warehouse, serializable};
use crate::faults::{Fault, RUN};
use crate::statements::journal::Journal;

/// What is said of a statement whose end was not heard of.
const END_LOST: &str = "The connection was closed before the statement's end was known.";
/// What the statements after a failed one are told, in the service's words.
const EARLIER_FAILED: &str = "Connection or an prior query failed.";

impl Statements {
    /// Starts a statement; it goes on by itself.
    pub(super) fn start(&self, statement: Arc<Statement>) {
        let fault = self.faults.next(RUN);
        let kept = statement.session_id.as_ref().and_then(|id| {
            let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.get(id).map(|kept| Arc::clone(&kept.session))
        });
        let run = Run {
            warehouse: Arc::clone(&self.warehouse),
            journal: Arc::clone(&self.journal),
            statement,
            kept,
            began: Instant::now(),
            loses_its_end: fault == Some(Fault::LostEnd),
        };
        let slots = Arc::clone(&self.slots);
        let runner = async move {
            let cancel = Arc::clone(&run.statement.cancel);
            let slot = tokio::select! {
                slot = slots.acquire_owned() => slot.ok(),
                () = cancel.cancelled() => None,
            };
            if slot.is_none() {
                run.end(Err((0, SqlError::Cancelled)));
                return;
            }
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
                None => run.run(),
            });
            if let Err(error) = work.await {
                tracing::error!(%error, "a statement ended without an outcome");
            }
            drop(slot);
        };
        self.runners.spawn_on(runner, &self.warehouse.runtime);
    }
}

/// One statement or batch on its way.
struct Run {
    warehouse: Arc<Warehouse>,
    journal: Arc<Journal>,
    statement: Arc<Statement>,
    kept: Option<Arc<Mutex<Option<Session>>>>,
    began: Instant,
    loses_its_end: bool,
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

    fn run(&self) {
        let cancel = Arc::clone(&self.statement.cancel);
        let outcome = match &self.kept {
            None => Session::open(Arc::clone(&self.warehouse), cancel)
                .map_err(|error| (0, error))
                .and_then(|mut session| self.run_in(&mut session, false)),
            Some(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                self.run_kept(&mut kept, cancel)
            }
        };
        self.end(outcome.and_then(|()| if self.loses_its_end { self.lose_end() } else { Ok(()) }));
    }

    /// All is done, and is said to have failed.
    fn lose_end(&self) -> Outcome {
        let (last, error) = (self.statement.texts.len() - 1, SqlError::new(END_LOST));
        self.fail(last, &error, Duration::ZERO);
        Err((last, error))
    }

    fn run_kept(&self, kept: &mut Option<Session>, cancel: Arc<Cancel>) -> Outcome {
        match kept {
            Some(session) => {
                session.adopt(cancel);
                self.run_in(session, true)
            }
            None => {
                let session = Session::open(Arc::clone(&self.warehouse), cancel);
                let session = kept.insert(session.map_err(|error| (0, error))?);
                self.run_in(session, true)
            }
        }
    }

    fn run_in(&self, session: &mut Session, kept: bool) -> Outcome {
        let process = session.process();
        self.statement.change(|state| state.process = process);
        self.set(Status::Started);
        let one_by_one = self.statement.request.execution_mode.as_deref() == Some("AUTO_COMMIT");
        let last = self.statement.texts.len() - 1;
        for (index, text) in self.statement.texts.iter().enumerate() {
            let started = Instant::now();
            let earlier_query = session.last_query();
            self.change_part(index, |part| part.status = Status::Started);
            let done =
                self.tokens(text).and_then(|tokens| session.run(&tokens, text)).and_then(|done| {
                    self.note(index, &done, started.elapsed());
                    let explicit = kept && session.is_explicit();
                    if index == last {
                        // Kept with the work itself: after a crash both are there, or neither.
                        self.journal.finished(&self.statement, session)?;
                    }
                    if (index == last || one_by_one) && !explicit {
                        session.commit()?;
                    }
                    Ok(())
                });
            if let Err(error) = done {
                session.rollback();
                // The system views say under this number why it failed.
                let began = session.last_query() != earlier_query;
                let query_id = if began { session.last_query() } else { 0 };
                self.change_part(index, |part| part.query_id = query_id);
                self.fail(index, &error, started.elapsed());
                return Err((index, error));
            }
        }
        Ok(())
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
                let alone =
                    tokens.is("vacuum") || tokens.is("alter table") && ends_appending(&tokens);
                if alone && self.statement.batch && self.statement.texts.len() > 1 {
                    let name = tokens.peek().to_string().to_uppercase();
                    return Err(SqlError::new(format!(
                        "{name} cannot run inside a transaction block"
                    )));
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
            part.query_id = done.query_id;
            part.duration = nanoseconds(took);
            part.result = done.result.clone().map(Arc::new);
        });
    }

    fn fail(&self, index: usize, error: &SqlError, took: Duration) {
        let status = status_of(error);
        self.change_part(index, |part| {
            part.status = status;
            part.error = Some(error.to_string());
            part.rows = -1;
            part.has_result = false;
            part.result = None;
            part.duration = nanoseconds(took);
        });
        for later in index + 1..self.statement.texts.len() {
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
            self.fail(0, error, Duration::ZERO);
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
        self.statement.change(|state| *state = ended);
    }
}

fn ends_appending(tokens: &Tokens) -> bool {
    tokens.all().iter().any(|token| token.to_string() == "append")
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
