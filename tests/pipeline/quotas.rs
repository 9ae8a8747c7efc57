//! A new account runs ten functions at once: a first load is slower there, but otherwise the same.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::model::{self, Source};
use crate::sample::assert_same;
use crate::world::{Aim, Kill, World};

/// What AWS gives a new account.
const CONCURRENT_FUNCTIONS: usize = 10;
/// The number of parts of each of the two sources: more than are merged at once.
const PARTS: &str = "40";
const FILES: usize = 40;
/// The time to merge one.
const MERGE: Duration = Duration::from_secs(100);
/// Eighty merges, ten at a time, and as long again for long waits.
const TIME_MAX: Duration = Duration::from_secs(2 * 8 * 100);

#[tokio::test(start_paused = true)]
async fn a_first_load_in_a_new_account_is_only_slower() {
    let world = World::with_slices(PARTS);
    let mut files = Vec::new();
    for number in 0..FILES {
        let song = json!({
            "num_songs": 1, "artist_id": format!("A{number}"), "artist_latitude": null,
            "artist_longitude": null, "artist_location": "", "artist_name": "a",
            "song_id": format!("S{number}"), "title": "t", "duration": 1.5, "year": 0,
        });
        let event = json!({
            "page": "NextSong", "sessionId": 7, "itemInSession": number, "userId": "9",
            "ts": 1_541_105_830_796_i64, "level": "free",
        });
        files.push((Source::Songs, song.to_string()));
        files.push((Source::Events, event.to_string()));
    }
    for (number, (source, text)) in files.iter().enumerate() {
        world.put(*source, &format!("{number}.json"), text);
    }
    world.region.limit_concurrency(CONCURRENT_FUNCTIONS);
    world.mischief.aim("Compact", &Arc::new(Aim::new(Kill::Slow(MERGE), 1)));
    let begun = Instant::now();
    let ended = world.run(json!({"compact": "always"})).await;
    assert_eq!(ended.error, None, "{:?}", ended.cause);
    let of_batches = |kind: &str| {
        let events = ended.history.iter().filter(|event| event.state == "Compact batch");
        events.filter(|event| event.kind == kind).count()
    };
    assert_eq!(of_batches("TaskSucceeded"), 2 * FILES);
    assert!(of_batches("TaskFailed") >= 22, "22 of 32 are throttled at once");
    let took = begun.elapsed();
    assert!(took < TIME_MAX, "{took:?}");
    let landed = files.iter().map(|(source, text)| (*source, text.as_str()));
    assert_same(&world.tables().await, &model::tables(landed));
}
