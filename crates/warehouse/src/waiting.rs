//! How long to wait for a statement, and where.
//!
//! The end of a statement is noticed within a second while it is younger than a minute, and within
//! 5 % of its age after that, 30 s at most: a COPY of two hours costs a few hundred transitions.

use std::time::Duration;

use tokio::time::Instant;

/// How long `submit` waits itself, in seconds: a short statement never enters the loop.
pub const SUBMIT_POLL_SECONDS: i32 = 5;
/// How long `poll` waits in one call, in seconds.
pub const LONG_POLL_SECONDS: i32 = 20;

/// The pause after an answer without news that came too early: an endpoint that ignores the
/// wait must not be polled without a pause.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

/// Below this age the next poll follows at once, in seconds.
const YOUNG_SECONDS: u64 = 60;
/// A wait is at most the statement's age divided by this: 5 %.
const AGE_DIVISOR: u64 = 20;
/// A wait is at most this, in seconds.
const WAIT_SECONDS_MAX: u64 = 30;
/// The part of the promise for a transition and a function's start, in seconds.
const OVERHEAD_SECONDS: u64 = 1;

/// The wait before the next poll of a statement of this age, in seconds.
pub fn wait_seconds(age: Duration) -> u64 {
    if age.as_secs() < YOUNG_SECONDS {
        return 0;
    }
    (age.as_secs() / AGE_DIVISOR).min(WAIT_SECONDS_MAX) - OVERHEAD_SECONDS
}

/// Whether an answer to a long poll came so early that the endpoint cannot have waited: in less
/// than half the time.
pub(crate) fn came_early(asked_at: Instant, long_poll: Duration) -> bool {
    asked_at.elapsed() < long_poll / 2
}

/// The wait before the next poll of a statement of this age, in seconds; at least a pause if the
/// last poll was answered early.
pub(crate) fn next_wait_seconds(age: Duration, early: bool) -> u64 {
    wait_seconds(age).max(if early { PAUSE.as_secs() } else { 0 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_keeps_the_promise_and_never_shrinks(seconds in 0u64..90_000) {
            let wait = wait_seconds(Duration::from_secs(seconds));
            let promised = if seconds < 60 { 0 } else { (seconds / 20).min(30) };
            prop_assert!(wait <= promised);
            prop_assert!(wait <= wait_seconds(Duration::from_secs(seconds + 1)));
        }
    }

    #[test]
    fn two_hours_cost_a_few_hundred_transitions() {
        const TRANSITIONS_A_POLL: u64 = 3;
        let (mut age, mut transitions) = (0, 0);
        while age < 2 * 60 * 60 {
            let poll = u64::try_from(LONG_POLL_SECONDS).expect("positive");
            age += poll + wait_seconds(Duration::from_secs(age + poll));
            transitions += TRANSITIONS_A_POLL;
        }
        assert!((300..600).contains(&transitions), "{transitions}");
    }
}
