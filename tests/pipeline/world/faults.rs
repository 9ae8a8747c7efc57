//! What goes wrong, decided by a seed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redshift_local::{Fault, Faults};

/// One call of S3 in so many goes wrong.
const S3_CALLS_PER_TROUBLE: u32 = 12;
/// One invocation in so many is killed.
const INVOCATIONS_PER_KILL: u32 = 8;
/// How often an invocation is woken at most before it is killed.
const KILLED_AFTER_WAKES_MAX: u32 = 12;

/// How a call of S3 goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is done.
    Refused,
    /// It is done, and nobody hears of it.
    AnswerLost,
}

/// How an invocation is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// It never begins: Lambda refuses it.
    Before,
    /// In the middle, when it has been woken so many times.
    After(u32),
    /// At its end: all is done, and nobody hears of it.
    AtEnd,
}

/// What goes wrong in a world.
#[derive(Debug)]
pub struct Mischief {
    seed: u64,
    warehouse: Faults,
    on: AtomicBool,
    random: Mutex<ChaCha8Rng>,
}

impl Mischief {
    /// Nothing.
    pub fn none() -> Self {
        Self { on: AtomicBool::new(false), ..Self::new(0, Faults::None) }
    }

    /// A statement that starts so late, the so-manieth that the warehouse is given.
    pub fn late_statement(number: u32, delay: Duration) -> Self {
        let late = ("run".to_owned(), number, Fault::Slow(delay));
        Self { warehouse: Faults::Schedule(vec![late]), ..Self::none() }
    }

    /// Whatever the seed says, everywhere.
    pub fn seeded(seed: u64) -> Self {
        Self::new(seed, Faults::Seed(seed))
    }

    fn new(seed: u64, warehouse: Faults) -> Self {
        let random = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
        Self { seed, warehouse, on: AtomicBool::new(true), random }
    }

    /// From now on nothing goes wrong any more with S3 and functions.
    pub fn end(&self) {
        self.on.store(false, Ordering::SeqCst);
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn warehouse(&self) -> Faults {
        self.warehouse.clone()
    }

    /// What goes wrong with the next call of S3.
    pub fn s3(&self) -> Option<Trouble> {
        self.draw(S3_CALLS_PER_TROUBLE, |random| match random.random_bool(0.5) {
            true => Trouble::Refused,
            false => Trouble::AnswerLost,
        })
    }

    /// How the next invocation is killed.
    pub fn kill(&self) -> Option<Kill> {
        self.draw(INVOCATIONS_PER_KILL, |random| match random.random_range(0..4) {
            0 => Kill::Before,
            1 => Kill::AtEnd,
            _ => Kill::After(random.random_range(1..=KILLED_AFTER_WAKES_MAX)),
        })
    }

    fn draw<T>(&self, one_in: u32, choose: impl Fn(&mut ChaCha8Rng) -> T) -> Option<T> {
        if !self.on.load(Ordering::SeqCst) {
            return None;
        }
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = random.random_range(0..one_in) == 0;
        hit.then(|| choose(&mut random))
    }
}
