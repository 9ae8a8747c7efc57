//! A sample of the real files, held to the widths of the columns: bytes of the longest text beside
//! the bytes that the column takes.

use std::{collections::BTreeMap, io};

use segue_contract::jsonpaths;
use segue_documents::{Decoder, Documents, Records, Reject, Sink, Stopped};
use serde_json::{Map, Value};

use super::{
    Depth,
    files::{Files, Listed},
    finding::Finding,
    shape::{Column, Table},
};
use crate::talk;

/// Files that are looked into, spread evenly over all that were listed.
const FILES_MAX: usize = 20;
/// Bytes of each that are looked into, as a sample and where every record is.
const FILE_BYTES_MAX: u64 = 1 << 20;
const WHOLE_FILE_BYTES_MAX: u64 = 64 << 20;
/// Broken records that are named at most.
const NAMED_MAX: usize = 100;
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
    depth: Depth,
) -> Vec<Finding> {
    let mut seen = Seen::default();
    let (step, bytes_max) = match depth {
        Depth::OneFile => (listed.objects.len().div_ceil(FILES_MAX).max(1), FILE_BYTES_MAX),
        Depth::EveryFile => (1, WHOLE_FILE_BYTES_MAX),
    };
    for (key, bytes) in listed.objects.iter().step_by(step) {
        let text = match files.head(key, bytes_max).await {
            Ok(text) => text,
            Err(problem) => {
                return vec![Finding::problem("widths", &problem, super::READ_IT).of(source)];
            }
        };
        let uri = format!("s3://{}/{key}", files.landing);
        seen.add(&uri, &text, *bytes > bytes_max, keys);
    }
    let findings = findings(table, keys, &seen, depth);
    findings.into_iter().map(|finding| finding.of(source)).collect()
}

/// One file on its way through the reader that runs read with.
struct Reader<'a> {
    seen: &'a mut Seen,
    uri: &'a str,
    keys: &'a [Option<String>],
}

impl Sink for Reader<'_> {
    fn document(&mut self, document: &[u8], _line: u64) -> io::Result<()> {
        match serde_json::from_slice::<Map<String, Value>>(document) {
            Ok(record) if is_jsonpaths(&record) => self.seen.faults.push(format!(
                "{} is a JSONPaths file: it belongs beside the prefix, not under it",
                self.uri
            )),
            Ok(record) => self.seen.measure(self.uri, &record, self.keys),
            // Valid, and loaded, though its values cannot be measured.
            Err(_) => self.seen.records += 1,
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        self.seen.faults.push(format!("{} line {}: {}", self.uri, reject.line, reject.reason));
        Ok(())
    }
}

impl Seen {
    fn add(&mut self, uri: &str, file: &[u8], is_cut: bool, keys: &[Option<String>]) {
        let is_of_arrays = keys.iter().all(Option::is_none);
        let records = if is_of_arrays { Records::ObjectsAndArrays } else { Records::Objects };
        let mut documents = Documents::new(records);
        let mut reader = Reader { seen: self, uri, keys };
        let mut decoder = Decoder::Unknown;
        let mut text = |text: &[u8]| documents.push(text, &mut reader);
        let pushed = decoder.push(file, &mut text);
        let ended = match is_cut {
            true => pushed,
            false => pushed.and_then(|()| decoder.finish(&mut text)),
        };
        let finished = match ended {
            // What is cut off is not known to be broken.
            Ok(()) if is_cut => Ok(()),
            Ok(()) => documents.finish(None, &mut reader),
            Err(Stopped::Broken(reason)) => documents.finish(Some(&reason), &mut reader),
            Err(Stopped::Sink(error)) => Err(error),
        };
        if let Err(error) = finished {
            self.faults.push(format!("{uri}: {error}"));
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

fn findings(table: &Table, keys: &[Option<String>], seen: &Seen, depth: Depth) -> Vec<Finding> {
    let mut findings = Vec::new();
    let advice = "fix the file, move it out of the prefix, or set it aside with `segue skip`";
    let named = if depth == Depth::EveryFile { NAMED_MAX } else { 1 };
    let shown = seen.faults.iter().take(named);
    findings.extend(shown.map(|fault| Finding::bad("documents", fault.clone(), advice)));
    if seen.faults.len() > named {
        let others = talk::count(seen.faults.len() - named, "other broken record");
        let how = if depth == Depth::OneFile { "; --noload names them" } else { "" };
        findings.push(Finding::bad("documents", format!("{others} in these files{how}"), advice));
    }
    if seen.records == 0 {
        return findings;
    }
    let before = findings.len();
    for (index, (column, key)) in table.columns.iter().zip(keys).enumerate() {
        match (seen.columns.get(&index), column.bytes_max) {
            // What a deeper path finds is not measured.
            (None, _) => findings.extend(key.as_deref().and_then(|key| missing(column, key))),
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
        let lines = findings(&songs, &keys, &seen, Depth::OneFile).into_iter();
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
        BAD documents: s3://b/k line 1: expected the end of the document, found the end of the file
        good widths: 1 record fit; the closest is song_id, 1 bytes of 64
        ");
        assert!(said(&text, true).starts_with("good widths"));
    }

    #[test]
    fn every_broken_record_is_named_where_every_file_is_read() {
        let text = ["{oops}", &song("a"), "{\"title\": ", &song("b"), ""].join("\n");
        let (songs, mut seen) = (table("songs"), Seen::default());
        seen.add("s3://b/k", text.as_bytes(), false, &songs.keys(None));
        let found = |depth| {
            let findings = findings(&songs, &songs.keys(None), &seen, depth).into_iter();
            findings.map(|one| one.found).collect::<Vec<_>>()
        };
        let every = found(Depth::EveryFile);
        assert!(every[0].starts_with("s3://b/k line 1: "), "{every:?}");
        assert!(every[1].starts_with("s3://b/k line 3: "), "{every:?}");
        assert_eq!(
            found(Depth::OneFile)[1],
            "1 other broken record in these files; --noload names them"
        );
    }

    #[test]
    fn what_a_run_loads_is_not_called_broken() {
        let odd = song("a").replace("1.5", "1.5, \"huge\": 1e400, \"half\": \"\\ud800\"");
        let text = format!("\u{feff}{odd}\n{}", song("b"));
        insta::assert_snapshot!(said(&text, false), @"good widths: 2 records fit; the closest is song_id, 1 bytes of 64");
    }
}
