//! Accepts a warehouse: loads the sample, breaks a file, and settles open questions of the
//! documentation.
//!
//! `make test` runs it against the local stack. `make acceptance` runs the same code in an AWS account,
//! where it creates its own stack and database, and removes both at the end.

mod account;
mod place;
mod probes;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::model::{self, Source, Tables};
use crate::stack::data;
use place::Place;

/// The star schema, and the table that decides about users.
const TABLES: [&str; 6] = [
    "mart.artists",
    "mart.songplays",
    "mart.songs",
    "mart.time",
    "mart.users",
    "ops.latest_user_events",
];
const BROKEN_KEY: &str = "log_data/broken-events.json";
const BROKEN: &str = "{\"page\":\"NextSong\",\"ts\":1541105830796,\"sessionId\":1,\"itemInSession\":0}\n\
                      {\"page\":\"NextSong\",\"ts\":\"yesterday\",\"sessionId\":1,\"itemInSession\":1}\n";

#[test]
fn a_warehouse_loads_the_sample_names_a_broken_file_and_settles_what_is_assumed() {
    let place = Place::open();
    let files = sample(&data(place.folder()));
    let texts = files.iter().map(|(key, text)| (source(key), text.as_str()));
    let expected = model::tables(texts);
    place.put(files.iter().map(|(key, text)| (key.as_str(), text.as_str())));

    place.loads(&["--compact", "never"]);
    assert_same(&tables(&place), &expected, "copied");
    place.loads(&["--rebuild", "--compact", "always"]);
    assert_same(&tables(&place), &expected, "merged");

    place.put([(BROKEN_KEY, BROKEN)]);
    let (run, errors) = place.fails(&["--compact", "never"]);
    for named in ["LoadRejected", "broken-events.json line 2", "yesterday"] {
        assert!(errors.contains(named), "expected {named}, found {errors}");
    }
    let report = place.work_object(&format!("runs/{run}/report.json"));
    assert!(report.contains("broken-events.json line 2"), "{report}");
    assert_same(&tables(&place), &expected, "after a run that failed");
    place.remove(BROKEN_KEY);
    assert_eq!(place.runs(&[]), "up-to-date");

    for answer in probes::all(&place) {
        println!("{answer}");
    }
}

/// Every file of the sample, by its key in the landing bucket.
fn sample(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for prefix in ["song_data", "log_data"] {
        read(&folder.join(prefix), prefix, &mut files);
    }
    files
}

fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let key = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read(&entry.path(), &key, files);
        } else if key.ends_with(".json") {
            files.insert(key, fs::read_to_string(entry.path()).expect("UTF-8"));
        }
    }
}

fn source(key: &str) -> Source {
    if key.starts_with("song_data/") { Source::Songs } else { Source::Events }
}

fn tables(place: &Place) -> Tables {
    let read = |table: &'static str| {
        let mut rows = place.rows(&format!("select * from {table}"));
        if table.starts_with("mart.") {
            // Without which run wrote a row, and when: its last two columns.
            rows.iter_mut().for_each(|row| row.truncate(row.len() - 2));
        }
        rows.sort();
        (table, rows)
    };
    TABLES.map(read).into_iter().collect()
}

fn assert_same(found: &Tables, expected: &Tables, when: &str) {
    for (table, expected) in expected {
        let found = &found[table];
        let first = found.iter().find(|row| expected.binary_search(row).is_err());
        assert!(
            found == expected,
            "{when}: expected {} rows of {table}, found {}, the first that differs: {first:?}",
            expected.len(),
            found.len()
        );
    }
}
