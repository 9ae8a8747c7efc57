//! What a failed run leaves behind is kept for a look, and swept when it is old; what lives is not.

use std::time::Duration;

use crate::model::Source;
use crate::world::{STAGING_RETENTION_DAYS, World};

const SONG: &str = r#"{"num_songs": 1, "artist_id": "A", "artist_latitude": null,
    "artist_longitude": null, "artist_location": "", "artist_name": "a", "song_id": "S",
    "title": "t", "duration": 1.5, "year": 0}"#;
/// As long as the Data API remembers a statement, and a little more.
const A_DAY: Duration = Duration::from_secs(25 * 60 * 60);

/// A world in which a run has failed, and left its staging schema.
async fn with_a_failed_run() -> World {
    let world = World::new();
    world.put(Source::Songs, "a.json", "no document");
    assert!(world.run(serde_json::json!({})).await.error.is_some());
    world.put(Source::Songs, "a.json", SONG);
    world
}

/// Lets the schemas that failed runs left look this old.
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
    tokio::time::advance(A_DAY).await;
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
async fn an_old_schema_whose_run_lives_is_left_alone() {
    let world = with_a_failed_run().await;
    // Its last statement is of today.
    age(&world, STAGING_RETENTION_DAYS + 1).await;
    world.load().await;
    assert_eq!(staging_schemas(&world).await.len(), 1);
    assert_eq!(written_down(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn two_runs_may_sweep_the_same_schema_at_once() {
    let world = with_a_failed_run().await;
    tokio::time::advance(A_DAY).await;
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
    tokio::time::advance(A_DAY).await;
    // Somebody has written down a schema that is none of ours.
    let sql = "update ops.staging_schemas set schema_name = 'mart'";
    world.engine.query(sql).await.expect("an update");
    age(&world, STAGING_RETENTION_DAYS + 1).await;
    let ended = world.load().await;
    assert!(ended.states().contains(&"Sweep"), "{:?}", ended.states());
    assert_eq!(ended.output["status"], "loaded");
    assert_eq!(world.tables().await["mart.songs"].len(), 1, "nobody has dropped mart");
}
