//! Events arrive in any number and order, together with messages that are not events: every object
//! is loaded once, by few runs, and no message is left.

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::services::Services;
use crate::stack::{Stack, song};

/// Objects that land.
const OBJECTS: usize = 1_000;
/// Events for each of them.
const EVENTS_AN_OBJECT: usize = 10;
/// Runs that all these events may start. A run begins at most twice a minute.
const RUNS_MAX: usize = 12;
/// How long it may take until everything is done.
const QUIET_WITHIN: Duration = Duration::from_secs(300);
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The order of the events.
const SEED: u64 = 20_181_101;

/// S3's event for an object, as EventBridge passes it on.
fn created(bucket: &str, key: &str) -> String {
    let detail = json!({"version": "0", "bucket": {"name": bucket}, "object": {"key": key}});
    json!({
        "version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail,
    })
    .to_string()
}

/// Waits until no message is left in the queue and no run in flight.
fn quiet(stack: &Stack, cloud: &Services) {
    let deadline = Instant::now() + QUIET_WITHIN;
    loop {
        let waiting = cloud.messages("WakeUpsQueueUrl");
        let running = || stack.statuses().iter().any(|status| status == "running");
        // A run that started in between has taken a message, or left one.
        if waiting == 0 && !running() && cloud.messages("WakeUpsQueueUrl") == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{waiting} messages still wait after {QUIET_WITHIN:?}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

#[test]
fn ten_thousand_events_for_a_thousand_objects_load_each_once_in_few_runs() {
    let stack = Stack::awake();
    let cloud = Services::of(&stack);
    let bucket = cloud.output("LandingBucketName").to_owned();
    let mut songs: Vec<_> = (0..OBJECTS).map(song).collect();
    let mut events: Vec<String> = songs
        .iter()
        .flat_map(|(key, _)| std::iter::repeat_n(created(&bucket, key), EVENTS_AN_OBJECT))
        .collect();
    events.shuffle(&mut ChaCha8Rng::seed_from_u64(SEED));
    // Half of the objects exist before any of these events; the bucket sends its own as well.
    let late = songs.split_off(OBJECTS / 2);
    cloud.put(songs);
    let (first, rest) = events.split_at(events.len() / 2);
    cloud.send(first);
    cloud.put(late);
    cloud.send(rest);
    quiet(&stack, &cloud);

    let statuses = stack.statuses();
    assert!(
        statuses.iter().all(|status| ["loaded", "up-to-date"].contains(&&**status)),
        "{statuses:?}"
    );
    assert!((1..=RUNS_MAX).contains(&statuses.len()), "{} runs", statuses.len());
    let objects = OBJECTS as u64;
    let counts = [
        "select count(*) as counted from ops.loaded_objects",
        "select cast(sum(objects) as bigint) as counted from ops.runs",
        "select count(*) as counted from mart.songs",
    ];
    for sql in counts {
        assert_eq!(stack.count(sql), objects, "{sql}");
    }
    assert_eq!(cloud.messages("DeadLettersQueueUrl"), 0);

    // The runs have written thousands of objects to their bucket, which sends no events.
    assert!(cloud.tells_of_objects(&bucket));
    assert!(!cloud.tells_of_objects(cloud.output("WorkBucketName")));
}

#[test]
fn a_message_that_is_not_an_event_ends_among_the_dead_letters_and_holds_up_nothing() {
    let stack = Stack::awake();
    let cloud = Services::of(&stack);
    // So that five attempts take seconds.
    cloud.hide_for_seconds(1);
    let malformed = ["no json", "{}", "[1]", r#"{"detail-type": "Tag Removed"}"#].map(String::from);
    let bucket = cloud.output("LandingBucketName").to_owned();
    let (key, body) = song(1);
    let mut messages = malformed.to_vec();
    messages.insert(2, created(&bucket, &key));
    cloud.put([(key, body)]);
    cloud.send(&messages);
    quiet(&stack, &cloud);

    assert_eq!(stack.count("select count(*) as counted from ops.loaded_objects"), 1);
    let mut dead = cloud.bodies("DeadLettersQueueUrl");
    let mut expected = malformed.to_vec();
    dead.sort();
    expected.sort();
    assert_eq!(dead, expected);
}
