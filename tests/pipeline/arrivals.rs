//! Everything that lands is loaded, by few runs: they back off while they fail, and while anything
//! waits, a wake-up is in the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use workflow_local::{FunctionError, Region, Status, Summary};

use crate::converge::in_virtual_time;
use crate::model::Source;
use crate::world::{LOAD, WakeUps, World};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:machine";
const WORK: &str = "arn:aws:lambda:us-east-1:123456789012:function:work";
const MINUTE: Duration = Duration::from_secs(60);
const DAY_MINUTES: i64 = 24 * 60;
const MONTH_DAYS: i64 = 30;
/// The longest that the template allows: fewer calls to simulate for a month.
const BATCHING_WINDOW_MAX: Duration = Duration::from_secs(300);
/// The most runs per day for a file that always fails.
const RUNS_A_DAY_MAX: usize = 30;
/// Staging schemas that stay.
const STAGING_SCHEMAS_MAX: usize = 20;

const EVENT: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830796, "userId": "9"}"#;

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Well,
    Badly,
}

/// A region whose runs take this long and do nothing; the first ones end like `ends`, all later
/// ones like the last of these.
fn region(time: Duration, ends: &'static [End]) -> Region {
    let region = Region::new(7, "2018-11-01T00:00:00Z".parse().expect("a time"));
    let runs = Arc::new(AtomicUsize::new(0));
    region.add_function(WORK, move |_| {
        let run = runs.fetch_add(1, Ordering::Relaxed).min(ends.len() - 1);
        async move {
            tokio::time::sleep(time).await;
            match ends[run] {
                End::Well => Ok(json!({})),
                End::Badly => Err(FunctionError::Failed {
                    error_type: "LoadRejected".into(),
                    error_message: "why".into(),
                }),
            }
        }
    });
    let work = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": WORK, "Payload": {}}, "End": true,
    });
    let machine = json!({"QueryLanguage": "JSONata", "StartAt": "Work", "States": {"Work": work}});
    region.add_state_machine(MACHINE, &machine.to_string(), &[]).expect("a definition");
    region
}

async fn minutes(count: u32) {
    tokio::time::sleep(count * MINUTE).await;
}

/// The runs, the oldest first.
fn runs(region: &Region) -> Vec<Summary> {
    let mut runs = region.executions(MACHINE);
    runs.reverse();
    runs
}

/// How many runs started on each day.
fn runs_by_day(runs: &[Summary], begin: Timestamp) -> Vec<usize> {
    let mut days = vec![0; MONTH_DAYS as usize + 1];
    for run in runs {
        let minutes = run.started.duration_since(begin).as_mins();
        days[(minutes / DAY_MINUTES) as usize] += 1;
    }
    days
}

/// Whether a successful run started after this time.
fn is_loaded(region: &Region, landed: Timestamp) -> bool {
    let well = |run: &Summary| matches!(run.ended, Some((Status::Succeeded, _)));
    runs(region).iter().any(|run| well(run) && run.started >= landed)
}

#[test]
fn a_file_that_fails_every_minute_for_a_month_starts_at_most_thirty_runs_a_day() {
    in_virtual_time(async {
        let region = region(Duration::from_secs(40), &[End::Badly]);
        let queue = WakeUps::gathered(&region, MACHINE, 0, BATCHING_WINDOW_MAX);
        let begin = region.now();
        for _ in 0..MONTH_DAYS * DAY_MINUTES {
            queue.land();
            minutes(1).await;
        }
        let days = runs_by_day(&runs(&region), begin);
        assert!(days.iter().all(|runs| *runs <= RUNS_A_DAY_MAX), "{days:?}");
        assert!(days.iter().take(MONTH_DAYS as usize).all(|runs| *runs >= 20), "{days:?}");
        assert_eq!(queue.dead(), Vec::<String>::new());
    });
}

#[test]
fn a_file_that_always_fails_leaves_twenty_staging_schemas_and_is_loaded_once_it_is_repaired() {
    in_virtual_time(async {
        let world = World::new();
        let (queue, begin) = (WakeUps::of(&world.region, LOAD, 0), world.region.now());
        let schemas = async || {
            let sql = "select schema_name from information_schema.schemata \
                       where schema_name like 'staging_%'";
            world.rows(sql).await.len()
        };
        let mut most = 0;
        for minute in 0..DAY_MINUTES {
            world.put(Source::Events, "bad.json", "no document");
            queue.land();
            minutes(1).await;
            if minute % 30 == 0 {
                most = most.max(schemas().await);
            }
        }
        assert_eq!(most, STAGING_SCHEMAS_MAX, "staging schemas at once");
        assert_eq!(schemas().await, STAGING_SCHEMAS_MAX);
        let started = world.region.executions(LOAD);
        let days = runs_by_day(&started, begin);
        assert!(days[0] > STAGING_SCHEMAS_MAX && days[0] <= RUNS_A_DAY_MAX, "{days:?}");
        assert!(started.iter().all(|run| !matches!(run.ended, Some((Status::Succeeded, _)))));

        world.put(Source::Events, "bad.json", EVENT);
        queue.land();
        minutes(90).await;
        assert_eq!(world.ledger().await.len(), 1);
        assert_eq!(queue.len(), 0, "nothing waits any more");
    });
}

