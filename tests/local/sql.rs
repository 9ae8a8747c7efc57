//! `segue sql check` needs no stack.

use std::fs;
use std::process::{Command, Output};

use crate::stack::{copy, root};

fn check(folder: &std::path::Path) -> Output {
    let program = root().join("target/bin/segue");
    let mut check = Command::new(program);
    check.args(["sql", "check"]).current_dir(folder).output().expect("run `make build` first")
}

#[test]
fn a_mistake_in_any_file_is_found_in_seconds_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("template.yaml"), "").expect("a file");
    copy(&root().join("sql"), &folder.path().join("sql"), &|_| true);
    let whole = check(folder.path());
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    for (file, right, wrong) in [
        ("stage/songs.sql", "compupdate off", "compupdat off"),
        ("publish/70_songplays.sql", "loaded.start_time,", "loaded.start_tim,"),
        ("transform/10_songs.sql", "create table", "create tabel"),
        ("examples/top_songs.sql", "group by", "group"),
    ] {
        let path = folder.path().join("sql").join(file);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(right), "{file}");
        fs::write(&path, text.replacen(right, wrong, 1)).expect("written");
        let found = check(folder.path());
        let shown = String::from_utf8_lossy(&found.stderr);
        assert_eq!(found.status.code(), Some(1), "{file}: {shown}");
        assert!(shown.contains(file), "{file}: {shown}");
        fs::write(&path, text).expect("written");
    }
}
