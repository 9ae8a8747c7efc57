//! Records with one value that does not fit its column, or only just fits.

use super::{Input, NEXT, SOUND};
use crate::model::Source;

const SONG: &str = r#"{"song_id": "S1", "title": "Elena", "artist_id": "A1", "artist_name": "Elena", "duration": 1}"#;

const TS: &str = r#""ts": 1541105830796"#;
const USER: &str = r#""userId": "9""#;
const SESSION: &str = r#""sessionId": 8"#;
const ITEM: &str = r#""itemInSession": 1"#;
const TITLE: &str = r#""song": "Elena""#;
const PAGE: &str = r#""page": "NextSong""#;

fn changed(record: &str, from: &str, to: &str) -> String {
    assert!(record.contains(from), "{from} is part of {record}");
    record.replace(from, to)
}

/// An event that cannot be loaded, before one that can.
fn bad(name: &'static str, from: &str, to: &str) -> Input {
    Input::events(name, format!("{}\n{NEXT}\n", changed(SOUND, from, to)), NEXT)
}

/// An odd but valid event.
fn odd(name: &'static str, from: &str, to: &str) -> Input {
    let text = format!("{}\n{NEXT}\n", changed(SOUND, from, to));
    Input::events(name, text.clone(), text)
}

/// An event whose title COPY truncates at a NUL, as Redshift documents.
fn cut_at_nul() -> Input {
    let text = |title: &str| format!("{}\n{NEXT}\n", changed(SOUND, TITLE, title));
    let (given, loaded) = (text(r#""song": "El\u0000ena""#), text(r#""song": "El""#));
    Input::events("a NUL in text", given, loaded)
}

fn bad_song(name: &'static str, from: &str, to: &str) -> Input {
    Input { source: Source::Songs, ..Input::events(name, changed(SONG, from, to), "") }
}

pub fn times() -> Vec<Input> {
    vec![
        bad("a time before 1970 by more than dates go back", TS, r#""ts": -1e20"#),
        bad("a time after all dates", TS, r#""ts": 99999999999999999"#),
        bad("a time beyond all numbers", TS, r#""ts": 1e400"#),
        bad("a time in words", TS, r#""ts": "yesterday""#),
        bad("a time that is true", TS, r#""ts": true"#),
        bad("no time", &format!("{TS}, "), ""),
        bad("a time that is null", TS, r#""ts": null"#),
    ]
}

pub fn numbers() -> Vec<Input> {
    vec![
        bad("a person's number in letters", USER, r#""userId": "abc""#),
        bad("a person's number that injects", USER, r#""userId": "9; drop table mart.songs; --""#),
        bad("a person's number beyond 64 bits", USER, r#""userId": "9223372036854775808""#),
        bad("a session that is an object", SESSION, r#""sessionId": {"id": 8}"#),
        bad("a session that is true", SESSION, r#""sessionId": true"#),
        bad("no session", &format!("{SESSION}, "), ""),
        bad("an item beyond 32 bits", ITEM, r#""itemInSession": 2147483648"#),
        bad("no item", &format!("{ITEM}, "), ""),
        odd("a person who is empty", USER, r#""userId": """#),
    ]
}

pub fn texts() -> Vec<Input> {
    let long_level = format!(r#""level": "{}""#, "é".repeat(9));
    let long_title = format!(r#""song": "{}""#, "x".repeat(1_025));
    let widest_title = format!(r#""song": "{}""#, "x".repeat(1_024));
    vec![
        bad("no page", &format!("{PAGE}, "), ""),
        bad("text longer than its column, in bytes", r#""level": "free""#, &long_level),
        bad("text one byte longer than its column", TITLE, &long_title),
        odd("text as long as its column", TITLE, &widest_title),
        odd("text that injects", TITLE, r#""song": "'); drop table mart.songs; --""#),
        odd("quotes, backslashes and percent signs", TITLE, r#""song": "\"\\'%s{{ staging }}""#),
        odd("a name nobody asked for", TITLE, r#""song": "Elena", "drop table mart.songs": 1"#),
        odd("letters beyond the first plane", TITLE, r#""song": "𝄞 \ud834\udd1e""#),
        cut_at_nul(),
        bad("half a pair of surrogates", TITLE, r#""song": "\ud834""#),
    ]
}

pub fn songs() -> Vec<Input> {
    vec![
        bad_song("a song without an id", r#""song_id": "S1", "#, ""),
        bad_song("a song without a title", r#""title": "Elena", "#, ""),
        bad_song("a song whose length is text", r#""duration": 1"#, r#""duration": "long""#),
        bad_song("a song whose length is out of range", r#""duration": 1"#, r#""duration": 1e9"#),
        bad_song("a year beyond 16 bits", r#""duration": 1"#, r#""duration": 1, "year": 99999"#),
    ]
}
