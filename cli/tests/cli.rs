//! What users see of the command line without a stack: help, wrong use, missing things, and
//! generated data.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::Command;
use tempfile::TempDir;

/// Runs `segue` in a folder, with none of the machine's AWS settings.
fn segue(folder: &Path, words: &[&str]) -> Output {
    Command::cargo_bin("segue")
        .expect("the command line is built with its tests")
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        // Nobody has credentials, and nobody is asked for any.
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("it runs")
}

/// Exit code and stderr, with the folder's name removed; stdout must be empty.
fn failure(folder: &Path, words: &[&str]) -> String {
    let output = segue(folder, words);
    assert!(output.stdout.is_empty(), "stdout is for data, so it must be empty");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    let canonical = folder.canonicalize().expect("the folder exists");
    let text = text
        .replace(&*canonical.to_string_lossy(), "<folder>")
        .replace(&*folder.to_string_lossy(), "<folder>");
    format!("exit code {}\n{text}", output.status.code().unwrap_or_default())
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A folder that looks like a checkout in which nothing has been built.
fn checkout() -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("template.yaml"), "Resources: {}\n").expect("a template");
    folder
}

/// Every file below a folder, by its path.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_owned();
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

fn generated(folder: &Path, name: &str, words: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = [&["generate", "--out", name], words].concat();
    let output = segue(folder, &all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    tree(&folder.join(name))
}

#[test]
fn help_names_every_command() {
    let output = segue(folder().path(), &["--help"]);
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
}

#[test]
fn each_shell_gets_completions_and_each_command_a_manual_page() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        let output = segue(folder.path(), &["completions", shell]);
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && script.contains("follow"), "{shell}: {script}");
    }
    assert!(segue(folder.path(), &["man", "man1"]).status.success());
    let pages = tree(&folder.path().join("man1"));
    for page in ["segue.1", "segue-run.1", "segue-local-up.1"] {
        let page = pages.get(Path::new(page)).unwrap_or_else(|| panic!("{page}"));
        assert!(String::from_utf8_lossy(page).contains("Examples"), "the page has examples");
    }
}

#[test]
fn the_version_names_commit_and_sql() {
    let output = segue(folder().path(), &["--version"]);
    let shown = String::from_utf8_lossy(&output.stdout);
    let (version, rest) = shown.trim_end().split_once(" (").expect("details");
    assert_eq!(version, concat!("segue ", env!("CARGO_PKG_VERSION")));
    let (_, digest) = rest.split_once("sql ").expect("a digest");
    assert!(digest.len() == 9 && digest.ends_with(')'), "{shown}");
}

#[test]
fn other_sql_than_that_of_the_program_is_noticed_before_a_run() {
    let folder = checkout();
    let run = ["run", "--stack", "none", "--region", "eu-west-1"];
    let warning = "sql/ of this checkout differs";
    let said = |output: Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said(segue(folder.path(), &run)).contains(warning), "it has no sql/");
    fs::create_dir(folder.path().join("sql")).expect("a folder");
    assert!(said(segue(folder.path(), &run)).contains(warning));
}

#[test]
fn an_unknown_command_is_wrong_use() {
    assert_eq!(segue(folder().path(), &["fly"]).status.code(), Some(2));
}

