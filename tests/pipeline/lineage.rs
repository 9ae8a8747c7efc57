//! Every row of `mart` says which run wrote it: the one that brought its winning version.

use serde_json::{Value, json};

use crate::model::Source;
use crate::world::World;

fn event(item: i64, ts: i64, level: &str) -> String {
    json!({
        "page": "NextSong", "ts": ts, "sessionId": 1, "itemInSession": item, "userId": "7",
        "level": level, "song": "T", "artist": "N", "length": 1.5,
    })
    .to_string()
}

fn song(year: u32) -> String {
    let song: Value = json!({
        "num_songs": 1, "artist_id": "A", "artist_name": "N", "song_id": "S", "title": "T",
        "duration": 1.5, "year": year,
    });
    song.to_string()
}

/// The runs that wrote the rows of a table, in the order of its key.
async fn runs(world: &World, table: &str, key: &str) -> Vec<String> {
    let sql = format!("select {key}, run_id from mart.{table} where loaded_at is not null");
    let rows = world.rows(&sql).await.into_iter();
    rows.filter_map(|row| row.into_iter().nth(1).flatten()).collect()
}

async fn all(world: &World) -> Vec<(&'static str, Vec<String>)> {
    let mut all = Vec::new();
    for (table, key) in [
        ("songplays", "item_in_session"),
        ("time", "start_time"),
        ("users", "user_id"),
        ("songs", "song_id"),
        ("artists", "artist_id"),
    ] {
        all.push((table, runs(world, table, key).await));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_row_names_the_run_that_brought_its_winning_version() {
    let world = World::new();
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    world.put(Source::Events, "0.json", &event(0, 1_541_100_000_000, "free"));
    world.load().await;
    world.put(Source::Songs, "1.json", &song(0));
    world.load().await;
    let matched = "select item_in_session from mart.songplays where song_id = 'S'";
    assert_eq!(world.rows(matched).await.len(), 1);
    let mut expected = vec![
        ("songplays", owned(&["run-0"])),
        ("time", owned(&["run-0"])),
        ("users", owned(&["run-0"])),
        ("songs", owned(&["run-1"])),
        ("artists", owned(&["run-1"])),
    ];
    assert_eq!(all(&world).await, expected, "a late song leaves its plays' run alone");

    // The same records in other files.
    world.put(Source::Events, "2.json", &event(0, 1_541_100_000_000, "free"));
    world.put(Source::Songs, "2.json", &song(0));
    world.load().await;
    assert_eq!(all(&world).await, expected, "equal versions change nothing");

    world.put(Source::Events, "3.json", &event(1, 1_541_100_060_000, "paid"));
    world.load().await;
    expected[0].1.push("run-3".into());
    expected[1].1.push("run-3".into());
    expected[2].1 = owned(&["run-3"]);
    assert_eq!(all(&world).await, expected, "a newer event changes its user");

    let rebuilt = world.run(json!({"rebuild": true})).await;
    assert!(rebuilt.error.is_none(), "{:?}", rebuilt.cause);
    let runs = all(&world).await.into_iter().flat_map(|(_, runs)| runs);
    assert!(runs.into_iter().all(|run| run == "run-4"), "a rebuild writes every row");
}