/// An object lands while the first run is in flight, which then ends like this.
async fn landed_in_flight(end: &'static [End], is_stopped: bool) {
    let region = region(10 * MINUTE, end);
    let queue = WakeUps::of(&region, MACHINE, 0);
    queue.land();
    minutes(5).await;
    let landed = region.now();
    queue.land();
    minutes(2).await;
    if is_stopped {
        region.stop(&runs(&region)[0].arn, "", "somebody stopped it");
    }
    for _ in 0..60 {
        minutes(1).await;
        assert!(queue.len() > 0 || is_loaded(&region, landed) || !region.running().is_empty());
    }
    assert!(is_loaded(&region, landed), "{end:?}: {:?}", runs(&region));
    assert_eq!(queue.len(), 0);
    assert_eq!(runs(&region).len(), 2, "{end:?}: {:?}", runs(&region));
}

#[test]
fn what_lands_while_a_run_is_in_flight_is_loaded_by_the_next_however_that_run_ends() {
    in_virtual_time(landed_in_flight(&[End::Well], false));
    in_virtual_time(landed_in_flight(&[End::Badly, End::Well], false));
    in_virtual_time(landed_in_flight(&[End::Badly, End::Well], true));
}

#[test]
fn what_lands_while_runs_back_off_is_loaded_when_the_wait_is_over() {
    in_virtual_time(async {
        let region = region(MINUTE, &[End::Badly, End::Badly, End::Badly, End::Badly, End::Well]);
        let queue = WakeUps::of(&region, MACHINE, 0);
        queue.land();
        minutes(16).await;
        assert_eq!(runs(&region).len(), 4, "{:?}", runs(&region));
        let landed = region.now();
        queue.land();
        minutes(30).await;
        assert!(is_loaded(&region, landed), "{:?}", runs(&region));
        assert_eq!((runs(&region).len(), queue.len()), (5, 0));
    });
}

#[test]
fn a_run_that_a_person_starts_ends_the_back_off() {
    in_virtual_time(async {
        let ends = &[End::Badly, End::Badly, End::Badly, End::Badly, End::Badly, End::Well];
        let region = region(MINUTE, ends);
        let queue = WakeUps::of(&region, MACHINE, 0);
        queue.land();
        minutes(16).await;
        let by_hand = region.start(MACHINE, "by-hand", json!({})).expect("starts").ended().await;
        assert_eq!(by_hand.status, Status::Failed);
        queue.land();
        minutes(3).await;
        assert_eq!(runs(&region).len(), 6, "{:?}", runs(&region));
        minutes(30).await;
        assert_eq!((runs(&region).len(), queue.len()), (6, 0));
    });
}

#[test]
fn an_upload_of_two_hours_is_loaded_whole_and_by_few_runs() {
    in_virtual_time(async {
        let region = region(10 * MINUTE, &[End::Well]);
        let queue = WakeUps::of(&region, MACHINE, 0);
        let mut landed = region.now();
        for _ in 0..120 {
            landed = region.now();
            queue.land();
            minutes(1).await;
        }
        minutes(60).await;
        assert!(is_loaded(&region, landed));
        assert_eq!(queue.len(), 0);
        let count = runs(&region).len();
        assert!((10..=13).contains(&count), "{count} runs of 10 minutes");
    });
}

#[test]
fn runs_start_no_closer_than_the_stack_says() {
    in_virtual_time(async {
        let region = region(MINUTE, &[End::Well]);
        let queue = WakeUps::of(&region, MACHINE, 15);
        let mut landed = region.now();
        for _ in 0..180 {
            landed = region.now();
            queue.land();
            minutes(1).await;
        }
        minutes(60).await;
        let runs = runs(&region);
        let apart = runs.windows(2).map(|pair| pair[1].started.duration_since(pair[0].started));
        assert!(apart.min() >= Some(SignedDuration::from_mins(15)), "{runs:?}");
        assert!((11..=14).contains(&runs.len()), "{} runs in three hours", runs.len());
        assert!(is_loaded(&region, landed));
        assert_eq!(queue.len(), 0);
    });
}

/// S3's own notifications, from public cases next to the checkout, or as AWS documents them.
fn notification(name: &str, documented: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/cases/classic-notifications/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap_or_else(|_| documented.to_owned())
}

#[test]
fn a_notification_of_s3_itself_starts_a_run_and_its_test_message_nothing() {
    in_virtual_time(async {
        let region = region(MINUTE, &[End::Well]);
        let queue = WakeUps::of(&region, MACHINE, 0);
        queue.send(&notification("test-event.json", r#"{"Event": "s3:TestEvent"}"#));
        minutes(60).await;
        assert_eq!((runs(&region).len(), queue.len()), (0, 0));
        let created =
            r#"{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}"#;
        queue.send(&notification("records.json", created));
        minutes(60).await;
        assert_eq!((runs(&region).len(), queue.len()), (1, 0));
        assert_eq!(queue.dead(), Vec::<String>::new());
    });
}

#[test]
fn a_message_that_is_neither_ends_among_the_dead_letters() {
    in_virtual_time(async {
        let region = region(MINUTE, &[End::Well]);
        let queue = WakeUps::of(&region, MACHINE, 0);
        queue.send("no json");
        minutes(120).await;
        assert_eq!((runs(&region).len(), queue.len()), (0, 0));
        assert_eq!(queue.dead(), ["no json"]);
    });
}
