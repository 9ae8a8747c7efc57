//! What a run would do with a sample: which records it rejects, which keys fill no column, and
//! which texts come close to the width of their column.

use std::collections::BTreeSet;

use segue_contract::pipeline::Column;
use segue_records::plain;

use super::{
    Depth,
    finding::Finding,
    sample::{Fault, Measured, Seen},
    shape::Mapping,
};
use crate::ui;

/// The most broken records of a source to name.
const NAMED_MAX: usize = 100;
/// The most keys to name.
const KEYS_NAMED_MAX: usize = 10;
/// A text that needs more than this share of its column is worth a look.
const WIDTH_PERCENT_MAX: usize = 80;

/// What to do about a record that cannot be loaded.
const FIX_IT: &str = "fix the file, move it out of the prefix, or set it aside with `segue skip`";
/// What to do about a key with another spelling.
const SPELL_IT: &str = "keys are case-sensitive: spell them like the path, or map them in a \
                        JSONPaths file";

/// The findings, worst first; `max_rejects` is how many records of the source a run may skip.
pub fn findings(mapping: &Mapping, seen: &Seen, depth: Depth, max_rejects: u64) -> Vec<Finding> {
    let mut findings = faults(seen, depth, max_rejects);
    if seen.records == 0 {
        return findings;
    }
    findings.extend(keys(mapping, seen));
    let columns = mapping.table.columns.iter().enumerate();
    let wide: Vec<Finding> =
        columns.filter_map(|(index, column)| too_wide(column, seen.columns.get(&index)?)).collect();
    match wide.is_empty() {
        true => findings.push(Finding::good("widths", closest(mapping, seen))),
        false => findings.extend(wide),
    }
    findings
}

/// Names the records that a run does not load: all of them, or the first of each file.
fn faults(seen: &Seen, depth: Depth, max_rejects: u64) -> Vec<Finding> {
    let mut files = BTreeSet::new();
    let is_named = |fault: &&Fault| depth == Depth::EveryFile || files.insert(fault.file.clone());
    let named: Vec<&Fault> = seen.faults.iter().filter(is_named).take(NAMED_MAX).collect();
    let is_allowed =
        seen.faults.len() as u64 <= max_rejects && !seen.faults.iter().any(|one| one.is_file);
    let finding = |check, found| match is_allowed {
        true => Finding::warning(check, found, "a run skips the record, and counts it"),
        false => Finding::bad(check, found, FIX_IT),
    };
    let mut findings: Vec<Finding> = named
        .iter()
        .map(|fault| {
            let line = match fault.line {
                0 => String::new(),
                line => format!(" line {line}"),
            };
            let found = format!("{}{line}: {}", fault.file, fault.reason);
            finding(fault.check, found).in_file(&fault.file)
        })
        .collect();
    let others = seen.faults.len() - named.len();
    if others > 0 {
        let others = ui::count(others, "other broken record");
        let how = if depth == Depth::Sample { "; --noload names them" } else { "" };
        findings.push(finding("documents", format!("{others} in these files{how}")));
    }
    findings
}

/// Keys that fill no column: those with another spelling than a column's own, and, if a column
/// stays empty, all others.
fn keys(mapping: &Mapping, seen: &Seen) -> Vec<Finding> {
    let taken: BTreeSet<&str> = mapping.paths.iter().map(|path| path.first()).collect();
    let mut others: Vec<(&String, usize)> = Vec::new();
    let mut findings = Vec::new();
    let columns: Vec<_> = mapping.table.columns.iter().zip(&mapping.paths).collect();
    for (key, records) in seen.keys.iter().filter(|(key, _)| !taken.contains(key.as_str())) {
        let meant = columns.iter().find(|(_, path)| plain(path.key()) == plain(key));
        let Some((column, path)) = meant else {
            others.push((key, *records));
            continue;
        };
        let found = format!(
            "no column takes {key} ({records} of {}): {} is filled by {}",
            ui::count(seen.records, "record"),
            column.name,
            path.written().unwrap_or(path.key()),
        );
        findings.push(Finding::warning("keys", found, SPELL_IT));
    }
    if others.is_empty() {
        return findings;
    }
    others.sort_by_key(|(_, records)| std::cmp::Reverse(*records));
    let named = others.iter().take(KEYS_NAMED_MAX).map(|(key, _)| key.as_str());
    let named = named.collect::<Vec<_>>().join(", ");
    let more = if others.len() > KEYS_NAMED_MAX { ", …" } else { "" };
    let empty: Vec<&str> = columns
        .iter()
        .enumerate()
        .filter(|(index, _)| !seen.columns.contains_key(index))
        .map(|(_, (column, _))| column.name.as_str())
        .collect();
    let found = format!("no column takes {named}{more}");
    findings.push(match empty.is_empty() {
        true => Finding::good("keys", found),
        false => Finding::warning(
            "keys",
            format!("{found}; no record of the sample fills {}", empty.join(", ")),
            "check whether these keys belong to these columns: a JSONPaths file can map them",
        ),
    });
    findings
}

