//! When the next run may start, from what Step Functions knows about earlier runs.

use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use jiff::{SignedDuration, Timestamp};

/// The prefix of the names of runs that this function has started. Others were started by a person
/// or the schedule.
const NAME_PREFIX: &str = "s3-";
/// Runs are started at most once in this many seconds: messages of one upload arrive in several
/// batches, which may be handled at the same time.
const START_SECONDS_MIN: i64 = 30;
/// After the first failure, the next run waits this long; after each further failure, twice as
/// long.
const BACK_OFF: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait after failures.
const BACK_OFF_MAX: SignedDuration = SignedDuration::from_hours(1);
/// What was in the inbox this long before a run started is what it looks at; the clocks of Lambda and
/// Step Functions are closer than that.
const LOOKED_AT_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// How many runs to look back: as many failures as lead to [`BACK_OFF_MAX`], and a few more.
pub(crate) const RECENT_RUNS_MAX: i32 = 10;

/// What to do about something that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A run has loaded it, or has found nothing to load.
    Nothing,
    /// Start a run.
    Start,
    /// Check again after this time.
    Wait(SignedDuration),
}

/// A run, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Its name.
    pub(crate) id: String,
    /// Whether this function started it, and nobody has redriven it.
    pub(crate) by_arrival: bool,
    /// Whether it has succeeded.
    pub(crate) has_succeeded: bool,
    /// When it started.
    pub(crate) started: Timestamp,
    /// `None` while it is in flight.
    stopped: Option<Timestamp>,
}

/// By this time something must have been in the inbox for a run with this start to look at it for
/// certain.
pub(crate) fn looked_at_by(started: &DateTime) -> Timestamp {
    timestamp(started).saturating_sub(LOOKED_AT_AFTER).unwrap_or(Timestamp::MIN)
}

fn timestamp(at: &DateTime) -> Timestamp {
    Timestamp::new(at.secs(), at.subsec_nanos().cast_signed()).unwrap_or_default()
}

impl From<&ExecutionListItem> for Run {
    fn from(execution: &ExecutionListItem) -> Self {
        Self {
            id: execution.name.clone(),
            by_arrival: execution.name.starts_with(NAME_PREFIX)
                && execution.redrive_count.unwrap_or_default() == 0,
            has_succeeded: execution.status == ExecutionStatus::Succeeded,
            started: timestamp(&execution.start_date),
            stopped: execution.stop_date.as_ref().map(timestamp),
        }
    }
}

impl Run {
    /// Whether what it looked at is loaded, and stays so. A run by hand may have loaded only some
    /// sources. If one overlapped this run, it may have been a rebuild that listed everything before and
    /// has since forgotten what this run loaded.
    pub(crate) fn has_settled(&self, recent: &[Self]) -> bool {
        let ended_before =
            |one: &Self, next: &Self| one.stopped.is_some_and(|stopped| stopped < next.started);
        let overlaps = |other: &Self| !ended_before(self, other) && !ended_before(other, self);
        let by_hand = recent.iter().filter(|other| !other.by_arrival);
        self.by_arrival && self.has_succeeded && !by_hand.into_iter().any(overlaps)
    }

    /// Whether it has not ended.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.stopped.is_none()
    }
}

/// What to do now about something that was in the inbox at that time. `runs` are newest first.
pub(crate) fn next(
    runs: &[Run],
    interval: SignedDuration,
    arrived: Timestamp,
    now: Timestamp,
) -> Next {
    let has_looked = |run: &&Run| run.started.duration_since(arrived) >= LOOKED_AT_AFTER;
    if runs.iter().filter(has_looked).any(|run| run.has_settled(runs)) {
        return Next::Nothing;
    }
    let times = [backed_off_until(runs), runs.first().map(|run| run.started + interval)];
    match times.into_iter().flatten().max() {
        Some(time) if time > now => Next::Wait(time.duration_since(now)),
        _ => Next::Start,
    }
}

/// Until when to wait after failures: counted since a run succeeded, or since a person or the
/// schedule started one.
fn backed_off_until(runs: &[Run]) -> Option<Timestamp> {
    let failed = runs.iter().take_while(|run| run.by_arrival && !run.has_succeeded);
    let doublings = u32::try_from(failed.count()).ok()?.checked_sub(1)?;
    let wait = 2_i32.checked_pow(doublings).and_then(|times| BACK_OFF.checked_mul(times));
    let wait = wait.unwrap_or(BACK_OFF_MAX).min(BACK_OFF_MAX);
    runs.first()?.stopped.map(|stopped| stopped + wait)
}

