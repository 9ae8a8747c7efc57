//! What arrives is kept until a run has looked at it, and such a run costs what has arrived: events
//! may be lost, doubled, late and out of order, and change nothing but the time at which an object is
//! found.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use segue_contract::arrivals::{
    Arrivals, INBOX_FILES_MAX, INBOX_PREFIX, RECONCILED_KEY, Reconciled, inbox_key,
};
use serde_json::{Value, json};

use crate::converge::{configuration, in_virtual_time};
use crate::generate::{Landed, landed};
use crate::model::{self, Source};
use crate::sample::difference;
use crate::world::{LANDING_BUCKET, LOAD, WORK_BUCKET, WakeUps, World, key};

const MINUTE: Duration = Duration::from_secs(60);
/// As the template has it.
const LISTING_INTERVAL_MINUTES: u32 = 24 * 60;
/// After this long, every message has been delivered and every run it led to has ended.
const QUIET_MINUTES: u32 = 60;
/// Longer than a batching window and a run.
const RUN_MINUTES: u32 = 5;
/// The most objects of a case.
const OBJECTS_MAX: usize = 4;
/// The most things that happen in a case.
const HAPPENINGS_MAX: usize = 8;
const CASES: u32 = 30;

fn play(item: usize) -> String {
    json!({
        "page": "NextSong", "sessionId": 7, "itemInSession": item, "ts": 1_541_105_830_796_i64,
        "userId": "9", "level": "free", "song": "Elena", "artist": "Setanta", "length": 269.5,
    })
    .to_string()
}

/// A bucket with its queue.
struct Stack {
    world: World,
    queue: WakeUps,
    /// The outputs of the runs that have ended.
    outputs: Arc<Mutex<Vec<Value>>>,
}

impl Stack {
    fn new() -> Self {
        let world = World::new();
        let queue = WakeUps::of_world(&world);
        let outputs: Arc<Mutex<Vec<Value>>> = Arc::default();
        let ended = Arc::clone(&outputs);
        world.region.on_end(move |change| {
            if change.state_machine_arn == LOAD {
                ended.lock().expect("no panic").push(change.ended.output.clone());
            }
        });
        Self { world, queue, outputs }
    }

    /// A stack that has loaded one file and listed everything.
    async fn loaded() -> Self {
        let stack = Self::new();
        stack.world.put(Source::Events, "0.json", &play(0));
        stack.arrive("0.json");
        stack.minutes(RUN_MINUTES).await;
        assert_eq!(stack.loaded_objects().await, ["0.json"]);
        assert!(stack.world.objects.get(WORK_BUCKET, RECONCILED_KEY).is_some());
        stack
    }

    fn arrive(&self, name: &str) {
        self.queue.arrive(&key(Source::Events, name));
    }

    async fn minutes(&self, count: u32) {
        tokio::time::sleep(count * MINUTE).await;
    }

    async fn loaded_objects(&self) -> Vec<String> {
        let rows = self.world.rows("select uri from ops.loaded_objects").await;
        let name = |row: &Vec<Option<String>>| {
            let uri = row[0].clone().unwrap_or_default();
            uri.rsplit('/').next().unwrap_or_default().to_owned()
        };
        rows.iter().map(name).collect()
    }

    fn inbox(&self) -> usize {
        self.world.objects.under(WORK_BUCKET, INBOX_PREFIX).len()
    }

    fn outputs(&self) -> Vec<Value> {
        self.outputs.lock().expect("no panic").clone()
    }
}

#[test]
fn a_run_on_arrival_looks_at_what_arrived_and_lists_everything_once_a_day() {
    in_virtual_time(async {
        let stack = Stack::loaded().await;
        stack.world.put(Source::Events, "unannounced.json", &play(1));
        stack.world.put(Source::Events, "a+b %41.json", &play(2));
        stack.arrive("a+b %41.json");
        stack.minutes(RUN_MINUTES).await;
        assert_eq!(stack.loaded_objects().await, ["0.json", "a+b %41.json"]);
        assert_eq!((stack.inbox(), stack.queue.len()), (0, 0), "nothing waits any more");

        stack.minutes(LISTING_INTERVAL_MINUTES).await;
        stack.world.put(Source::Events, "next.json", &play(3));
        stack.arrive("next.json");
        stack.minutes(RUN_MINUTES).await;
        let all = ["0.json", "a+b %41.json", "next.json", "unannounced.json"];
        assert_eq!(stack.loaded_objects().await, all);
        assert_eq!(stack.outputs().len(), 3, "one run for each arrival");
    });
}