fn too_wide(column: &Column, measured: &Measured) -> Option<Finding> {
    let bytes_max = column.bytes_max?;
    let Measured { longest_bytes, longest_in, .. } = measured;
    let found = format!("{}: {longest_bytes} bytes of {bytes_max} in {longest_in}", column.name);
    let widen = "widen the column in sql/create/staging.sql and in sql/create/20_mart.sql, and by \
                 `alter table` in the warehouse";
    if *longest_bytes > bytes_max {
        return Some(Finding::bad("widths", found, widen).in_file(longest_in));
    }
    (*longest_bytes * 100 > bytes_max * WIDTH_PERCENT_MAX)
        .then(|| Finding::warning("widths", found, format!("before longer texts arrive, {widen}")))
}

/// The column with the least room left.
fn closest(mapping: &Mapping, seen: &Seen) -> String {
    let widths = mapping.table.columns.iter().enumerate().filter_map(|(index, column)| {
        Some((column, column.bytes_max?, seen.columns.get(&index)?.longest_bytes))
    });
    let closest = widths.max_by_key(|(_, bytes_max, longest)| longest * 1_000 / bytes_max);
    let records = ui::count(seen.records, "record");
    match closest {
        Some((column, bytes_max, longest)) => {
            format!(
                "{records} fit; the fullest column is {}, {longest} bytes of {bytes_max}",
                column.name
            )
        }
        None => format!("{records} fit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::shape::tests::mapping;

    fn found(source: &str, text: &str, is_cut: bool, depth: Depth) -> Vec<Finding> {
        let (mapping, mut seen) = (mapping(source), Seen::default());
        seen.add("s3://b/k", text.as_bytes(), is_cut, &mapping);
        findings(&mapping, &seen, depth, 0)
    }

    fn shown(source: &str, text: &str, is_cut: bool) -> String {
        let lines = found(source, text, is_cut, Depth::Sample).into_iter();
        let lines = lines.map(|one| format!("{} {}: {}", one.verdict, one.check, one.found));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn song(title: &str) -> String {
        format!(
            r#"{{"num_songs": 1, "artist_id": "A", "artist_name": "N", "song_id": "S", "title": "{title}", "duration": 1.5}}"#
        )
    }

    #[test]
    fn texts_are_measured_in_bytes_next_to_their_columns() {
        let text = [song("a"), song(&"é".repeat(100))].join("\n");
        insta::assert_snapshot!(shown("songs", &text, false), @"good widths: 2 records fit; the fullest column is title, 200 bytes of 1024");
        insta::assert_snapshot!(shown("songs", &song(&"é".repeat(450)), false), @"warning widths: title: 900 bytes of 1024 in s3://b/k");
        insta::assert_snapshot!(shown("songs", &song(&"é".repeat(513)), false), @"BAD widths: title: 1026 bytes of 1024 in s3://b/k");
    }

    #[test]
    fn a_record_that_lacks_a_key_is_named_with_the_key_to_write() {
        let text = [song("a"), song("b").replace("song_id", "songId"), song("c")].join("\n");
        insta::assert_snapshot!(shown("songs", &text, false), @r#"
        BAD keys: s3://b/k line 2: the record has songId, not song_id: keys are case-sensitive
        warning keys: no column takes songId (1 of 3 records): song_id is filled by song_id
        good widths: 3 records fit; the fullest column is song_id, 1 bytes of 64
        "#);
        let event = r#"{"page": "NextSong", "sessionId": 1, "ts": 1541105830796}"#;
        insta::assert_snapshot!(shown("events", event, false), @r#"
        BAD keys: s3://b/k line 1: the record has no itemInSession, by the path $['itemInSession']
        good widths: 1 record fit; the fullest column is page, 8 bytes of 128
        "#);
        let null = song("a").replace("\"S\"", "null");
        insta::assert_snapshot!(shown("songs", &null, false), @r#"
        BAD keys: s3://b/k line 1: song_id is null, but a value is required
        good widths: 1 record fit; the fullest column is artist_id, 1 bytes of 64
        "#);
    }

    #[test]
    fn keys_that_no_column_takes_are_named() {
        let event = r#"{"page": "NextSong", "sessionId": 1, "itemInSession": 0, "ts": 1, "userid": "7", "Song": "x", "browser": "b"}"#;
        insta::assert_snapshot!(shown("events", event, false), @r#"
        warning keys: no column takes Song (1 of 1 record): song is filled by $['song']
        warning keys: no column takes userid (1 of 1 record): user_id is filled by $['userId']
        warning keys: no column takes browser; no record of the sample fills artist, auth, first_name, gender, last_name, length, level, location, method, registration, song, status, user_agent, user_id
        good widths: 1 record fit; the fullest column is page, 8 bytes of 128
        "#);
        let full = song("a").replace(
            "\"num_songs\"",
            "\"artist_latitude\": null, \"artist_longitude\": null, \"artist_location\": \"\", \"year\": 0, \"more\": 1, \"num_songs\"",
        );
        insta::assert_snapshot!(shown("songs", &full, false), @r#"
        good keys: no column takes more
        good widths: 1 record fit; the fullest column is song_id, 1 bytes of 64
        "#);
    }

    #[test]
    fn a_file_that_is_not_json_is_named_and_a_truncated_sample_is_not() {
        let text = song("a") + "{\"title\": \"b";
        insta::assert_snapshot!(shown("songs", &text, false), @r"
        BAD documents: s3://b/k line 1: expected the end of the document, found the end of the file
        good widths: 1 record fit; the fullest column is song_id, 1 bytes of 64
        ");
        assert!(shown("songs", &text, true).starts_with("good widths"));
    }

    #[test]
    fn every_broken_record_is_named_where_every_file_is_read() {
        let text = ["{oops}", &song("a"), "{\"title\": ", &song("b"), ""].join("\n");
        let named = |depth| {
            let findings = found("songs", &text, false, depth).into_iter();
            findings.map(|one| one.found).collect::<Vec<_>>()
        };
        let every = named(Depth::EveryFile);
        assert!(every[0].starts_with("s3://b/k line 1: "), "{every:?}");
        assert!(every[1].starts_with("s3://b/k line 3: "), "{every:?}");
        let others = "1 other broken record in these files; --noload names them";
        assert_eq!(named(Depth::Sample)[1], others);
    }

    #[test]
    fn records_that_a_run_may_skip_are_a_warning() {
        let (mapping, mut seen) = (mapping("songs"), Seen::default());
        seen.add("s3://b/k", format!("{{oops}}\n{}", song("a")).as_bytes(), false, &mapping);
        let verdict = |max_rejects| {
            findings(&mapping, &seen, Depth::Sample, max_rejects)[0].verdict.to_string()
        };
        assert_eq!((verdict(0).as_str(), verdict(1).as_str()), ("BAD", "warning"));
    }

    #[test]
    fn what_a_run_loads_is_not_called_broken() {
        let odd = song("a").replace("1.5", "1.5, \"huge\": 1e400, \"half\": \"\\ud800\"");
        let text = format!("\u{feff}{odd}\n{}", song("b"));
        insta::assert_snapshot!(shown("songs", &text, false), @"good widths: 2 records fit; the fullest column is song_id, 1 bytes of 64");
    }
}
