//! What a run was expected to take, next to what it took.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    BATCH_WRITES, COMPACT_GIGABYTES, LISTED_OBJECTS, Prices, RPUS_DEFAULT, RUN_STATEMENTS_SECONDS,
    Way, billed,
};
use crate::Failure;
use crate::compaction::{BATCHES_MAX, Volume};
use crate::messages::{CompactedSource, Plan, StatementState};

/// Requests that write what a COPY needs: its manifest and its paths.
const LOAD_WRITES: u64 = 2;
/// The prefix of the steps that copy files.
const STAGE: &str = "stage/";

/// Both, and the prices behind them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// What the rules estimated before.
    pub expected: Figures,
    /// What was counted afterwards, without repeated requests.
    pub real: Figures,
    /// The day of the prices.
    pub prices_as_of: String,
    /// Their currency.
    pub currency: String,
    /// The capacity that the warehouse's cost assumes, in Redshift processing units.
    pub rpus: u64,
}

/// What loading objects takes, as far as a run can count it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Objects that were read.
    pub objects: u64,
    /// Parts into which some of them were merged.
    pub parts: u64,
    /// Requests of S3 that read.
    pub gets: u64,
    /// Requests of S3 that write or list.
    pub puts_and_lists: u64,
    /// What the merging function took, in gigabyte-seconds.
    pub merging_gigabyte_seconds: f64,
    /// How long the longest COPY took.
    pub copy_seconds: f64,
    /// What Redshift Serverless bills: 60 seconds at least; of a run that ended, at most its length.
    pub warehouse_seconds: f64,
    /// What these cost on Redshift Serverless. A provisioned cluster costs the same, busy or idle.
    pub warehouse_cost: f64,
    /// What requests and merging cost. Transitions and the warehouse are not included.
    pub cost: f64,
}

impl Comparison {
    /// Compares what was planned with what was done, by a run that took these seconds.
    ///
    /// # Errors
    /// As [`Prices::known`].
    pub fn new(
        plan: &Plan,
        compacted: &[CompactedSource],
        loaded: &[StatementState],
        run_seconds: f64,
    ) -> Result<Self, Failure> {
        let prices = Prices::known()?;
        Ok(Self {
            expected: expected(plan).priced(&prices),
            real: Figures { warehouse_seconds: run_seconds, ..real(plan, compacted, loaded) }
                .priced(&prices),
            rpus: RPUS_DEFAULT,
            prices_as_of: prices.as_of,
            currency: prices.currency,
        })
    }
}

impl Figures {
    fn priced(mut self, prices: &Prices) -> Self {
        self.warehouse_seconds = billed(self.warehouse_seconds);
        self.warehouse_cost = prices.warehouse(self.warehouse_seconds, RPUS_DEFAULT);
        let requests =
            Way { gets: self.gets, puts_and_lists: self.puts_and_lists, ..Way::default() };
        self.cost = requests.requests_cost(prices)
            + self.merging_gigabyte_seconds * prices.lambda_per_gigabyte_second;
        self
    }
}

fn expected(plan: &Plan) -> Figures {
    let share = BATCHES_MAX / plan.sources.len().max(1) as u64;
    let mut way = Way::default();
    for source in plan.sources.iter().filter(|source| source.objects > 0) {
        let parts = plan.batches.iter().filter(|batch| batch.source == source.source).count();
        let volume = Volume { objects: source.objects, bytes: source.bytes, mixed: false };
        way.add(volume, parts as u64, plan.slices, share);
    }
    Figures {
        objects: plan.objects,
        parts: way.parts,
        gets: way.gets,
        puts_and_lists: way.puts_and_lists,
        merging_gigabyte_seconds: way.merging_gigabyte_seconds,
        copy_seconds: way.copy_seconds,
        warehouse_seconds: way.copy_seconds + RUN_STATEMENTS_SECONDS as f64,
        ..Figures::default()
    }
}

