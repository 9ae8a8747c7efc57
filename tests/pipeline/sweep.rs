//! What a failed run leaves behind is kept for inspection, and dropped when it is old or there is
//! too much of it; the schema of a live run is not.

use std::time::Duration;

use crate::model::Source;
use crate::world::{Mischief, STAGING_RETENTION_DAYS, World};

const SONG: &str = r#"{"num_songs": 1, "artist_id": "A", "artist_latitude": null,
    "artist_longitude": null, "artist_location": "", "artist_name": "a", "song_id": "S",
    "title": "t", "duration": 1.5, "year": 0}"#;
/// The COPY of a run's songs: after the tables, the ledger and the staging schema.
const COPY: u32 = 3;
const AN_HOUR: Duration = Duration::from_secs(60 * 60);
/// Staging schemas that stay, including that of the current run.
const STAGING_SCHEMAS_MAX: usize = 20;
/// Schemas that one run drops.
const SWEPT_MAX: usize = 10;

/// A world in which a run has failed, and left its staging schema.
async fn with_a_failed_run() -> World {
    let world = World::new();
    world.put(Source::Songs, "a.json", "no document");
    assert!(world.run(serde_json::json!({})).await.error.is_some());
    world.put(Source::Songs, "a.json", SONG);
    world
}

/// Makes the schemas of failed runs look this old.
async fn age(world: &World, days: u32) {
    let sql =
        format!("update ops.staging_schemas set created_at = dateadd(day, -{days}, getdate())");
    world.engine.query(&sql).await.expect("an update");
}

async fn staging_schemas(world: &World) -> Vec<String> {
    let sql = "select schema_name from information_schema.schemata \
               where schema_name like 'staging_%'";
    world.rows(sql).await.into_iter().flatten().flatten().collect()
}

async fn written_down(world: &World) -> usize {
    world.rows("select schema_name from ops.staging_schemas").await.len()
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_s_schema_is_kept_and_swept_when_it_is_old() {
    let world = with_a_failed_run().await;
    assert_eq!(staging_schemas(&world).await.len(), 1);
    age(&world, STAGING_RETENTION_DAYS - 1).await;
    world.load().await;
    assert_eq!(staging_schemas(&world).await.len(), 1, "it is not old enough");

    age(&world, STAGING_RETENTION_DAYS + 1).await;
    world.put(Source::Songs, "b.json", SONG);
    let swept = world.load().await;
    assert!(swept.states().contains(&"Sweep"), "{:?}", swept.states());
    assert!(staging_schemas(&world).await.is_empty());
    assert_eq!(written_down(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_schema_whose_run_lives_is_left_alone_however_old_it_looks() {
    let world = World::with(Mischief::late_statement(COPY, AN_HOUR));
    world.put(Source::Songs, "a.json", SONG);
    let living = world.start(serde_json::json!({}));
    tokio::time::sleep(AN_HOUR / 2).await;
    age(&world, STAGING_RETENTION_DAYS + 1).await;
    world.load().await;
    assert_eq!(staging_schemas(&world).await.len(), 1);
    assert_eq!(written_down(&world).await, 1);
    let ended = world.end(&living).await;
    assert_eq!(ended.output["status"], "loaded", "{:?}", ended.cause);
    assert!(staging_schemas(&world).await.is_empty());
}

/// A schema that no run of this stack has created.
async fn create(world: &World, name: &str, minutes_ago: usize) {
    let sql = format!(
        "create schema {name}; insert into ops.staging_schemas \
         select '{name}', 'a run of another stack', dateadd(minute, -{minutes_ago}, getdate())"
    );
    world.engine.query(&sql).await.expect("a schema");
}

#[tokio::test(start_paused = true)]
async fn a_schema_of_another_stack_is_swept_only_when_it_is_old() {
    let world = with_a_failed_run().await;
    for number in 0..2 * STAGING_SCHEMAS_MAX {
        create(&world, &format!("staging_other_{number}"), number).await;
    }
    let loaded = world.load().await;
    assert!(!loaded.states().contains(&"Sweep"), "{:?}", loaded.states());
    age(&world, STAGING_RETENTION_DAYS + 1).await;
    world.load().await;
    assert_eq!(written_down(&world).await, 2 * STAGING_SCHEMAS_MAX + 1 - SWEPT_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_finds_nothing_to_load_sweeps_too_and_a_few_schemas_at_a_time() {
    let world = with_a_failed_run().await;
    world.load().await;
    for number in 0..STAGING_SCHEMAS_MAX {
        create(&world, &format!("staging_other_{number}"), number).await;
    }
    let all = "update ops.staging_schemas set run_id = 'run-0'";
    world.engine.query(all).await.expect("an update");
    let left = [STAGING_SCHEMAS_MAX - 1, STAGING_SCHEMAS_MAX - 1];
    for left in left {
        let ended = world.load().await;
        assert_eq!(ended.output["status"], "up-to-date");
        assert_eq!(staging_schemas(&world).await.len(), left, "with room for one more");
        assert_eq!(written_down(&world).await, left);
    }
    age(&world, STAGING_RETENTION_DAYS + 1).await;
    world.load().await;
    assert_eq!(staging_schemas(&world).await.len(), STAGING_SCHEMAS_MAX - 1 - SWEPT_MAX);
}

#[tokio::test(start_paused = true)]
async fn two_runs_may_sweep_the_same_schema_at_once() {
    let world = with_a_failed_run().await;
    age(&world, STAGING_RETENTION_DAYS + 1).await;
    let runs = [(); 2].map(|()| world.start(serde_json::json!({})));
    for run in &runs {
        let ended = world.end(run).await;
        assert!(ended.error.is_none(), "{:?}: {:?}", ended.error, ended.cause);
    }
    assert!(staging_schemas(&world).await.is_empty());
    assert_eq!(written_down(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_fails_does_not_fail_the_run() {
    let world = with_a_failed_run().await;
    // Somebody has listed a schema that is not one of ours.
    let sql = "update ops.staging_schemas set schema_name = 'mart'";
    world.engine.query(sql).await.expect("an update");
    age(&world, STAGING_RETENTION_DAYS + 1).await;
    let ended = world.load().await;
    assert!(ended.states().contains(&"Sweep"), "{:?}", ended.states());
    assert_eq!(ended.output["status"], "loaded");
    assert_eq!(world.tables().await["mart.songs"].len(), 1, "nobody has dropped mart");
}
