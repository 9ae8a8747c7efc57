//! Errors around the files: the paths of a source, its bucket, missing objects.

use serde_json::{Value, json};

use super::trial::{Trial, ending};
use super::{NEXT, SOUND};
use crate::model::Source;
use crate::world::{LANDING_BUCKET, WORK_BUCKET, World, key};

/// The key of the landing bucket's own JSONPaths file.
const JSONPATHS_KEY: &str = "log_json_path.json";
const JSONPATHS: [(&str, &[u8]); 8] = [
    ("one path", br#"{"jsonpaths": ["$.input"]}"#),
    ("a path too many", br#"{"jsonpaths": ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19"]}"#),
    ("another key", br#"{"paths": []}"#),
    ("paths that are numbers", br#"{"jsonpaths": [1, 2]}"#),
    ("an array", br#"["$.input"]"#),
    ("no JSON", b"$.a, $.b"),
    ("an empty file", b""),
    ("no UTF-8", b"{\"jsonpaths\": [\"\xff\"]}"),
];

fn sources() -> Value {
    let events = json!({"prefix": "log_data/", "jsonPathsKey": JSONPATHS_KEY});
    json!({"songs": {"prefix": "song_data/"}, "events": events})
}

#[tokio::test(start_paused = true)]
async fn paths_that_do_not_fit_stop_a_run_before_anything_is_read() {
    let mut trial = Trial::of(World::with_sources(sources()), "never");
    trial.world.put(Source::Events, "input.json", SOUND);
    let mut endings = String::new();
    for (number, (name, paths)) in JSONPATHS.into_iter().enumerate() {
        trial.world.objects.put(LANDING_BUCKET, JSONPATHS_KEY, paths.to_vec());
        let run = format!("paths-{number}");
        let ended = trial.world.end(&trial.world.start_as(&run, json!({}))).await;
        assert_eq!(ended.error.as_deref(), Some("InvalidConfiguration"), "{name}");
        endings.push_str(&ending(name, &run, &ended));
        trial.compare(name).await;
        assert!(trial.world.ledger().await.is_empty(), "{name}");
    }
    trial.world.objects.remove(LANDING_BUCKET, JSONPATHS_KEY);
    trial.land(Source::Events, &key(Source::Events, "input.json"), SOUND);
    trial.world.load().await;
    trial.compare("without the file").await;
    trial.end().await;
    insta::assert_snapshot!(endings);
}

#[tokio::test(start_paused = true)]
async fn a_landing_bucket_that_is_empty_or_gone_is_named() {
    let world = World::new();
    let empty = ending("nothing has ever landed", "run-0", &world.run(json!({})).await);
    world.objects.delete_bucket(LANDING_BUCKET);
    let gone = ending("no bucket", "run-1", &world.run(json!({})).await);
    assert!(world.ledger().await.is_empty());
    assert_eq!(world.unfinished_statements().await, Vec::<String>::new());
    insta::assert_snapshot!(empty + &gone);
}

/// What a run writes last before it starts to read objects.
fn planned(run: &str) -> String {
    format!("runs/{run}/manifests/plan/objects.json")
}

#[tokio::test(start_paused = true)]
async fn an_object_that_vanishes_before_it_is_read_is_reported_and_loaded_when_it_is_back() {
    let mut endings = String::new();
    for compact in ["never", "always"] {
        let mut trial = Trial::new(compact).await;
        let input = key(Source::Events, "input.json");
        trial.world.objects.put(LANDING_BUCKET, &input, SOUND.into());
        trial.world.objects.once_written(&planned("early"), LANDING_BUCKET, &input, None);
        let early = trial.world.start_as("early", json!({"compact": compact}));
        endings.push_str(&ending(compact, "early", &trial.world.end(&early).await));
        assert!(trial.world.objects.get(LANDING_BUCKET, &input).is_none(), "it has vanished");
        trial.compare("without the object").await;
        assert_eq!(trial.world.ledger().await.len(), 2, "{compact}: it is not noted as loaded");
        let report = trial.world.objects.get(WORK_BUCKET, "runs/early/report.json").expect("one");
        let report: Value = serde_json::from_slice(&report.body).expect("JSON");
        let vanished = &report["compacted"][0]["vanished"];
        assert_eq!(vanished.as_u64(), (compact == "always").then_some(1), "{report}");

        trial.land(Source::Events, &input, SOUND);
        trial.world.load().await;
        trial.compare("with the object").await;
        assert_eq!(trial.world.ledger().await.len(), 3, "{compact}");
    }
    insta::assert_snapshot!(endings);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_changes_before_it_is_read_is_loaded_as_it_is_read() {
    for compact in ["never", "always"] {
        let mut trial = Trial::new(compact).await;
        let input = key(Source::Events, "input.json");
        trial.world.objects.put(LANDING_BUCKET, &input, SOUND.into());
        let changed = Some(NEXT.into());
        trial.world.objects.once_written(&planned("early"), LANDING_BUCKET, &input, changed);
        let early = trial.world.start_as("early", json!({"compact": compact}));
        let ended = trial.world.end(&early).await;
        assert_eq!(ended.output["status"], "loaded", "{compact}: {:?}", ended.cause);
        trial.land(Source::Events, &input, NEXT);
        trial.compare("as it is read").await;

        // A COPY does not report what it has read: the planned version is recorded, so the object
        // is read again.
        let again = if compact == "never" { "loaded" } else { "up-to-date" };
        for expected in [again, "up-to-date"] {
            assert_eq!(trial.world.load().await.output["status"], expected, "{compact}");
            trial.compare("as it stays").await;
        }
    }
}
