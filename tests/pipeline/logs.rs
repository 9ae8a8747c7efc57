//! What functions log in runs that succeed and fail: lines whose keys the runbook explains, which
//! name their run, and repeat nothing from the records.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::model::Source;
use crate::world::World;

const SONG: &str = r#"{"song_id": "S0", "artist_id": "A0", "artist_name": "Nobody's name", "title": "Nobody's title", "duration": 200, "year": 2000}"#;
const PLAY: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830796, "userId": "9", "level": "free", "firstName": "Nobody's user"}"#;
const LATE: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 2, "ts": "Nobody's time", "userId": "9"}"#;
/// What the records above contain, and no line may.
const PERSONAL: &str = "Nobody's";

/// The keys that the runbook explains: the first column of its table, and those of a span.
fn explained() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = fs::read_to_string(page).expect("the runbook");
    let (_, table) = page.split_once("| key | meaning |").expect("a table of keys");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let keys = rows.flat_map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned));
    keys.collect()
}

#[tokio::test(start_paused = true)]
async fn a_line_has_explained_keys_names_its_run_and_repeats_no_record() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let log = Mutex::new(file.reopen().expect("a file"));
    // Where there is one log, a thread that comes first to a line asks its own whether anybody listens,
    // and all keep to the answer; the threads of other tests have none. Where there are two, every log
    // is asked.
    let _second = tracing::Dispatch::new(segue_function::log(std::io::sink));
    let logging = tracing::subscriber::set_default(segue_function::log(log));
    let world = World::new();
    world.put(Source::Songs, "song.json", SONG);
    world.put(Source::Events, "day.json", &format!("{PLAY}\n{LATE}"));
    let refused = world.run(json!({})).await;
    assert_eq!(refused.error.as_deref(), Some("LoadRejected"));
    for compact in ["always", "never"] {
        let input = json!({"compact": compact, "maxRejects": {"events": 1}, "rebuild": true});
        assert_eq!(world.run(input).await.output["status"], "loaded-with-rejects");
    }
    drop(logging);

    let explained = explained();
    let text = fs::read_to_string(file.path()).expect("UTF-8");
    assert!(!text.contains(PERSONAL), "{text}");
    let mut about = BTreeSet::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let span = line["span"].as_object().unwrap_or_else(|| panic!("about nothing: {line}"));
        let keys = line.as_object().expect("an object").keys();
        let keys = keys.chain(span.keys().filter(|key| *key != "name"));
        let unexplained: Vec<_> = keys.filter(|key| !explained.contains(*key)).collect();
        assert!(unexplained.is_empty(), "{unexplained:?}: {line}");
        about.insert(span["run_id"].as_str().expect("a run").to_owned());
    }
    assert_eq!(about.len(), 3, "each of the three runs has its lines: {about:?}");
}
