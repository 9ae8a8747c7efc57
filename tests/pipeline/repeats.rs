//! Publishing may be repeated: if its outcome was lost, if its client token has expired, if a run
//! is redriven. It records nothing twice and forgets nothing that others have published.

use serde_json::json;

use crate::model::Source;
use crate::world::{Mischief, World};

/// The publishing of the second run: after nine statements of the first, and after the tables, the
/// ledger, the staging schema, two COPYs, the transformation and the check.
const SECOND_PUBLISH: u32 = 16;

fn event(item: u32) -> String {
    let (page, ts) = ("NextSong", 1_541_105_830_796_i64);
    json!({"page": page, "sessionId": 7, "itemInSession": item, "ts": ts, "userId": "9"})
        .to_string()
}

/// How often a publishing transaction was submitted.
async fn published(world: &World) -> usize {
    let texts = world.statement_texts().await;
    texts.iter().filter(|text| text.contains("insert into ops.loaded_objects")).count()
}

async fn count(world: &World, sql: &str) -> String {
    world.rows(sql).await[0][0].clone().expect("a count")
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_is_repeated_publishes_the_same_tables() {
    let world = World::with(Mischief::statement_whose_end_is_lost(SECOND_PUBLISH));
    world.put(Source::Events, "a.json", &event(1));
    world.load().await;
    let before = world.tables().await;
    let ended = world.run(json!({"rebuild": true})).await;
    assert_eq!(ended.output["status"], "loaded", "{:?}", ended.cause);
    assert_eq!(published(&world).await, 3, "the rebuild was repeated");
    assert_eq!(world.tables().await, before);
    assert_eq!(count(&world, "select count(*) from ops.runs where source = 'events'").await, "2");
}
