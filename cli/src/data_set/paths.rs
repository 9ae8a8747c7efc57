//! The files at the top of a directory of data: perhaps JSONPaths files for its sources.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use segue_contract::data_files::{SkipCounts, SkipReason, by_name};
use segue_contract::jsonpaths::{self, FILE_BYTES_MAX, JsonPaths};
use segue_contract::pipeline;

use super::Unusable;

/// What was found at the top.
#[derive(Debug, Default)]
pub struct Top {
    /// By source, a JSONPaths file that replaces Segue's own, with its content.
    pub jsonpaths: BTreeMap<&'static str, (PathBuf, String)>,
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
        for path in entries(directory)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_folder = |source: &&str| pipeline::folder(source) == name;
            if path.is_dir() && pipeline::sources().iter().any(is_folder) {
                continue;
            }
            match candidate(&path, &name) {
                None => top.outside.add(SkipReason::Outside, &name),
                Some(bytes) => top.add(path, &name, &bytes)?,
            }
        }
        Ok(top)
    }

    /// Takes a JSONPaths file, or notes that it changes nothing.
    fn add(&mut self, path: PathBuf, name: &str, bytes: &[u8]) -> Result<(), Unusable> {
        let source = source_of(name)?;
        if pipeline::jsonpaths(source).is_none() {
            self.notes.push(same_names(source, name, bytes)?);
            return Ok(());
        }
        if let Some((other, _)) = self.jsonpaths.get(source) {
            let other = other.file_name().unwrap_or_default().to_string_lossy();
            return Err(Unusable::new(
                format!("expected one JSONPaths file, found {other} and {name}"),
                format!("keep the one that describes {}/", pipeline::folder(source)),
            ));
        }
        self.jsonpaths.insert(source, (path, mapped(source, name, bytes)?));
        Ok(())
    }
}

/// The source that a JSONPaths file is for: the one whose name its own begins with, or the only one
/// that is mapped by paths.
fn source_of(name: &str) -> Result<&'static str, Unusable> {
    let (name, sources) = (name.to_lowercase(), pipeline::sources());
    let begins = |source: &&&str| {
        name.starts_with(&stem(source)) || name.starts_with(source.trim_end_matches('s'))
    };
    if let Some(source) = sources.iter().find(begins) {
        return Ok(source);
    }
    let mapped: Vec<_> =
        sources.into_iter().filter(|source| pipeline::jsonpaths(source).is_some()).collect();
    let stems = mapped.iter().map(|source| stem(source)).collect::<Vec<_>>();
    match mapped[..] {
        [only] => Ok(only),
        _ => Err(Unusable::new(
            format!("{name}: it is not clear which files this JSONPaths file describes"),
            format!("let its name begin with {}", stems.join(" or ")),
        )),
    }
}

/// What the names of a source's own files begin with: `log` of `log_data`.
fn stem(source: &str) -> String {
    let folder = pipeline::folder(source);
    folder.split('_').next().unwrap_or_default().to_owned()
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

/// The paths for a source, as they are uploaded.
fn mapped(source: &str, name: &str, bytes: &[u8]) -> Result<String, Unusable> {
    let unusable = |reason: String| {
        Unusable::new(
            format!("{name}: {reason}"),
            format!(
                "fix it, or remove it to use Segue's own paths: one path for each column, in the \
                 order of the columns, in a file such as {}_json_path.json",
                stem(source)
            ),
        )
    };
    if !name.ends_with(".json") {
        return Err(unusable(format!(
            "expected the name of a JSONPaths file to end in .json, found {name}"
        )));
    }
    let own = pipeline::jsonpaths(source).unwrap_or_default();
    let columns = JsonPaths::read(own.as_bytes()).map(|own| own.paths.len()).unwrap_or_default();
    let paths = JsonPaths::read_for(bytes, columns).map_err(unusable)?;
    Ok(paths.text)
}

/// The note about a JSONPaths file for a source whose keys have the names of the columns.
fn same_names(source: &str, name: &str, bytes: &[u8]) -> Result<String, Unusable> {
    let columns = pipeline::columns(source);
    let unusable = |reason: String| {
        let names = columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>();
        Unusable::new(
            format!("{name}: {reason}"),
            format!(
                "{source} are mapped by the names of their keys, not by JSONPaths: give them the \
                 keys {}, and remove the file",
                names.join(", ")
            ),
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
    // A file with just the names of the columns changes nothing.
    let is_column = |key: String| columns.iter().any(|column| column.name == key);
    let other = paths.iter().find(|path| !key(path).is_some_and(is_column));
    match other {
        None => Ok(format!(
            "{name} is not used: {source} are mapped by the names of their keys, and the file has \
             the same names"
        )),
        Some(path) => {
            Err(unusable(format!("JSONPaths for {source} are not supported, found {path}")))
        }
    }
}
