//! Real files become the star schema, whatever happens on the way.

use std::fs;
use std::path::{Path, PathBuf};

use crate::stack::{Stack, copy, data, part, root};

#[test]
fn real_files_become_the_star_schema_and_a_second_run_changes_nothing() {
    let stack = Stack::undeployed();
    let data = data(stack.folder());
    let first = stack.load(&data);
    assert_eq!(first["status"], "loaded");
    assert!(first["transitions"].as_u64().is_some_and(|count| count > 10), "{first}");
    assert!(first["durationSeconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{first}");
    if data.ends_with("sparkify") {
        let expected = serde_json::json!({
            "songplays": 6820, "users": 96, "songs": 71, "artists": 69, "time": 6813,
        });
        assert_eq!(first["tables"], expected);
        let matched = stack.query(
            "select song_id, user_id, start_time from mart.songplays where song_id is not null",
        );
        let expected = serde_json::json!([{
            "song_id": "SOZCTXZ12AB0182364", "user_id": 15, "start_time": "2018-11-21 21:56:47.796",
        }]);
        assert_eq!(matched, expected);
    }

    let run = first["runId"].as_str().expect("a name");
    assert_eq!(stack.json(&["follow", "--local", "--json", &run[..9]])["status"], "loaded");
    assert_eq!(stack.json(&["report", "--local", "--json", run])["status"], "loaded");
    let page =
        String::from_utf8(stack.done(&["report", "--local", "--data", run])).expect("a path");
    let page = fs::read_to_string(stack.folder().join(page.trim_end())).expect("a page");
    assert!(page.contains(run) && page.contains("The data now"), "{page}");
    let shown = stack.json(&["show", "--local", "--json", &run[..9]]);
    assert_eq!((&shown["runId"], &shown["trigger"]), (&first["runId"], &"manual".into()));
    let phases = shown["phases"].as_array().expect("phases").iter();
    let phases: Vec<&str> = phases.map(|one| one["phase"].as_str().expect("a name")).collect();
    assert_eq!((phases.first(), phases.last()), (Some(&"Create tables"), Some(&"Report")));
    let rows = shown["sources"].as_array().expect("sources").iter();
    let rows: u64 = rows.map(|source| source["rows"].as_u64().expect("a number")).sum();
    assert_eq!(Some(rows), first["rows"].as_u64(), "{shown}");
    let logged = stack.done(&["logs", "--local", "--json", run]);
    let logged = String::from_utf8(logged).expect("UTF-8");
    assert!(logged.lines().any(|line| line.contains("\"planned\"")), "{logged}");
    let stopped = stack.segue(&["stop", "--local", run]);
    let errors = String::from_utf8_lossy(&stopped.stderr);
    assert!(errors.contains("has ended already: loaded"), "{errors}");

    let mart = stack.mart();
    let second = stack.load(&data);
    assert_eq!(second["status"], "up-to-date");
    assert_eq!(stack.mart(), mart);
    let listed = stack.json(&["runs", "--local", "--json"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "a run that found nothing is hidden");
    assert_eq!(stack.statuses(), ["up-to-date", "loaded"]);

    let rebuilt = stack.json(&["run", "--local", "--json", "--rebuild"]);
    assert_eq!(rebuilt["status"], "loaded");
    assert_eq!(stack.mart(), mart);

    let staging = stack.query(
        "select count(*) as schemas from information_schema.schemata \
         where schema_name like 'staging_%'",
    );
    assert_eq!(staging[0]["schemas"], 0, "a run that succeeded leaves no staging schema");

    // A change in the working tree's SQL takes effect in the next run, without a build.
    let (sql, check) = (stack.folder().join("sql"), "check/99_never_healthy.sql");
    fs::remove_file(&sql).expect("a link");
    copy(&root().join("sql"), &sql, &|_| true);
    let offends = "-- Healthy when empty: nothing is as it should be.\nselect 1 as offender;\n";
    fs::write(sql.join(check), offends).expect("written");
    let stopped = stack.segue(&["run", "--local", "--rebuild"]);
    let errors = String::from_utf8_lossy(&stopped.stderr);
    assert!(errors.contains("nothing is as it should be"), "{errors}");
    assert_eq!(stack.mart(), mart);
}

#[test]
fn a_file_that_is_not_json_stops_the_run_names_itself_and_harms_nothing() {
    let stack = Stack::new();
    let data = data(stack.folder());
    let part =
        part(&data, stack.folder(), &|name| name.starts_with("TRAA") || name.contains("-01-"));
    stack.load(&part);
    let mart = stack.mart();

    let broken = part.join("log_data/broken-events.json");
    fs::write(&broken, "{\"page\": \"NextSong\", \"ts\": 15411058").expect("written");
    let output = stack.segue(&["local", "run", "--data", part.to_str().expect("UTF-8")]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("LoadRejected") && errors.contains("broken-events.json"), "{errors}");
    assert_eq!(stack.mart(), mart);

    fs::copy(events_file(&part.join("log_data"), &broken), &broken)
        .expect("the broken file is replaced");
    assert_eq!(stack.load(&part)["status"], "loaded");
    assert_eq!(stack.mart(), mart, "the same events under another name change nothing");
}

/// Some file below the folder, other than this one.
fn events_file(folder: &Path, other_than: &Path) -> PathBuf {
    let entries =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let file = files.into_iter().find(|file| file != other_than);
    file.unwrap_or_else(|| events_file(folders.first().expect("files"), other_than))
}

#[test]
fn files_that_land_start_runs() {
    let stack = Stack::awake();
    let data = data(stack.folder());
    stack.up(&data);
    stack.follow(&data);
    let mart = stack.mart();
    assert_eq!(stack.load(&data)["status"], "up-to-date");
    assert_eq!(stack.mart(), mart);
}

#[test]
fn a_killed_stack_continues_where_it_was() {
    let reference = Stack::new();
    let data = data(reference.folder());
    reference.load(&data);
    let expected = reference.mart();

    let stack = Stack::new();
    stack.up(&data);
    let started = stack.segue(&["run", "--local", "--no-follow"]);
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    stack.kill();
    stack.load(&data);
    assert_eq!(stack.mart(), expected);
    stack.kill();
    assert_eq!(stack.load(&data)["status"], "up-to-date");
    assert_eq!(stack.mart(), expected);
}
