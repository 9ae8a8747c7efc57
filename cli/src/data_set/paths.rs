//! The files at the top of a directory of data: perhaps the JSONPaths file for its events.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use segue_contract::data_files::{SkipCounts, SkipReason, by_name};
use segue_contract::jsonpaths::{self, FILE_BYTES_MAX, JsonPaths};
use segue_contract::pipeline;

use super::{FOLDERS, Unusable};

/// The one name that a stack looks for.
const EXPECTED: &str = "log_json_path.json";
/// The prefix of the name of a JSONPaths file for songs.
const SONGS: &str = "song";
/// What was found at the top.
#[derive(Debug, Default)]
pub struct Top {
    /// The JSONPaths file for events, with its content.
    pub jsonpaths: Option<(PathBuf, String)>,
    /// The files that belong to no source.
    pub outside: SkipCounts,
    /// Notes for the user.
    pub notes: Vec<String>,
}

impl Top {
    /// Looks at the files at the top of the directory.
    ///
    /// # Errors
    /// A file that looks like JSONPaths but cannot be used, or several for the same source.
    pub fn read(directory: &Path) -> Result<Self, Unusable> {
        let mut top = Self::default();
        let mut for_events = Vec::new();
        for path in entries(directory)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if FOLDERS.iter().any(|(_, folder)| *folder == name) && path.is_dir() {
                continue;
            }
            match candidate(&path, &name) {
                None => top.outside.add(SkipReason::Outside, &name),
                Some(bytes) if name.to_lowercase().starts_with(SONGS) => {
                    top.notes.push(song_paths(&name, &bytes)?);
                }
                Some(bytes) => for_events.push((path, name, bytes)),
            }
        }
        let mut for_events = for_events.into_iter();
        let Some((path, name, bytes)) = for_events.next() else { return Ok(top) };
        let others: Vec<String> = for_events.map(|(_, name, _)| name).collect();
        if !others.is_empty() {
            return Err(Unusable::new(
                format!("expected one JSONPaths file, found {name} and {}", others.join(", ")),
                "keep the one that describes log_data/",
            ));
        }
        top.jsonpaths = Some((path, event_paths(&name, &bytes)?));
        Ok(top)
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Unusable> {
    let unreadable = |error: std::io::Error| {
        let message = format!("{} cannot be read: {error}", directory.display());
        Unusable::new(message, "check that you may read the directory")
    };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}

/// The beginning of a file that looks like JSONPaths, by its name or by its content.
fn candidate(path: &Path, name: &str) -> Option<Vec<u8>> {
    // Only regular files are opened: opening a pipe would block.
    if !path.is_file() || matches!(by_name(name), Err(SkipReason::Hidden | SkipReason::Temporary)) {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    let is_one = jsonpaths::name_says_so(name) || jsonpaths::content_says_so(&bytes);
    is_one.then_some(bytes)
}

/// The paths for events, as they are uploaded.
fn event_paths(name: &str, bytes: &[u8]) -> Result<String, Unusable> {
    let unusable = |reason: String| {
        Unusable::new(
            format!("{name}: {reason}"),
            format!(
                "fix it, or remove it to use Segue's own paths: one path for each column, in the \
                 order of the columns, in a file such as {EXPECTED}"
            ),
        )
    };
    if !name.ends_with(".json") {
        return Err(unusable(format!(
            "expected the name of a JSONPaths file to end in .json, found {name}"
        )));
    }
    let own = pipeline::jsonpaths("events").unwrap_or_default();
    let columns = JsonPaths::read(own.as_bytes()).map(|own| own.paths.len()).unwrap_or_default();
    let paths = JsonPaths::read_for(bytes, columns).map_err(unusable)?;
    Ok(paths.text)
}

/// The note about a JSONPaths file for songs: the keys of songs are not mapped.
fn song_paths(name: &str, bytes: &[u8]) -> Result<String, Unusable> {
    let unusable = |reason: String| {
        Unusable::new(
            format!("{name}: {reason}"),
            "songs are mapped by the names of their keys, not by JSONPaths: give the songs the keys of \
             mart.songs and mart.artists, and remove the file",
        )
    };
    let paths = JsonPaths::read(bytes).map_err(&unusable)?.paths;
    let key = |path: &String| {
        let plain = path.strip_prefix("$.").map(str::to_owned);
        plain.or_else(|| {
            let bracketed = path.strip_prefix("$['")?.strip_suffix("']")?;
            Some(bracketed.to_owned())
        })
    };
    // The keys of a song are the names of its columns: a file with just these changes nothing.
    let columns = pipeline::columns("songs");
    let is_column = |key: String| columns.iter().any(|column| column.name == key);
    let other = paths.iter().find(|path| !key(path).is_some_and(is_column));
    match other {
        None => Ok(format!(
            "{name} is not used: songs are mapped by the names of their keys, and the file has the \
             same names"
        )),
        Some(path) => Err(unusable(format!("JSONPaths for songs are not supported, found {path}"))),
    }
}
