//! Records that cannot be loaded: skipped if the run may skip them, recorded with their place and
//! reason, and never in the way of the others.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use crate::converge::in_virtual_time;
use crate::generate::{Landed, landed};
use crate::model::{self, Row, Source, Tables};
use crate::sample::{assert_same, difference};
use crate::world::{Mischief, WORK_BUCKET, World};

/// The cases of the property; `SEGUE_CASES` overrides it. Each has two runs.
const CASES: u32 = 12;
/// The most objects of a case.
const OBJECTS_MAX: usize = 4;

const GOOD_EVENT: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830796, "userId": "9", "level": "free", "song": "Elena"}"#;
const LATE_EVENT: &str =
    r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 2, "ts": "yesterday", "userId": "9"}"#;
const LONG_EVENT: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 3, "ts": 1541105830797, "userId": "9", "level": "seventeen letters"}"#;
const BROKEN: &str = r#"{"page": oops}"#;

/// Records of each source that no COPY accepts.
fn bad_records(source: Source) -> &'static [&'static str] {
    match source {
        Source::Events => &[
            LATE_EVENT,
            LONG_EVENT,
            BROKEN,
            r#"{"page": "Home", "itemInSession": 1, "ts": 1541105830796}"#,
            r#"{"page": "NextSong", "sessionId": 1, "itemInSession": 1, "ts": 1, "userId": "x1"}"#,
        ],
        Source::Songs => &[
            r#"{"song_id": "S0"}"#,
            r#"{"song_id": oops}"#,
            r#"{"song_id": "S0", "artist_id": "A0", "artist_name": "a", "title": "t", "duration": "long"}"#,
            r#"{"song_id": "S1", "artist_id": "A0", "artist_name": "a", "title": "t", "duration": 1, "year": 99999}"#,
        ],
    }
}

fn events() -> String {
    [GOOD_EVENT, LATE_EVENT, LONG_EVENT, BROKEN].join("\n")
}

fn expected() -> Tables {
    model::tables([(Source::Events, GOOD_EVENT)].into_iter())
}

fn input(compact: &str, max_rejects: u64) -> Value {
    json!({"compact": compact, "maxRejects": {"events": max_rejects}})
}

/// What is recorded: source, object, line, column, and whether the COPY gave it a number.
async fn rejected_rows(world: &World) -> Vec<Row> {
    let sql = "select source, uri, line, column_name, code is not null from ops.rejected_rows";
    world.rows(sql).await
}

fn row(line: &str, column: Option<&str>, by_copy: bool) -> Row {
    let (uri, by_copy) = ("s3://landing/log_data/a.json", by_copy.to_string());
    [Some("events"), Some(uri), Some(line), column, Some(&by_copy)]
        .map(|f| f.map(Into::into))
        .into()
}

