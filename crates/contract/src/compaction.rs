//! When merging small objects before the COPY pays off, and into how many parts they go.
//!
//! Redshift pays for every object that a COPY reads, 50 to 150 ms on each slice, whatever its size;
//! so 385,252 objects of 272 bytes take it an hour or two. A few large parts take it seconds, and
//! functions merge objects thousands of times more cheaply than a slice opens them.

use crate::Compact;

/// What one object costs one slice of the warehouse, in milliseconds: the middle of what public runs
/// of the full data set show (52 to 150).
pub const COPY_OBJECT_MS: u64 = 100;
/// What compaction costs before its first object: functions start, lists are written and read.
pub const COMPACT_START_MS: u64 = 5_000;
/// Objects that one function merges a second, when they are tiny.
pub const COMPACT_OBJECTS_PER_SECOND: u64 = 2_000;
/// Bytes that one function merges a second, when they are many.
pub const COMPACT_BYTES_PER_SECOND: u64 = 50_000_000;
/// Batches that are merged at once; the state "Compact" has the same limit.
pub const COMPACT_CONCURRENCY: u64 = 32;

/// The target number of objects in a batch: a few seconds of work, so that a retry costs little,
/// and a load of about 100,000 keeps most functions busy to the end.
pub const BATCH_OBJECTS: u64 = 5_000;
/// The target bytes of a batch: a part of 10 to 60 MB, in the middle of what suits a COPY.
pub const BATCH_BYTES: u64 = 256 << 20;
/// The most batches of a run. Seven events and 200 bytes of result each stay far below the 25,000
/// events of an execution's history and the 256 KB of a state's payload.
pub const BATCHES_MAX: u64 = 640;
/// The most bytes of a batch on average: what a function merges in half of its fifteen minutes.
pub const BATCH_BYTES_MAX: u64 = 16 << 30;

/// What there is to load of one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether they have several compressions; one COPY takes only one.
    pub mixed: bool,
}

/// How long the objects of a load are expected to take, with and without compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expectation {
    /// Parts that compaction would make.
    pub batches: u64,
    /// What the objects cost the COPY, in milliseconds.
    pub without_ms: u64,
    /// What compaction and its parts cost, in milliseconds.
    pub with_ms: u64,
}

impl Expectation {
    /// Compares both ways of loading a source, with a warehouse of `slices` slices.
    ///
    /// `batches_max` is this source's share of [`BATCHES_MAX`].
    pub fn new(volume: Volume, slices: u64, batches_max: u64) -> Self {
        let batches = batches(volume, slices, batches_max);
        let functions = batches.clamp(1, COMPACT_CONCURRENCY);
        let reading = volume.objects * 1_000 / COMPACT_OBJECTS_PER_SECOND
            + volume.bytes.saturating_mul(1_000) / COMPACT_BYTES_PER_SECOND;
        Self {
            batches,
            without_ms: copy_ms(volume.objects, slices),
            with_ms: COMPACT_START_MS + reading / functions + copy_ms(batches, slices),
        }
    }

    /// Whether compaction is faster.
    pub fn pays(&self) -> bool {
        self.with_ms < self.without_ms
    }
}

/// What a COPY pays for its objects, in milliseconds, regardless of their size.
pub fn copy_ms(objects: u64, slices: u64) -> u64 {
    objects.div_ceil(slices.max(1)) * COPY_OBJECT_MS
}

/// Into how many batches a source is merged; 0 means not at all.
///
/// The run's input can force either way; otherwise objects of several compressions must be merged;
/// otherwise the faster way wins.
pub fn decide(wish: Compact, volume: Volume, slices: u64, batches_max: u64) -> u64 {
    let expected = Expectation::new(volume, slices, batches_max);
    let merges = match wish {
        Compact::Always => true,
        Compact::Never => false,
        Compact::Auto => volume.mixed || expected.pays(),
    };
    if merges { expected.batches } else { 0 }
}

/// As many as objects and bytes need, rounded up to a multiple of the slices, so that every slice
/// reads the same number of parts.
fn batches(volume: Volume, slices: u64, batches_max: u64) -> u64 {
    let slices = slices.max(1);
    let wanted =
        volume.objects.div_ceil(BATCH_OBJECTS).max(volume.bytes.div_ceil(BATCH_BYTES)).max(1);
    let even_max = if batches_max < slices { batches_max } else { batches_max / slices * slices };
    wanted.next_multiple_of(slices).min(even_max).min(volume.objects)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SLICES: u64 = 8;
    const FULL_EXERCISE: Volume = Volume { objects: 385_252, bytes: 104_788_544, mixed: false };

    fn auto(objects: u64, bytes: u64) -> u64 {
        decide(Compact::Auto, Volume { objects, bytes, mixed: false }, SLICES, BATCHES_MAX)
    }

    #[test]
    fn the_full_exercise_is_merged_into_a_multiple_of_the_slices() {
        let expected = Expectation::new(FULL_EXERCISE, SLICES, BATCHES_MAX);
        assert_eq!(expected.batches, 80);
        assert_eq!(expected.without_ms, 4_815_700);
        assert!(expected.with_ms < 20_000, "{expected:?}");
        assert_eq!(auto(FULL_EXERCISE.objects, FULL_EXERCISE.bytes), 80);
    }

    #[test]
    fn a_few_objects_and_large_objects_are_copied_as_they_are() {
        assert_eq!(auto(71, 20_000), 0);
        assert_eq!(auto(400, 400_000), 0);
        assert_eq!(auto(1_000, 100 << 30), 0);
    }

    #[test]
    fn an_explicit_choice_or_mixed_compressions_override_the_estimate() {
        let few = Volume { objects: 71, bytes: 20_000, mixed: false };
        assert_eq!(decide(Compact::Always, few, SLICES, BATCHES_MAX), 8);
        assert_eq!(decide(Compact::Never, FULL_EXERCISE, SLICES, BATCHES_MAX), 0);
        let mixed = Volume { objects: 3, bytes: 900, mixed: true };
        assert_eq!(decide(Compact::Auto, mixed, SLICES, BATCHES_MAX), 3);
    }

    proptest! {
        #[test]
        fn batches_are_a_multiple_of_the_slices_within_their_limit(
            objects in 1u64..20_000_000, object_bytes in 0u64..1 << 30, slices in 1u64..=320,
        ) {
            let volume = Volume { objects, bytes: objects * object_bytes, mixed: true };
            let batches = decide(Compact::Auto, volume, slices, BATCHES_MAX / 2);
            prop_assert!((1..=BATCHES_MAX / 2).contains(&batches));
            prop_assert!(batches == objects || batches.is_multiple_of(slices));
        }
    }
}
