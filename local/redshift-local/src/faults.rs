//! Misbehaviour on purpose: what a client of the real service has to survive.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Faults that one seed makes in all: a client that retries comes to an end.
const FAULTS_PER_SEED_MAX: u32 = 16;
/// One call in this many is hit, until the faults of a seed are used up.
const OPPORTUNITIES_PER_FAULT: u32 = 5;
/// How long a slow statement is held back at most, in milliseconds.
const SLOW_MILLISECONDS_MAX: u64 = 1_500;
/// How much later the system views show a statement at most, in milliseconds.
const LATE_VIEWS_MILLISECONDS_MAX: u64 = 60_000;

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `ThrottlingException`; nothing is done.
    Throttle,
    /// A throttle in the clothes of a `ValidationException`, as Serverless sends it.
    WrappedThrottle,
    /// `InternalServerException`; nothing is done.
    InternalError,
    /// The work is done, then the connection closes without an answer.
    DroppedAnswer,
    /// `DatabaseConnectionException`; nothing is done.
    ConnectionFailure,
    /// `ActiveStatementsExceededException`; nothing is done.
    TooManyStatements,
    /// A result that exists is reported as expired.
    ResultExpired,
    /// The statement starts late.
    Slow(Duration),
    /// The statement fails with error 1023 and changes nothing.
    Conflict,
    /// The statement is aborted and changes nothing.
    Abort,
    /// The statement does all it should and commits, then its connection breaks: it is reported to
    /// have failed.
    LostEnd,
    /// What the system views show of the statement they show so much later.
    LateViews(Duration),
    /// Describing the statement gives no numbers by which the system views know its parts.
    NoQueryIds,
    /// `pg_last_copy_count()` says 0 after a COPY that loaded rows, `pg_last_unload_count()` after an
    /// UNLOAD that wrote some.
    NoCopyCount,
}

/// What faults there are to be.
#[derive(Debug, Clone, Default)]
pub enum Faults {
    /// None.
    #[default]
    None,
    /// A bounded number, chosen by a seed; the same for the same sequence of calls.
    Seed(u64),
    /// Exactly these: a point, the index of the call at that point (from 0), and the fault. Points are
    /// the names of the operations, such as `ExecuteStatement`, and `run` for the execution of a
    /// statement or batch.
    Schedule(Vec<(String, u32, Fault)>),
}

/// The point at which a statement or batch begins to run.
pub(crate) const RUN: &str = "run";

/// Decides, call by call.
pub(crate) struct FaultPlan {
    faults: Faults,
    ended: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    spent: u32,
    points: HashMap<String, Point>,
}

struct Point {
    calls: u32,
    random: ChaCha8Rng,
}

impl FaultPlan {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { faults, ended: AtomicBool::new(false), state: Mutex::default() }
    }

    /// The fault for this call of `point`, if there is one; logged once to stderr.
    pub(crate) fn next(&self, point: &str) -> Option<Fault> {
        if matches!(self.faults, Faults::None) || self.ended.load(Ordering::SeqCst) {
            return None;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = state.spent;
        let at = state.points.entry(point.to_owned()).or_insert_with(|| Point {
            calls: 0,
            random: ChaCha8Rng::seed_from_u64(self.seed_of(point)),
        });
        let call = at.calls;
        at.calls += 1;
        let fault = match &self.faults {
            Faults::None => None,
            Faults::Seed(_) => draw(&mut at.random, point).filter(|_| spent < FAULTS_PER_SEED_MAX),
            Faults::Schedule(schedule) => schedule
                .iter()
                .find(|(name, nth, _)| name == point && *nth == call)
                .map(|(_, _, fault)| *fault),
        };
        if let Some(fault) = fault {
            state.spent += 1;
            tracing::warn!(point, call, fault = ?fault, "fault");
        }
        fault
    }

    /// From now on there are none.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Every point has a sequence of its own, so that calls of others do not disturb it.
    fn seed_of(&self, point: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        point.hash(&mut hasher);
        if let Faults::Seed(seed) = self.faults {
            seed.hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn draw(random: &mut ChaCha8Rng, point: &str) -> Option<Fault> {
    // Both are always drawn: whether a fault is spent must not shift the sequence.
    let hit = random.random_range(0..OPPORTUNITIES_PER_FAULT) == 0;
    let slow = Duration::from_millis(random.random_range(1..=SLOW_MILLISECONDS_MAX));
    let late = Duration::from_millis(random.random_range(1..=LATE_VIEWS_MILLISECONDS_MAX));
    let request =
        [Fault::Throttle, Fault::WrappedThrottle, Fault::InternalError, Fault::DroppedAnswer];
    let mut faults: Vec<Fault> = match point {
        RUN => vec![
            Fault::Slow(slow),
            Fault::Conflict,
            Fault::Abort,
            Fault::LostEnd,
            Fault::LateViews(late),
            Fault::NoQueryIds,
            Fault::NoCopyCount,
        ],
        _ => request.to_vec(),
    };
    match point {
        "ExecuteStatement" | "BatchExecuteStatement" => {
            faults.extend([Fault::TooManyStatements, Fault::ConnectionFailure]);
        }
        "GetStatementResult" | "GetStatementResultV2" => faults.push(Fault::ResultExpired),
        _ => {}
    }
    let chosen = faults[random.random_range(0..faults.len())];
    hit.then_some(chosen)
}
