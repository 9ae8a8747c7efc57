//! Two runs at once, the second begun and ended while one statement of the first waits: the same
//! `mart` as the model's.

use std::time::Duration;

use serde_json::json;

use crate::model::{self, Source};
use crate::sample::assert_same;
use crate::world::{Mischief, World};

/// The statements of a run: tables, ledger, staging schema, two COPYs, transform, check, publish.
const STATEMENTS: u32 = 8;
/// Transform, the first that may miss what another run publishes.
const TRANSFORM: u32 = 5;
/// Publish, the last of them.
const PUBLISH: u32 = 7;
/// How long the statement waits, and when the other run begins. That run takes less than a minute.
const WAIT: Duration = Duration::from_secs(60 * 60);
const MEANWHILE: Duration = Duration::from_secs(30 * 60);

/// A file: its source, its name, its text.
type File = (Source, &'static str, String);

fn song(id: &str, title: &str, duration: f64) -> String {
    json!({
        "num_songs": 1, "artist_id": "A", "artist_latitude": null, "artist_longitude": null,
        "artist_location": "", "artist_name": "a", "song_id": id, "title": title,
        "duration": duration, "year": 0,
    })
    .to_string()
}

fn play(item: i64, title: &str, ts: i64, level: &str) -> String {
    json!({
        "artist": "a", "auth": "Logged In", "firstName": "f", "gender": "F", "itemInSession": item,
        "lastName": "l", "length": 100.0, "level": level, "location": "here", "method": "PUT",
        "page": "NextSong", "registration": 1.5e12, "sessionId": 7, "song": title, "status": 200,
        "ts": ts, "userAgent": "x", "userId": "1",
    })
    .to_string()
}

/// Both lots of files are loaded, the second while the first run's statement of this number waits.
async fn interleave(
    number: u32,
    (first, first_only): (&File, &str),
    (second, second_only): (&File, &str),
) {
    let world = World::with(Mischief::late_statement(number, WAIT));
    world.put(first.0, first.1, &first.2);
    let waiting = world.start(json!({"sources": [first_only]}));
    tokio::time::sleep(MEANWHILE).await;
    world.put(second.0, second.1, &second.2);
    let between = world.run(json!({"sources": [second_only]})).await;
    assert!(between.error.is_none(), "{number}: {:?}: {:?}", between.error, between.cause);
    let ended = world.end(&waiting).await;
    assert!(ended.error.is_none(), "{number}: {:?}: {:?}", ended.error, ended.cause);
    let files = [first, second].map(|(source, _, text)| (*source, text.as_str()));
    let expected = model::tables(files.into_iter());
    assert_same(&world.tables().await, &expected);
}

#[tokio::test(start_paused = true)]
async fn songs_and_plays_find_each_other_whichever_run_waits_where() {
    let songs = [song("S1", "t", 99.0), song("S2", "t", 101.5), song("S3", "u", 5.0)].join("\n");
    let plays = [play(1, "t", 1_541_105_830_796, "free"), play(2, "u", 1_541_105_831_796, "free")];
    let songs = (Source::Songs, "a.json", songs);
    let events = (Source::Events, "a.json", plays.join("\n"));
    for number in 0..STATEMENTS {
        interleave(number, (&songs, "songs"), (&events, "events")).await;
        interleave(number, (&events, "events"), (&songs, "songs")).await;
    }
}

/// The check of the songs found no play; meanwhile there is one, so the first attempt gives up.
#[tokio::test(start_paused = true)]
async fn songs_whose_plays_come_after_the_check_are_published_at_the_second_attempt() {
    let world = World::with(Mischief::late_statement(PUBLISH, WAIT));
    world.put(Source::Songs, "a.json", &song("S1", "t", 99.0));
    let waiting = world.start(json!({}));
    tokio::time::sleep(MEANWHILE).await;
    world.put(Source::Events, "a.json", &play(1, "t", 1_541_105_830_796, "free"));
    let between = world.run(json!({"sources": ["events"]})).await;
    assert!(between.error.is_none(), "{:?}", between.cause);
    let ended = world.end(&waiting).await;
    assert!(ended.error.is_none(), "{:?}", ended.cause);
    let matched = "select song_id from mart.songplays";
    assert_eq!(world.rows(matched).await, [[Some("S1".to_owned())]]);
    let everywhere = format!("between {} and {}", i64::MIN, i64::MAX);
    let texts = world.statement_texts().await;
    assert!(texts.iter().any(|sql| sql.contains(&everywhere)), "there was a second attempt");
}

#[tokio::test(start_paused = true)]
async fn the_latest_version_of_a_play_wins_whichever_run_waits_where() {
    let (early, late) = (1_541_105_830_796, 1_572_641_830_796);
    let early = (Source::Events, "early.json", play(1, "t", early, "free"));
    let late = (Source::Events, "late.json", play(1, "t", late, "paid"));
    for number in TRANSFORM..STATEMENTS {
        interleave(number, (&early, "events"), (&late, "events")).await;
        interleave(number, (&late, "events"), (&early, "events")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_song_that_changes_its_title_loses_and_finds_plays_whichever_run_waits_where() {
    let plays = [play(1, "t", 1_541_105_830_796, "free"), play(2, "u", 1_541_105_831_796, "free")];
    let events = (Source::Events, "a.json", plays.join("\n"));
    let titles = [song("S1", "t", 99.0), song("S1", "u", 99.0), song("S1", "t", 100.0)];
    let both = |index: usize| {
        (Source::Songs, ["a.json", "b.json", "c.json"][index], titles[index].clone())
    };
    for number in TRANSFORM..STATEMENTS {
        for (first, second) in [(0, 1), (1, 0), (0, 2)] {
            let world = World::with(Mischief::late_statement(number + STATEMENTS, WAIT));
            world.put(events.0, events.1, &events.2);
            world.load().await;
            let files = [both(first), both(second)];
            world.put(files[0].0, files[0].1, &files[0].2);
            let waiting = world.start(json!({"sources": ["songs"]}));
            tokio::time::sleep(MEANWHILE).await;
            world.put(files[1].0, files[1].1, &files[1].2);
            let between = world.run(json!({"sources": ["songs"]})).await;
            assert!(between.error.is_none(), "{number}: {:?}", between.cause);
            let ended = world.end(&waiting).await;
            assert!(ended.error.is_none(), "{number}: {:?}", ended.cause);
            let files =
                files.iter().chain([&events]).map(|(source, _, text)| (*source, text.as_str()));
            assert_same(&world.tables().await, &model::tables(files));
        }
    }
}
