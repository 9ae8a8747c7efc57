//! What files hold: broken records, keys, and the longest text of every column.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use segue_contract::jsonpaths;
use segue_documents::{Decoder, Documents, Reject, Sink, Stopped};
use segue_records::Path;
use serde_json::Value;

use super::shape::Mapping;

/// Files in the sample, spread evenly over all listed files.
pub const FILES_MAX: usize = 20;
/// Bytes to read of each file, in a sample and when every record is read.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
pub const WHOLE_FILE_BYTES_MAX: u64 = 64 << 20;
/// The most keys of records to count.
const KEYS_MAX: usize = 1_000;

/// What the sample says of one column.
#[derive(Debug, Default, Clone)]
pub struct Measured {
    /// The longest text, or number as written.
    pub longest_bytes: usize,
    /// The file that has it.
    pub longest_in: String,
}

/// A record that a run does not load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The doctor's name for it: `documents` or `keys`.
    pub check: &'static str,
    /// The file.
    pub file: String,
    /// The line on which the record begins, from 1; 0 for the whole file.
    pub line: u64,
    /// What was expected and what was found.
    pub reason: String,
    /// Whether the whole file is always refused, even if records may be skipped.
    pub is_file: bool,
}

/// Everything that was found in the files of a source.
#[derive(Debug, Default)]
pub struct Seen {
    /// Records that can be read.
    pub records: usize,
    /// By position of the column, if any record has a value or a null for it.
    pub columns: BTreeMap<usize, Measured>,
    /// The number of records with each top-level key.
    pub keys: BTreeMap<String, usize>,
    /// Records that a run does not load, in the order of files and lines.
    pub faults: Vec<Fault>,
}

/// One file on its way through the reader that runs use.
struct Reader<'a> {
    seen: &'a mut Seen,
    file: &'a str,
    mapping: &'a Mapping,
}

impl Sink for Reader<'_> {
    fn document(&mut self, document: &[u8], line: u64) -> io::Result<()> {
        if is_jsonpaths(document) {
            let reason = "this is a JSONPaths file: it belongs next to the prefix, not under it";
            self.fault("documents", 0, reason.to_owned(), true);
            return Ok(());
        }
        self.seen.records += 1;
        // Some documents are valid and loaded, although their values cannot be measured.
        if let Ok(record) = serde_json::from_slice::<Value>(document) {
            self.measure(&record);
            self.miss(&record, document, line);
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        self.fault("documents", reject.line, reject.reason, reject.is_file);
        Ok(())
    }
}

impl Reader<'_> {
    fn fault(&mut self, check: &'static str, line: u64, reason: String, is_file: bool) {
        let file = self.file.to_owned();
        self.seen.faults.push(Fault { check, file, line, reason, is_file });
    }

    fn measure(&mut self, record: &Value) {
        for (index, path) in self.mapping.paths.iter().enumerate() {
            let Some(value) = path.value(record) else { continue };
            let measured = self.seen.columns.entry(index).or_default();
            let bytes = match value {
                Value::Null => continue,
                Value::String(text) => text.len(),
                other => other.to_string().len(),
            };
            if bytes > measured.longest_bytes {
                measured.longest_bytes = bytes;
                self.file.clone_into(&mut measured.longest_in);
            }
        }
        for key in record.as_object().into_iter().flat_map(|fields| fields.keys()) {
            if let Some(records) = self.seen.keys.get_mut(key) {
                *records += 1;
            } else if self.seen.keys.len() < KEYS_MAX {
                self.seen.keys.insert(key.clone(), 1);
            }
        }
    }

    /// Notes a record without a required value.
    fn miss(&mut self, record: &Value, document: &[u8], line: u64) {
        let columns = self.mapping.table.columns.iter().zip(&self.mapping.paths);
        let mut required = columns.filter(|(column, _)| column.is_required);
        let missing = |path: &Path| path.value(record).is_none_or(Value::is_null);
        if let Some((_, path)) = required.find(|(_, path)| missing(path)) {
            let reason = match path.value(record) {
                Some(_) => format!("{} is null, but a value is required", path.key()),
                None => path.missing(&path.find(&String::from_utf8_lossy(document))),
            };
            self.fault("keys", line, reason, false);
        }
    }
}

impl Seen {
    /// Reads a file, or its beginning.
    pub fn add(&mut self, file: &str, bytes: &[u8], is_cut: bool, mapping: &Mapping) {
        let mut documents = Documents::new(mapping.records);
        let mut reader = Reader { seen: self, file, mapping };
        let mut decoder = Decoder::Unknown;
        let mut text = |text: &[u8]| documents.push(text, &mut reader);
        let pushed = decoder.push(bytes, &mut text);
        let ended = match is_cut {
            true => pushed,
            false => pushed.and_then(|()| decoder.finish(&mut text)),
        };
        let finished = match ended {
            // A truncated record is not known to be broken.
            Ok(()) if is_cut => Ok(()),
            Ok(()) => documents.finish(None, &mut reader),
            Err(Stopped::Broken(reason)) => documents.finish(Some(&reason), &mut reader),
            Err(Stopped::Sink(error)) => Err(error),
        };
        if let Err(error) = finished {
            reader.fault("documents", 0, error.to_string(), true);
        }
    }

    /// The files with a record that a run does not load.
    pub fn faulty_files(&self) -> BTreeSet<&str> {
        self.faults.iter().map(|fault| fault.file.as_str()).collect()
    }
}

/// Whether a record is a JSONPaths document.
fn is_jsonpaths(document: &[u8]) -> bool {
    jsonpaths::content_says_so(document)
        && serde_json::from_slice::<Value>(document)
            .is_ok_and(|record| record.as_object().is_some_and(|fields| fields.len() == 1))
}
