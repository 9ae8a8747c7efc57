//! What a load takes and costs: the same rules as the plan's, and prices from one dated file.
//!
//! Before a run it is reckoned as a [`Way`]; after it a [`Comparison`] says what it really was.

mod comparison;

use serde::{Deserialize, Serialize};

pub use self::comparison::{Comparison, Figures};
use crate::compaction::{
    BATCHES_MAX, COMPACT_BYTES_PER_SECOND, COMPACT_OBJECTS_PER_SECOND, Expectation, Volume, copy_ms,
};
use crate::{ErrorName, Failure};

/// Prices change: this file says of which day they are, and nothing else knows any.
const PRICES: &str = include_str!("prices.json");

/// Objects that one listing returns.
const LISTED_OBJECTS: u64 = 1_000;
/// Objects that a batch writes: part, index, list of objects, and its own list by the plan.
const BATCH_WRITES: u64 = 4;
/// Transitions of a run whatever it loads: its own states, and seven short statements.
const RUN_TRANSITIONS: u64 = 90;
/// Transitions of one batch: one state, and the Map's own.
const BATCH_TRANSITIONS: u64 = 2;
/// Transitions of one poll, and how far polls of a long statement lie apart.
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
    /// The prices that this program knows.
    ///
    /// # Errors
    /// `InvalidConfiguration` when their file cannot be read.
    pub fn known() -> Result<Self, Failure> {
        serde_json::from_str(PRICES).map_err(|error| {
            let reason = format!("the prices cannot be read: {error}");
            Failure::new(ErrorName::InvalidConfiguration, reason)
        })
    }
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
}

/// One way of loading.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// Parts that are made.
    pub parts: u64,
    /// How long merging and the COPY's objects take.
    pub seconds: f64,
    /// Requests of S3 that read.
    pub gets: u64,
    /// Requests of S3 that write or list.
    pub puts_and_lists: u64,
    /// Transitions of Step Functions.
    pub transitions: u64,
    /// What the functions take.
    pub lambda_gigabyte_seconds: f64,
    /// What merging takes of them.
    pub merging_gigabyte_seconds: f64,
    /// What the warehouse takes for its objects.
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
    /// What it is reckoned with.
    pub prices: Prices,
}

impl Estimate {
    /// Reckons both ways.
    pub fn new(sources: Vec<Source>, slices: u64, rpus: u64, prices: Prices) -> Self {
        let share = BATCHES_MAX / sources.len().max(1) as u64;
        let way = |merges: &dyn Fn(&Expectation) -> bool| {
            let mut way = Way { transitions: RUN_TRANSITIONS, ..Way::default() };
            for source in sources.iter().filter(|source| source.objects > 0) {
                let Source { objects, bytes, .. } = *source;
                let volume = Volume { objects, bytes, mixed: false };
                let expected = Expectation::new(volume, slices, share);
                let parts = if merges(&expected) { expected.batches } else { 0 };
                way.add(volume, parts, slices, share);
            }
            way.priced(&prices, rpus)
        };
        Self {
            slices,
            rpus,
            without_compaction: way(&|_| false),
            with_compaction: way(&|_| true),
            planned: way(&Expectation::pays),
            sources: sources.clone(),
            prices,
        }
    }
}

impl Way {
    /// Adds a source that is merged into so many parts, or copied as it is where there are none.
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
        // Sources are copied side by side: the slowest decides.
        self.seconds = self.seconds.max(milliseconds as f64 / 1_000.0);
        self.gets += copied + if parts > 0 { objects + parts } else { 0 };
        self.puts_and_lists += objects.div_ceil(LISTED_OBJECTS) + parts * BATCH_WRITES + 2;
        self.transitions += parts * BATCH_TRANSITIONS + polls * POLL_TRANSITIONS;
        self.merging_gigabyte_seconds += merging_seconds * COMPACT_GIGABYTES;
        self.lambda_gigabyte_seconds += merging_seconds * COMPACT_GIGABYTES
            + (polls * LONG_POLL_SECONDS) as f64 * POLL_GIGABYTES;
        self.warehouse_seconds = self.warehouse_seconds.max(copy_seconds);
    }

    fn priced(mut self, prices: &Prices, rpus: u64) -> Self {
        self.cost = self.requests_cost(prices)
            + self.transitions as f64 / 1e3 * prices.step_functions_per_thousand_transitions
            + self.lambda_gigabyte_seconds * prices.lambda_per_gigabyte_second
            + self.transitions as f64 / 1e6 * prices.lambda_per_million_requests
            + self.warehouse_seconds / 3_600.0 * rpus as f64 * prices.redshift_per_rpu_hour;
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
        let songs = Source { source: "songs".into(), objects, bytes };
        let events = Source { source: "events".into(), objects: 30, bytes: 3_700_000 };
        Estimate::new(vec![events, songs], 8, 8, Prices::known().expect("prices"))
    }

    #[test]
    fn the_full_exercise_takes_an_hour_by_objects_and_seconds_by_parts() {
        let estimate = estimate(385_252, 104_788_544);
        assert!((4_800.0..4_900.0).contains(&estimate.without_compaction.seconds));
        assert!(estimate.planned.seconds < 20.0, "{:?}", estimate.planned);
        assert_eq!(estimate.planned.parts, 80);
        assert!(estimate.planned.cost < 0.3, "{:?}", estimate.planned);
        assert!(estimate.planned.cost * 5.0 < estimate.without_compaction.cost);
    }

    #[test]
    fn a_small_load_is_planned_as_it_is() {
        let estimate = estimate(71, 20_000);
        assert_eq!(estimate.planned, estimate.without_compaction);
    }
}
