//! The local bucket holds what a directory holds: what is removed from the one is removed from the
//! other, one run loads everything, and the command says what the warehouse still holds.

use std::path::Path;
use std::process::Output;

use crate::stack::{Stack, root};

/// What a command printed to stderr.
fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_directory_is_a_set_that_one_run_loads() {
    let cases = root().join("../shared/cases");
    if !cases.is_dir() {
        println!("{} is not there: not tried", cases.display());
        return;
    }
    let stack = Stack::new();
    let load = |folder: &str, words: &[&str]| {
        let folder = cases.join(folder);
        let data: &Path = &folder;
        let words = [&["local", "run", "--data", data.to_str().expect("UTF-8")], words].concat();
        stack.segue(&words)
    };
    let last = |output: &Output| messages(output).lines().last().unwrap_or_default().to_owned();

    let failed = load("removed-file-stays/before", &[]);
    assert_eq!(failed.status.code(), Some(1), "{}", messages(&failed));
    let loaded = load("removed-file-stays/after", &[]);
    assert!(
        messages(&loaded).contains("removed 1 file")
            && messages(&loaded).contains("log_data/bad.json")
    );
    assert!(last(&loaded).contains("loaded 2 files, 2 rows in "), "{}", messages(&loaded));
    assert_eq!(stack.statuses().len(), 2, "nobody else is woken");

    load("removed-file-stays/good-before", &["--fresh"]);
    let fewer = load("removed-file-stays/good-after", &[]);
    assert!(
        messages(&fewer).contains("rows of 1 file that were loaded earlier"),
        "{}",
        messages(&fewer)
    );
    stack.done(&["run", "--local", "--rebuild"]);
    assert_eq!(stack.count("select count(*) as counted from mart.songplays"), 1);

    load("second-directory/a", &["--fresh"]);
    let second = load("second-directory/b", &[]);
    assert!(
        messages(&second).contains("rows of 2 files that were loaded earlier"),
        "{}",
        messages(&second)
    );
    assert_eq!(stack.count("select count(*) as counted from mart.songplays"), 2);
    let fresh = load("second-directory/b", &["--fresh"]);
    assert!(last(&fresh).contains("loaded 2 files, 2 rows in "), "{}", messages(&fresh));
    assert_eq!(stack.count("select count(*) as counted from mart.songplays"), 1);

    let paths = load("jsonpaths-among-events/data", &[]);
    assert!(messages(&paths).contains("is a JSONPaths file"), "{}", messages(&paths));
    let doctor = stack.segue(&["doctor", "--local"]);
    assert_eq!(doctor.status.code(), Some(1), "{}", String::from_utf8_lossy(&doctor.stdout));

    let added = load("second-directory/a", &["--add", "--fresh"]);
    assert_eq!(added.status.code(), Some(2), "one or the other");
}
