//! JSONPaths files as people have them.

use serde_json::{Value, json};

use super::directory::{Directory, case, refusal};
use super::{PATHS_KEY, column, sessions, world_with_paths};
use crate::world::{LANDING_BUCKET, World};

const USERS: &str = "select user_id from mart.songplays";

async fn users(world: &World) -> Vec<Option<String>> {
    column(world, USERS).await
}

#[tokio::test(start_paused = true)]
async fn a_file_that_looks_like_paths_is_used_or_refused_by_name() {
    let Some(cases) = case("jsonpaths-file-not-taken") else { return };
    let world = world_with_paths();
    Directory::of(&cases.join("byte-order-mark")).upload(&world);
    world.load().await;
    assert_eq!(users(&world).await, [Some("39".to_owned())]);
    for (name, file, reason) in [
        ("trailing-comma", "log_json_path.json", "no comma after the last path"),
        ("other-case", "log_json_path.json", "found \"jsonPaths\""),
        ("upper-case-ending", "log_json_path.JSON", "end in .json"),
    ] {
        let message = refusal(&cases.join(name)).to_string();
        assert!(message.contains(file) && message.contains(reason), "{name}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployed_stack_refuses_the_same_files() {
    let Some(cases) = case("jsonpaths-file-not-taken") else { return };
    let world = world_with_paths();
    super::put_everything(&world, &cases.join("byte-order-mark"));
    for (name, file, reason) in [
        ("trailing-comma", "log_json_path.json", "no comma after the last path"),
        ("other-case", "log_json_path.json", "found \"jsonPaths\""),
        ("upper-case-ending", "log_json_path.JSON", "to have the key"),
    ] {
        world.objects.remove(LANDING_BUCKET, PATHS_KEY);
        super::put_everything(&world, &cases.join(name));
        let ended = world.run(json!({})).await;
        let cause = ended.cause.unwrap_or_default();
        assert_eq!(ended.error.as_deref(), Some("InvalidConfiguration"), "{name}: {cause}");
        assert!(cause.contains(file) && cause.contains(reason), "{name}: {cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn paths_of_one_directory_do_not_apply_to_the_next() {
    let Some(cases) = case("jsonpaths-of-another-directory") else { return };
    let world = world_with_paths();
    for name in ["one", "two"] {
        Directory::of(&cases.join(name)).upload(&world);
        world.load().await;
    }
    let play = "select song_title || ' by ' || artist_name || ', ' || song_id from mart.songplays \
                where session_id = 2";
    assert_eq!(
        column(&world, play).await,
        [Some("Harbour Lights 1 by Nordwind Duo 1, SO1".into())]
    );
    let name = "select first_name || ' ' || last_name from mart.users where user_id = 40";
    assert_eq!(column(&world, name).await, [Some("Bo Sample".into())]);
}

#[tokio::test(start_paused = true)]
async fn paths_that_change_after_a_load_are_reported_until_a_rebuild() {
    let Some(cases) = case("jsonpaths-changed-after-a-load") else { return };
    let world = world_with_paths();
    let other = |output: &Value| output["loadedByOtherPaths"].as_u64();
    Directory::of(&cases.join("before")).upload(&world);
    assert_eq!(other(&world.load().await.output), Some(0));
    // Nothing is new, but the run still says it.
    let paths = std::fs::read(cases.join("after/paths.json")).expect("a file");
    world.objects.put(LANDING_BUCKET, PATHS_KEY, paths);
    let ended = world.load().await;
    assert_eq!(ended.output["status"], "up-to-date");
    assert_eq!(other(&ended.output), Some(1));
    Directory::of(&cases.join("after")).upload(&world);
    let ended = world.load().await;
    assert_eq!((&ended.output["status"], other(&ended.output)), (&json!("loaded"), Some(1)));
    let ended = world.run(json!({"rebuild": true})).await;
    assert_eq!(other(&ended.output), Some(0), "{:?}", ended.cause);
    assert_eq!(users(&world).await, [Some("39".to_owned()), Some("39".to_owned())]);
    assert_eq!(other(&world.load().await.output), Some(0));
}

#[tokio::test(start_paused = true)]
async fn paths_for_songs_do_no_harm() {
    let Some(cases) = case("jsonpaths-of-songs") else { return };
    for (name, file) in
        [("beside-the-logs", "songs_json_path.json"), ("alone", "song_json_path.json")]
    {
        let world = world_with_paths();
        let directory = Directory::of(&cases.join(name));
        assert!(directory.data.notes[0].contains(file), "{name}: {:?}", directory.data.notes);
        directory.upload(&world);
        world.load().await;
        assert_eq!(sessions(&world).await, ["1"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn paths_among_the_events_are_named_as_such() {
    let Some(cases) = case("jsonpaths-among-events") else { return };
    for compact in ["never", "always"] {
        let world = world_with_paths();
        Directory::of(&cases.join("data")).upload(&world);
        let ended = world.run(json!({"compact": compact})).await;
        assert_eq!(ended.error.as_deref(), Some("LoadRejected"), "{compact}");
        let cause = ended.cause.unwrap_or_default();
        let name = "log_data/log_json_path.json";
        assert!(cause.contains(name) && cause.contains("JSONPaths file"), "{compact}: {cause}");
    }
}
