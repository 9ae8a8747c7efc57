//! Odd but legal names of objects and folders: each file is loaded, and recorded under its own
//! name.

use serde_json::json;

use super::SOUND;
use super::trial::Trial;
use crate::model::Source;
use crate::world::{World, key};

const NAMES: [&str; 14] = [
    "with spaces input .json",
    "ünïcode input ☃.json",
    "double \"quotes\" input.json",
    "single 'quotes' input.json",
    "percent %20%00 input.json",
    "plus+and&amp;input.json",
    "line\nbreak input.json",
    "tab\tinput.json",
    "back\\slash input.json",
    "'; drop table mart songs; -- input",
    "'; drop table mart.songs; --/input.json",
    "{{ staging }} {% for %} input.json",
    "//%2e%2e/%2e%2e/etc/input",
    "?versionId=1#input.json",
];

/// Another prefix that a source may have.
const PREFIX: &str = "'; drop table mart.songs; --/{{ staging }} \"ünïcode\" _data/";

/// A record of each file.
fn record(number: usize) -> String {
    SOUND.replace("\"itemInSession\": 1", &format!("\"itemInSession\": {number}"))
}

#[tokio::test(start_paused = true)]
async fn an_object_with_an_odd_name_is_loaded_like_any_other_and_once() {
    for compact in ["never", "always"] {
        let mut trial = Trial::new(compact).await;
        for (number, name) in NAMES.iter().enumerate() {
            trial.land(Source::Events, &key(Source::Events, name), &record(number));
        }
        let ended = trial.world.run(json!({"compact": compact})).await;
        assert_eq!(ended.output["objects"], NAMES.len(), "{compact}: {:?}", ended.cause);
        trial.compare("odd names").await;
        let ledger = trial.world.ledger().await;
        for name in NAMES {
            let uri = format!("s3://landing/{}", key(Source::Events, name));
            let noted = ledger.iter().filter(|row| row[1].as_ref() == Some(&uri)).count();
            assert_eq!(noted, 1, "{compact}: {uri:?}");
        }
        assert_eq!(trial.world.load().await.output["status"], "up-to-date", "{compact}");
        trial.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefix_may_be_odd_too() {
    let sources = json!({"songs": {"prefix": "song_data/"}, "events": {"prefix": PREFIX}});
    let world = World::with_sources(sources);
    let mut trial = Trial::of(world, "never");
    trial.land(Source::Events, &format!("{PREFIX}input.json"), SOUND);
    let ended = trial.world.run(json!({"compact": "never"})).await;
    assert_eq!(ended.output["status"], "loaded", "{:?}", ended.cause);
    trial.compare("an odd prefix").await;
    trial.end().await;
}
