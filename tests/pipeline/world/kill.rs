//! Functions that are killed: before they start, at their end, and at any of their requests.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use workflow_local::FunctionError;

/// How an invocation is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// It never starts: Lambda refuses it.
    Before,
    /// At one of its requests, counted from 0.
    AtRequest(u32, Moment),
    /// At its end: everything is done, but the answer is lost.
    AtEnd,
    /// At its timeout: it does nothing and never answers.
    Silent,
    /// Not at all: it only takes this much longer.
    Slow(Duration),
}

/// When a function is killed around a request. Between an answer and the next request it does
/// nothing visible, so these are all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the request is sent.
    Unsent,
    /// After the request is carried out, before the answer arrives.
    Unanswered,
}

/// The invocations to kill. The requests of all of them are counted together, so that every request
/// of a run can be targeted.
#[derive(Debug)]
pub struct Aim {
    kill: Kill,
    /// Requests of the invocations so far.
    made: AtomicU32,
    /// How many more invocations to kill.
    left: AtomicU32,
    /// The request at which the first was killed, by its own count: the next is killed there, too.
    again: AtomicU32,
    struck: AtomicBool,
}

impl Aim {
    /// This many invocations, one after the other, at the same point of their work.
    pub fn new(kill: Kill, invocations: u32) -> Self {
        Self {
            kill,
            made: AtomicU32::new(0),
            left: AtomicU32::new(invocations),
            again: AtomicU32::new(0),
            struck: AtomicBool::new(false),
        }
    }

    /// How many more invocations to kill.
    pub fn left(&self) -> u32 {
        self.left.load(Ordering::SeqCst)
    }

    fn note_killed(&self) {
        self.struck.store(true, Ordering::SeqCst);
        self.left.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One invocation that may be killed.
#[derive(Debug)]
pub struct Doom {
    aim: Arc<Aim>,
    made: AtomicU32,
    notify: Notify,
}

impl Doom {
    /// An invocation that may be a target.
    pub fn new(aim: &Arc<Aim>) -> Arc<Self> {
        Arc::new(Self { aim: Arc::clone(aim), made: AtomicU32::new(0), notify: Notify::new() })
    }

    /// Whether the next request is the last, and when it is killed.
    fn next(&self) -> Option<Moment> {
        let own = self.made.fetch_add(1, Ordering::SeqCst);
        let Kill::AtRequest(number, moment) = self.aim.kill else { return None };
        let is_again = self.aim.struck.load(Ordering::SeqCst);
        let is_last = match is_again {
            true => own == self.aim.again.load(Ordering::SeqCst),
            false => self.aim.made.fetch_add(1, Ordering::SeqCst) == number,
        };
        if !is_last || self.aim.left() == 0 {
            return None;
        }
        self.aim.again.store(own, Ordering::SeqCst);
        self.aim.note_killed();
        Some(moment)
    }

    async fn strike<T>(&self) -> T {
        self.notify.notify_one();
        std::future::pending().await
    }

    /// Carries out a request, unless the function is killed at it.
    async fn request<T>(&self, work: impl Future<Output = T>) -> T {
        match self.next() {
            None => work.await,
            Some(Moment::Unsent) => self.strike().await,
            Some(Moment::Unanswered) => {
                work.await;
                self.strike().await
            }
        }
    }

    /// Does the work, or the part of it before the function is killed.
    pub async fn carry_out(
        &self,
        work: impl Future<Output = Result<Value, FunctionError>>,
    ) -> Result<Value, FunctionError> {
        match self.aim.kill {
            Kill::Before if self.aim.left() > 0 => {
                self.aim.note_killed();
                return Err(refused("Lambda.TooManyRequestsException"));
            }
            Kill::AtEnd if self.aim.left() > 0 => {
                self.aim.note_killed();
                let _ = work.await;
                return Err(refused("Lambda.Unknown"));
            }
            Kill::Silent if self.aim.left() > 0 => {
                self.aim.note_killed();
                std::future::pending().await
            }
            Kill::Slow(time) => tokio::time::sleep(time).await,
            _ => {}
        }
        tokio::select! {
            biased;
            () = self.notify.notified() => Err(FunctionError::Failed {
                error_type: "Runtime.ExitError".into(),
                error_message: "Error: Runtime exited with error: signal: killed".into(),
            }),
            answer = work => answer,
        }
    }
}

/// Carries out a request, unless its function is killed at it.
pub async fn unless_killed<T>(doom: Option<Arc<Doom>>, work: impl Future<Output = T>) -> T {
    match doom {
        None => work.await,
        Some(doom) => doom.request(work).await,
    }
}

fn refused(error: &str) -> FunctionError {
    FunctionError::Service { error: error.into(), cause: "killed".into() }
}
