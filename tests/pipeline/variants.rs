//! Records of one key that differ: one wins by a fixed rule, and the report counts them.

use serde_json::{Value, json};

use crate::model::Source;
use crate::world::{WORK_BUCKET, World};

fn song(year: i64) -> String {
    json!({
        "num_songs": 1, "artist_id": "A", "artist_latitude": null, "artist_longitude": null,
        "artist_location": "", "artist_name": "a", "song_id": "S", "title": "t",
        "duration": 1.5, "year": year,
    })
    .to_string()
}

fn play(ts: i64) -> String {
    json!({
        "artist": "a", "auth": "Logged In", "firstName": "f", "gender": "F", "itemInSession": 1,
        "lastName": "l", "length": 1.5, "level": "free", "location": "here", "method": "PUT",
        "page": "NextSong", "registration": 1.5e12, "sessionId": 7, "song": "t", "status": 200,
        "ts": ts, "userAgent": "x", "userId": "1",
    })
    .to_string()
}

#[tokio::test(start_paused = true)]
async fn keys_with_records_that_differ_are_counted_by_table() {
    let world = World::new();
    world.put(Source::Songs, "a.json", &song(1999));
    world.put(Source::Songs, "same.json", &song(1999));
    world.put(Source::Events, "a.json", &play(1_541_105_830_796));
    let first = world.load().await;
    assert_eq!(first.output["variants"], json!([]), "a record that comes twice is no variant");

    world.put(Source::Songs, "b.json", &format!("{}\n{}", song(2001), song(2002)));
    world.put(Source::Events, "b.json", &play(1_541_105_830_000));
    let second = world.load().await;
    let report = world.objects.get(WORK_BUCKET, "runs/run-1/report.json").expect("a report");
    let report: Value = serde_json::from_slice(&report.body).expect("JSON");
    let expected = json!([
        {"table": "songs", "withinRun": 1, "besidePublished": 1},
        {"table": "songplays", "withinRun": 0, "besidePublished": 1},
    ]);
    assert_eq!(second.output["variants"], expected);
    assert_eq!(report["variants"], expected);
}

/// Dimensions keep whatever any record named, even one that lost: an artist, a user, an instant.
/// One load of everything does the same.
#[tokio::test(start_paused = true)]
async fn an_instant_of_a_record_that_lost_stays_however_the_files_came() {
    let plays = [play(1_541_105_830_000), play(1_541_105_830_796)];
    for split in [[0, 1], [1, 0]] {
        let world = World::new();
        for (run, number) in split.into_iter().enumerate() {
            world.put(Source::Events, &format!("{run}.json"), &plays[number]);
            world.load().await;
        }
        assert_eq!(world.tables().await["mart.songplays"].len(), 1, "{split:?}");
        assert_eq!(world.tables().await["mart.time"].len(), 2, "{split:?}");
    }
}