#[test]
fn local_and_stack_exclude_each_other() {
    let output = segue(folder().path(), &["query", "select 1", "--local", "--stack", "x"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn outside_a_checkout_local_mode_says_so() {
    insta::assert_snapshot!(failure(folder().path(), &["local", "up"]), @"
    exit code 2
    error: no template.yaml in <folder>
    hint: run this inside a checkout of the project, or name one with --project
    ");
}

#[test]
fn a_checkout_without_tools_says_how_to_get_them() {
    insta::assert_snapshot!(failure(checkout().path(), &["local", "up"]), @"
    exit code 2
    error: <folder>/.tools/ministack/bin/python is missing
    hint: run `make tools` in <folder>
    ");
}

#[test]
fn a_query_without_a_running_stack_says_how_to_start_one() {
    insta::assert_snapshot!(failure(checkout().path(), &["query", "select 1", "--local"]), @"
    exit code 2
    error: the local stack is not running
    hint: run `segue local up`
    ");
}

#[test]
fn an_empty_statement_is_wrong_use() {
    for empty in [" ", ";", "-- nothing"] {
        let shown = failure(checkout().path(), &["query", empty, "--local"]);
        assert_eq!(shown, "exit code 2\nerror: the statement is empty\n", "{empty}");
    }
}

#[test]
fn a_statement_may_begin_with_a_comment_and_come_from_a_file() {
    let folder = checkout();
    let sql = include_str!("../../sql/examples/top_cities.sql");
    fs::write(folder.path().join("q.sql"), format!("\u{feff}{sql}")).expect("a file");
    for words in [&["query", "--local", sql][..], &["query", "--local", "--file", "q.sql"]] {
        let shown = failure(folder.path(), words);
        assert!(shown.contains("the local stack is not running"), "{words:?}: {shown}");
    }
}

#[test]
fn a_statement_that_writes_is_refused_unless_it_is_allowed() {
    let folder = checkout();
    insta::assert_snapshot!(failure(folder.path(), &["query", "--local", "drop table mart.users"]), @r#"
    exit code 2
    error: expected a statement that only reads, but it begins with "drop"
    hint: --write lets a statement change the warehouse
    "#);
    let shown = failure(folder.path(), &["query", "--local", "--write", "drop table mart.users"]);
    assert!(shown.contains("the local stack is not running"), "{shown}");
}

#[test]
fn without_a_stack_name_the_ways_to_give_one_are_named() {
    insta::assert_snapshot!(failure(folder().path(), &["run"]), @"
    exit code 2
    error: no stack is given
    hint: name it with --stack or SEGUE_STACK, run this where samconfig.toml has a stack_name, or use --local for the stack on this machine
    ");
}

#[test]
fn an_unknown_source_is_refused_before_anything_starts() {
    insta::assert_snapshot!(failure(checkout().path(), &["run", "--local", "--sources", "song"]), @r#"
    exit code 2
    error: expected sources among events, songs, found "song"
    hint: fix `sources` or `maxRejects` in the run's input
    "#);
}

#[test]
fn a_plan_needs_what_a_run_needs() {
    let folder = checkout();
    insta::assert_snapshot!(failure(folder.path(), &["plan", "--local", "--sources", "song"]), @r#"
    exit code 2
    error: expected sources among events, songs, found "song"
    hint: fix `sources` or `maxRejects` in the run's input
    "#);
    insta::assert_snapshot!(failure(folder.path(), &["plan", "--local"]), @"
    exit code 2
    error: the local stack is not running
    hint: run `segue local up`
    ");
    let rebuild = ["plan", "--local", "--rebuild", "--sources", "songs"];
    insta::assert_snapshot!(failure(folder.path(), &rebuild), @"
    exit code 2
    error: expected a rebuild of every source, found only songs
    hint: a rebuild empties the star schema: omit `sources`
    ");
}

#[test]
fn a_missing_data_directory_is_named() {
    let folder = checkout();
    insta::assert_snapshot!(failure(folder.path(), &["local", "run", "--data", "nowhere"]), @"
    exit code 2
    error: the directory nowhere does not exist
    hint: --data takes a directory with log_data/ or song_data/; `segue generate` creates one
    ");
}

#[test]
fn a_directory_needs_one_source_at_least() {
    let folder = checkout();
    fs::create_dir_all(folder.path().join("data/Song_Data")).expect("a folder");
    insta::assert_snapshot!(failure(folder.path(), &["local", "run", "--data", "data"]), @"
    exit code 2
    error: expected log_data/ or song_data/ in data, found none
    hint: --data takes a directory with log_data/ or song_data/; `segue generate` creates one
    ");
    fs::create_dir_all(folder.path().join("data/song_data")).expect("a folder");
    fs::write(folder.path().join("data/song_data/a.json"), "{}").expect("a file");
    let shown = failure(folder.path(), &["local", "run", "--data", "data"]);
    assert!(
        shown.contains("is missing"),
        "the directory is accepted, the tools are missing: {shown}"
    );
}

#[test]
fn a_directory_without_data_says_what_it_holds() {
    let folder = checkout();
    fs::create_dir_all(folder.path().join("data/song_data")).expect("a folder");
    fs::write(folder.path().join("data/song_data/a.csv"), "1").expect("a file");
    fs::write(folder.path().join("data/song_data/b.json"), "").expect("a file");
    insta::assert_snapshot!(failure(folder.path(), &["local", "run", "--data", "data"]), @"
    exit code 2
    error: expected data in data, found none
      1 file of songs skipped: the ending is not .json, .jsonl or .ndjson, alone or with .gz or .zst (song_data/a.csv)
      1 file of songs skipped: empty (song_data/b.json)
    hint: data files end in .json, .jsonl or .ndjson, or have no ending, each also with .gz or .zst
    ");
}

#[test]
fn a_directory_named_by_a_tilde_says_that_it_was_not_expanded() {
    insta::assert_snapshot!(failure(checkout().path(), &["local", "run", "--data", "~/music"]), @"
    exit code 2
    error: the directory ~/music does not exist
    hint: ~ was not expanded: write $HOME, or put ~ outside the quotes
    ");
}

#[test]
fn nothing_runs_before_up() {
    let output = segue(checkout().path(), &["local", "status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(status["running"], serde_json::json!(false));
    assert!(segue(checkout().path(), &["local", "down"]).status.success());
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = folder();
    let options = ["--songs", "300", "--users", "30", "--seed", "5"];
    let one = generated(folder.path(), "one", &options);
    let again = generated(folder.path(), "again", &options);
    assert!(one == again, "two trees of one seed differ");
    let other = generated(folder.path(), "other", &["--songs", "300", "--users", "30"]);
    assert!(one != other, "two seeds give one tree");
}

#[test]
fn as_many_songs_and_events_are_generated_as_were_asked_for() {
    let folder = folder();
    let files = generated(folder.path(), "data", &["--songs", "60", "--events", "1234"]);
    let songs = files.keys().filter(|path| path.starts_with("song_data")).count();
    let events: usize = files
        .iter()
        .filter(|(path, _)| path.starts_with("log_data"))
        .map(|(_, content)| String::from_utf8_lossy(content).lines().count())
        .sum();
    assert_eq!((songs, events), (60, 1234));
}

/// The fields and their order are those of the real files, which `docs` and the SQL rely on.
#[test]
fn generated_files_look_like_the_real_ones() {
    let folder = folder();
    let files = generated(folder.path(), "data", &["--songs", "3", "--events", "40"]);
    let first = |part: &str| {
        let found = files.iter().find(|(path, _)| path.starts_with(part)).expect("a file");
        (found.0.display().to_string(), String::from_utf8_lossy(found.1).into_owned())
    };
    let (song_path, song) = first("song_data");
    let (day_path, day) = first("log_data");
    let play = day.lines().find(|line| line.contains("NextSong")).expect("a play");
    let stranger = day.lines().find(|line| line.contains("Logged Out"));
    insta::assert_snapshot!(format!(
        "{song_path}\n{song}\n\n{day_path}\n{play}\n{}",
        stranger.unwrap_or("no stranger on the first day")
    ));
}

#[test]
fn a_used_directory_is_left_alone() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("data")).expect("a folder");
    fs::write(folder.path().join("data/mine.txt"), "mine").expect("a file");
    insta::assert_snapshot!(failure(folder.path(), &["generate", "--out", "data"]), @"
    exit code 2
    error: data is not empty
    hint: name another directory with --out, or remove this one first
    ");
    assert_eq!(fs::read(folder.path().join("data/mine.txt")).expect("still there"), b"mine");
}

#[test]
fn make_takes_any_name_of_a_directory_and_runs_none() {
    let cases =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases/make-data-with-a-quote");
    let make = |target: &str, data: &str| {
        let mut make = std::process::Command::new("make");
        make.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).args(["--silent", target]);
        let output = make.arg(format!("DATA={data}")).output().expect("make");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    if cases.is_dir() {
        for name in ["it's", "with blank", "cost$5"] {
            let data = cases.join(name).display().to_string();
            assert_eq!(make("data", &data), (Some(0), String::new()), "{name}");
        }
    }
    let (code, messages) = make("data", "~/no-such-folder");
    assert_eq!(code, Some(2));
    assert!(messages.contains("~ was not expanded"), "{messages}");
    let ran = folder().path().join("ran");
    let (code, messages) = make("data", &format!("x' y || touch {}; echo '", ran.display()));
    assert_eq!((code, ran.exists()), (Some(2), false), "{messages}");
    assert!(messages.contains("does not exist"), "{messages}");
}
