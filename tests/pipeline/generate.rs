//! Small files with much overlap: few songs, people, sessions and instants, so that keys collide,
//! versions differ, and values are often missing.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::model::Source;
use crate::sample::File;

/// Files of a generated month.
const FILES_OF_A_MONTH: usize = 60;
/// 2018-11-30, shortly before midnight: close to a new day, month and week.
const TIME_MS: i64 = 1_543_622_399_000;

/// A landed object: its versions, one after the other.
#[derive(Debug, Clone)]
pub struct Landed {
    pub source: Source,
    /// Its versions; each is put in place of the one before.
    pub versions: Vec<String>,
}

fn song() -> impl Strategy<Value = String> + 'static {
    let ids = (0..4u8, 0..3u8);
    let names =
        (select(vec!["Elena", "Ünïcode", "a'b"]), select(vec!["Setanta", "Elena", "\u{1f}"]));
    let places = select(vec![json!(null), json!(""), json!("Dubai UAE"), json!("São Paulo")]);
    let degrees = || select(vec!["null", "35.14968", "35.149689", "-0.000009", "9e1"]);
    let length = select(vec!["269.58322", "269.583229", "100", "1.5e2", "200.00001"]);
    let year = select(vec![json!(null), json!(0), json!(1999), json!(2004)]);
    (ids, names, places, degrees(), degrees(), length, year).prop_map(
        |((song, artist), (title, name), location, latitude, longitude, duration, year)| {
            // Text, not a value: the spelling of numbers must be kept.
            format!(
                "{{\"num_songs\": 1, \"artist_id\": \"A{artist}\", \"artist_latitude\": {latitude}, \
                 \"artist_longitude\": {longitude}, \"artist_location\": {location}, \
                 \"artist_name\": {}, \"song_id\": \"S{song}\", \"title\": {}, \
                 \"duration\": {duration}, \"year\": {year}}}",
                json!(name),
                json!(title),
            )
        },
    )
}

fn event() -> impl Strategy<Value = String> {
    let key = (1..4u8, 0..3u8);
    let page = select(vec!["NextSong", "NextSong", "NextSong", "Home", "Logout"]);
    let instant = select(vec![0i64, 1, 999, 1_000, 1_796, 86_400_000]);
    let user = select(vec![json!(""), json!("1"), json!("2"), json!("30"), json!(null)]);
    let person = (
        select(vec![json!("Ann"), json!("Zoë"), json!(""), json!(null)]),
        select(vec![json!("F"), json!(null)]),
        select(vec![json!("free"), json!("paid")]),
    );
    let song = (
        select(vec![json!("Elena"), json!("Ünïcode"), json!("a'b"), json!(""), json!(null)]),
        select(vec![json!("Setanta"), json!("Elena"), json!("\u{1f}"), json!(null)]),
        select(vec!["null", "269.58322", "269.58", "150.000009", "125"]),
    );
    let location = select(vec![json!("Paris, \"FR\""), json!(null)]);
    (key, page, instant, user, person, song, location).prop_map(
        |(key, page, instant, user, (name, gender, level), (title, artist, length), location)| {
            let (session, item) = key;
            format!(
                "{{\"artist\": {artist}, \"auth\": \"Logged In\", \"firstName\": {name}, \
                 \"gender\": {gender}, \"itemInSession\": {item}, \"lastName\": \"Cruz\", \
                 \"length\": {length}, \"level\": {level}, \"location\": {location}, \
                 \"method\": \"PUT\", \"page\": {}, \"registration\": 1540940782796.0, \
                 \"sessionId\": {session}, \"song\": {title}, \"status\": 200, \"ts\": {}, \
                 \"userAgent\": \"Mozilla/5.0\", \"userId\": {user}}}",
                json!(page),
                TIME_MS + instant,
            )
        },
    )
}

/// An object and its later versions: it grows, or is replaced if `replaced`.
pub fn landed(replaced: bool) -> impl Strategy<Value = Landed> {
    let songs = versions(song(), replaced, "").prop_map(|versions| (Source::Songs, versions));
    let events = versions(event(), replaced, "\n").prop_map(|versions| (Source::Events, versions));
    prop_oneof![2 => songs, 3 => events].prop_map(|(source, versions)| Landed { source, versions })
}

fn versions(
    record: impl Strategy<Value = String> + 'static,
    replaced: bool,
    last: &'static str,
) -> impl Strategy<Value = Vec<String>> {
    let replaced = if replaced { any::<bool>().boxed() } else { Just(false).boxed() };
    let version = (prop::collection::vec(record, 1..4), replaced);
    prop::collection::vec(version, 1..3).prop_map(move |versions| {
        let mut records: Vec<String> = Vec::new();
        let texts = versions.into_iter().map(|(more, replaced)| {
            if replaced {
                records.clear();
            }
            records.extend(more);
            format!("{}{last}", records.join("\n"))
        });
        texts.collect()
    })
}

/// A set of files in place of the real ones: always the same.
pub fn month() -> Vec<File> {
    let mut runner = TestRunner::deterministic();
    let strategy = landed(false);
    let file = |number: usize, landed: Landed| {
        let text = landed.versions.last().expect("a version").clone();
        (landed.source, format!("{number:02}.json"), text)
    };
    (0..FILES_OF_A_MONTH)
        .map(|number| file(number, strategy.new_tree(&mut runner).expect("a file").current()))
        .collect()
}
