//! The files of `sql/`: those that the program was built with or, on a developer's machine, those
//! of a folder, read again for each step, so that a change takes effect in the next run without a
//! build.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sql");
static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();

/// The environment variable that names a folder whose files replace the built-in ones. Local mode
/// sets it; the template does not, so a deployed function runs the SQL that it was built with.
pub const FOLDER_VARIABLE: &str = "SEGUE_SQL";

/// Reads SQL from this folder, unless this process has rendered some already.
pub fn read_from(folder: PathBuf) {
    FOLDER.get_or_init(|| Some(folder));
}

fn folder() -> Option<&'static Path> {
    let named = || env::var_os(FOLDER_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    FOLDER.get_or_init(named).as_deref()
}

/// The text of a file, by its path below `sql/`; `None` when it is missing or not UTF-8.
pub(super) fn text(path: &str) -> Option<Cow<'static, str>> {
    match folder() {
        Some(folder) => fs::read_to_string(folder.join(path)).ok().map(Cow::Owned),
        None => BUILT_IN.get_file(path)?.contents_utf8().map(Cow::Borrowed),
    }
}

/// The folders that hold steps, in the order of their names.
pub(super) fn folders() -> Vec<String> {
    let mut names = match folder() {
        Some(folder) => entries(folder, Path::is_dir),
        None => BUILT_IN.dirs().filter_map(|dir| name(dir.path())).collect(),
    };
    names.retain(|name| name != "examples");
    names.sort_unstable();
    names
}

/// The templates of a folder as paths below `sql/` without their ending, in the order of their names.
pub(super) fn templates(of: &str) -> Vec<String> {
    let names = match folder() {
        Some(folder) => entries(&folder.join(of), Path::is_file),
        None => built_in(of),
    };
    let mut templates: Vec<String> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".sql"))
        .map(|name| format!("{of}/{name}"))
        .collect();
    templates.sort_unstable();
    templates
}

/// The sources, in the order of their names: one for each template in `sql/stage`.
pub(super) fn sources() -> Vec<&'static str> {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    let named = || {
        let templates = templates("stage").into_iter();
        templates.filter_map(|file| Some(file.strip_prefix("stage/")?.to_owned())).collect()
    };
    NAMES.get_or_init(named).iter().map(String::as_str).collect()
}

/// A digest of every file that this process renders SQL from, in hexadecimal.
pub fn digest() -> Option<String> {
    folder().map_or_else(|| Some(built_in_digest()), digest_of)
}

/// A digest of every file that the program was built with, in hexadecimal.
pub fn built_in_digest() -> String {
    let mut files = BTreeMap::new();
    let mut folders = vec![&BUILT_IN];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        files.extend(folder.files().map(|file| (file.path().to_owned(), file.contents().to_vec())));
    }
    of_files(files)
}

/// The same of the files of a folder; `None` if it cannot be read.
pub fn digest_of(folder: &Path) -> Option<String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).ok()? {
            let path = entry.ok()?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).ok()?.to_owned();
                files.insert(name, fs::read(&path).ok()?);
            }
        }
    }
    Some(of_files(files))
}

fn of_files(files: BTreeMap<PathBuf, Vec<u8>>) -> String {
    let mut hasher = Sha256::new();
    for (path, content) in files {
        for part in [path.as_os_str().as_encoded_bytes(), &content] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hex::encode(hasher.finalize())
}

fn built_in(folder: &str) -> Vec<String> {
    let files = BUILT_IN.get_dir(folder).into_iter().flat_map(Dir::files);
    files.filter_map(|file| name(file.path())).collect()
}

fn entries(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<String> {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| wanted(path)).filter_map(|path| name(&path)).collect()
}

fn name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_the_program_that_was_built_with_it_have_one_digest() {
        let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql");
        assert_eq!(digest_of(&sql), Some(built_in_digest()));
        assert_ne!(digest_of(&sql.join("stage")), Some(built_in_digest()));
        assert_eq!(digest_of(Path::new("nowhere")), None);
    }
}
