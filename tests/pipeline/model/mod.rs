//! What the star schema means, implemented a second time: plain Rust over the raw files, no SQL.
//!
//! Every table is a set of rows of text, in the spelling of the Data API, so that all columns are
//! compared.

mod catalogue;
mod decimal;
mod listening;

use std::collections::BTreeMap;

pub use catalogue::Song;
pub use listening::Event;

/// One row: the fields in the order of the table's columns.
pub type Row = Vec<Option<String>>;

/// Tables by name, their rows in order.
pub type Tables = BTreeMap<&'static str, Vec<Row>>;

/// The kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The catalogue.
    Songs,
    /// The event logs.
    Events,
}

/// What the warehouse holds once these files have been loaded, in any order and any number of
/// times.
///
/// Every version of a file that was ever loaded counts: a record that a newer version no longer
/// holds stays.
pub fn tables<'a>(files: impl Iterator<Item = (Source, &'a str)>) -> Tables {
    let (mut songs, mut events) = (Vec::new(), Vec::new());
    for (source, text) in files {
        match source {
            Source::Songs => songs.extend(records::<Song<'_>>(text)),
            Source::Events => events.extend(records::<Event<'_>>(text)),
        }
    }
    let catalogue = catalogue::songs(&songs);
    let mut tables = Tables::from([
        ("mart.artists", catalogue::artists(&songs)),
        ("mart.time", listening::time(&events)),
        ("mart.songplays", listening::songplays(&events, &catalogue)),
        ("mart.songs", catalogue.iter().map(|song| song.row()).collect()),
        ("mart.users", listening::users(&events, true)),
        ("ops.latest_user_events", listening::users(&events, false)),
    ]);
    tables.values_mut().for_each(|rows| rows.sort());
    tables
}

/// The records of a file: JSON documents, one after the other.
fn records<'a, Record: serde::Deserialize<'a>>(text: &'a str) -> Vec<Record> {
    let documents = serde_json::Deserializer::from_str(text).into_iter();
    documents.collect::<Result<_, _>>().expect("the files of these tests are sound")
}

/// The tie-breaker among versions with the same rank: the greatest digest of the content.
fn content(fields: &[Option<&str>]) -> String {
    use md5::{Digest, Md5};
    let text: Vec<&str> = fields.iter().map(|field| field.unwrap_or_default()).collect();
    hex::encode(Md5::digest(text.join("\u{1f}")))
}

/// Empty text means unknown.
fn known(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(ToOwned::to_owned)
}
