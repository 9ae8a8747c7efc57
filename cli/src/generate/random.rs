//! Randomness that depends on nothing but the seed, the kind of thing and its number.

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// Streams of different kinds never meet: a kind has room for this many numbers.
const NUMBERS_A_KIND: u64 = 1 << 48;

/// What a stream is for.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A song of the catalogue.
    Song,
    /// An artist of the catalogue.
    Artist,
    /// A listener and everything that they do.
    Listener,
    /// A song that is not in the catalogue.
    Unknown,
}

/// The stream of one thing: any thread may use any of them, in any order.
pub fn stream(seed: u64, kind: Kind, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(kind as u64 * NUMBERS_A_KIND + number);
    random
}

/// One of a list that is never empty.
pub fn pick<T: Copy>(random: &mut ChaCha8Rng, list: &[T]) -> T {
    *list.choose(random).expect("the lists of words are not empty")
}

/// A number below `count`, low ones much more often: a few are popular.
pub fn popular(random: &mut ChaCha8Rng, count: u64, steepness: u32) -> u64 {
    // Multiplications are the same on every machine; the powers of a mathematics library are not.
    let draw: f64 = random.random();
    let share = (0..steepness).fold(1.0, |share, _| share * draw);
    ((count as f64 * share) as u64).min(count.saturating_sub(1))
}
