//! What a load takes and costs: the same rules as the plan's, and prices from one dated file.
//!
//! A [`Way`] is the estimate before a run; a [`Comparison`] shows it next to what the run took.

mod comparison;

use serde::{Deserialize, Serialize};

pub use self::comparison::{Comparison, Figures};
use crate::compaction::{
    BATCHES_MAX, COMPACT_BYTES_PER_SECOND, COMPACT_OBJECTS_PER_SECOND, Expectation, Volume, copy_ms,
};
use crate::{ErrorName, Failure};

/// Prices change: this file has their date, and is the only place with prices.
const PRICES: &str = include_str!("prices.json");

/// Objects per page of a listing.
const LISTED_OBJECTS: u64 = 1_000;
/// Objects that a batch writes: part, index, list of objects, and its own list by the plan.
const BATCH_WRITES: u64 = 4;
/// Transitions of a run of two sources that neither merges nor waits: its own states and those of its
/// statements. Measured by the test `a_run_makes_the_transitions_that_the_estimate_counts`.
pub const RUN_TRANSITIONS: u64 = 61;
/// How long a run's statements take besides its COPYs, in seconds: about nine short transactions one
/// after the other, at the five seconds that compiling and committing one may take. An assumption.
pub const RUN_STATEMENTS_SECONDS: u64 = 45;
/// The minimum that Redshift Serverless bills for any activity, in seconds.
pub const SERVERLESS_SECONDS_MIN: u64 = 60;
/// The default capacity of a workgroup, in Redshift processing units.
pub const RPUS_DEFAULT: u64 = 8;
/// Transitions of one batch: one state, and the Map's own.
const BATCH_TRANSITIONS: u64 = 2;
/// Transitions of one poll, and the time between polls of a long statement.
const POLL_TRANSITIONS: u64 = 3;
const POLL_SECONDS: u64 = 50;
/// Memory of the function that merges and of the one that polls, in gigabytes.
const COMPACT_GIGABYTES: f64 = 1.728;
const POLL_GIGABYTES: f64 = 0.125;
/// How long one poll lasts.
const LONG_POLL_SECONDS: u64 = 20;

/// What things cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prices {
    /// The day.
    pub as_of: String,
    /// The region.
    pub region: String,
    /// The currency of all of them.
    pub currency: String,
    s3_get_per_thousand: f64,
    s3_put_or_list_per_thousand: f64,
    step_functions_per_thousand_transitions: f64,
    lambda_per_gigabyte_second: f64,
    lambda_per_million_requests: f64,
    redshift_per_rpu_hour: f64,
}

impl Prices {
    /// The prices that are built into this program.
    ///
    /// # Errors
    /// `InvalidConfiguration` when their file cannot be read.
    pub fn known() -> Result<Self, Failure> {
        serde_json::from_str(PRICES).map_err(|error| {
            let reason = format!("the prices cannot be read: {error}");
            Failure::new(ErrorName::InvalidConfiguration, reason)
        })
    }

    /// What Redshift Serverless costs for these seconds of work.
    #[must_use]
    pub fn warehouse(&self, seconds: f64, rpus: u64) -> f64 {
        seconds / 3_600.0 * rpus as f64 * self.redshift_per_rpu_hour
    }

    /// What this many transitions of a state machine cost.
    #[must_use]
    pub fn transitions(&self, transitions: u64) -> f64 {
        transitions as f64 / 1e3 * self.step_functions_per_thousand_transitions
    }

    /// What short runs cost a day: Serverless's minimum for each, and its transitions.
    #[must_use]
    pub fn cadence(&self, runs_a_day: u64, rpus: u64) -> Cadence {
        let runs = runs_a_day as f64;
        Cadence {
            runs_a_day,
            warehouse_a_day: runs * self.warehouse(SERVERLESS_SECONDS_MIN as f64, rpus),
            transitions_a_day: self.transitions(RUN_TRANSITIONS) * runs,
        }
    }
}

/// The cost of small runs that start this often.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cadence {
    /// Runs a day.
    pub runs_a_day: u64,
    /// What Redshift Serverless costs a day.
    pub warehouse_a_day: f64,
    /// What Step Functions costs a day.
    pub transitions_a_day: f64,
}

