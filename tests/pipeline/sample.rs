//! The real sample data: every row of the star schema, and its known figures.
//!
//! The data is next to the checkout, in `../shared/data/sparkify`, and not part of it; if it is
//! absent, a set in the same format is generated, and the known figures are skipped.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::{self, Row, Source, Tables};
use crate::world::World;

/// A file: its source, its name, its text.
pub type File = (Source, String, String);

/// The folder of the sample data, if it exists.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/sparkify");
    folder.is_dir().then_some(folder)
}

/// The files of the sample data, or of a generated set; and whether they are the sample data.
pub fn files() -> (Vec<File>, bool) {
    let mut files = Vec::new();
    if let Some(folder) = folder() {
        read(&folder.join("song_data"), Source::Songs, &mut files);
        read(&folder.join("log_data"), Source::Events, &mut files);
        return (files, true);
    }
    println!("the sample data is absent: a generated set takes its place");
    (crate::generate::month(), false)
}

fn read(folder: &Path, source: Source, files: &mut Vec<File>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read(&path, source, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.push((source, name, fs::read_to_string(&path).expect("UTF-8")));
        }
    }
}

/// The first difference of two sets of tables, for people.
pub fn difference(found: &Tables, expected: &Tables) -> Option<String> {
    for (table, expected) in expected {
        let found = &found[table];
        let only = |these: &[Row], those: &[Row]| -> Vec<Row> {
            let rows = these.iter().filter(|row| those.binary_search(row).is_err());
            rows.take(3).cloned().collect()
        };
        if found != expected {
            return Some(format!(
                "{table}: found {} rows, expected {}\nonly found: {:#?}\nonly expected: {:#?}",
                found.len(),
                expected.len(),
                only(found, expected),
                only(expected, found),
            ));
        }
    }
    None
}

/// Fails with the first difference.
pub fn assert_same(found: &Tables, expected: &Tables) {
    if let Some(difference) = difference(found, expected) {
        panic!("{difference}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_sample_s_star_schema_is_the_model_s_row_for_row() {
    let (files, is_sample) = files();
    let world = World::new();
    for (source, name, text) in &files {
        world.put(*source, name, text);
    }
    world.load().await;
    let found = world.tables().await;
    let expected = model::tables(files.iter().map(|(source, _, text)| (*source, text.as_str())));
    assert_same(&found, &expected);
    assert_eq!(world.ledger().await.len(), files.len());
    assert!(world.unfinished_statements().await.is_empty());
    if is_sample {
        figures(&found);
    }
}

/// Known figures of the sample data.
fn figures(tables: &Tables) {
    let count = |table: &str| tables[table].len();
    assert_eq!(count("mart.songplays"), 6_820);
    assert_eq!(count("mart.users"), 96);
    assert_eq!(count("mart.songs"), 71);
    assert_eq!(count("mart.artists"), 69);
    assert_eq!(count("mart.time"), 6_813);
    assert_eq!(count("ops.latest_user_events"), 97);
    let level = |row: &&Row, level: &str| row[4].as_deref() == Some(level);
    let users = &tables["mart.users"];
    assert_eq!(users.iter().filter(|row| level(row, "free")).count(), 74);
    assert_eq!(users.iter().filter(|row| level(row, "paid")).count(), 22);
    let matched: Vec<&Row> =
        tables["mart.songplays"].iter().filter(|row| row[4].is_some()).collect();
    let [play] = matched.as_slice() else { panic!("{matched:?}") };
    let field = |index: usize| play[index].as_deref();
    assert_eq!(field(1), Some("2018-11-21 21:56:47.796"));
    assert_eq!((field(2), field(4)), (Some("15"), Some("SOZCTXZ12AB0182364")));
}

#[tokio::test(start_paused = true)]
async fn a_second_run_over_the_same_files_loads_nothing() {
    let (files, _) = files();
    let world = World::new();
    for (source, name, text) in files.iter().rev().take(12) {
        world.put(*source, name, text);
    }
    world.load().await;
    let before = world.tables().await;
    let again = world.load().await;
    assert_eq!(again.output["status"], "up-to-date");
    let states = [
        "Begin",
        "Create tables",
        "Anything to migrate?",
        "Find",
        "Subtract",
        "Plan",
        "Anything to sweep?",
        "Anything new?",
        "Up to date",
    ];
    assert_eq!(again.states(), states);
    assert_same(&world.tables().await, &before);
}
