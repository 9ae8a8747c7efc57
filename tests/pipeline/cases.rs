//! Directories as people have them: what is loaded, what is skipped, and what the output says.

mod directory;
mod mistakes;
mod paths;
mod trees;

use segue::doctor::{Depth, Verdict};
use serde_json::{Value, json};

use crate::world::{LANDING_BUCKET, World};
pub use directory::{Directory, case, put_everything};

/// The key of the landing bucket's own JSONPaths file.
const PATHS_KEY: &str = "log_json_path.json";

/// An account in which a JSONPaths file may land.
pub fn world_with_paths() -> World {
    let events = json!({"prefix": "log_data/", "jsonPathsKey": PATHS_KEY});
    World::with_sources(json!({"songs": {"prefix": "song_data/"}, "events": events}))
}

/// The sessions whose plays are loaded.
async fn sessions(world: &World) -> Vec<String> {
    let rows = world.rows("select session_id from mart.songplays").await;
    rows.into_iter().flatten().flatten().collect()
}

/// The first column of a query.
async fn column(world: &World, sql: &str) -> Vec<Option<String>> {
    world.rows(sql).await.into_iter().map(|mut row| row.remove(0)).collect()
}

/// What a run has skipped, as reason and number of files.
fn skipped(output: &Value) -> Vec<(String, u64)> {
    let skipped = output["skipped"].as_array().expect("an array").iter();
    let pair = |one: &Value| (one["reason"].as_str().map(str::to_owned), one["files"].as_u64());
    skipped.filter_map(|one| pair(one).0.zip(pair(one).1)).collect()
}

#[tokio::test(start_paused = true)]
async fn folders_of_tools_hold_no_data_uploaded_or_put_into_the_bucket() {
    let Some(cases) = case("folders-that-hold-no-data") else { return };
    let folders =
        [("apple-double", "1"), ("delta-log", "1"), ("stale-copy", "100"), ("temporary", "1")];
    for (name, session) in folders {
        let (uploaded, put) = (world_with_paths(), world_with_paths());
        let directory = Directory::of(&cases.join(name));
        assert_eq!(directory.skipped(), 1, "{name}: {:?}", directory.data);
        directory.upload(&uploaded);
        put_everything(&put, &cases.join(name));
        for world in [&uploaded, &put] {
            let ended = world.load().await;
            assert_eq!(ended.output["status"], "loaded", "{name}");
            assert_eq!(sessions(world).await, [session], "{name}");
        }
        let ended = put.load().await;
        assert_eq!(ended.output["status"], "up-to-date", "{name}");
        assert_eq!(skipped(&ended.output), [("hidden".to_owned(), 1)], "{name}");
        let titles = column(&put, "select title from mart.songs").await;
        assert_eq!(titles, [Some("Harbour Lights 1".to_owned())], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_ending_of_data_is_loaded() {
    let Some(cases) = case("other-endings/data") else { return };
    let (uploaded, put) = (world_with_paths(), world_with_paths());
    Directory::of(&cases).upload(&uploaded);
    put_everything(&put, &cases);
    for world in [uploaded, put] {
        assert_eq!(skipped(&world.load().await.output), []);
        assert_eq!(sessions(&world).await, ["1", "2", "3", "4", "5", "6"]);
    }
}

#[tokio::test(start_paused = true)]
async fn links_and_pipes_are_skipped_with_a_line_each() {
    let Some(cases) = case("links") else { return };
    for (name, expected) in [("dangling", 2), ("editor-lock", 1), ("loop", 1)] {
        let folder = directory::copy(&cases.join(name));
        let logs = folder.path().join("log_data");
        match name {
            "dangling" => {
                std::os::unix::fs::symlink("gone.json", logs.join("old.json")).expect("a link");
                directory::make_pipe(&logs.join("pipe.json"));
            }
            "editor-lock" => {
                std::os::unix::fs::symlink("nobody@host.1234", logs.join(".#x.json"))
                    .expect("a link");
            }
            _ => std::os::unix::fs::symlink(".", logs.join("again")).expect("a link"),
        }
        let directory = Directory::of(folder.path());
        assert_eq!(directory.data.lines().count(), expected, "{:?}", directory.data);
        let world = world_with_paths();
        directory.upload(&world);
        world.load().await;
        assert_eq!(sessions(&world).await, ["1"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_archived_object_is_skipped_and_named() {
    let Some(cases) = case("archived-object") else { return };
    let world = world_with_paths();
    Directory::of(&cases.join("data")).upload(&world);
    let old = std::fs::read(cases.join("old.json")).expect("a file");
    world.objects.put(LANDING_BUCKET, "log_data/old.json", old);
    world.objects.archive(LANDING_BUCKET, "log_data/old.json");
    let ended = world.load().await;
    assert_eq!(skipped(&ended.output), [("archived".to_owned(), 1)]);
    assert_eq!(ended.output["skipped"][0]["first"], "s3://landing/log_data/old.json");
    let diagnosis = world.doctor(Depth::Sample).await;
    assert!(diagnosis.is_healthy(), "{:?}", diagnosis.lines(Verdict::Bad));
    let warnings = diagnosis.lines(Verdict::Warning).join("\n");
    assert!(
        warnings.contains("archived, restore them and start a run, or move them out of the prefix")
    );
    assert!(warnings.contains("log_data/old.json"), "{warnings}");
    assert_eq!(sessions(&world).await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_directory_may_hold_one_source_and_a_file_that_was_removed_is_gone() {
    let Some(cases) = case("removed-file-stays") else { return };
    let world = world_with_paths();
    Directory::of(&cases.join("before")).upload(&world);
    let ended = world.run(json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("LoadRejected"));
    Directory::of(&cases.join("after")).upload(&world);
    world.load().await;
    assert_eq!(sessions(&world).await, ["1"]);

    Directory::of(&cases.join("good-before")).upload(&world);
    world.load().await;
    Directory::of(&cases.join("good-after")).upload(&world);
    let ended = world.run(json!({"rebuild": true, "allowDrop": true})).await;
    assert!(ended.error.is_none(), "{:?}", ended.cause);
    assert_eq!(sessions(&world).await, ["1"]);

    let songs = tempfile::tempdir().expect("a folder");
    let from = cases.join("after/song_data/s.json");
    std::fs::create_dir(songs.path().join("song_data")).expect("a folder");
    std::fs::copy(from, songs.path().join("song_data/s.json")).expect("a copy");
    assert_eq!(Directory::of(songs.path()).data.files.len(), 1);
}
