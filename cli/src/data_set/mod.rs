//! A directory with a folder of files for each source as a set of objects: what is uploaded from it, what is skipped
//! and why, and the JSONPaths files that belong to it.
//!
//! Which files are data is the rule of [`segue_contract::data_files`], the same as for a bucket.

mod paths;
mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue_contract::data_files::{SkipCounts, Skipped};
use segue_contract::pipeline;

/// Larger files would need an upload in parts, whose ETag is not the MD5 of the content.
pub const FILE_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// A directory after reading it.
#[derive(Debug)]
pub struct DataSet {
    /// The data files, in the order of sources and names.
    pub files: Vec<DataFile>,
    /// The skipped files, by source and reason.
    pub skipped: Vec<Skipped>,
    /// By source, a JSONPaths file that replaces Segue's own, with its content.
    pub jsonpaths: BTreeMap<&'static str, (PathBuf, String)>,
    /// Other notes for the user.
    pub notes: Vec<String>,
}

/// A file that is data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its source.
    pub source: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// Its name below the folder of its source, with `/` between folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// Why a directory cannot be used: what was expected, what was found, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unusable {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Unusable {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// The folders of all sources, for people: `log_data/ or song_data/`.
fn folders() -> String {
    let folders = pipeline::sources().into_iter().map(|one| format!("{}/", pipeline::folder(one)));
    folders.collect::<Vec<_>>().join(" or ")
}

/// What a directory of data looks like, for hints.
fn layout() -> String {
    format!("--data takes a directory with {}; `segue generate` creates one", folders())
}

impl DataSet {
    /// Reads a directory with the folder of one source or more. Reads only names and sizes, except
    /// for the files at its top, one of which may contain JSONPaths.
    ///
    /// # Errors
    /// If the directory does not exist, or has no data; if a file is too large, or looks like
    /// JSONPaths but cannot be used.
    pub fn read(directory: &Path) -> Result<Self, Unusable> {
        refuse_missing(directory)?;
        let (mut files, mut skipped) = (Vec::new(), Vec::new());
        let mut has_folder = false;
        for source in pipeline::sources() {
            let folder = pipeline::folder(source);
            let root = directory.join(&folder);
            if !root.is_dir() {
                continue;
            }
            has_folder = true;
            let mut counts = SkipCounts::default();
            walk::walk(source, &folder, &root, &mut files, &mut counts);
            skipped.extend(counts.of(source));
        }
        if !has_folder {
            let message = format!("expected {} in {}, found none", folders(), directory.display());
            return Err(Unusable::new(message, layout()));
        }
        let top = paths::Top::read(directory)?;
        skipped.extend(top.outside.of(""));
        if files.is_empty() {
            let lines = skipped.iter().map(|skipped| format!("\n  {}", skipped.line()));
            let message = format!(
                "expected data in {}, found none{}",
                directory.display(),
                lines.collect::<String>()
            );
            let hint = "data files end in .json, .jsonl or .ndjson, or have no ending, each also \
                        with .gz or .zst";
            return Err(Unusable::new(message, hint));
        }
        if let Some(large) = files.iter().find(|file| file.bytes > FILE_BYTES_MAX) {
            let message = format!(
                "expected files of at most {FILE_BYTES_MAX} bytes, found {} with {}",
                large.path.display(),
                large.bytes
            );
            return Err(Unusable::new(message, "split it"));
        }
        files.sort_by(|one, other| (one.source, &one.name).cmp(&(other.source, &other.name)));
        Ok(Self { files, skipped, jsonpaths: top.jsonpaths, notes: top.notes })
    }

    /// The files of one source.
    pub fn of(&self, source: &str) -> impl Iterator<Item = &DataFile> {
        self.files.iter().filter(move |file| file.source == source)
    }

    /// What is skipped, and notes; a line each.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.skipped.iter().map(Skipped::line).chain(self.notes.iter().cloned())
    }
}

fn refuse_missing(directory: &Path) -> Result<(), Unusable> {
    if directory.is_dir() {
        return Ok(());
    }
    let message = match directory.exists() {
        true => format!("{} is not a directory", directory.display()),
        false => format!("the directory {} does not exist", directory.display()),
    };
    let hint = match directory.starts_with("~") {
        true => "~ was not expanded: write $HOME, or put ~ outside the quotes".to_owned(),
        false => layout(),
    };
    Err(Unusable::new(message, hint))
}
