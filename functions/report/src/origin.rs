//! Adds what a COPY does not know about the records that it rejected: the file that a line of a
//! merged part came from, and the value of the rejected column.

use std::collections::BTreeSet;

use aws_sdk_s3::Client;
use segue_contract::rejects::Refused;
use segue_contract::{Run, jsonpaths, layout, pipeline};
use segue_documents::Reject;
use segue_records::{Document, Found, Given, Parts, Path, broken, texts, whole_names};

use crate::Explained;
use crate::records::BadRecord;

/// The most records to look up: as many as a failure shows.
const LOOKUPS_MAX: usize = 5;
/// The most characters of a value to show.
const VALUE_CHARACTERS_MAX: usize = 80;
/// Redshift's numbers for text that is too long, and for a missing value.
const TOO_LONG: i64 = 1204;
const MISSING: i64 = 1213;

/// The note about a file that landed in the wrong place.
const JSONPATHS: &str =
    "; this is a JSONPaths file: it belongs next to the folder of the events, not in it";

/// The same cause, each rejected record with its file and the rejected value. Lines that cannot be
/// looked up stay as they are.
pub async fn name_records(s3: &Client, bucket: &str, run: &Run, cause: &str) -> Explained {
    let sources = pipeline::sources().into_iter().map(|source| format!("stage/{source}"));
    let steps: Vec<String> =
        sources.filter(|step| cause.contains(&format!("sql/{step}.sql"))).collect();
    let refusals: Vec<Refused> = cause.lines().filter_map(refusal).collect();
    let files = refusals.iter().take(LOOKUPS_MAX).map(|refused| refused.file.as_str());
    let names = whole_names(s3, bucket, run, &steps, files).await;
    let mut parts = Parts::new(s3, bucket, run);
    let (mut lines, mut records): (Vec<String>, Vec<BadRecord>) = Default::default();
    let mut looked_up = 0;
    // The failed step names the source, and with it the paths that its COPY used.
    let source =
        pipeline::sources().into_iter().find(|name| cause.contains(&format!("stage/{name}")));
    let paths = match source {
        Some(source) => paths(s3, bucket, run, source).await,
        None => None,
    };
    for line in cause.lines() {
        let refused = refusal(line).filter(|_| looked_up < LOOKUPS_MAX);
        let Some(mut refused) = refused else {
            lines.push(line.to_owned());
            continue;
        };
        looked_up += 1;
        if let Some(whole) = names.get(&refused.file) {
            refused.file.clone_from(whole);
        }
        let is_whole = refused.column.is_none() && !refused.file.starts_with(parts.prefix());
        if is_whole && let Some(found) = broken(s3, &refused.file, refused.line).await {
            lines.push(format!("  {}", broken_record(&refused, &found)));
            let text = String::from_utf8_lossy(&found.raw);
            let text = (!found.is_file).then_some(text.as_ref());
            records.push(BadRecord::new(refused.file, found.line, found.reason, text));
            continue;
        }
        let record = texts(s3, &refused.file, &BTreeSet::from([refused.line])).await;
        let what = record.get(&refused.line).and_then(|record| {
            let path =
                |column: &str| Path::of(source.unwrap_or_default(), column, paths.as_deref());
            what_was_given(&refused, record, path)
        });
        let landed = parts.document(&refused.file, refused.line).await;
        let what = what.unwrap_or_default();
        let text = record.get(&refused.line).map(String::as_str);
        let (uri, line) = match &landed {
            Some(Document { uri, line }) => (uri.clone(), *line),
            None => (refused.file.clone(), refused.line),
        };
        let reason = format!("{}{what}", refused.reason);
        let column = refused.column.clone();
        records.push(BadRecord { column, ..BadRecord::new(uri, line, reason, text) });
        lines.push(format!("  {}{what}", placed(&refused, landed)));
    }
    Explained { cause: lines.join("\n"), records }
}

/// A broken record, by the line to fix: a COPY names the line on which it noticed.
fn broken_record(refused: &Refused, found: &Reject) -> String {
    let Refused { file, line, code, reason, .. } = refused;
    let place = format!("{file} line {}: {}", found.line, found.reason);
    if found.is_file {
        return format!("{place} (error {code})");
    }
    let text = String::from_utf8_lossy(&found.raw).into_owned();
    let noticed = if found.line == *line { String::new() } else { format!(" on line {line}") };
    let it_is = shown(&Given::Text(text));
    format!("{place}; it is {it_is}; the COPY stopped{noticed}: {reason} (error {code})")
}

/// The rejected value in a line of a cause.
fn refusal(line: &str) -> Option<Refused> {
    line.strip_prefix("  ").and_then(Refused::parse)
}

/// The rejected value, with the record's place if the file is a part.
fn placed(refused: &Refused, landed: Option<Document>) -> String {
    let text = refused.to_string();
    let Some(Document { uri, line }) = landed else { return text };
    let place = format!("{} line {}", refused.file, refused.line);
    text.replacen(&place, &format!("{uri} line {line} ({place})"), 1)
}

