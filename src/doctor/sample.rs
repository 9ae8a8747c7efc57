//! A sample of the real files, held to the widths of the columns: bytes of the longest text beside
//! the bytes that the column takes.

use std::collections::BTreeMap;

use segue_contract::{data_files, jsonpaths, messages::Compression};
use serde_json::{Map, Value};

use super::{
    files::{Files, Listed},
    finding::Finding,
    shape::{Column, Table},
};
use crate::{errors::Outcome, talk};

/// Files that are looked into, spread evenly over all that were listed.
const FILES_MAX: usize = 20;
/// Bytes of each that are looked into.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// A text that needs more than this share of its column is worth a look.
const WIDTH_PERCENT_MAX: usize = 80;

/// What the sample says of one column.
#[derive(Debug, Default, Clone)]
struct Measured {
    records: usize,
    longest_bytes: usize,
    longest_in: String,
}

/// Everything that was seen.
#[derive(Debug, Default)]
struct Seen {
    records: usize,
    columns: BTreeMap<usize, Measured>,
    faults: Vec<String>,
}

/// Looks into some files of a source.
pub async fn examine(
    files: &Files<'_>,
    source: &'static str,
    table: &Table,
    keys: &[Option<String>],
    listed: &Listed,
) -> Vec<Finding> {
    let plain = |key: &str| data_files::compression(key) == Compression::None;
    let (plain, packed): (Vec<_>, Vec<_>) = listed.objects.iter().partition(|(key, _)| plain(key));
    let mut seen = Seen::default();
    let step = plain.len().div_ceil(FILES_MAX).max(1);
    for (key, bytes) in plain.iter().step_by(step) {
        if let Err(problem) = look_into(files, key, *bytes, keys, &mut seen).await {
            return vec![Finding::problem("widths", &problem).of(source)];
        }
    }
    let mut findings = findings(table, keys, &seen);
    if !packed.is_empty() {
        let count = talk::count(packed.len(), "compressed file");
        let found = format!("{count} were not looked into; --noload has the warehouse read them");
        findings.push(Finding::unknown("widths", found));
    }
    findings.into_iter().map(|finding| finding.of(source)).collect()
}

async fn look_into(
    files: &Files<'_>,
    key: &str,
    bytes: u64,
    keys: &[Option<String>],
    seen: &mut Seen,
) -> Outcome {
    let text = files.head(key, FILE_BYTES_MAX).await?;
    let uri = format!("s3://{}/{key}", files.landing);
    seen.add(&uri, &text, bytes > FILE_BYTES_MAX, keys);
    Ok(())
}

impl Seen {
    fn add(&mut self, uri: &str, text: &[u8], is_cut: bool, keys: &[Option<String>]) {
        let documents =
            serde_json::Deserializer::from_slice(text).into_iter::<Map<String, Value>>();
        for (index, document) in documents.enumerate() {
            match document {
                Ok(record) if is_jsonpaths(&record) => {
                    self.faults.push(format!(
                        "{uri} is a JSONPaths file: it belongs beside the prefix, not under it"
                    ));
                }
                Ok(record) => self.measure(uri, &record, keys),
                Err(error) if is_cut && error.is_eof() => break,
                Err(error) => {
                    self.faults.push(format!("{uri}, document {}: {error}", index + 1));
                    break;
                }
            }
        }
    }

    fn measure(&mut self, uri: &str, record: &Map<String, Value>, keys: &[Option<String>]) {
        self.records += 1;
        for (index, key) in keys.iter().enumerate() {
            let Some(value) = key.as_ref().and_then(|key| record.get(key)) else { continue };
            let bytes = match value {
                Value::Null => continue,
                Value::String(text) => text.len(),
                other => other.to_string().len(),
            };
            let measured = self.columns.entry(index).or_default();
            measured.records += 1;
            if bytes > measured.longest_bytes {
                measured.longest_bytes = bytes;
                uri.clone_into(&mut measured.longest_in);
            }
        }
    }
}

/// A record that says how records are mapped.
fn is_jsonpaths(record: &Map<String, Value>) -> bool {
    record.len() == 1
        && serde_json::to_vec(record).is_ok_and(|bytes| jsonpaths::content_says_so(&bytes))
}

