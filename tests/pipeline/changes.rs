//! What a run changed, as its report counts it: compared with the tables before and after.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::Source;
use crate::world::{WORK_BUCKET, World};

const TABLES: [&str; 5] = ["artists", "songplays", "songs", "time", "users"];

fn song(id: &str, title: &str, year: i64) -> String {
    json!({
        "num_songs": 1, "artist_id": "A", "artist_name": "a", "song_id": id, "title": title,
        "duration": 1.5, "year": year,
    })
    .to_string()
}

fn play(session: i64, ts: i64, level: &str) -> String {
    json!({
        "page": "NextSong", "ts": ts, "sessionId": session, "itemInSession": 0, "userId": "7",
        "level": level, "song": "t", "artist": "a", "length": 1.5,
    })
    .to_string()
}

/// The rows of each table.
async fn rows(world: &World) -> BTreeMap<&'static str, Vec<Value>> {
    let tables = world.tables().await;
    let named = |table: &&'static str| {
        let rows = &tables[format!("mart.{table}").as_str()];
        (*table, rows.iter().map(|row| json!(format!("{row:?}"))).collect())
    };
    TABLES.iter().map(named).collect()
}

/// Loads, and compares what the report counts as inserted with how the tables have grown, and all
/// that it counts with the rows that are new or different. Returns the counts.
async fn load(world: &World, run: usize) -> BTreeMap<String, [u64; 2]> {
    let before = match run {
        0 => TABLES.map(|table| (table, Vec::new())).into(),
        _ => rows(world).await,
    };
    world.load().await;
    let after = rows(world).await;
    let report = format!("runs/run-{run}/report.json");
    let report = world.objects.get(WORK_BUCKET, &report).expect("a report");
    let report: Value = serde_json::from_slice(&report.body).expect("JSON");
    let counted: BTreeMap<String, [u64; 2]> = report["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|one| {
            let count = |key: &str| one[key].as_u64().expect("a count");
            (one["table"].as_str().expect("a table").into(), [count("inserted"), count("updated")])
        })
        .collect();
    for table in TABLES {
        let [inserted, updated] = counted.get(table).copied().unwrap_or_default();
        let (before, after) = (&before[table], &after[table]);
        assert_eq!(inserted as usize, after.len() - before.len(), "{table} of run {run}");
        let differ = after.iter().filter(|row| !before.contains(row)).count();
        assert_eq!((inserted + updated) as usize, differ, "{table} of run {run}: {after:#?}");
    }
    counted
}

#[tokio::test(start_paused = true)]
async fn a_run_counts_the_rows_that_it_inserts_and_updates_in_each_table() {
    let world = World::new();
    world.put(Source::Events, "a.json", &play(1, 1_541_105_830_796, "free"));
    let counted = load(&world, 0).await;
    assert_eq!((counted["songplays"], counted["users"], counted["time"]), ([1, 0], [1, 0], [1, 0]));

    // A late song is matched with the play.
    world.put(Source::Songs, "a.json", &song("S", "t", 1999));
    let counted = load(&world, 1).await;
    assert_eq!((counted["songs"], counted["artists"]), ([1, 0], [1, 0]));
    assert_eq!(counted["songplays"], [0, 1]);

    // A song that changes, a song that is new, a play that changes with its user, and a new play.
    world.put(Source::Songs, "b.json", &format!("{}\n{}", song("S", "t", 1998), song("N", "n", 1)));
    let plays = [play(1, 1_541_105_840_796, "paid"), play(2, 1_541_105_850_796, "paid")];
    world.put(Source::Events, "b.json", &plays.join("\n"));
    let counted = load(&world, 2).await;
    assert_eq!((counted["songs"], counted["songplays"]), ([1, 1], [1, 1]));
    assert_eq!((counted["users"], counted["time"]), ([0, 1], [2, 0]));
}