/// What a run with one new file asks for, with this many files in the bucket and in the ledger.
async fn requests_beside(files: usize) -> (u32, u32) {
    let stack = Stack::new();
    for number in 0..files {
        stack.world.put(Source::Events, &format!("{number:03}.json"), &play(number));
    }
    stack.arrive("000.json");
    stack.minutes(RUN_MINUTES).await;
    assert_eq!(stack.loaded_objects().await.len(), files);
    stack.world.put(Source::Events, "next.json", &play(files));
    let count = || {
        let count = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        (count(&stack.world.objects.requests), count(&stack.world.requests))
    };
    let before = count();
    stack.arrive("next.json");
    stack.minutes(RUN_MINUTES).await;
    assert_eq!(stack.loaded_objects().await.len(), files + 1);
    let after = count();
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn a_run_on_arrival_asks_for_as_much_however_many_files_there_are() {
    in_virtual_time(async {
        let few = requests_beside(4).await;
        assert_eq!(requests_beside(120).await, few, "requests to S3 and to the Data API");
        println!("one new file: {} requests to S3, {} to the Data API", few.0, few.1);
    });
}

#[test]
fn an_object_that_was_removed_before_the_run_is_counted_and_holds_up_nothing() {
    in_virtual_time(async {
        let stack = Stack::loaded().await;
        stack.arrive("gone.json");
        stack.world.put(Source::Events, "there.json", &play(1));
        stack.arrive("there.json");
        stack.minutes(RUN_MINUTES).await;
        assert_eq!(stack.loaded_objects().await, ["0.json", "there.json"]);
        let output = stack.outputs().pop().expect("a run");
        assert_eq!(output["skipped"][0]["reason"], "gone", "{output}");
        assert_eq!((stack.inbox(), stack.queue.len()), (0, 0));
    });
}

#[test]
fn what_a_failed_run_looked_at_stays_until_a_run_has_loaded_it() {
    in_virtual_time(async {
        let stack = Stack::loaded().await;
        stack.world.put(Source::Events, "broken.json", "no document");
        stack.arrive("broken.json");
        stack.minutes(RUN_MINUTES).await;
        assert!(stack.inbox() > 0);
        stack.world.put(Source::Events, "broken.json", &play(1));
        stack.minutes(QUIET_MINUTES).await;
        assert_eq!(stack.loaded_objects().await, ["0.json", "broken.json"]);
        assert_eq!((stack.inbox(), stack.queue.len()), (0, 0));
    });
}

#[test]
fn an_empty_ledger_leads_to_a_complete_listing_whatever_arrived() {
    in_virtual_time(async {
        let stack = Stack::loaded().await;
        stack.world.put(Source::Events, "1.json", &play(1));
        stack.world.engine.query("delete from ops.loaded_objects").await.expect("a new warehouse");
        stack.arrive("1.json");
        stack.minutes(RUN_MINUTES).await;
        assert_eq!(stack.loaded_objects().await, ["0.json", "1.json"]);
    });
}

#[test]
fn another_prefix_than_was_listed_leads_to_a_complete_listing() {
    in_virtual_time(async {
        let stack = Stack::loaded().await;
        let listed = vec!["s3://landing/elsewhere/".into(), "s3://landing/song_data/".into()];
        let started_at = stack.world.region.now().to_string();
        let reconciled = Reconciled { started_at, listed };
        let body = serde_json::to_vec(&reconciled).expect("JSON");
        stack.world.objects.put(WORK_BUCKET, RECONCILED_KEY, body);
        stack.world.put(Source::Events, "unannounced.json", &play(1));
        stack.arrive("0.json");
        stack.minutes(RUN_MINUTES).await;
        assert_eq!(stack.loaded_objects().await, ["0.json", "unannounced.json"]);
    });
}

#[test]
fn a_state_file_of_another_version_leads_to_a_complete_listing_and_holds_up_nothing() {
    in_virtual_time(async {
        let stack = Stack::loaded().await;
        for (number, key) in [RECONCILED_KEY, &inbox_key("of-another-version")].iter().enumerate() {
            let body = br#"{"version": 2}"#.to_vec();
            stack.world.objects.put(WORK_BUCKET, key, body);
            stack.world.put(
                Source::Events,
                &format!("unannounced-{number}.json"),
                &play(1 + number),
            );
            stack.arrive("0.json");
            stack.minutes(RUN_MINUTES).await;
            assert_eq!(stack.loaded_objects().await.len(), 2 + number, "{key}");
            assert_eq!((stack.inbox(), stack.queue.len()), (0, 0), "{key}");
        }
    });
}

#[test]
fn a_full_inbox_leads_to_a_complete_listing_and_is_emptied() {
    in_virtual_time(async {
        let stack = Stack::loaded().await;
        let body = serde_json::to_vec(&Arrivals::default()).expect("JSON");
        for number in 0..INBOX_FILES_MAX {
            stack.world.objects.put(WORK_BUCKET, &inbox_key(&number.to_string()), body.clone());
        }
        stack.world.put(Source::Events, "unannounced.json", &play(1));
        stack.arrive("0.json");
        stack.minutes(RUN_MINUTES).await;
        assert_eq!(stack.loaded_objects().await, ["0.json", "unannounced.json"]);
        assert_eq!((stack.inbox(), stack.queue.len()), (0, 0));
    });
}

/// What happens next, some minutes after the one before.
#[derive(Debug, Clone)]
enum Happening {
    /// The next version of an object lands; these many minutes later each of its events arrives.
    Land(prop::sample::Index, Vec<u32>),
    /// Somebody starts a run, which lists everything.
    Run,
}

fn happening() -> impl Strategy<Value = (Happening, u32)> {
    let events = prop::collection::vec(0u32..6, 0..3);
    let land = (any::<prop::sample::Index>(), events)
        .prop_map(|(object, events)| Happening::Land(object, events));
    (prop_oneof![4 => land, 1 => Just(Happening::Run)], 0u32..4)
}

async fn carried_out(
    objects: &[Landed],
    happenings: &[(Happening, u32)],
) -> Result<(), TestCaseError> {
    let stack = Stack::loaded().await;
    let mut landed = vec![0; objects.len()];
    // Whether an event followed the latest version.
    let mut announced = vec![false; objects.len()];
    let name = |number: usize| format!("{}/{number}.json", number % 3);
    for (happening, minutes) in happenings {
        match happening {
            Happening::Land(index, events) => {
                let number = index.index(objects.len());
                let Landed { source, versions } = &objects[number];
                stack.world.put(
                    *source,
                    &name(number),
                    &versions[landed[number].min(versions.len() - 1)],
                );
                landed[number] += 1;
                announced[number] = !events.is_empty();
                for delay in events {
                    let (queue, key) = (stack.queue.clone(), key(*source, &name(number)));
                    let delay = *delay * MINUTE;
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        queue.arrive(&key);
                    });
                }
            }
            Happening::Run => {
                let ended = stack.world.run(json!({})).await;
                prop_assert_eq!(ended.error, None);
            }
        }
        stack.minutes(*minutes).await;
    }
    stack.minutes(QUIET_MINUTES).await;
    prop_assert_eq!((stack.inbox(), stack.queue.len()), (0, 0), "nothing waits any more");
    prop_assert_eq!(stack.queue.dead(), Vec::<String>::new());
    let ledger = stack.world.ledger().await;
    let is_loaded = |number: usize| {
        let key = key(objects[number].source, &name(number));
        let etag = stack.world.objects.get(LANDING_BUCKET, &key).map(|object| object.etag);
        ledger
            .iter()
            .any(|row| row[1].as_deref().is_some_and(|uri| uri.ends_with(&key)) && row[2] == etag)
    };
    for number in (0..objects.len()).filter(|number| announced[*number]) {
        prop_assert!(is_loaded(number), "{}: {ledger:?}", name(number));
    }
    // Whatever no event named, a complete listing finds.
    stack.world.load().await;
    let first = (Source::Events, play(0));
    let current = objects.iter().zip(&landed).filter(|(_, landed)| **landed > 0);
    let current = current.map(|(object, landed)| {
        (object.source, object.versions[(landed - 1).min(object.versions.len() - 1)].clone())
    });
    let all: Vec<(Source, String)> = current.chain([first]).collect();
    let expected = model::tables(all.iter().map(|(source, text)| (*source, text.as_str())));
    match difference(&stack.world.tables().await, &expected) {
        None => Ok(()),
        Some(text) => Err(TestCaseError::fail(text)),
    }
}

proptest! {
    #![proptest_config(configuration(CASES))]

    #[test]
    fn events_may_be_lost_doubled_late_and_out_of_order(
        objects in prop::collection::vec(landed(false), 1..=OBJECTS_MAX),
        happenings in prop::collection::vec(happening(), 1..=HAPPENINGS_MAX),
    ) {
        in_virtual_time(carried_out(&objects, &happenings))?;
    }
}