impl Cadence {
    /// Names and runs a day of the cadences that the documentation and `segue estimate` show.
    pub const SHOWN: [(&str, u64); 4] =
        [("minute", 24 * 60), ("15 minutes", 24 * 4), ("hour", 24), ("night", 1)];

    /// What they cost in a month of 30 days.
    #[must_use]
    pub fn month(&self) -> f64 {
        (self.warehouse_a_day + self.transitions_a_day) * 30.0
    }
}

/// Billed seconds of Redshift Serverless: all statements of the run, 60 at least.
pub(super) fn billed(seconds: f64) -> f64 {
    seconds.max(SERVERLESS_SECONDS_MIN as f64)
}

/// What there is to load of one source.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its name.
    pub source: String,
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether a run merges them whatever that takes: where records may be left out, they are merged so
    /// that they can be counted.
    pub is_always_merged: bool,
}

/// One way of loading.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// Parts that are made.
    pub parts: u64,
    /// How long the whole run takes: merging, the COPYs and the other statements.
    pub seconds: f64,
    /// Requests of S3 that read.
    pub gets: u64,
    /// Requests of S3 that write or list.
    pub puts_and_lists: u64,
    /// Transitions of Step Functions.
    pub transitions: u64,
    /// The gigabyte-seconds of all functions.
    pub lambda_gigabyte_seconds: f64,
    /// The share of merging in these.
    pub merging_gigabyte_seconds: f64,
    /// How long the longest COPY takes for its objects.
    pub copy_seconds: f64,
    /// What Redshift Serverless bills for all statements of the run: 60 seconds at least.
    pub warehouse_seconds: f64,
    /// What all of it costs.
    pub cost: f64,
}

/// Both ways of loading, and which one a run takes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// What there is.
    pub sources: Vec<Source>,
    /// Slices of the warehouse.
    pub slices: u64,
    /// Capacity of the warehouse, in Redshift processing units.
    pub rpus: u64,
    /// Every object is copied by itself.
    pub without_compaction: Way,
    /// Every source is merged first.
    pub with_compaction: Way,
    /// As a run decides, source by source.
    pub planned: Way,
    /// What the smallest run costs at some cadences.
    pub cadences: Vec<Cadence>,
    /// The prices behind it.
    pub prices: Prices,
}

impl Estimate {
    /// Estimates both ways.
    pub fn new(sources: Vec<Source>, slices: u64, rpus: u64, prices: Prices) -> Self {
        let share = BATCHES_MAX / sources.len().max(1) as u64;
        let way = |merges: &dyn Fn(&Source, &Expectation) -> bool| {
            let mut way = Way { transitions: RUN_TRANSITIONS, ..Way::default() };
            for source in sources.iter().filter(|source| source.objects > 0) {
                let Source { objects, bytes, .. } = *source;
                let volume = Volume { objects, bytes, mixed: false };
                let expected = Expectation::new(volume, slices, share);
                let parts = if merges(source, &expected) { expected.batches } else { 0 };
                way.add(volume, parts, slices, share);
            }
            way.priced(&prices, rpus)
        };
        Self {
            slices,
            rpus,
            without_compaction: way(&|_, _| false),
            with_compaction: way(&|_, _| true),
            planned: way(&|source, expected| source.is_always_merged || expected.pays()),
            cadences: Cadence::SHOWN.iter().map(|(_, runs)| prices.cadence(*runs, rpus)).collect(),
            sources: sources.clone(),
            prices,
        }
    }
}