fn findings(table: &Table, keys: &[Option<String>], seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(fault) = seen.faults.first() {
        let found = format!("no JSON object: {fault}");
        findings.push(Finding::bad(
            "documents",
            found,
            "mend the file, or move it out of the prefix",
        ));
    }
    if seen.records == 0 {
        return findings;
    }
    let before = findings.len();
    for (index, (column, key)) in table.columns.iter().zip(keys).enumerate() {
        let key = key.as_deref().unwrap_or("its path");
        match (seen.columns.get(&index), column.bytes_max) {
            (None, _) => findings.extend(missing(column, key)),
            (Some(measured), Some(bytes_max)) => {
                findings.extend(too_wide(column, bytes_max, measured));
            }
            (Some(_), None) => {}
        }
    }
    if findings.len() == before {
        findings.push(Finding::good("widths", closest(table, seen)));
    }
    findings
}

fn missing(column: &Column, key: &str) -> Option<Finding> {
    column.is_required.then(|| {
        Finding::bad(
            "keys",
            format!("no record of the sample has {key}, which {} must have", column.name),
            "keys are case-sensitive: see how the files spell it, and name it in a JSONPaths file",
        )
    })
}

fn too_wide(column: &Column, bytes_max: usize, measured: &Measured) -> Option<Finding> {
    let Measured { longest_bytes, longest_in, .. } = measured;
    let found = format!("{}: {longest_bytes} bytes of {bytes_max} in {longest_in}", column.name);
    let widen = "widen the column in sql/create/staging.sql and in sql/create/20_mart.sql, and by \
                 `alter table` in the warehouse";
    if *longest_bytes > bytes_max {
        return Some(Finding::bad("widths", found, widen));
    }
    (*longest_bytes * 100 > bytes_max * WIDTH_PERCENT_MAX)
        .then(|| Finding::warning("widths", found, format!("before longer ones come, {widen}")))
}

/// The column that has the least room left.
fn closest(table: &Table, seen: &Seen) -> String {
    let widths = table.columns.iter().enumerate().filter_map(|(index, column)| {
        Some((column, column.bytes_max?, seen.columns.get(&index)?.longest_bytes))
    });
    let closest = widths.max_by_key(|(_, bytes_max, longest)| longest * 1_000 / bytes_max);
    let records = talk::count(seen.records, "record");
    match closest {
        Some((column, bytes_max, longest)) => {
            format!("{records} fit; the closest is {}, {longest} bytes of {bytes_max}", column.name)
        }
        None => format!("{records} fit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::shape::tests::table;

    fn said(text: &str, is_cut: bool) -> String {
        let songs = table("songs");
        let keys = songs.keys(None);
        let mut seen = Seen::default();
        seen.add("s3://b/k", text.as_bytes(), is_cut, &keys);
        let lines = findings(&songs, &keys, &seen).into_iter();
        let lines = lines.map(|one| format!("{} {}: {}", one.verdict, one.check, one.found));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn song(title: &str) -> String {
        format!(
            r#"{{"num_songs": 1, "artist_id": "A", "artist_name": "N", "song_id": "S", "title": "{title}", "duration": 1.5}}"#
        )
    }

    #[test]
    fn texts_are_measured_in_bytes_beside_their_columns() {
        let text = [song("a"), song(&"é".repeat(100))].join("\n");
        insta::assert_snapshot!(said(&text, false), @"good widths: 2 records fit; the closest is title, 200 bytes of 1024");
        insta::assert_snapshot!(said(&song(&"é".repeat(450)), false), @"warning widths: title: 900 bytes of 1024 in s3://b/k");
        insta::assert_snapshot!(said(&song(&"é".repeat(513)), false), @"BAD widths: title: 1026 bytes of 1024 in s3://b/k");
    }

    #[test]
    fn a_key_that_no_record_has_is_missed_where_its_column_needs_it() {
        let text = song("a").replace("song_id", "songId");
        insta::assert_snapshot!(said(&text, false), @"BAD keys: no record of the sample has song_id, which song_id must have");
    }

    #[test]
    fn a_file_that_is_no_json_is_named_and_one_that_was_cut_is_not() {
        let text = song("a") + "{\"title\": \"b";
        insta::assert_snapshot!(said(&text, false), @r"
        BAD documents: no JSON object: s3://b/k, document 2: EOF while parsing a string at line 1 column 113
        good widths: 1 record fit; the closest is song_id, 1 bytes of 64
        ");
        assert!(said(&text, true).starts_with("good widths"));
    }
}
