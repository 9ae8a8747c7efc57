//! Files as people have them, read from next to the checkout; if they are absent, the property of
//! this folder has to cover their kinds.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use workflow_local::Ended;

use crate::world::{LANDING_BUCKET, World};

/// Where the cases are.
fn folder(case: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases").join(case);
    if !folder.is_dir() {
        println!("the case {case} is absent, and skipped");
    }
    folder.is_dir().then_some(folder)
}

/// A world whose landing bucket holds what a data directory holds.
fn world(directory: &Path) -> World {
    let world = World::with_sources(json!({
        "songs": {"prefix": "song_data/"},
        "events": {"prefix": "log_data/", "jsonPathsKey": "log_json_path.json"},
    }));
    for name in ["song_data/s.json", "log_data/x.json", "log_json_path.json"] {
        if let Ok(body) = fs::read(directory.join(name)) {
            world.objects.put(LANDING_BUCKET, name, body);
        }
    }
    world
}

async fn run(world: &World, compact: &str, max_rejects: u64) -> Ended {
    let input = json!({"compact": compact, "maxRejects": {"events": max_rejects}, "rebuild": true});
    world.run(input).await
}

async fn sessions(world: &World) -> Vec<String> {
    let rows = world.rows("select session_id from mart.songplays").await;
    let mut sessions: Vec<String> = rows.into_iter().filter_map(|row| row[0].clone()).collect();
    sessions.sort_by_key(|session| session.parse::<u64>().unwrap_or_default());
    sessions
}

#[tokio::test(start_paused = true)]
async fn a_reject_takes_nothing_but_its_own_record() {
    let Some(cases) = folder("reject-takes-the-rest-of-the-file") else { return };
    for (case, plays, line, raw) in [
        ("cut-line", ["1", "3", "4"], "2", r#"{"page": "NextSong", "sessionId": 2, "it"#),
        ("leading-blank", ["11", "12", "13"], "1", "{bad}"),
        ("carriage-returns", ["31", "32", "33"], "", ""),
    ] {
        for compact in ["never", "always"] {
            let world = world(&cases.join(case));
            let ended = run(&world, compact, 9).await;
            assert!(ended.error.is_none(), "{case} {compact}: {:?}", ended.cause);
            assert_eq!(sessions(&world).await, plays, "{case} {compact}");
            let rejects = world.rows("select line, raw_value from ops.rejected_rows").await;
            assert_eq!(rejects.len(), 1, "{case} {compact}: {rejects:?}");
            let [found, text] = [0, 1].map(|at| rejects[0][at].clone().unwrap_or_default());
            assert!(
                line.is_empty() || (found.as_str(), text.as_str()) == (line, raw),
                "{rejects:?}"
            );
            assert!(!text.is_empty(), "{case} {compact}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_another_layout_is_always_refused_by_name() {
    let Some(cases) = folder("reject-takes-the-rest-of-the-file") else { return };
    for (case, what) in [
        ("array-over-lines", "found a JSON array of objects"),
        ("array-indented", "found a JSON array of objects"),
        ("commas-on-one-line", "found a comma after a document"),
    ] {
        for (compact, max_rejects) in [("never", 9), ("always", 9), ("never", 0), ("always", 0)] {
            let world = world(&cases.join(case));
            let ended = run(&world, compact, max_rejects).await;
            assert_eq!(ended.error.as_deref(), Some("LoadRejected"), "{case} {compact}");
            let cause = ended.cause.unwrap_or_default();
            assert!(cause.contains("s3://landing/log_data/x.json line 1: "), "{compact}: {cause}");
            assert!(cause.contains(what), "{case} {compact} {max_rejects}: {cause}");
            assert!(sessions(&world).await.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_comma_after_a_document_is_named_as_one() {
    let Some(cases) = folder("message-about-a-key") else { return };
    for compact in ["never", "always"] {
        let ended = run(&world(&cases.join("comma-behind")), compact, 0).await;
        let cause = ended.cause.unwrap_or_default();
        assert!(cause.contains("found a comma after a document"), "{compact}: {cause}");
        assert!(!cause.contains("must begin with {"), "{compact}: {cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_line_is_the_line_that_a_failed_run_names() {
    let Some(cases) = folder("reject-takes-the-rest-of-the-file") else { return };
    for compact in ["never", "always"] {
        let ended = run(&world(&cases.join("cut-line")), compact, 0).await;
        assert_eq!(ended.error.as_deref(), Some("LoadRejected"));
        let cause = ended.cause.unwrap_or_default();
        assert!(cause.contains("s3://landing/log_data/x.json line 2"), "{compact}: {cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gzip_file_that_breaks_has_given_all_that_comes_before() {
    let Some(case) = folder("broken-gzip-loses-what-was-read") else { return };
    for (file, plays, rejects) in [
        ("zeros.json.gz", vec!["1", "2", "3"], 0),
        ("garbage.json.gz", vec!["1", "2", "3"], 1),
        ("cut.json.gz", vec!["21", "22", "23", "24", "25", "26", "27"], 1),
    ] {
        for compact in ["never", "always"] {
            let world = world(&case.join("data"));
            let body = fs::read(case.join(file)).expect("a file");
            world.objects.put(LANDING_BUCKET, &format!("log_data/{file}"), body);
            let ended = run(&world, compact, 5).await;
            assert!(ended.error.is_none(), "{file} {compact}: {:?}", ended.cause);
            let found = sessions(&world).await;
            let missing: Vec<_> =
                plays.iter().filter(|play| !found.contains(&(**play).into())).collect();
            assert!(missing.is_empty(), "{file} {compact}: {found:?} lack {missing:?}");
            let rows = world.rows("select line, reason from ops.rejected_rows").await;
            assert_eq!(rows.len(), rejects, "{file} {compact}: {rows:?}");
            let says = |row: &Vec<Option<String>>| {
                row[1].as_deref().is_some_and(|reason| reason.contains(" at its byte "))
            };
            assert!(rows.iter().all(says), "{rows:?}");
            assert_eq!(ended.output["rejected"], Value::from(rejects), "{file} {compact}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_are_arrays_are_loaded_copied_and_merged() {
    let Some(case) = folder("array-records") else { return };
    for compact in ["never", "always"] {
        let world = world(&case.join("data"));
        let ended = run(&world, compact, 0).await;
        assert!(ended.error.is_none(), "{compact}: {:?}", ended.cause);
        assert_eq!(sessions(&world).await, ["1", "2"], "{compact}");
        // Next to a file of another compression, both are merged.
        let next = fs::read(case.join("next.json.gz")).expect("a file");
        world.objects.put(LANDING_BUCKET, "log_data/next.json.gz", next);
        let ended = run(&world, "auto", 0).await;
        assert!(ended.error.is_none(), "{:?}", ended.cause);
    }
}