#[tokio::test(start_paused = true)]
async fn allowed_rejects_are_skipped_and_recorded() {
    for compact in ["never", "always"] {
        let world = World::new();
        world.put(Source::Events, "a.json", &events());
        let ended = world.run(input(compact, 3)).await;
        assert_eq!(ended.output["status"], "loaded-with-rejects", "{compact}: {:?}", ended.cause);
        assert_eq!(ended.output["rejected"], 3, "{compact}");
        assert_same(&world.tables().await, &expected());
        // A record that is not a document was never part of what the COPY read.
        let broken = row("4", None, false);
        let expected = [row("2", Some("ts"), true), row("3", Some("level"), true), broken];
        assert_eq!(rejected_rows(&world).await, expected, "{compact}");
        let texts = world.rows("select raw_value from ops.rejected_rows").await;
        let texts: Vec<&str> = texts.iter().filter_map(|row| row[0].as_deref()).collect();
        assert_eq!(texts, [LATE_EVENT, LONG_EVENT, BROKEN], "{compact}: whole records are kept");
        assert_eq!(world.ledger().await.len(), 1, "{compact}: the object has been loaded");
        let report = world.objects.get(WORK_BUCKET, "runs/run-0/report.json").expect("a report");
        let report: Value = serde_json::from_slice(&report.body).expect("JSON");
        assert_eq!(report["checked"]["rejected"][0]["rows"], 3, "{compact}: {report}");
        assert_eq!(world.load().await.output["status"], "up-to-date", "{compact}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_record_more_than_may_be_skipped_publishes_nothing() {
    for (compact, max_rejects) in [("never", 2), ("always", 2), ("always", 0), ("never", 0)] {
        let world = World::new();
        world.put(Source::Events, "a.json", &events());
        let ended = world.run(input(compact, max_rejects)).await;
        assert_eq!(ended.error.as_deref(), Some("LoadRejected"), "{compact} {max_rejects}");
        let cause = ended.cause.unwrap_or_default();
        assert!(cause.contains("s3://landing/log_data/a.json"), "{compact} {max_rejects}: {cause}");
        assert_eq!(rejected_rows(&world).await, Vec::<Row>::new());
        assert!(world.ledger().await.is_empty() && world.tables().await["mart.users"].is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_value_is_shown_with_its_file_its_size_and_what_the_column_holds() {
    for compact in ["never", "always"] {
        let world = World::new();
        world.put(Source::Events, "a.json", &[GOOD_EVENT, LONG_EVENT].join("\n"));
        let ended = world.run(input(compact, 0)).await;
        assert_eq!(ended.error.as_deref(), Some("LoadRejected"));
        let cause = ended.cause.unwrap_or_default();
        let given = "; level is 17 bytes, the column holds 16: \"seventeen letters\"";
        assert!(cause.contains(given), "{compact}: {cause}");
        let place = if compact == "never" { "line 2, column" } else { "line 2 (s3://work/" };
        assert!(cause.contains(&format!("log_data/a.json {place}")), "{compact}: {cause}");
        assert!(cause.contains("\nhint: "), "{compact}: {cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_names_all_that_is_broken_in_all_files_of_all_sources() {
    let world = World::new();
    world.put(Source::Events, "a.json", &[BROKEN, GOOD_EVENT, "{\"page\":"].join("\n"));
    world.put(Source::Events, "b.json", "[{}]");
    world.put(Source::Songs, "c.json", r#"{"song_id": oops}"#);
    let ended = world.run(json!({"compact": "always", "maxRejects": {"songs": 0}})).await;
    assert_eq!(ended.error.as_deref(), Some("LoadRejected"));
    let cause = ended.cause.unwrap_or_default();
    let head = "events: one file cannot be loaded, 2 records are not documents:\n";
    assert!(cause.starts_with(head), "{cause}");
    for place in ["log_data/a.json line 1,", "log_data/a.json line 3,", "log_data/b.json line 1:"] {
        assert!(cause.contains(&format!("\n  s3://landing/{place}")), "{place}: {cause}");
    }
    assert!(cause.contains("\nsongs: one record is not a document:\n"), "{cause}");
    assert!(cause.contains("\nhint: fix or remove the files"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_fixed_object_is_loaded_by_the_next_run_and_what_was_written_down_stays() {
    let world = World::new();
    world.put(Source::Events, "a.json", &events());
    world.run(input("never", 3)).await;
    let fixed = GOOD_EVENT.replace("\"itemInSession\": 1", "\"itemInSession\": 2");
    world.put(Source::Events, "a.json", &fixed);
    assert_eq!(world.load().await.output["status"], "loaded");
    let files = [(Source::Events, GOOD_EVENT), (Source::Events, fixed.as_str())];
    assert_same(&world.tables().await, &model::tables(files.into_iter()));
    assert_eq!(rejected_rows(&world).await.len(), 3);
}

/// The last statements of a run: check, publish, clean up.
const LAST_STATEMENTS: std::ops::Range<u32> = 4..8;

#[tokio::test(start_paused = true)]
async fn a_publish_that_commits_and_seems_to_fail_writes_each_reject_once() {
    for number in LAST_STATEMENTS {
        let world = World::with(Mischief::statement_whose_end_is_lost(number));
        world.put(Source::Events, "a.json", &events());
        let ended = world.run(input("always", 3)).await;
        assert_eq!(
            ended.output["status"], "loaded-with-rejects",
            "{number}: {:?} {:?}",
            ended.error, ended.cause
        );
        assert_same(&world.tables().await, &expected());
        assert_eq!(rejected_rows(&world).await.len(), 3, "statement {number}");
    }
}

/// The text with a record added that no COPY accepts.
fn soiled(landed: &Landed, number: usize) -> String {
    let text = landed.versions.last().expect("a version");
    let bad = bad_records(landed.source);
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{first}\n{}\n{rest}", bad[number % bad.len()])
}

/// Objects in two runs, the first part and then all; each object has a bad record.
async fn in_two_runs(objects: &[Landed], first: usize, compact: bool) -> Result<(), TestCaseError> {
    let world = World::new();
    let put = |number: usize, landed: &Landed| {
        world.put(landed.source, &format!("{number}.json"), &soiled(landed, number));
    };
    let input = json!({
        "compact": if compact { "always" } else { "never" },
        "maxRejects": {"events": OBJECTS_MAX, "songs": OBJECTS_MAX},
    });
    for part in [0..first, first..objects.len()] {
        part.clone().for_each(|number| put(number, &objects[number]));
        let ended = world.run(input.clone()).await;
        prop_assert!(ended.error.is_none(), "{:?}: {:?}", ended.error, ended.cause);
        prop_assert_eq!(&ended.output["rejected"], part.len());
    }
    let texts = objects.iter().map(|landed| (landed.source, landed.versions.last()));
    let sound = texts.map(|(source, text)| (source, text.expect("a version").as_str()));
    let difference = difference(&world.tables().await, &model::tables(sound));
    prop_assert!(difference.is_none(), "{:?}", difference);
    prop_assert_eq!(rejected_rows(&world).await.len(), objects.len());
    Ok(())
}

proptest! {
    #![proptest_config(crate::converge::configuration(CASES))]

    #[test]
    fn records_that_are_left_out_change_nothing_of_the_others(
        objects in prop::collection::vec(landed(false), 2..=OBJECTS_MAX),
        first in 1..OBJECTS_MAX,
        compact in any::<bool>(),
    ) {
        let first = first.min(objects.len() - 1);
        in_virtual_time(in_two_runs(&objects, first, compact))?;
    }
}
