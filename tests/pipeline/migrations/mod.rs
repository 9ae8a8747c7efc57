//! Warehouses that earlier versions created: the first run of this version migrates them, loses
//! nothing, and leaves the tables that a new warehouse has.

mod shapes;
mod walk;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use workflow_local::Ended;

use crate::model::Source;
use crate::world::{Mischief, World};

/// The tables as they were before the first migration.
const BEFORE: &str = include_str!("before_0001.sql");
/// The tables of an early version, commit b3ee239.
const EARLY: &str = include_str!("b3ee239.sql");
/// What an earlier version has published: a song, and a play of it.
const ROWS: &str = include_str!("rows.sql");
const AN_HOUR: Duration = Duration::from_secs(60 * 60);

const SONG: &str = r#"{"num_songs": 1, "artist_id": "A", "artist_name": "N", "song_id": "S2", "title": "T2", "duration": 1.5, "year": 0}"#;
const EVENT: &str = r#"{"page": "NextSong", "ts": 1541100000000, "sessionId": 2, "itemInSession": 0, "userId": "7", "level": "free", "song": "T2", "artist": "N", "length": 1.5}"#;

/// A warehouse that an earlier version created and filled, and a new file of each source.
async fn earlier(shape: &str, mischief: Mischief) -> World {
    let world = World::with(mischief);
    world.engine.query(&format!("{shape}{ROWS}")).await.expect("an earlier warehouse");
    world.put(Source::Songs, "a.json", SONG);
    world.put(Source::Events, "a.json", EVENT);
    world
}

/// The migrations that are recorded: number, name, run.
async fn recorded(world: &World) -> Vec<String> {
    let rows = world.rows("select number, name, run_id from ops.migrations").await;
    rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" ")).collect()
}

/// The migrations as a run of this name records them.
fn all_by(run: &str) -> Vec<String> {
    let all = segue_contract::pipeline::migrations().into_iter();
    all.map(|one| format!("{} {} {run}", one.number, one.name)).collect()
}

fn migrated(ended: &Ended) -> usize {
    ended.states().into_iter().filter(|state| *state == "Migrate").count()
}

async fn column(world: &World, sql: &str) -> Vec<Option<String>> {
    world.rows(sql).await.into_iter().flatten().collect()
}

/// What an earlier version has published is there, and what was new as well.
async fn assert_nothing_is_lost(world: &World) {
    let some = |texts: &[&str]| texts.iter().map(|one| Some((*one).to_owned())).collect::<Vec<_>>();
    assert_eq!(column(world, "select song_id from mart.songs").await, some(&["S1", "S2"]));
    assert_eq!(column(world, "select song_id from mart.songplays").await, some(&["S1", "S2"]));
    assert_eq!(column(world, "select user_id from mart.users").await, some(&["1", "7"]));
    assert_eq!(column(world, "select artist_id from mart.artists").await, some(&["A"]));
    assert_eq!(world.rows("select start_time from mart.time").await.len(), 2);
    let uris = [
        "s3://landing/log_data/a.json",
        "s3://landing/log_data/old.json",
        "s3://landing/song_data/a.json",
    ];
    assert_eq!(column(world, "select uri from ops.loaded_objects").await, some(&uris));
    for row in world.rows("select uri, uri_hash from ops.loaded_objects").await {
        let uri = row[0].as_deref().expect("a URI");
        assert_eq!(row[1], Some(segue_contract::uri_hash(uri).to_string()), "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_warehouse_of_an_early_version_is_migrated_and_loses_nothing() {
    for shape in [EARLY, BEFORE] {
        let world = earlier(shape, Mischief::none()).await;
        let first = world.load().await;
        assert_eq!(first.output["status"], "loaded");
        assert_eq!(migrated(&first), all_by("").len());
        assert_eq!(recorded(&world).await, all_by("run-0"));
        assert_nothing_is_lost(&world).await;
        let second = world.load().await;
        assert_eq!((migrated(&second), &second.output["status"]), (0, &json!("up-to-date")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_warehouse_is_not_migrated_and_records_what_it_has() {
    let world = World::new();
    world.put(Source::Songs, "a.json", "no document");
    let failed = world.run(json!({})).await;
    assert!(failed.error.is_some());
    assert_eq!((migrated(&failed), recorded(&world).await), (0, Vec::new()));
    world.put(Source::Songs, "a.json", SONG);
    assert_eq!(migrated(&world.load().await), 0);
    assert_eq!(recorded(&world).await, all_by("run-1"));
    assert_eq!(migrated(&world.load().await), 0);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_warehouse_that_never_published_is_migrated() {
    let world = World::new();
    world.engine.query(BEFORE).await.expect("an earlier warehouse");
    world.put(Source::Songs, "a.json", SONG);
    assert_eq!(migrated(&world.load().await), all_by("").len());
    assert_eq!(recorded(&world).await, all_by("run-0"));
}

// The statements of a run that migrates: create, migrate, create, migrate, …
#[tokio::test(start_paused = true)]
async fn two_runs_that_migrate_at_once_apply_each_migration_once() {
    for number in 0..4 {
        let world = earlier(BEFORE, Mischief::late_statement(number, AN_HOUR)).await;
        let waiting = world.start(json!({}));
        tokio::time::sleep(AN_HOUR / 2).await;
        let meanwhile = world.load().await;
        assert_eq!(meanwhile.output["status"], "loaded", "{number}");
        let ended = world.end(&waiting).await;
        assert!(ended.error.is_none(), "{number}: {:?}: {:?}", ended.error, ended.cause);
        let numbers: BTreeSet<_> =
            column(&world, "select number from ops.migrations").await.into_iter().collect();
        assert_eq!(numbers.len(), recorded(&world).await.len(), "{number}");
        assert_nothing_is_lost(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_whose_answer_is_lost_is_repeated() {
    for number in [1, 3] {
        let world = earlier(BEFORE, Mischief::statement_whose_end_is_lost(number)).await;
        world.load().await;
        assert_eq!(recorded(&world).await, all_by("run-0"), "{number}");
        assert_nothing_is_lost(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_fails_changes_nothing_and_the_next_run_applies_it() {
    let world = earlier(BEFORE, Mischief::none()).await;
    let view = "create view ops.ledger as select uri from ops.loaded_objects";
    world.engine.query(view).await.expect("a view");
    let failed = world.run(json!({})).await;
    assert_eq!(failed.error.as_deref(), Some("StatementFailed"), "{:?}", failed.cause);
    let cause = failed.cause.expect("a cause");
    assert!(cause.contains("sql/migrate/0001_ledger_hash.sql"), "{cause}");
    assert!(cause.contains("depend"), "{cause}");
    assert_eq!(recorded(&world).await, [""; 0]);
    world.engine.query("drop view ops.ledger").await.expect("dropped");
    world.load().await;
    assert_eq!(recorded(&world).await, all_by("run-1"));
    assert_nothing_is_lost(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_warehouse_that_a_newer_version_has_migrated_is_refused() {
    let world = World::new();
    world.put(Source::Songs, "a.json", SONG);
    world.load().await;
    let newer = "insert into ops.migrations values (9001, 'genres', 'run', getdate())";
    world.engine.query(newer).await.expect("a newer version");
    world.put(Source::Events, "a.json", EVENT);
    let refused = world.run(json!({})).await;
    assert_eq!(refused.error.as_deref(), Some("InvalidConfiguration"));
    let cause = refused.cause.expect("a cause");
    assert!(cause.contains("found 9001_genres: a newer version of Segue"), "{cause}");
    assert_eq!(world.rows("select user_id from mart.users").await.len(), 0);
}
