//! Whatever goes wrong, a run ends in one of two ways: loaded, with exactly the right star schema,
//! or failed, with a name that says who must act and an untouched star schema. The next run without
//! faults completes it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use segue_contract::ErrorName;
use serde_json::json;

use crate::converge::in_virtual_time;
use crate::generate::{Landed, landed};
use crate::model::{self, Source, Tables};
use crate::sample::difference;
use crate::world::{Mischief, World};

/// The seeds to try; `SEGUE_FAULT_SEEDS` overrides it.
const SEEDS: u64 = 202;
/// Objects of each of the two loads.
const OBJECTS: usize = 4;
/// How long the work of a stopped execution may take to end, in virtual time.
const AFTERMATH_SECONDS: u64 = 300;

/// Names that blame neither the data nor the SQL nor the deployment, with which nothing is wrong.
const NOBODY_S_FAULT: [ErrorName; 7] = [
    ErrorName::WarehouseBusy,
    ErrorName::WarehouseUnreachable,
    ErrorName::TransactionConflict,
    ErrorName::StatementInterrupted,
    ErrorName::StatementAborted,
    ErrorName::ResultExpired,
    ErrorName::SourceUnreadable,
];

/// How the runs of many seeds ended.
#[derive(Debug, Default)]
struct Outcomes {
    runs: BTreeMap<String, u32>,
    mismatches: Vec<String>,
}

impl Outcomes {
    fn count(&mut self, outcome: &str) {
        *self.runs.entry(outcome.to_owned()).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        for (outcome, runs) in other.runs {
            *self.runs.entry(outcome).or_default() += runs;
        }
        self.mismatches.extend(other.mismatches);
    }

    fn mismatch(&mut self, seed: u64, what: impl std::fmt::Display) {
        self.mismatches.push(format!("seed {seed}: {what}"));
    }
}

#[test]
fn any_fault_schedule_ends_loaded_or_untouched_and_the_next_run_converges() {
    let seeds = std::env::var("SEGUE_FAULT_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let seeds = seeds.unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let outcomes = Mutex::new(Outcomes::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
                for seed in numbers.take_while(|seed| *seed < seeds) {
                    let of_seed = in_virtual_time(one_seed(seed));
                    outcomes.lock().expect("no panic").add(of_seed);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().expect("no panic");
    println!("fault seeds 0..{seeds}, {} runs", outcomes.runs.values().sum::<u32>());
    for (outcome, runs) in &outcomes.runs {
        println!("  {outcome:<32} {runs:>5} runs");
    }
    println!("  {:<32} {:>5}", "mismatches", outcomes.mismatches.len());
    assert!(outcomes.mismatches.is_empty(), "{:#?}", outcomes.mismatches);
}

/// Two loads in which things go wrong, and one in which nothing does.
async fn one_seed(seed: u64) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let world = World::with(Mischief::seeded(seed));
    let files = files(2 * OBJECTS);
    let text = |landed: &Landed| landed.versions.last().expect("a version").clone();
    let files: Vec<(Source, String)> =
        files.iter().map(|landed| (landed.source, text(landed))).collect();
    let mut before = model::tables(std::iter::empty());
    for (load, part) in files.chunks(OBJECTS).enumerate() {
        for (number, (source, text)) in part.iter().enumerate() {
            world.put(*source, &format!("{load}-{number}.json"), text);
        }
        let landed = &files[..(load + 1) * OBJECTS];
        let expected = model::tables(landed.iter().map(|(source, text)| (*source, text.as_str())));
        run(&world, seed, &mut before, expected, &mut outcomes).await;
    }
    world.end_mischief();
    let expected = model::tables(files.iter().map(|(source, text)| (*source, text.as_str())));
    let ended = world.run(json!({})).await;
    if let Some(error) = ended.error {
        outcomes.mismatch(seed, format!("without faults: {error}: {:?}", ended.cause));
    }
    if let Some(difference) = difference(&world.tables().await, &expected) {
        outcomes.mismatch(seed, format!("without faults: {difference}"));
    }
    books(&world, seed, files.len(), &mut outcomes).await;
    outcomes
}

/// One run in which things go wrong.
async fn run(
    world: &World,
    seed: u64,
    before: &mut Tables,
    expected: Tables,
    outcomes: &mut Outcomes,
) {
    // Every second seed merges objects first, so that those functions meet faults, too.
    let compact = if seed.is_multiple_of(2) { "never" } else { "always" };
    let ended = world.run(json!({"compact": compact})).await;
    tokio::time::sleep(std::time::Duration::from_secs(AFTERMATH_SECONDS)).await;
    let unfinished = world.unfinished_statements().await;
    if !unfinished.is_empty() {
        outcomes.mismatch(seed, format!("left running: {unfinished:?}"));
    }
    match &ended.error {
        None => {
            outcomes.count("loaded");
            *before = expected;
        }
        Some(error) => {
            outcomes.count(&format!("failed: {error}"));
            if !NOBODY_S_FAULT.iter().any(|name| name.to_string() == *error) {
                outcomes.mismatch(seed, format!("{error} blames somebody: {:?}", ended.cause));
            }
        }
    }
    if let Some(difference) = difference(&world.tables().await, before) {
        outcomes.mismatch(seed, format!("ended {:?}: {difference}", ended.error));
    }
}

/// Every object is in the ledger once, and no run was published twice.
async fn books(world: &World, seed: u64, objects: usize, outcomes: &mut Outcomes) {
    let ledger = world.ledger().await;
    if ledger.len() != objects {
        outcomes.mismatch(seed, format!("{} objects in the ledger", ledger.len()));
    }
    let sum = "select count(*), count(distinct run_id || source), sum(objects) from ops.runs";
    let books = world.rows(sum).await;
    let [row] = books.as_slice() else { return outcomes.mismatch(seed, "no runs") };
    if row[0] != row[1] || row[2].as_deref() != Some(objects.to_string().as_str()) {
        outcomes.mismatch(seed, format!("published more than once: {row:?}"));
    }
}

/// Files, always the same.
fn files(count: usize) -> Vec<Landed> {
    let mut runner = TestRunner::deterministic();
    let strategy = landed(false);
    let mut file = || strategy.new_tree(&mut runner).expect("a file").current();
    (0..count).map(|_| file()).collect()
}
