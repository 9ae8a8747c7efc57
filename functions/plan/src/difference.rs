//! What the warehouse found to be new: its counts from the statement's result, the objects from what
//! it unloaded to the work bucket.
//!
//! Nothing undoes an UNLOAD, so a failed attempt leaves files behind. Only the files that the manifest
//! names are read, and their rows must be as many as the same transaction counted.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use aws_sdk_s3::Client;
use flate2::read::MultiGzDecoder;
use segue_buckets::{Object, get};
use segue_contract::messages::Found;
use segue_contract::{ErrorName, Failure, layout};
use segue_function::unreadable;
use segue_warehouse::{Warehouse, number, text};
use serde::Deserialize;

use crate::objects::Objects;

/// The results of the step `plan/subtract`, by their numbers in the batch; the second and third are
/// small, the last exists only if there are candidates.
const ANY_RESULT: &str = "2";
const PATHS_RESULT: &str = "3";
const COUNTS_RESULT: &str = "8";

/// The candidates of all sources, judged.
#[derive(Debug, Default)]
pub struct Difference {
    sources: BTreeMap<String, Judged>,
    /// Published objects, by source and digest of the JSONPaths that they were loaded with.
    paths: Vec<(String, String, u64)>,
    /// Whether nothing was ever published.
    pub is_ledger_empty: bool,
}

/// The candidates of one source, judged.
#[derive(Debug, Default)]
pub struct Judged {
    /// Those to load, in key order.
    pub new: Objects,
    /// Of these, those that were loaded with other content.
    pub changed: u64,
    /// Those that are set aside with their current content.
    pub set_aside: u64,
    /// When the oldest new one was written.
    pub oldest_second: Option<i64>,
}

impl Judged {
    /// Takes an object to load.
    pub fn add(&mut self, object: &Object, is_changed: bool) {
        self.new.add(object);
        self.changed += u64::from(is_changed);
        let written = Some(object.written_second).filter(|second| *second > 0);
        self.oldest_second = self.oldest_second.into_iter().chain(written).min();
    }
}

#[derive(Deserialize)]
struct Manifest {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    url: String,
}

#[derive(Deserialize)]
struct Row {
    source: String,
    uri: String,
    #[serde(default)]
    etag: Option<String>,
    bytes: u64,
    written_second: i64,
    outcome: String,
}

impl Difference {
    /// A difference that was found without the warehouse.
    pub fn of(
        sources: BTreeMap<String, Judged>,
        paths: Vec<(String, String, u64)>,
        is_ledger_empty: bool,
    ) -> Self {
        Self { sources, paths, is_ledger_empty }
    }

    /// Reads the difference that the finished statement has unloaded.
    ///
    /// # Errors
    /// `StatementFailed` if what was unloaded is not what was counted; as reading a result, and
    /// `SourceUnreadable` when the work bucket cannot be read.
    pub async fn read(
        warehouse: &Warehouse,
        s3: &Client,
        statement_id: &str,
        found: &Found,
    ) -> Result<Self, Failure> {
        let mut difference = Self::default();
        let mut published = 0;
        each(warehouse, &format!("{statement_id}:{ANY_RESULT}"), |row| {
            published = row.count(0);
        })
        .await?;
        difference.is_ledger_empty = published == 0;
        difference.paths = paths(warehouse, statement_id).await?;
        if found.candidates == 0 {
            return Ok(difference);
        }
        let (mut judged, mut new, mut unloaded_to) = (0, 0, String::new());
        each(warehouse, &format!("{statement_id}:{COUNTS_RESULT}"), |row| {
            let (outcome, objects) = (row.text(1), row.count(2));
            judged += objects;
            match outcome.as_str() {
                "set aside" => {
                    difference.sources.entry(row.text(0)).or_default().set_aside = objects;
                }
                "known" => {}
                _ => new += objects,
            }
            unloaded_to = row.text(3);
        })
        .await?;
        expect("candidates in the warehouse", found.candidates, judged)?;
        if new > 0 {
            difference.read_unloaded(s3, &unloaded_to).await?;
        }
        let read = difference.sources.values().map(|one| one.new.volume().objects).sum();
        expect("new objects unloaded", new, read)?;
        Ok(difference)
    }

