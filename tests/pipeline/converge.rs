//! Every run converges: any partition of the files into runs, in any order, with any repetition,
//! with objects that grow or change between runs and runs that overlap, gives the same as the
//! model, row for row.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use crate::generate::{Landed, landed};
use crate::model::{self, Source, Tables};
use crate::sample::{difference, files};
use crate::world::{LANDING_BUCKET, World, key};

/// The most objects of a case.
const OBJECTS_MAX: usize = 5;
/// The most actions of a case.
const ACTIONS_MAX: usize = 5;

/// The cases of each property; `SEGUE_CASES` overrides it. Each has about three runs.
const CASES: u32 = 108;
/// Attempts to shrink a case.
const SHRINKS_MAX: u32 = 200;

/// Plays with a title that are not where `ops.played_titles` says: a late song would not find them.
const UNTITLED: &str = "select plays.songplay_id from mart.songplays as plays \
    left join ops.played_titles as titles on plays.song_title = titles.song_title \
    and plays.artist_name = titles.artist_name \
    and plays.session_id between titles.first_session and titles.last_session \
    where plays.song_title is not null and plays.artist_name is not null \
    and titles.song_title is null";

/// What happens next.
#[derive(Debug, Clone)]
enum Action {
    /// The next version of an object lands; after the last, it lands again.
    Land(prop::sample::Index),
    /// A run of everything.
    Run,
    /// A run of only one source.
    RunOnly(Source),
    /// A run that merges small objects before its COPY.
    RunCompacting,
    /// A run that forgets what was published.
    Rebuild,
    /// Two runs at the same time, the second some steps behind the first.
    RunTwo(u16),
    /// A run, during which an object lands.
    RunWhileLanding(u16, prop::sample::Index),
}

/// The current objects, and what runs have seen of them.
struct Landscape<'a> {
    objects: &'a [Landed],
    next: Vec<usize>,
    standing: BTreeMap<usize, &'a str>,
    loaded: BTreeSet<(Source, &'a str)>,
}

impl<'a> Landscape<'a> {
    fn new(objects: &'a [Landed]) -> Self {
        let next = vec![0; objects.len()];
        Self { objects, next, standing: BTreeMap::new(), loaded: BTreeSet::new() }
    }

    fn land(&mut self, world: &World, number: usize) {
        let object = &self.objects[number];
        let text = &object.versions[self.next[number].min(object.versions.len() - 1)];
        self.next[number] += 1;
        self.standing.insert(number, text);
        // The name has folders, so that listings are split into ranges.
        world.put(object.source, &format!("{}/{number}.json", number % 3), text);
    }

    /// A run has seen the current objects.
    fn seen(&mut self, only: Option<Source>) {
        for (number, text) in &self.standing {
            let source = self.objects[*number].source;
            if only.is_none_or(|only| only == source) {
                self.loaded.insert((source, text));
            }
        }
    }

    fn expected(&self) -> Tables {
        model::tables(self.loaded.iter().copied())
    }
}

/// One case in its own runtime with a paused clock.
pub fn in_virtual_time<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(case)
}

async fn carried_out(objects: &[Landed], actions: &[Action]) -> Result<(), TestCaseError> {
    let world = World::new();
    let mut landscape = Landscape::new(objects);
    for action in actions {
        act(&world, &mut landscape, action).await?;
    }
    for number in 0..objects.len() {
        landscape.land(&world, number);
    }
    run(&world, json!({})).await?;
    landscape.seen(None);
    same(&world.tables().await, &landscape.expected())?;
    prop_assert_eq!(world.ledger().await.len(), landscape.standing.len());
    prop_assert!(world.rows(UNTITLED).await.is_empty());
    prop_assert!(world.unfinished_statements().await.is_empty());
    Ok(())
}

async fn act(
    world: &World,
    landscape: &mut Landscape<'_>,
    action: &Action,
) -> Result<(), TestCaseError> {
    let number = |index: &prop::sample::Index| index.index(landscape.objects.len());
    match action {
        Action::Land(index) => {
            let number = number(index);
            landscape.land(world, number);
            return Ok(());
        }
        // A run without any objects fails and says so; another test covers that.
        _ if landscape.standing.is_empty() => return Ok(()),
        Action::Run => run(world, json!({})).await?,
        Action::RunCompacting => run(world, json!({"compact": "always"})).await?,
        Action::RunOnly(only) => {
            let source = match only {
                Source::Songs => "songs",
                Source::Events => "events",
            };
            let is_meant = |number: &usize| landscape.objects[*number].source == *only;
            if landscape.standing.keys().any(is_meant) {
                run(world, json!({"sources": [source]})).await?;
                landscape.seen(Some(*only));
            }
            return Ok(());
        }
        Action::Rebuild => {
            run(world, json!({"rebuild": true})).await?;
            landscape.loaded.clear();
        }
        Action::RunTwo(steps) => {
            let first = world.start(json!({}));
            pass(*steps).await;
            let second = world.start(json!({}));
            for execution in [first, second] {
                let ended = world.end(&execution).await;
                prop_assert!(ended.error.is_none(), "{:?}: {:?}", ended.error, ended.cause);
            }
        }
        Action::RunWhileLanding(steps, index) => {
            // What the run sees of the object does not matter: the next version has all of it.
            landscape.seen(None);
            let running = world.start(json!({}));
            pass(*steps).await;
            let number = number(index);
            landscape.land(world, number);
            let ended = world.end(&running).await;
            prop_assert!(ended.error.is_none(), "{:?}: {:?}", ended.error, ended.cause);
            return Ok(());
        }
    }
    landscape.seen(None);
    same(&world.tables().await, &landscape.expected())
}

