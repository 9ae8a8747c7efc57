//! How much longer pieces of work take that are done a few at a time.

use std::time::Duration;

/// A piece that takes longer than expected takes this share of what was expected at least.
const REST_SHARE_MIN: f64 = 0.1;
/// As long as none is done, and some take far longer than expected, the slowest one takes this many
/// times as long as it has taken.
const UNFINISHED_FACTOR: f64 = 1.6;

/// A piece of work; times are since the same moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece {
    /// The seconds that it should take: only the ratio between pieces has to be right.
    pub expected: f64,
    /// When it was begun, if it was.
    pub started: Option<Duration>,
    /// When it was done, if it was.
    pub ended: Option<Duration>,
}

/// The time until all are done: as many as are under way now are done at a time, as slowly as those
/// that are done already.
pub fn left(pieces: &[Piece], at: Duration) -> Option<Duration> {
    let elapsed = |piece: &Piece| {
        let end = piece.ended.unwrap_or(at);
        piece.started.map(|started| end.saturating_sub(started).as_secs_f64())
    };
    let done = pieces.iter().filter(|piece| piece.ended.is_some());
    let (took, expected) = done.fold((0.0, 0.0), |(took, expected), piece| {
        (took + elapsed(piece).unwrap_or_default(), expected + piece.expected)
    });
    let running = || pieces.iter().filter(|one| one.started.is_some() && one.ended.is_none());
    let slowness = if expected > 0.0 {
        took / expected
    } else {
        let slowest = running().map(|one| elapsed(one).unwrap_or_default() / one.expected);
        let slowest = slowest.fold(1.0, f64::max);
        // The more they exceed what was expected, the less it says.
        slowest * (1.0 + (UNFINISHED_FACTOR - 1.0) * (slowest - 1.0).min(1.0))
    };
    let mut free: Vec<f64> = running()
        .map(|piece| {
            let whole = piece.expected * slowness;
            (whole - elapsed(piece).unwrap_or_default()).max(whole * REST_SHARE_MIN)
        })
        .collect();
    for piece in pieces.iter().filter(|piece| piece.started.is_none()) {
        let next = free.iter_mut().min_by(|one, other| one.total_cmp(other))?;
        *next += piece.expected * slowness;
    }
    Duration::try_from_secs_f64(free.into_iter().reduce(f64::max)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Carries out pieces that take `seconds`, `at_once` at a time, as Step Functions does.
    fn carried_out(seconds: &[f64], at_once: usize) -> Vec<(f64, f64)> {
        let mut free: Vec<f64> = vec![0.0; at_once];
        let times = seconds.iter().map(|seconds| {
            let next = free.iter_mut().min_by(|one, other| one.total_cmp(other)).expect("some");
            let started = *next;
            *next += seconds;
            (started, *next)
        });
        times.collect()
    }

    proptest! {
        /// From the first tenth on. Pieces differ by a quarter, and all are slower or faster than
        /// expected by up to a fifth; once one is done, by any factor.
        #[test]
        fn the_time_left_is_within_a_factor_of_two(
            expected in 1.0_f64..60.0,
            slowness in 0.8_f64..1.2,
            later in prop_oneof![Just(1.0), 0.1_f64..10.0],
            differences in proptest::collection::vec(0.8_f64..1.25, 1..200),
            at_once in 1_usize..32,
        ) {
            let needs_one_done = later != 1.0;
            let seconds: Vec<f64> =
                differences.iter().map(|one| one * expected * slowness * later).collect();
            let times = carried_out(&seconds, at_once);
            let end = times.iter().map(|(_, end)| *end).fold(0.0, f64::max);
            // The last tenth is over before anybody can plan with it.
            for share in [0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9] {
                let at = end * share;
                let time = |seconds: f64| (seconds <= at).then(|| Duration::from_secs_f64(seconds));
                let pieces: Vec<Piece> = times
                    .iter()
                    .map(|(started, ended)| Piece {
                        expected,
                        started: time(*started),
                        ended: time(*ended),
                    })
                    .collect();
                if needs_one_done && pieces.iter().all(|piece| piece.ended.is_none()) {
                    continue;
                }
                let left = left(&pieces, Duration::from_secs_f64(at)).expect("a forecast");
                let ratio = left.as_secs_f64() / (end - at);
                let slack = expected * slowness * later;
                let is_near = (left.as_secs_f64() - (end - at)).abs() < slack / 2.0;
                prop_assert!((0.5..=2.0).contains(&ratio) || is_near, "{share}: {ratio}");
            }
        }
    }

    #[test]
    fn nothing_is_forecast_before_anything_is_begun() {
        let piece = Piece { expected: 1.0, ..Piece::default() };
        assert_eq!(left(&[piece], Duration::ZERO), None);
        assert_eq!(left(&[], Duration::ZERO), None);
    }
}
