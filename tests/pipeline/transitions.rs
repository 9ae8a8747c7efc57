//! What Step Functions bills for a run.

use std::sync::{Arc, Mutex};

use segue_contract::cost::RUN_TRANSITIONS;

use crate::model::Source;
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_run_makes_the_transitions_that_the_estimate_counts() {
    let world = World::new();
    let entered = Arc::new(Mutex::new(Vec::new()));
    let counted = Arc::clone(&entered);
    world.region.on_end(move |change| {
        let states = change.ended.states();
        counted.lock().expect("a lock").push((change.name.clone(), states.len() as u64));
    });
    world.put(Source::Songs, "a.json", SONG);
    world.put(Source::Events, "a.json", EVENT);
    world.load().await;
    let entered = entered.lock().expect("a lock");
    let total: u64 = entered.iter().map(|(_, states)| states).sum();
    assert_eq!(total, RUN_TRANSITIONS, "update RUN_TRANSITIONS and the pages: {entered:#?}");
}

const SONG: &str = r#"{"num_songs": 1, "artist_id": "A", "artist_name": "N", "song_id": "S", "title": "T", "duration": 1.5, "year": 0}"#;
const EVENT: &str = r#"{"page": "NextSong", "ts": 1541100000000, "sessionId": 1, "itemInSession": 0, "userId": "7", "level": "free", "song": "T", "artist": "N", "length": 1.5}"#;
