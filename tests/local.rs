//! The whole product on this machine, as people use it: the command line, the deployed template, the
//! functions as they are shipped, the state machines, the SQL, and real files.
//!
//! Needs what `make build` leaves behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// What a stack of its own shares with the checkout.
const SHARED: [&str; 6] =
    ["template.yaml", "samconfig.toml", "statemachine", "sql", ".aws-sam", ".tools"];
/// How long events may take to become rows.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(180);
/// Everything that a run publishes, in an order of its own.
const TABLES: [(&str, &str); 5] = [
    ("songplays", "songplay_id"),
    ("users", "user_id"),
    ("songs", "song_id"),
    ("artists", "artist_id"),
    ("time", "start_time"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A local stack in a folder of its own; ended and removed with the test.
struct Stack {
    folder: TempDir,
}

impl Stack {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        for name in SHARED {
            symlink(root().join(name), folder.path().join(name)).expect("a link");
        }
        Self { folder }
    }

    fn segue(&self, arguments: &[&str]) -> Output {
        Command::new(root().join("target/bin/segue"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("target/bin/segue: run `make build` first")
    }

    /// What a command that must end well prints, as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.segue(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
    }

    fn load(&self, data: &Path) -> Value {
        self.json(&["local", "run", "--json", "--data", data.to_str().expect("UTF-8")])
    }

    fn query(&self, sql: &str) -> Value {
        self.json(&["query", "--local", "--json", sql])
    }

    /// Every row of the star schema.
    fn mart(&self) -> Vec<Value> {
        let read = |(table, key): &(&str, &str)| {
            self.query(&format!("select * from mart.{table} order by {key}"))
        };
        TABLES.iter().map(read).collect()
    }

    fn statuses(&self) -> Vec<String> {
        let runs = self.json(&["runs", "--local", "--json"]);
        let status = |run: &Value| run["status"].as_str().expect("a status").to_owned();
        runs.as_array().expect("an array").iter().map(status).collect()
    }

    /// Ends every program of the stack as a crash would.
    fn kill(&self) {
        let state = fs::read(self.folder.path().join(".segue/local.json")).expect("a state");
        let state: Value = serde_json::from_slice(&state).expect("JSON");
        for program in ["emulator", "warehouse"] {
            let group = format!("-{}", state[program]["pid"]);
            let ended = Command::new("kill").args(["-9", "--", &group]).status();
            assert!(ended.expect("kill").success(), "{program}");
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let ended = self.segue(&["local", "down", "--purge"]);
        // A test that has failed already has the first word.
        assert!(
            ended.status.success() || std::thread::panicking(),
            "{}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }
}

/// The real files where they are at hand, else a generated set of their shape.
fn data(folder: &Path) -> PathBuf {
    let real = root().join("../shared/data/sparkify");
    if real.is_dir() {
        return real;
    }
    let generated = folder.join("generated");
    let made = Command::new(root().join("target/bin/segue"))
        .args(["generate", "--songs", "200", "--events", "4000", "--out"])
        .arg(&generated)
        .status();
    assert!(made.expect("target/bin/segue").success());
    generated
}

/// A directory with a part of the data: files whose names the filter takes.
fn part(data: &Path, folder: &Path, take: &dyn Fn(&str) -> bool) -> PathBuf {
    let part = folder.join("part");
    for (source, kept) in [("song_data", "song_data"), ("log_data", "log_data")] {
        copy(&data.join(source), &part.join(kept), take);
    }
    part
}

fn copy(from: &Path, to: &Path, take: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name), take);
        } else if take(&name) {
            fs::copy(entry.path(), to.join(name)).expect("a copy");
        }
    }
}

#[test]
fn real_files_become_the_star_schema_and_a_second_run_changes_nothing() {
    let stack = Stack::new();
    let data = data(stack.folder.path());
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

    let mart = stack.mart();
    let second = stack.load(&data);
    assert_eq!(second["status"], "up-to-date");
    assert_eq!(stack.mart(), mart);

    let rebuilt = stack.json(&["run", "--local", "--json", "--rebuild"]);
    assert_eq!(rebuilt["status"], "loaded");
    assert_eq!(stack.mart(), mart);

    let staging = stack.query(
        "select count(*) as schemas from information_schema.schemata \
         where schema_name like 'staging_%'",
    );
    assert_eq!(staging[0]["schemas"], 0, "a run that succeeded leaves no staging schema");
}

#[test]
fn a_file_that_is_no_json_stops_the_run_names_itself_and_harms_nothing() {
    let stack = Stack::new();
    let data = data(stack.folder.path());
    let part =
        part(&data, stack.folder.path(), &|name| name.starts_with("TRAA") || name.contains("-01-"));
    stack.load(&part);
    let mart = stack.mart();

    let broken = part.join("log_data/broken-events.json");
    fs::write(&broken, "{\"page\": \"NextSong\", \"ts\": 15411058").expect("written");
    let output = stack.segue(&["local", "run", "--data", part.to_str().expect("UTF-8")]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("LoadRejected") && errors.contains("broken-events.json"), "{errors}");
    assert_eq!(stack.mart(), mart);

    fs::copy(events_file(&part.join("log_data"), &broken), &broken).expect("mended");
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
fn files_that_land_wake_the_pipeline() {
    let stack = Stack::new();
    let data = data(stack.folder.path());
    let up = stack.segue(&["local", "up", "--data", data.to_str().expect("UTF-8")]);
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let files = walk(&data.join("song_data")) + walk(&data.join("log_data"));
    let loaded = "select count(*) as objects from information_schema.tables t \
                  where t.table_schema = 'ops' and t.table_name = 'loaded_objects'";
    let deadline = Instant::now() + FOLLOWS_WITHIN;
    loop {
        let there = stack.query(loaded)[0]["objects"] == 1
            && stack.query("select count(*) as objects from ops.loaded_objects")[0]["objects"]
                == files;
        let statuses = stack.statuses();
        if there && statuses.iter().all(|status| status == "succeeded") {
            break;
        }
        assert!(!statuses.iter().any(|status| status == "failed"), "{statuses:?}");
        assert!(Instant::now() < deadline, "{files} files have landed, and yet: {statuses:?}");
        std::thread::sleep(Duration::from_secs(1));
    }
    let mart = stack.mart();
    assert_eq!(stack.load(&data)["status"], "up-to-date");
    assert_eq!(stack.mart(), mart);
}

fn walk(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}

#[test]
fn a_stack_that_was_killed_goes_on_where_it_was() {
    let reference = Stack::new();
    let data = data(reference.folder.path());
    reference.load(&data);
    let expected = reference.mart();

    let stack = Stack::new();
    let up = stack.segue(&["local", "up", "--data", data.to_str().expect("UTF-8")]);
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let started = stack.segue(&["run", "--local", "--no-follow"]);
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    stack.kill();
    stack.load(&data);
    assert_eq!(stack.mart(), expected);
    stack.kill();
    assert_eq!(stack.load(&data)["status"], "up-to-date");
    assert_eq!(stack.mart(), expected);
}