/// Lets other tasks run for this many steps.
async fn pass(steps: u16) {
    for _ in 0..steps {
        tokio::task::yield_now().await;
    }
}

async fn run(world: &World, input: Value) -> Result<(), TestCaseError> {
    let ended = world.run(input).await;
    prop_assert!(ended.error.is_none(), "{:?}: {:?}", ended.error, ended.cause);
    Ok(())
}

fn same(found: &Tables, expected: &Tables) -> Result<(), TestCaseError> {
    difference(found, expected).map_or(Ok(()), |text| Err(TestCaseError::fail(text)))
}

/// The number of cases; `SEGUE_CASES` overrides it.
pub fn configuration(cases_default: u32) -> ProptestConfig {
    let cases = std::env::var("SEGUE_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(cases_default),
        max_shrink_iters: SHRINKS_MAX,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn land() -> impl Strategy<Value = Action> {
    any::<prop::sample::Index>().prop_map(Action::Land)
}

proptest! {
    #![proptest_config(configuration(CASES))]

    #[test]
    fn any_partition_order_and_repetition_gives_the_same_star_schema(
        objects in prop::collection::vec(landed(true), 1..=OBJECTS_MAX),
        actions in prop::collection::vec(prop_oneof![3 => land(), 2 => Just(Action::Run)], 0..=ACTIONS_MAX),
    ) {
        in_virtual_time(carried_out(&objects, &actions))?;
    }

    #[test]
    fn parts_of_the_sources_merged_objects_and_rebuilds_change_nothing(
        objects in prop::collection::vec(landed(true), 1..=OBJECTS_MAX),
        actions in prop::collection::vec(prop_oneof![
            4 => land(),
            1 => Just(Action::RunOnly(Source::Songs)),
            1 => Just(Action::RunOnly(Source::Events)),
            1 => Just(Action::RunCompacting),
            1 => Just(Action::Rebuild),
        ], 0..=ACTIONS_MAX),
    ) {
        in_virtual_time(carried_out(&objects, &actions))?;
    }

    #[test]
    fn runs_that_overlap_each_other_or_a_landing_change_nothing(
        objects in prop::collection::vec(landed(false), 1..=OBJECTS_MAX),
        actions in prop::collection::vec(prop_oneof![
            3 => land(),
            2 => (0..400u16).prop_map(Action::RunTwo),
            1 => (0..400u16, any::<prop::sample::Index>())
                .prop_map(|(steps, index)| Action::RunWhileLanding(steps, index)),
        ], 0..=ACTIONS_MAX),
    ) {
        in_virtual_time(carried_out(&objects, &actions))?;
    }
}

/// The real files, a day at a time, with the songs late: the same as one load of everything.
#[test]
fn the_sample_day_by_day_is_the_sample_at_once() {
    in_virtual_time(async {
        let (files, _) = files();
        let world = World::new();
        let (songs, days): (Vec<_>, Vec<_>) =
            files.iter().partition(|(source, _, _)| *source == Source::Songs);
        let late = days.len() / 2;
        for (number, (source, name, text)) in days.iter().rev().enumerate() {
            world.put(*source, name, text);
            if number == late {
                songs.iter().for_each(|(source, name, text)| world.put(*source, name, text));
            }
            world.load().await;
        }
        let expected =
            model::tables(files.iter().map(|(source, _, text)| (*source, text.as_str())));
        crate::sample::assert_same(&world.tables().await, &expected);
        let runs = world.rows("select count(distinct run_id) from ops.runs").await;
        assert_eq!(runs, [[Some(days.len().to_string())]]);
        // Every object is under its key, and the ledger has each once.
        assert_eq!(world.ledger().await.len(), files.len());
        let standing = world.objects.under(LANDING_BUCKET, &key(Source::Songs, ""));
        assert_eq!(standing.len(), songs.len());
    });
}
