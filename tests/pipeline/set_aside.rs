//! Files that cannot be loaded: set aside whole if the run may set files aside, recorded, skipped
//! until their content changes, and never in the way of the others.

use serde_json::{Value, json};

use crate::model::{self, Row, Source};
use crate::sample::assert_same;
use crate::world::{WORK_BUCKET, World};

const GOOD: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830796, "userId": "9", "level": "free", "song": "Elena"}"#;
const FIXED: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 2, "ts": 1541105830797, "userId": "9", "level": "free", "song": "Elena"}"#;

/// Files that no run loads: truncated, in another layout, with a value that does not fit, of
/// another kind.
const BAD: [&str; 4] = [
    r#"{"page": "NextSong", "sessionId": 8, "it"#,
    r#"[{"page": "NextSong"}, {"page": "NextSong"}]"#,
    r#"{"page": "NextSong", "sessionId": 8, "itemInSession": 1, "ts": "yesterday"}"#,
    r#"{"title": "no event"}"#,
];

fn input(compact: &str, objects: u64) -> Value {
    json!({"compact": compact, "maxRejectedObjects": objects})
}

async fn set_aside(world: &World) -> Vec<Row> {
    world.rows("select source, uri, reason from ops.set_aside_objects").await
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_loaded_is_set_aside_until_its_content_changes() {
    for compact in ["never", "always"] {
        for bad in BAD {
            let world = World::new();
            world.put(Source::Events, "a.json", GOOD);
            world.put(Source::Events, "b.json", bad);
            let ended = world.run(input(compact, 1)).await;
            assert_eq!(ended.output["status"], "loaded-with-rejects", "{bad}: {:?}", ended.cause);
            assert_eq!(ended.output["setAside"], 1, "{compact} {bad}");
            assert_same(
                &world.tables().await,
                &model::tables([(Source::Events, GOOD)].into_iter()),
            );
            let rows = set_aside(&world).await;
            assert_eq!(rows.len(), 1, "{compact} {bad}: {rows:?}");
            assert_eq!(rows[0][1].as_deref(), Some("s3://landing/log_data/b.json"));
            assert!(rows[0][2].as_deref().is_some_and(|reason| reason.starts_with("line 1")));
            let report = world.objects.get(WORK_BUCKET, "runs/run-0/report.json").expect("one");
            let report: Value = serde_json::from_slice(&report.body).expect("JSON");
            assert_eq!(report["setAside"], 1);
            assert_eq!(report["plan"]["sources"][0]["setAside"], 1, "{report}");
            // No more files may be set aside, and none need be: runs skip it, and so does a
            // rebuild.
            assert_eq!(world.load().await.output["status"], "up-to-date");
            let rebuilt = world.run(json!({"rebuild": true, "compact": compact})).await;
            assert_eq!(rebuilt.output["status"], "loaded", "{bad}: {:?}", rebuilt.cause);
            world.put(Source::Events, "b.json", FIXED);
            assert_eq!(world.load().await.output["status"], "loaded");
            let files = [(Source::Events, GOOD), (Source::Events, FIXED)];
            assert_same(&world.tables().await, &model::tables(files.into_iter()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_file_more_than_may_be_set_aside_publishes_nothing() {
    for compact in ["never", "always"] {
        let world = World::new();
        world.put(Source::Events, "a.json", GOOD);
        for (number, bad) in BAD.iter().enumerate() {
            world.put(Source::Events, &format!("b{number}.json"), bad);
        }
        let most = BAD.len() as u64;
        let ended = world.run(input(compact, most - 1)).await;
        assert_eq!(ended.error.as_deref(), Some("LoadRejected"), "{compact}");
        assert!(world.ledger().await.is_empty());
        let before = set_aside(&world).await.len() as u64;
        let ended = world.run(input(compact, most - before)).await;
        assert_eq!(ended.output["setAside"], most - before, "{compact}: {:?}", ended.cause);
        assert_eq!(set_aside(&world).await.len(), BAD.len());
        assert_same(&world.tables().await, &model::tables([(Source::Events, GOOD)].into_iter()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_nothing_left_is_up_to_date_and_says_what_it_set_aside() {
    let world = World::new();
    world.put(Source::Events, "a.json", GOOD);
    world.load().await;
    world.put(Source::Events, "b.json", BAD[0]);
    let ended = world.run(input("auto", 1)).await;
    assert_eq!(ended.output["status"], "up-to-date", "{:?}", ended.cause);
    assert_eq!(ended.output["setAside"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_a_person_sets_aside_is_left_alone_until_it_is_taken_back() {
    let world = World::new();
    world.put(Source::Events, "a.json", GOOD);
    world.put(Source::Events, "b.json", BAD[0]);
    let ended = world.run(json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("LoadRejected"));
    let etag = world.objects.get("landing", "log_data/b.json").expect("a file").etag;
    let insert = format!(
        "insert into ops.set_aside_objects (source, uri, etag, bytes, reason, run_id) \
         values ('events', 's3://landing/log_data/b.json', '{}', 1, 'by hand', 'segue skip')",
        etag.trim_matches('"')
    );
    world.engine.query(&insert).await.expect("written down");
    assert_eq!(world.load().await.output["status"], "loaded");
    world.engine.query("delete from ops.set_aside_objects").await.expect("taken back");
    assert_eq!(world.run(json!({})).await.error.as_deref(), Some("LoadRejected"));
}
