//! Files that are not what their source promises: not JSON, other bytes, truncated, too large.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Input, NEXT, SOUND};

/// Bytes of a document that is too large for a COPY, whose limit is 4 MB.
const HUGE_BYTES: usize = 5 << 20;
/// Bytes of a value that fits a COPY but no column.
const LONG_BYTES: usize = 1 << 20;
/// Levels of an object within an object.
const LEVELS: usize = 1_000;
/// A placeholder in a text for a byte that text cannot hold.
const BYTE: &str = "?";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("compresses");
    encoder.finish().expect("compresses")
}

fn gzip_cut_off(text: &str) -> Vec<u8> {
    let bytes = gzip(text);
    bytes[..bytes.len() - 9].to_vec()
}

fn utf16(text: &str) -> Vec<u8> {
    let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// The text with this byte in place of [`BYTE`].
fn with_byte(text: &str, byte: u8) -> Vec<u8> {
    text.bytes().map(|found| if found == BYTE.as_bytes()[0] { byte } else { found }).collect()
}

/// A record before a valid one.
fn before_next(record: &str) -> String {
    format!("{record}\n{NEXT}\n")
}

/// A line of the first kind before a valid record.
pub fn not_json() -> Vec<Input> {
    let lines = [
        ("an array", "[1, 2]"),
        ("text", "\"NextSong\""),
        ("a number", "42"),
        ("null", "null"),
        ("CSV", "page,ts,userId"),
        ("XML", "<event page='NextSong'/>"),
        ("an empty object", "{}"),
        ("a document with single quotes", "{'page': 'NextSong'}"),
        ("a document with a trailing comma", r#"{"page": "NextSong",}"#),
        ("a document with a comment", r#"{"page": /* a play */ "NextSong"}"#),
        ("a document with NaN", r#"{"page": "NextSong", "length": NaN}"#),
        ("a document with Infinity", r#"{"page": "NextSong", "length": -Infinity}"#),
        ("a key without quotes", r#"{page: "NextSong"}"#),
    ];
    lines.map(|(name, line)| Input::events(name, before_next(line), NEXT)).into()
}

/// Odd documents: some of them are valid.
pub fn nearly_json() -> Vec<Input> {
    let pretty = SOUND.replace(", ", ",\n  ").replace('{', "{\n  ").replace('}', "\n}");
    let deep = format!("{}1{}", "{\"a\": ".repeat(LEVELS), "}".repeat(LEVELS));
    let deep = SOUND.replace("\"Elena\"", &format!("\"Elena\", \"deep\": {deep}"));
    let huge = SOUND.replace("Elena", &"x".repeat(HUGE_BYTES));
    let long =
        SOUND.replace("\"Elena\"", &format!("\"Elena\", \"more\": \"{}\"", "x".repeat(LONG_BYTES)));
    let twice = SOUND.replace("\"song\": \"Elena\"", "\"song\": \"Setanta\", \"song\": \"Elena\"");
    let both = format!("{SOUND}\n{NEXT}");
    let half = r#"{"page": "NextSong", "ts": "#;
    vec![
        Input::events("half a document at the end", format!("{SOUND}\n{half}"), SOUND),
        Input::events("half a document", before_next(half), NEXT),
        Input::events("a document over several lines", pretty, SOUND),
        Input::events("documents on one line", format!("{SOUND}{NEXT}"), &both),
        Input::events("carriage returns for newlines", format!("{SOUND}\r{NEXT}\r"), &both),
        Input::events("a key twice in a document", twice, SOUND),
        Input::events("a document of many levels", before_next(&deep), both.as_str()),
        Input::events("a document of five megabytes", before_next(&huge), NEXT),
        Input::events("a line of a megabyte", long, SOUND),
        Input::events("an array of documents", format!("[{SOUND}, {NEXT}]"), "").refused(),
        Input::events("documents with commas between them", format!("{SOUND},\n{NEXT}"), "")
            .refused(),
        Input::events("a file whose name injects", "{oops}", "")
            .under("'; drop table mart.songs; -- input.json"),
    ]
}

/// Files that are odd before they are parsed as JSON.
pub fn other_bytes() -> Vec<Input> {
    let both = format!("{SOUND}\n{NEXT}");
    let odd = before_next(&SOUND.replace("Elena", &format!("El{BYTE}na")));
    let odd = |name, encode| Input::events(name, odd.as_str(), NEXT).encoded(encode);
    vec![
        Input::events("an empty file", "", ""),
        Input::events("a file of blanks", " \t\r\n\n ", ""),
        Input::events("a folder's marker", "", "").under(""),
        Input::events("a byte order mark at the beginning", format!("\u{feff}{SOUND}"), SOUND),
        Input::events("a byte order mark in the middle", format!("{SOUND}\n\u{feff}{NEXT}"), &both),
        Input::events("UTF-16", SOUND, "").encoded(utf16),
        odd("Latin-1", |text| with_byte(text, 0xe9)),
        odd("half a letter of UTF-8", |text| with_byte(text, 0xc3)),
        odd("a raw NUL", |text| with_byte(text, 0)),
        odd("a raw control character", |text| with_byte(text, 1)),
    ]
}

/// Files that are compressed, or have such a name.
pub fn compressed() -> Vec<Input> {
    let both = format!("{SOUND}\n{NEXT}");
    vec![
        Input::events("gzip", &both, &both).encoded(gzip).under("input.json.gz"),
        Input::events("gzip that is cut off", &both, &both)
            .encoded(gzip_cut_off)
            .under("input.json.gz"),
        Input::events("not really gzip", "", "")
            .encoded(|_| b"\x1f\x8b no gzip".into())
            .under("input.json.gz"),
        Input::events("plain text called gzip", SOUND, SOUND).under("input.json.gz"),
        Input::events("gzip called plain text", SOUND, SOUND).encoded(gzip),
        Input::events("not really Zstandard", "", "")
            .encoded(|_| b"\x28\xb5\x2f\xfd no zstd".into())
            .under("input.json.zst"),
    ]
}