    async fn read_unloaded(&mut self, s3: &Client, prefix: &str) -> Result<(), Failure> {
        let manifest = file(s3, &format!("{prefix}manifest")).await?;
        let manifest: Manifest = serde_json::from_slice(&manifest)
            .map_err(|error| unreadable("the manifest of new objects is not JSON", error))?;
        for entry in manifest.entries {
            let part = file(s3, &entry.url).await?;
            let what = |error| unreadable(format!("{} cannot be read", entry.url), error);
            for line in BufReader::new(MultiGzDecoder::new(part.as_slice())).lines() {
                let row: Row = serde_json::from_str(&line.map_err(what)?)
                    .map_err(|error| unreadable(format!("{} is not JSON", entry.url), error))?;
                let object = Object {
                    uri: row.uri,
                    etag: row.etag.unwrap_or_default(),
                    bytes: row.bytes,
                    written_second: row.written_second,
                };
                let judged = self.sources.entry(row.source).or_default();
                judged.add(&object, row.outcome == "changed");
            }
        }
        Ok(())
    }

    /// Takes what was judged of a source.
    pub fn take(&mut self, source: &str) -> Judged {
        self.sources.remove(source).unwrap_or_default()
    }

    /// How many published objects of a source were loaded with other JSONPaths than these. Objects
    /// for which this is unknown do not count.
    pub fn by_other_paths(&self, source: &str, digest: &str) -> u64 {
        let others = self.paths.iter().filter(|(of, by, _)| of == source && by != digest);
        others.map(|(.., objects)| objects).sum()
    }
}

/// Counts published objects by source and digest of the JSONPaths that they were loaded with.
///
/// # Errors
/// As reading a result.
pub async fn paths(
    warehouse: &Warehouse,
    statement_id: &str,
) -> Result<Vec<(String, String, u64)>, Failure> {
    let mut paths = Vec::new();
    each(warehouse, &format!("{statement_id}:{PATHS_RESULT}"), |row| {
        paths.push((row.text(0), row.text(1), row.count(2)));
    })
    .await?;
    Ok(paths)
}

fn expect(what: &str, expected: u64, found: u64) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    Err(Failure::new(
        ErrorName::StatementFailed,
        format!("plan/subtract: expected {expected} {what}, found {found}"),
    )
    .hint("start again; if it happens again, report it: nothing was published"))
}

async fn file(s3: &Client, uri: &str) -> Result<Vec<u8>, Failure> {
    let missing = || {
        Failure::new(ErrorName::SourceUnreadable, format!("expected {uri} to exist, found nothing"))
            .hint("start again: the warehouse has reported that it wrote this file")
    };
    let (bucket, key) = layout::bucket_and_key(uri).ok_or_else(missing)?;
    get(s3, bucket, key).await?.ok_or_else(missing)
}

/// One row of a small result.
struct ResultRow<'a>(&'a segue_warehouse::Row);

impl ResultRow<'_> {
    fn text(&self, index: usize) -> String {
        self.0.get(index).and_then(text).unwrap_or_default()
    }

    fn count(&self, index: usize) -> u64 {
        let count = self.0.get(index).and_then(number).and_then(|count| count.try_into().ok());
        count.unwrap_or_default()
    }
}

async fn each(
    warehouse: &Warehouse,
    result: &str,
    mut take: impl FnMut(ResultRow<'_>),
) -> Result<(), Failure> {
    let take = |rows: Vec<segue_warehouse::Row>| {
        rows.iter().for_each(|row| take(ResultRow(row)));
        Ok(())
    };
    warehouse.read(result, take).await
}
