//! Checks that stop a run before anything is published, and what they say.

use std::fmt::Write;

use serde_json::json;

use crate::model::Source;
use crate::world::World;

/// Rows of a normal file.
const ROWS: usize = 30;

/// A file of `plays` plays in a session, each with meaningless extra bytes.
fn plays(session: usize, rows: usize, padding_bytes: usize) -> String {
    let padding = "x".repeat(padding_bytes);
    (0..rows).fold(String::new(), |mut text, item| {
        let ts = 1_541_105_830_796 + item;
        writeln!(
            text,
            "{{\"page\": \"NextSong\", \"sessionId\": {session}, \"itemInSession\": {item}, \
             \"ts\": {ts}, \"userId\": \"9\", \"other\": \"{padding}\"}}"
        )
        .expect("memory");
        text
    })
}

/// A world after this many normal runs.
async fn after_runs(runs: usize) -> World {
    let world = World::new();
    for run in 0..runs {
        world.put(Source::Events, &format!("{run}.json"), &plays(run, ROWS, 0));
        world.load().await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn a_sudden_drop_of_rows_names_itself_and_can_be_allowed() {
    let world = after_runs(5).await;
    // As many bytes as about 400 normal plays.
    world.put(Source::Events, "hollow.json", &plays(99, 4, 10_000));
    let before = world.tables().await;
    let ended = world.run(json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("QualityCheckFailed"));
    let cause = ended.cause.unwrap_or_default();
    insta::assert_snapshot!(cause);
    assert_eq!(world.tables().await, before);
    let allowed = world.run(json!({"allowDrop": true})).await;
    assert_eq!(allowed.output["status"], "loaded", "{:?}", allowed.cause);
}

#[tokio::test(start_paused = true)]
async fn too_little_history_and_small_files_are_not_a_drop() {
    let world = after_runs(4).await;
    world.put(Source::Events, "hollow.json", &plays(99, 4, 10_000));
    world.load().await;
    // So few bytes have too few expected rows to judge.
    world.put(Source::Events, "small.json", &plays(98, 1, 1_000));
    world.load().await;
}