/// The name of a run that starts now: the same for all invocations at this time, so that only the
/// first of them starts one.
pub(crate) fn name(now: Timestamp) -> String {
    let second = now.as_second() - now.as_second().rem_euclid(START_SECONDS_MIN);
    let slot = Timestamp::from_second(second).unwrap_or(now);
    slot.strftime(&format!("{NAME_PREFIX}%Y%m%dT%H%M%SZ")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_INTERVAL: SignedDuration = SignedDuration::ZERO;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(1_541_105_820 + 60 * minute).expect("a time")
    }

    fn wait(minutes: i64) -> Next {
        Next::Wait(SignedDuration::from_mins(minutes))
    }

    /// A run of this function that took a minute.
    fn run(started: i64, has_succeeded: bool) -> Run {
        let stopped = Some(minute(started + 1));
        Run {
            id: "s3-x".into(),
            by_arrival: true,
            has_succeeded,
            started: minute(started),
            stopped,
        }
    }

    /// As many failures, one after the other; the last has just ended.
    fn failures(count: i64) -> Vec<Run> {
        (0..count).map(|before| run(-1 - 2 * before, false)).collect()
    }

    /// What is to be done at minute 0 about something that has just landed.
    fn at_once(runs: &[Run]) -> Next {
        next(runs, NO_INTERVAL, minute(0), minute(0))
    }

    #[test]
    fn runs_back_off_after_failures_for_an_hour_at_most() {
        let waits = [1, 2, 3, 4, 5, 6, 7, 10].map(|count| at_once(&failures(count)));
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60].map(wait));
        assert_eq!(next(&failures(3), NO_INTERVAL, minute(0), minute(3)), wait(1));
        assert_eq!(next(&failures(3), NO_INTERVAL, minute(0), minute(4)), Next::Start);
    }

    #[test]
    fn a_run_that_succeeded_or_that_a_person_started_ends_the_back_off() {
        let well = [&[run(-1, true)], failures(5).as_slice()].concat();
        assert_eq!(at_once(&well), Next::Start);
        let by_hand = Run { by_arrival: false, ..run(-1, false) };
        assert_eq!(
            at_once(&[std::slice::from_ref(&by_hand), failures(5).as_slice()].concat()),
            Next::Start
        );
        let since = [failures(2).as_slice(), &[by_hand], failures(5).as_slice()].concat();
        assert_eq!(at_once(&since), wait(2));
    }

    #[test]
    fn runs_are_started_no_closer_than_the_interval() {
        let interval = SignedDuration::from_mins(15);
        let runs = [run(-5, true)];
        assert_eq!(next(&runs, interval, minute(0), minute(0)), wait(10));
        assert_eq!(next(&runs, interval, minute(0), minute(10)), Next::Start);
        assert_eq!(next(&[], interval, minute(0), minute(0)), Next::Start);
        let failed = [failures(6).as_slice(), &runs].concat();
        assert_eq!(next(&failed, interval, minute(0), minute(0)), wait(32), "the longer one holds");
    }

    #[test]
    fn what_a_run_has_listed_and_loaded_needs_no_other() {
        let landed =
            |minute_: i64, runs: &[Run]| next(runs, NO_INTERVAL, minute(minute_), minute(0));
        assert_eq!(landed(-6, &[run(-5, true)]), Next::Nothing);
        assert_eq!(landed(-5, &[run(-5, true)]), Next::Start, "it may have landed later");
        assert_eq!(landed(-6, &[run(-5, false)]), Next::Start, "nothing was loaded");
        let by_hand = Run { by_arrival: false, ..run(-5, true) };
        assert_eq!(landed(-6, &[by_hand]), Next::Start, "it may have loaded one source only");
    }

    #[test]
    fn a_run_that_a_run_by_hand_overlapped_does_not_count_as_having_loaded() {
        let by_hand = |started, stopped| Run {
            by_arrival: false,
            stopped: Some(minute(stopped)),
            ..run(started, true)
        };
        for (started, stopped, settled) in
            [(-10, -7, true), (-10, -5, false), (-4, -2, false), (-3, -2, true)]
        {
            let runs = [run(-5, true), by_hand(started, stopped)];
            assert_eq!(runs[0].has_settled(&runs), settled, "{started} to {stopped}");
            let next = next(&runs, NO_INTERVAL, minute(-6), minute(0));
            assert_eq!(next == Next::Nothing, settled, "{started} to {stopped}");
        }
    }

    #[test]
    fn all_invocations_at_once_use_one_name() {
        let name = |second| name(Timestamp::from_second(second).expect("a time"));
        assert_eq!(name(1_541_105_830), name(1_541_105_839));
        assert_ne!(name(1_541_105_830), name(1_541_105_850));
        assert_eq!(name(0), "s3-19700101T000000Z");
    }
}
