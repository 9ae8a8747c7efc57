//! SQL from a folder in place of the built-in files. A separate process: the folder is chosen once.

use std::fs;

use segue_contract::messages::Step;
use segue_contract::pipeline::{self, Deployment};
use segue_contract::{Failure, Run, RunInput};

#[test]
fn a_changed_a_new_and_an_unreadable_file_show_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = folder.path().join("check");
    fs::create_dir(&check).expect("a folder");
    pipeline::read_from(folder.path().to_owned());

    let run = Run {
        id: "r".into(),
        started_at: "2018-11-01T00:00:00Z".into(),
        redrive_count: 0,
        input: RunInput::default(),
    };
    let step = Step::first(run, "check");
    let rendered = || {
        let statements = pipeline::render(&step, &Deployment::default())?;
        let files = statements.into_iter().map(|one| (one.file, one.sql));
        Ok::<Vec<_>, Failure>(files.collect())
    };
    let named = |(file, sql): (&str, &str)| (file.to_owned(), sql.to_owned());

    fs::write(check.join("10_first.sql"), "select 1;").expect("written");
    assert_eq!(rendered().expect("renders"), [named(("check/10_first", "select 1"))]);

    fs::write(check.join("10_first.sql"), "select 2;").expect("written");
    fs::write(check.join("20_second.sql"), "select {{ run_id }};").expect("written");
    let changed = [("check/10_first", "select 2"), ("check/20_second", "select 'r'")];
    assert_eq!(rendered().expect("renders"), changed.map(named));

    fs::write(check.join("20_second.sql"), [0xff]).expect("written");
    let failure = rendered().expect_err("not UTF-8");
    assert_eq!(failure.message, "sql/check/20_second.sql cannot be read as UTF-8");
}