fn real(plan: &Plan, compacted: &[CompactedSource], loaded: &[StatementState]) -> Figures {
    let compacted: BTreeMap<&str, &CompactedSource> =
        compacted.iter().map(|source| (source.source.as_str(), source)).collect();
    let mut figures = Figures::default();
    for source in &plan.sources {
        figures.puts_and_lists += source.listed.div_ceil(LISTED_OBJECTS).max(1);
        if source.objects > 0 {
            figures.puts_and_lists += LOAD_WRITES;
        }
        match compacted.get(source.source.as_str()) {
            Some(CompactedSource { batches, merged, .. }) => {
                figures.objects += merged.objects;
                figures.parts += batches;
                // Every object, every batch's list, and every part by the COPY.
                figures.gets += merged.objects + merged.vanished + 2 * batches;
                figures.puts_and_lists += batches * BATCH_WRITES;
                figures.merging_gigabyte_seconds +=
                    merged.milliseconds as f64 / 1_000.0 * COMPACT_GIGABYTES;
            }
            None => {
                figures.objects += source.objects;
                figures.gets += source.objects;
            }
        }
    }
    let copies = loaded.iter().filter_map(|statement| match statement {
        StatementState::Finished { step, duration_ms, .. } if step.starts_with(STAGE) => {
            Some(*duration_ms as f64 / 1_000.0)
        }
        _ => None,
    });
    figures.copy_seconds = copies.fold(0.0, f64::max);
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Batch, Merged, PlannedSource};

    fn plan(objects: u64, batches: u32) -> Plan {
        let songs = PlannedSource {
            source: "songs".into(),
            prefix: "s3://landing/song_data/".into(),
            listed: objects,
            objects,
            changed: 0,
            bytes: objects * 272,
            max_rejects: 0,
            set_aside: 0,
            skipped: Vec::new(),
            loaded_by_other_paths: 0,
        };
        let batch = |batch| Batch { source: "songs".into(), batch, max_rejects: 0 };
        Plan {
            objects,
            bytes: objects * 272,
            sources: vec![songs],
            batches: (0..batches).map(batch).collect(),
            slices: 8,
            ..Plan::default()
        }
    }

    fn copied(duration_ms: u64) -> StatementState {
        StatementState::Finished {
            statement_id: "s".into(),
            step: "stage/songs".into(),
            duration_ms,
            files: Vec::new(),
            ended_at: None,
            variants: Vec::new(),
            pending: None,
            changes: Vec::new(),
        }
    }

    #[test]
    fn a_run_that_went_as_expected_counts_what_was_expected() {
        let merged = Merged { objects: 385_252, milliseconds: 194_719, ..Merged::default() };
        let compacted = [CompactedSource { source: "songs".into(), batches: 40, merged }];
        let compared = Comparison::new(&plan(385_252, 40), &compacted, &[copied(500)], 72.0);
        let Comparison { expected, real, .. } = compared.expect("prices");
        assert_eq!((real.objects, real.parts, real.gets), (385_252, 40, 385_332));
        assert_eq!(real.puts_and_lists, 386 + 40 * 4 + 2);
        assert_eq!((real.gets, real.puts_and_lists), (expected.gets, expected.puts_and_lists));
        assert_eq!((real.copy_seconds, expected.copy_seconds), (0.5, 0.5));
        assert_eq!((real.warehouse_seconds, expected.warehouse_seconds), (72.0, 60.0));
        assert!((expected.warehouse_cost - 0.05).abs() < 1e-9, "{expected:?}");
        let apart = real.merging_gigabyte_seconds - expected.merging_gigabyte_seconds;
        assert!(apart.abs() < 0.01, "{apart}");
        assert!((real.cost - expected.cost).abs() < 1e-6, "{real:?} {expected:?}");
        assert!((0.15..0.17).contains(&real.cost), "{real:?}");
    }

    #[test]
    fn objects_copied_one_by_one_cost_the_copy_what_they_did() {
        let compared = Comparison::new(&plan(400, 0), &[], &[copied(7_300)], 9.0).expect("prices");
        assert_eq!((compared.real.objects, compared.real.parts, compared.real.gets), (400, 0, 400));
        assert_eq!((compared.expected.copy_seconds, compared.real.copy_seconds), (5.0, 7.3));
        assert!(compared.real.merging_gigabyte_seconds.abs() < f64::EPSILON);
        assert_eq!(compared.real.warehouse_seconds, 60.0);
    }

    #[test]
    fn an_object_that_was_gone_cost_a_request_and_was_not_read() {
        let merged = Merged { objects: 99, vanished: 1, ..Merged::default() };
        let compacted = [CompactedSource { source: "songs".into(), batches: 8, merged }];
        let real = real(&plan(100, 8), &compacted, &[]);
        assert_eq!((real.objects, real.gets), (99, 116));
    }
}