/// The JSONPaths file that the run's COPY of a source used, if it used one.
async fn paths(s3: &Client, bucket: &str, run: &Run, source: &str) -> Option<String> {
    pipeline::jsonpaths(source)?;
    let object = s3.get_object().bucket(bucket).key(layout::jsonpaths_key(run, source));
    let body = object.send().await.ok()?.body.collect().await.ok()?;
    String::from_utf8(body.to_vec()).ok()
}

/// `; title is 312 bytes, the column holds 256`, or whatever else the record has for the column. What it
/// has under another key is never shown as the column's value.
fn what_was_given(refused: &Refused, record: &str, path: impl Fn(&str) -> Path) -> Option<String> {
    if jsonpaths::content_says_so(record.as_bytes()) {
        return Some(JSONPATHS.to_owned());
    }
    let Some(column) = &refused.column else {
        return Some(format!("; it is {}", shown(&Given::Text(record.to_owned()))));
    };
    let path = path(column);
    let key = path.key();
    Some(match (path.find(record), refused.column_bytes_max()) {
        (Found::Value(value), Some(most)) if refused.code == TOO_LONG => {
            let bytes = value.text().len();
            format!("; {key} is {bytes} bytes, the column holds {most}: {}", shown(&value))
        }
        (Found::Value(value), _) => format!("; {key} is {}", shown(&value)),
        (found, _) if refused.code == MISSING => format!("; {}", path.missing(&found)),
        _ => return None,
    })
}

/// A value on one line, truncated if it is long.
fn shown(given: &Given) -> String {
    let cut: String = given.text().chars().take(VALUE_CHARACTERS_MAX).collect();
    let more = if cut.len() < given.text().len() { " …" } else { "" };
    let cut = match given {
        Given::Text(_) => Given::Text(cut),
        Given::Other(_) => Given::Other(cut),
    };
    format!("{cut}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(column: Option<&str>, kind: &str, code: i64) -> Refused {
        Refused {
            file: "s3://w/runs/r/parts/songs/00003.json.zst".into(),
            line: 12,
            column: column.map(Into::into),
            kind: kind.into(),
            code,
            reason: "Refused".into(),
        }
    }

    #[test]
    fn a_line_of_a_part_is_named_as_the_line_of_its_object() {
        let landed = Document { uri: "s3://l/a.json".into(), line: 2 };
        assert_eq!(
            placed(&refused(Some("year"), "int2", 1207), Some(landed)),
            "s3://l/a.json line 2 (s3://w/runs/r/parts/songs/00003.json.zst line 12), \
             column year int2: Refused (error 1207)"
        );
    }

    #[test]
    fn the_rejected_value_is_shown_as_far_as_it_helps() {
        let titled = format!("\"title\": \"{}\"", "é".repeat(156));
        let record = format!("{{{titled}, \"year\": \"long\", \"latitude\": 1e9}}");
        let path = |column: &str| Path::of("songs", column, None);
        let given = |refused: Refused| what_was_given(&refused, &record, path);
        let title = given(refused(Some("title"), "varchar(256)", TOO_LONG)).expect("a value");
        assert!(title.starts_with("; title is 312 bytes, the column holds 256: \"éé"), "{title}");
        assert!(title.ends_with("é\" …"), "{title}");
        let year = given(refused(Some("year"), "int2", 1207));
        assert_eq!(year.as_deref(), Some("; year is \"long\""));
        let latitude = given(refused(Some("latitude"), "numeric(9, 5)", 1207));
        assert_eq!(latitude.as_deref(), Some("; latitude is 1e9"));
        let duration = given(refused(Some("duration"), "numeric(12, 5)", MISSING));
        assert_eq!(duration.as_deref(), Some("; the record has no duration"));
        assert_eq!(given(refused(Some("duration"), "numeric(12, 5)", 1207)), None);
        let broken = what_was_given(&refused(None, "", 1216), "{\"a\": x}", path);
        assert_eq!(broken.as_deref(), Some("; it is \"{\\\"a\\\": x}\""));
    }

    #[test]
    fn a_missing_key_is_named_with_its_path_and_never_another_field_s_value() {
        let missing = |source: &'static str, column: &str, record: &str| {
            let own = pipeline::jsonpaths(source);
            let path = move |column: &str| Path::of(source, column, own.as_deref());
            what_was_given(&refused(Some(column), "int4", MISSING), record, path)
        };
        assert_eq!(
            missing("events", "item_in_session", r#"{"page": "NextSong"}"#).as_deref(),
            Some("; the record has no itemInSession, by the path $['itemInSession']")
        );
        assert_eq!(
            missing("events", "item_in_session", r#"{"item_in_session": 0}"#).as_deref(),
            Some(
                "; the record has item_in_session, not itemInSession, by the path \
                 $['itemInSession']: keys are case-sensitive"
            )
        );
        assert_eq!(
            missing("songs", "title", r#"{"Title": "Harbour Lights 1"}"#).as_deref(),
            Some("; the record has Title, not title: keys are case-sensitive")
        );
    }
}