impl Way {
    /// Adds a source that is merged into `parts` parts, or copied as it is if that is 0.
    pub fn add(&mut self, volume: Volume, parts: u64, slices: u64, batches_max: u64) {
        let Volume { objects, bytes, .. } = volume;
        let expected = Expectation::new(volume, slices, batches_max);
        let copied = if parts > 0 { parts } else { objects };
        let copy_seconds = copy_ms(copied, slices) as f64 / 1_000.0;
        let polls = copy_seconds as u64 / POLL_SECONDS;
        let merging_seconds = match parts {
            0 => 0.0,
            _ => {
                objects as f64 / COMPACT_OBJECTS_PER_SECOND as f64
                    + bytes as f64 / COMPACT_BYTES_PER_SECOND as f64
            }
        };
        self.parts += parts;
        let milliseconds = if parts > 0 { expected.with_ms } else { expected.without_ms };
        // Sources are copied in parallel: the slowest decides.
        self.seconds = self.seconds.max(milliseconds as f64 / 1_000.0);
        self.gets += copied + if parts > 0 { objects + parts } else { 0 };
        self.puts_and_lists += objects.div_ceil(LISTED_OBJECTS) + parts * BATCH_WRITES + 2;
        self.transitions += parts * BATCH_TRANSITIONS + polls * POLL_TRANSITIONS;
        self.merging_gigabyte_seconds += merging_seconds * COMPACT_GIGABYTES;
        self.lambda_gigabyte_seconds += merging_seconds * COMPACT_GIGABYTES
            + (polls * LONG_POLL_SECONDS) as f64 * POLL_GIGABYTES;
        self.copy_seconds = self.copy_seconds.max(copy_seconds);
    }

    fn priced(mut self, prices: &Prices, rpus: u64) -> Self {
        self.seconds += RUN_STATEMENTS_SECONDS as f64;
        self.warehouse_seconds = billed(self.copy_seconds + RUN_STATEMENTS_SECONDS as f64);
        self.cost = self.requests_cost(prices)
            + self.transitions as f64 / 1e3 * prices.step_functions_per_thousand_transitions
            + self.lambda_gigabyte_seconds * prices.lambda_per_gigabyte_second
            + self.transitions as f64 / 1e6 * prices.lambda_per_million_requests
            + prices.warehouse(self.warehouse_seconds, rpus);
        self
    }

    fn requests_cost(&self, prices: &Prices) -> f64 {
        self.gets as f64 / 1e3 * prices.s3_get_per_thousand
            + self.puts_and_lists as f64 / 1e3 * prices.s3_put_or_list_per_thousand
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(objects: u64, bytes: u64) -> Estimate {
        let songs = Source { source: "songs".into(), objects, bytes, is_always_merged: false };
        let events = Source {
            source: "events".into(),
            objects: 30,
            bytes: 3_700_000,
            is_always_merged: false,
        };
        Estimate::new(vec![events, songs], 8, 8, Prices::known().expect("prices"))
    }

    #[test]
    fn the_full_exercise_takes_an_hour_by_objects_and_seconds_by_parts() {
        let estimate = estimate(385_252, 104_788_544);
        assert!((4_800.0..4_900.0).contains(&estimate.without_compaction.copy_seconds));
        assert!(estimate.planned.seconds < 65.0, "{:?}", estimate.planned);
        assert_eq!(estimate.planned.parts, 80);
        assert!(estimate.planned.cost < 0.3, "{:?}", estimate.planned);
        assert!(estimate.planned.cost * 5.0 < estimate.without_compaction.cost);
    }

    #[test]
    fn a_small_load_is_planned_as_it_is() {
        let estimate = estimate(71, 20_000);
        assert_eq!(estimate.planned, estimate.without_compaction);
    }

    #[test]
    fn the_smallest_run_costs_the_minute_that_serverless_bills() {
        let planned = estimate(71, 20_000).planned;
        assert_eq!(planned.warehouse_seconds, 60.0);
        assert!((0.050..0.053).contains(&planned.cost), "{planned:?}");
        let long = estimate(71_000, 20_000_000).without_compaction;
        assert_eq!(long.warehouse_seconds, long.copy_seconds + RUN_STATEMENTS_SECONDS as f64);
    }

    #[test]
    fn a_run_a_minute_keeps_the_warehouse_busy_all_day() {
        let cadence = Prices::known().expect("prices").cadence(1_440, RPUS_DEFAULT);
        assert!((cadence.warehouse_a_day - 72.0).abs() < 1e-9, "{cadence:?}");
    }
}
