//! Every file below a folder: taken, or skipped with its reason.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{MAIN_SEPARATOR, Path};

use segue_contract::data_files::{self, SkipCounts, SkipReason};
use walkdir::{DirEntry, WalkDir};

use super::DataFile;

/// The most bytes of an S3 key.
const KEY_BYTES_MAX: usize = 1_024;

/// Adds every file below the folder to the files or to the counts. Links are followed; only regular
/// files are opened, and nothing stops the walk.
pub fn walk(
    source: &'static str,
    folder: &str,
    root: &Path,
    files: &mut Vec<DataFile>,
    skipped: &mut SkipCounts,
) {
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => match taken(source, folder, root, &entry) {
                Ok(file) => files.push(file),
                Err(reason) => skipped.add(reason, &shown(root, folder, entry.path())),
            },
            Err(error) => {
                let path = error.path().unwrap_or(root);
                skipped.add(reason(root, path, &error), &shown(root, folder, path));
            }
        }
    }
}

fn taken(
    source: &'static str,
    folder: &str,
    root: &Path,
    entry: &DirEntry,
) -> Result<DataFile, SkipReason> {
    let path = entry.path();
    let name = name(root, path).ok_or(SkipReason::NotUtf8)?;
    data_files::by_name(&name)?;
    if !entry.file_type().is_file() {
        return Err(SkipReason::NotAFile);
    }
    let bytes = entry.metadata().map_err(|_| SkipReason::Unreadable)?.len();
    data_files::by_name_and_size(&name, bytes)?;
    if folder.len() + 1 + name.len() > KEY_BYTES_MAX {
        return Err(SkipReason::LongName);
    }
    File::open(path).map_err(|_| SkipReason::Unreadable)?;
    Ok(DataFile { source, path: path.to_owned(), name, bytes })
}

/// Why the walk could not reach a file. A name that is not that of a data file is reported first:
/// an editor's lock file is a dangling link.
fn reason(root: &Path, path: &Path, error: &walkdir::Error) -> SkipReason {
    if let Some(Err(by_name)) = name(root, path).map(|name| data_files::by_name(&name)) {
        return by_name;
    }
    if error.loop_ancestor().is_some() {
        return SkipReason::CircularLink;
    }
    match error.io_error().map(|error| error.kind()) {
        Some(ErrorKind::PermissionDenied) => SkipReason::Unreadable,
        // To nothing, or through other links to itself.
        _ if path.is_symlink() => SkipReason::BrokenLink,
        _ => SkipReason::Unreadable,
    }
}

/// The name below the root, with `/` between folders.
fn name(root: &Path, path: &Path) -> Option<String> {
    let name = path.strip_prefix(root).ok()?.to_str()?;
    Some(name.replace(MAIN_SEPARATOR, "/"))
}

fn shown(root: &Path, folder: &str, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    format!("{folder}/{}", below.to_string_lossy())
}
