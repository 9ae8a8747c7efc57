//! Finds the whole URI of an object when the warehouse shows only its beginning.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use segue_contract::{Run, layout};
use serde::Deserialize;

/// How many bytes of a file's name `sys_load_error_detail` shows.
const SHOWN_BYTES: usize = 256;
/// A name may be this many bytes shorter, so that no character is split.
const CHARACTER_BYTES_MAX: usize = 4;

/// An entry of a manifest.
#[derive(Deserialize)]
struct Entry {
    url: String,
}

/// The entries of the run's manifest for a truncated name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    One(String),
    Several,
}

/// Whether the name of a file may be the beginning of a longer one.
pub fn may_be_cut(file: &str) -> bool {
    file.len() > SHOWN_BYTES - CHARACTER_BYTES_MAX
}

/// The files by the truncated names that the warehouse shows: the whole URI if only one object of
/// these steps begins like that; otherwise marked as truncated. Names that are not truncated are
/// omitted. Safe to run again: it only reads.
pub async fn whole_names<'a>(
    s3: &Client,
    bucket: &str,
    run: &Run,
    steps: &[String],
    files: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, Option<Found>> =
        files.filter(|file| may_be_cut(file)).map(|file| (file.to_owned(), None)).collect();
    let mut is_complete = true;
    let steps = if found.is_empty() { &[] } else { steps };
    for step in steps {
        let key = layout::manifest_key(run, step);
        if let Err(error) = search(s3, bucket, &key, &mut found).await {
            tracing::warn!(manifest = key, %error, "names that are cut cannot be looked up");
            is_complete = false;
        }
    }
    let named = found.into_iter().map(|(file, found)| match found {
        Some(Found::One(whole)) if is_complete => (file, whole),
        _ => {
            let cut = format!("{file}… (cut by the warehouse)");
            (file, cut)
        }
    });
    named.collect()
}

/// Reads a manifest line by line: it may name millions of objects.
async fn search(
    s3: &Client,
    bucket: &str,
    key: &str,
    found: &mut BTreeMap<String, Option<Found>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut body = s3.get_object().bucket(bucket).key(key).send().await?.body;
    let mut rest: Vec<u8> = Vec::new();
    while let Some(chunk) = body.next().await {
        rest.extend_from_slice(&chunk?);
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = rest.drain(..whole).collect();
        lines.split(|byte| *byte == b'\n').for_each(|line| note(line, found));
    }
    note(&rest, found);
    Ok(())
}

/// Notes the object of a manifest's line if a truncated name is its beginning.
fn note(line: &[u8], found: &mut BTreeMap<String, Option<Found>>) {
    let line = line.strip_suffix(b",").unwrap_or(line);
    // The first and the last line are not entries.
    let Ok(Entry { url }) = serde_json::from_slice(line) else { return };
    for (name, known) in found.iter_mut() {
        if url.starts_with(name.trim_end_matches('\u{fffd}')) {
            *known = Some(match known {
                None => Found::One(url.clone()),
                Some(Found::One(other)) if *other == url => continue,
                Some(_) => Found::Several,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(lines: &[String], name: &str) -> Option<Found> {
        let mut found = BTreeMap::from([(name.to_owned(), None)]);
        lines.iter().for_each(|line| note(line.as_bytes(), &mut found));
        found.remove(name).flatten()
    }

    #[test]
    fn a_truncated_name_is_the_only_object_that_begins_like_it() {
        let name = |ending: &str| format!("s3://l/{}{ending}", "a".repeat(300));
        let line = |url: &str| format!("{{\"url\":\"{url}\",\"mandatory\":true}},");
        let cut = &name("")[..256];
        let other = line("s3://l/b.json");
        let one = ["{\"entries\": [".to_owned(), line(&name("1.json")), other, "]}".to_owned()];
        assert_eq!(noted(&one, cut), Some(Found::One(name("1.json"))));
        // Half a character, as some warehouses show it.
        assert_eq!(noted(&one, &format!("{cut}\u{fffd}")), Some(Found::One(name("1.json"))));
        let two = [line(&name("1.json")), line(&name("2.json"))];
        assert_eq!(noted(&two, cut), Some(Found::Several));
        assert_eq!(noted(&[line("s3://l/b.json")], cut), None);
    }

    #[test]
    fn only_a_name_as_long_as_the_column_may_be_cut() {
        assert!(!may_be_cut("s3://landing/log_data/2018/11/2018-11-01-events.json"));
        assert!(may_be_cut(&"a".repeat(256)) && may_be_cut(&"é".repeat(127)));
        assert!(!may_be_cut(&"é".repeat(126)));
    }
}
