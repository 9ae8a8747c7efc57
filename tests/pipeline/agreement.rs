//! What the doctor says about files agrees with what a run does with them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use segue::data_set::DataSet;
use segue::doctor::{Depth, Finding, Verdict, examine_directory};
use serde_json::json;
use workflow_local::Ended;

use crate::cases::{Directory, case, put_everything, world_with_paths};
use crate::model::Source;
use crate::world::{LANDING_BUCKET, World};

/// Records and files that a lenient run may skip.
const SPARE: u64 = 99;

/// The directories of data among the cases.
fn directories() -> Vec<PathBuf> {
    let Some(cases) = case("") else { return Vec::new() };
    let (mut found, mut folders) = (Vec::new(), vec![cases]);
    while let Some(folder) = folders.pop() {
        let is_data = ["log_data", "song_data"].iter().any(|name| folder.join(name).is_dir());
        if is_data {
            found.push(folder);
            continue;
        }
        let entries = std::fs::read_dir(&folder).expect("a folder");
        folders.extend(entries.map(|one| one.expect("an entry").path()).filter(|one| one.is_dir()));
    }
    found.sort();
    found
}

/// Whether a run has loaded everything.
fn has_loaded_all(ended: &Ended) -> bool {
    ended.error.is_none() && ended.output["rejected"].as_u64().unwrap_or_default() == 0
}

/// The files of which a lenient run skips something.
async fn left_out(world: &World) -> BTreeSet<String> {
    let sql = "select uri from ops.rejected_rows union select uri from ops.set_aside_objects";
    world.rows(sql).await.into_iter().flatten().flatten().collect()
}

/// Compares the doctor with a run on the same files. Returns whether the run loads everything.
async fn agree(name: &str, world: &World) -> bool {
    let sample = world.doctor(Depth::Sample).await;
    let every = match sample.is_healthy() {
        true => None,
        false => Some(world.doctor(Depth::EveryFile).await),
    };
    let ended = world.run(json!({})).await;
    for diagnosis in [&sample].into_iter().chain(&every) {
        let bad = diagnosis.lines(Verdict::Bad);
        assert_eq!(
            diagnosis.is_healthy(),
            has_loaded_all(&ended),
            "{name}: the doctor says {bad:?}, the run {:?} {:?}",
            ended.output,
            ended.cause
        );
    }
    // An error in the stack's setup names no data file.
    let is_set_up_wrongly = ended.error.as_deref() == Some("InvalidConfiguration");
    let Some(every) = every.filter(|_| !is_set_up_wrongly) else {
        return has_loaded_all(&ended);
    };
    let spare = json!({"events": SPARE, "songs": SPARE});
    let ended = world.run(json!({"maxRejects": spare, "maxRejectedObjects": SPARE})).await;
    assert_eq!(every.bad_files(), left_out(world).await, "{name}: {:?}", ended.cause);
    let diagnosis = world.doctor(Depth::EveryFile).await;
    let bad = diagnosis.bad_files();
    let set_aside = world.rows("select uri from ops.set_aside_objects").await.concat();
    assert!(set_aside.iter().flatten().all(|uri| !bad.contains(uri)), "{name}: {bad:?}");
    false
}

/// The content of the landing bucket: keys and ETags.
fn landed(world: &World) -> Vec<(String, String)> {
    let objects = world.objects.under(LANDING_BUCKET, "").into_iter();
    objects.map(|(key, object)| (key, object.etag)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_doctor_agrees_with_the_run_about_every_directory_of_the_cases() {
    for folder in directories() {
        let (uploaded, put) = (world_with_paths(), world_with_paths());
        let name = folder.display().to_string();
        put_everything(&put, &folder);
        if let Ok(data) = DataSet::read(&folder) {
            Directory { data }.upload(&uploaded);
            let is_loaded = agree(&name, &uploaded).await;
            let found = examine_directory(&folder, Depth::EveryFile).expect("a directory of data");
            let bad: Vec<&Finding> =
                found.iter().filter(|one| one.verdict == Verdict::Bad).collect();
            assert_eq!(bad.is_empty(), is_loaded, "{name}, before the upload: {bad:?}");
        }
        if landed(&uploaded) != landed(&put) {
            agree(&format!("{name}, put into the bucket"), &put).await;
        }
    }
}

/// An event with this time and level.
fn event(ts: &str, level: &str) -> String {
    format!(
        "{{\"page\": \"NextSong\", \"sessionId\": 1, \"itemInSession\": 0, \"ts\": {ts}, \
         \"level\": \"{level}\"}}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn the_doctor_names_every_bad_record_of_all_sources_in_one_pass() {
    let world = world_with_paths();
    let good = event("1541105830796", "free");
    let late = event("\"yesterday\"", "free");
    let long = event("1541105830796", "seventeen letters");
    let song = r#"{"song_id": "S", "artist_id": "A", "artist_name": "a", "title": "t", "duration": 1, "year": 99999}"#;
    world.put(Source::Events, "a.json", &[late, good, long, "{oops}\n".into()].concat());
    world.put(Source::Songs, "b.json", &format!("{song}\n{{\"song_id\": \"S2\"}}\n{song}\n"));
    let bad = world.doctor(Depth::EveryFile).await.lines(Verdict::Bad).join("\n");
    for named in [
        "log_data/a.json line 1, column ts",
        "log_data/a.json line 3, column level",
        "log_data/a.json line 4: ",
        "song_data/b.json line 1, column year",
        "song_data/b.json line 2: the record has no artist_id",
        "song_data/b.json line 3, column year",
    ] {
        assert!(bad.contains(named), "{named} is not in\n{bad}");
    }
}

/// More than the doctor names, and more than this stack may skip.
const REJECTS: usize = 120;

#[tokio::test(start_paused = true)]
async fn one_reject_more_than_a_stack_may_skip_is_bad_however_few_are_named() {
    for (max_rejects, is_healthy) in [(REJECTS - 1, false), (REJECTS, true)] {
        let events = json!({"prefix": "log_data/", "maxRejects": max_rejects});
        let songs = json!({"prefix": "song_data/", "maxRejects": 0});
        let world = World::with_sources(json!({"songs": songs, "events": events}));
        let late = event("\"yesterday\"", "free");
        world.put(
            Source::Events,
            "a.json",
            &(late.repeat(REJECTS) + &event("1541105830796", "free")),
        );
        let found = world.doctor(Depth::EveryFile).await;
        assert_eq!(found.is_healthy(), is_healthy, "{:?}", found.lines(Verdict::Bad).first());
        let ended = world.run(json!({})).await;
        assert_eq!(ended.error.is_none(), is_healthy, "{:?}", ended.cause);
    }
}
