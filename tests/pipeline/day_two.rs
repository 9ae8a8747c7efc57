//! What `docs/day-two.md` says: every statement runs, and does what the page says.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::model::Source;
use crate::world::{LANDING_BUCKET, World};

const SONG: &str = r#"{"num_songs": 1, "artist_id": "A", "artist_name": "N", "song_id": "S", "title": "T", "duration": 1.5, "year": 0}"#;

fn play(user: u64, item: u64) -> String {
    let play = json!({
        "page": "NextSong", "ts": 1_541_100_000_000_u64 + item, "sessionId": 139,
        "itemInSession": item, "userId": user.to_string(), "level": "free", "song": "T",
        "artist": "N", "length": 1.5,
    });
    play.to_string()
}

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/day-two.md");
    fs::read_to_string(page).expect("the page")
}

/// The blocks of this kind, in the order of the page.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let parts = page.split("```").skip(1).step_by(2);
    let of_kind = parts.filter_map(|part| part.strip_prefix(kind)?.strip_prefix('\n'));
    of_kind.map(str::to_owned).collect()
}

/// Runs the statements of the only block with this text; the rows of the last one.
async fn carry_out(world: &World, text: &str) -> Vec<Vec<String>> {
    let page = page();
    let blocks = blocks(&page, "sql");
    let [block] = blocks.iter().filter(|block| block.contains(text)).collect::<Vec<_>>()[..] else {
        panic!("expected one block with {text}");
    };
    let block = block.replace("my-landing-bucket", LANDING_BUCKET);
    let statements = block.split(';').map(str::trim).filter(|one| !one.is_empty());
    let mut rows = Vec::new();
    for sql in statements.filter(|one| !["begin", "commit"].contains(one)) {
        let result = world.engine.query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows = result
            .rows
            .iter()
            .map(|row| row.iter().map(|one| format!("{one:?}")).collect())
            .collect();
    }
    rows
}

#[tokio::test(start_paused = true)]
async fn every_statement_of_the_page_does_what_it_says() {
    let world = World::new();
    world.put(Source::Songs, "a.json", SONG);
    world.put(Source::Events, "2018/11/a.json", &format!("{}\n{}", play(53, 1), play(7, 2)));
    let loaded = world.load().await;
    assert_eq!(loaded.output["status"], "loaded");
    assert_eq!(blocks(&page(), "sql").len(), 6, "each is carried out below");

    assert_eq!(carry_out(&world, "newest_play").await.len(), 1);
    let by_day = carry_out(&world, "date_trunc('day', published_at)").await;
    assert_eq!(by_day.len(), 2, "a day of two sources: {by_day:?}");
    let file = carry_out(&world, "plays.session_id = 139").await;
    assert!(file.len() == 1 && file[0][3].contains("2018/11/a.json"), "{file:?}");
    carry_out(&world, "create role analysts").await;

    let before = world.tables().await;
    carry_out(&world, "delete from ops.loaded_objects").await;
    let again = world.load().await;
    assert_eq!((&again.output["status"], &again.output["objects"]), (&json!("loaded"), &json!(1)));
    assert_eq!(world.tables().await, before, "rows that are the same stay as they are");

    world.put(Source::Events, "2018/11/a.json", &play(7, 2));
    carry_out(&world, "delete from mart.users where user_id = 53").await;
    world.load().await;
    for table in ["mart.songplays", "mart.users", "ops.latest_user_events"] {
        let users = world.rows(&format!("select user_id from {table}")).await;
        assert_eq!(users.len(), 1, "{table}: {users:?}");
    }
}

#[test]
fn the_event_pattern_of_the_page_is_one() {
    let page = page();
    let [pattern] = &blocks(&page, "json")[..] else { panic!("expected one pattern") };
    let pattern: Value = serde_json::from_str(pattern).expect("JSON");
    assert_eq!(pattern["source"], json!(["aws.states"]));
}
