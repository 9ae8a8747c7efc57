//! What the Data API does not report about a COPY, or reports late: nothing is published before it
//! is known.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use crate::model::{self, Source};
use crate::sample::assert_same;
use crate::world::{Kind, Mischief, World};

/// The COPY of a run's events: after the tables, the ledger and the staging schema.
const COPY: u32 = 3;
/// Longer than a check is retried while the system views do not show a COPY.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

const GOOD: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830796, "userId": "9", "level": "free"}"#;
const BAD: &str =
    r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 2, "ts": "yesterday", "userId": "9"}"#;

fn cluster() -> Kind {
    Kind { is_cluster: true, ..Kind::default() }
}

/// A world with one object that has a good record and a bad one.
fn world(kind: Kind, mischief: Mischief) -> World {
    let world = World::of(kind, mischief);
    world.put(Source::Events, "a.json", &[GOOD, BAD].join("\n"));
    world
}

async fn has_left_out_one(world: &World, what: &str) {
    let ended = world.run(json!({"compact": "never", "maxRejects": {"events": 1}})).await;
    assert_eq!(ended.output["status"], "loaded-with-rejects", "{what}: {:?}", ended.cause);
    let rows = world.rows("select uri, line from ops.rejected_rows").await;
    let expected = ["s3://landing/log_data/a.json", "2"].map(|field| Some(field.to_owned()));
    assert_eq!(rows, [expected.to_vec()], "{what}");
    assert_same(&world.tables().await, &model::tables([(Source::Events, GOOD)].into_iter()));
}

#[tokio::test(start_paused = true)]
async fn the_records_that_a_copy_skipped_are_found_by_any_number_and_however_late() {
    for kind in [Kind::default(), cluster()] {
        let cases = [
            Mischief::none(),
            Mischief::late_views(COPY, Duration::from_secs(90)),
            Mischief::no_query_ids(COPY),
            Mischief::no_copy_count(COPY),
        ];
        for (number, mischief) in cases.into_iter().enumerate() {
            has_left_out_one(&world(kind, mischief), &format!("{kind:?}, case {number}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_value_is_named_by_a_cluster_too_though_the_views_are_late() {
    for mischief in [Mischief::none(), Mischief::late_views(COPY, Duration::from_secs(10))] {
        let world = world(cluster(), mischief);
        let ended = world.run(json!({"compact": "never"})).await;
        assert_eq!(ended.error.as_deref(), Some("LoadRejected"));
        let cause = ended.cause.unwrap_or_default();
        assert!(cause.contains("s3://landing/log_data/a.json line 2, column ts"), "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_while_the_skipped_records_are_unknown() {
    let world = world(Kind::default(), Mischief::late_views(COPY, FOR_EVER));
    let ended = world.run(json!({"compact": "never", "maxRejects": {"events": 1}})).await;
    assert_eq!(ended.error.as_deref(), Some("LoadUnconfirmed"));
    let cause = ended.cause.unwrap_or_default();
    assert!(cause.contains("one completed COPY into staging_events, found 0"), "{cause}");
    assert!(world.ledger().await.is_empty() && world.tables().await["mart.users"].is_empty());
    has_left_out_one(&world, "the next run").await;
}

#[tokio::test(start_paused = true)]
async fn an_uncounted_copy_is_checked_with_the_system_views() {
    for (view_lag, expected) in [(None, None), (Some(FOR_EVER), Some("LoadUnconfirmed"))] {
        let kind = Kind { view_lag, ..Kind::default() };
        let world = World::of(kind, Mischief::no_copy_count(COPY));
        world.put(Source::Events, "a.json", GOOD);
        let ended = world.run(json!({})).await;
        assert_eq!(ended.error.as_deref(), expected, "{:?}", ended.cause);
        assert_eq!(world.ledger().await.len(), usize::from(expected.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_name_is_found_in_the_manifest_and_one_that_is_not_alone_is_marked() {
    let long = |ending: &str| format!("{}/{ending}.json", "deep/".repeat(60));
    let cases: [(&[&str], &str); 2] =
        [(&["a"], "/a.json line 1, "), (&["a", "b"], "… (cut by the warehouse) line 1, ")];
    for (names, expected) in cases {
        let world = World::new();
        names.iter().for_each(|name| world.put(Source::Events, &long(name), GOOD));
        world.put(Source::Events, &long(names[0]), BAD);
        let cause = world.run(json!({"compact": "never"})).await.cause.unwrap_or_default();
        assert!(cause.contains("s3://landing/log_data/deep/"), "{cause}");
        assert!(cause.contains(expected), "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_ignores_waits_is_polled_with_pauses() {
    const HELD_UP: Duration = Duration::from_secs(40);
    const REQUESTS_MAX: u32 = 120;
    let kind = Kind { ignores_waits: true, ..Kind::default() };
    let world = world(kind, Mischief::late_statement(COPY, HELD_UP));
    has_left_out_one(&world, "no waits").await;
    let requests = world.requests.load(Ordering::Relaxed);
    assert!(requests < REQUESTS_MAX, "{requests} requests");
}

#[tokio::test(start_paused = true)]
async fn the_report_counts_what_was_staged_though_the_data_api_does_not() {
    let world = world(Kind::default(), Mischief::none());
    has_left_out_one(&world, "a run").await;
    let report = world.objects.get(crate::world::WORK_BUCKET, "runs/run-0/report.json");
    let report: serde_json::Value =
        serde_json::from_slice(&report.expect("a report").body).expect("JSON");
    let rows = |file: &str| {
        let statements = report["statements"].as_array().expect("statements").iter();
        let mut files = statements.flat_map(|one| one["files"].as_array().expect("files"));
        files.find(|one| one["file"] == file).map(|one| one["rows"].clone())
    };
    assert_eq!(rows("stage/events"), Some(json!(1)), "{report}");
    assert_eq!(rows("plan/objects"), Some(json!(1)), "{report}");
}
