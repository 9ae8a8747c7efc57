//! Faults, decided by a seed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redshift_local::{Fault, Faults};

use super::kill::{Aim, Doom, Kill, Moment};

/// One S3 call in this many fails.
const S3_CALLS_PER_TROUBLE: u32 = 12;
/// One object in this many cannot be read by a COPY.
const COPIED_OBJECTS_PER_TROUBLE: u32 = 24;
/// One invocation in this many is killed.
const INVOCATIONS_PER_KILL: u32 = 8;
/// The last request at which an invocation may be killed.
const KILLED_AT_REQUEST_MAX: u32 = 8;

/// The most late statements, if all are late.
const LATE_STATEMENTS_MAX: u32 = 1_000;

/// How an S3 call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is done: `SlowDown`.
    Throttled,
    /// Nothing is done: `InternalError`.
    Refused,
    /// It is done, but the answer is lost.
    AnswerLost,
    /// It is done, but the connection breaks in the middle of the answer.
    AnswerBroken,
    /// It is done, but the answer comes slowly.
    AnswerSlow,
}

const TROUBLES: [Trouble; 5] = [
    Trouble::Throttled,
    Trouble::Refused,
    Trouble::AnswerLost,
    Trouble::AnswerBroken,
    Trouble::AnswerSlow,
];

/// The faults of a world.
#[derive(Debug)]
pub struct Mischief {
    seed: u64,
    warehouse: Faults,
    on: AtomicBool,
    random: Mutex<ChaCha8Rng>,
    /// The function whose invocations are killed, and how.
    victim: Mutex<Option<(&'static str, Arc<Aim>)>>,
}

impl Mischief {
    /// Nothing.
    pub fn none() -> Self {
        Self { on: AtomicBool::new(false), ..Self::new(0, Faults::None) }
    }

    /// A statement that starts this late, by its index (from 0) among all statements.
    pub fn late_statement(number: u32, delay: Duration) -> Self {
        Self::statement(number, Fault::Slow(delay))
    }

    /// A statement that commits but is reported as failed.
    pub fn statement_whose_end_is_lost(number: u32) -> Self {
        Self::statement(number, Fault::LostEnd)
    }

    /// A statement that the system views show this much later than others.
    pub fn late_views(number: u32, delay: Duration) -> Self {
        Self::statement(number, Fault::LateViews(delay))
    }

    /// A statement whose COPY its session does not count, either.
    pub fn no_copy_count(number: u32) -> Self {
        Self::statement(number, Fault::NoCopyCount)
    }

    /// A statement whose parts have no numbers.
    pub fn no_query_ids(number: u32) -> Self {
        Self::statement(number, Fault::NoQueryIds)
    }

    fn statement(number: u32, fault: Fault) -> Self {
        let schedule = vec![("run".to_owned(), number, fault)];
        Self { warehouse: Faults::Schedule(schedule), ..Self::none() }
    }

    /// Every statement starts this late.
    pub fn late_statements(delay: Duration) -> Self {
        let late = |number| ("run".to_owned(), number, Fault::Slow(delay));
        Self {
            warehouse: Faults::Schedule((0..LATE_STATEMENTS_MAX).map(late).collect()),
            ..Self::none()
        }
    }

    /// All faults that the seed decides.
    pub fn seeded(seed: u64) -> Self {
        Self::new(seed, Faults::Seed(seed))
    }

    fn new(seed: u64, warehouse: Faults) -> Self {
        let random = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
        Self { seed, warehouse, on: AtomicBool::new(true), random, victim: Mutex::default() }
    }

    /// Invocations of this function are killed like this.
    pub fn aim(&self, function: &'static str, aim: &Arc<Aim>) {
        *locked(&self.victim) = Some((function, Arc::clone(aim)));
    }

    /// From now on, S3 and functions have no more faults.
    pub fn end(&self) {
        self.on.store(false, Ordering::SeqCst);
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn warehouse(&self) -> Faults {
        self.warehouse.clone()
    }

    /// The fault of the next S3 call.
    pub fn s3(&self) -> Option<Trouble> {
        self.draw(S3_CALLS_PER_TROUBLE, |random| TROUBLES[random.random_range(0..TROUBLES.len())])
    }

    /// The fault of the next object that a COPY reads.
    pub fn copy(&self) -> Option<Trouble> {
        self.draw(COPIED_OBJECTS_PER_TROUBLE, |random| {
            TROUBLES[random.random_range(0..TROUBLES.len())]
        })
    }

    /// How the next invocation of this function may be killed.
    pub fn doom(&self, function: &str) -> Option<Arc<Doom>> {
        if let Some((name, aim)) = &*locked(&self.victim) {
            return (*name == function && aim.left() > 0).then(|| Doom::new(aim));
        }
        let kill = self.draw(INVOCATIONS_PER_KILL, |random| match random.random_range(0..4) {
            0 => Kill::Before,
            1 => Kill::AtEnd,
            _ => {
                let moments = [Moment::Unsent, Moment::Unanswered];
                let moment = moments[random.random_range(0..moments.len())];
                Kill::AtRequest(random.random_range(0..KILLED_AT_REQUEST_MAX), moment)
            }
        })?;
        Some(Doom::new(&Arc::new(Aim::new(kill, 1))))
    }

    fn draw<T>(&self, one_in: u32, choose: impl Fn(&mut ChaCha8Rng) -> T) -> Option<T> {
        if !self.on.load(Ordering::SeqCst) {
            return None;
        }
        let mut random = locked(&self.random);
        let hit = random.random_range(0..one_in) == 0;
        hit.then(|| choose(&mut random))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
