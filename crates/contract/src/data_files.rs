//! Which files are data: the one rule that uploading, planning, checking and estimating share.
//!
//! A file is data when its ending is `.json`, `.jsonl` or `.ndjson`, in any case, or when it has no
//! ending; each may be followed by `.gz` or `.zst`. Everything else is skipped, with a reason. Only
//! the part of a name below its source's prefix counts: a prefix is always intended.

use serde::{Deserialize, Serialize};

use crate::messages::Compression;

/// Endings of data, before that of a compression.
const ENDINGS: [&str; 3] = ["json", "jsonl", "ndjson"];
/// Folders and files that operating systems and storage devices leave next to the data, in lower
/// case. Names that begin with `.` or `_` are not listed.
const SYSTEM_NAMES: [&str; 15] = [
    "$recycle.bin",
    "#recycle",
    "#snapshot",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "@tmp",
    "desktop.ini",
    "icon\r",
    "lost+found",
    "network trash folder",
    "recycler",
    "system volume information",
    "temporary items",
    "thumbs.db",
];
/// Endings of unfinished files and backups of editors, browsers and copying programs.
const TEMPORARY_ENDINGS: [&str; 17] = [
    "_copying_",
    "bak",
    "backup",
    "crc",
    "crdownload",
    "download",
    "filepart",
    "old",
    "orig",
    "part",
    "partial",
    "rej",
    "swo",
    "swp",
    "swx",
    "temp",
    "tmp",
];
/// The ending of Hadoop's folder markers.
const HADOOP_FOLDER: &str = "_$folder$";
/// The beginning of the ending of the streams that a Synology device keeps next to a file.
const SYNOLOGY_STREAM: &str = "@syno";
/// Storage classes whose objects must be restored before they can be read.
const ARCHIVED_CLASSES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// Why a file is not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// Its name, or that of a folder, begins with `.`, or with `_` and contains no `=`.
    Hidden,
    /// An operating system or a storage device has left it there.
    System,
    /// A program's own or unfinished file.
    Temporary,
    /// Its ending is not that of a data file.
    OtherEnding,
    /// It is a folder marker.
    FolderMarker,
    /// It has no bytes.
    Empty,
    /// Its storage class is an archive's, and it has not been restored.
    Archived,
    /// It is the JSONPaths file of its source.
    JsonPaths,
    /// It lies outside the folders of the sources.
    Outside,
    /// It is a link to something that is not there.
    BrokenLink,
    /// It is a link to one of its own parent folders.
    CircularLink,
    /// It is a pipe, a socket or a device.
    NotAFile,
    /// Its name is not UTF-8, and a key has to be.
    NotUtf8,
    /// Its key would be longer than S3 allows.
    LongName,
    /// It may not be read.
    Unreadable,
    /// It was removed after it had arrived.
    Gone,
    /// Its key ends in a blank.
    TrailingBlank,
}

impl SkipReason {
    /// The reason as it follows `3 files skipped: `.
    pub fn text(self) -> &'static str {
        match self {
            Self::Hidden => "hidden, the name or a folder begins with . or _",
            Self::System => "left by an operating system or a storage device",
            Self::Temporary => "temporary or a backup",
            Self::OtherEnding => {
                "the ending is not .json, .jsonl or .ndjson, alone or with .gz or .zst"
            }
            Self::FolderMarker => "folder markers",
            Self::Empty => "empty",
            Self::Archived => {
                "archived, restore them and start a run, or move them out of the prefix"
            }
            Self::JsonPaths => "the JSONPaths file of the source",
            Self::Outside => "outside song_data/ and log_data/",
            Self::BrokenLink => "a link to something that is not there",
            Self::CircularLink => "a folder that links to one of its own parents",
            Self::NotAFile => "a pipe, a socket or a device",
            Self::NotUtf8 => "the name is not UTF-8",
            Self::LongName => "the key would be longer than 1,024 bytes",
            Self::Unreadable => "not readable",
            Self::Gone => "removed before a run could load them",
            Self::TrailingBlank => {
                "the key ends in a blank, which Redshift does not tell from one without"
            }
        }
    }
}

/// Files of one source that are skipped for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Skipped {
    /// The source under whose prefix they are.
    pub source: String,
    /// Why.
    pub reason: SkipReason,
    /// How many.
    pub files: u64,
    /// The first of them, by name.
    pub first: String,
}

impl Skipped {
    /// One line for people: `2 files of events skipped: empty (log_data/a.json, …)`.
    pub fn line(&self) -> String {
        let Self { source, reason, files, first } = self;
        let (files, more) = match files {
            1 => ("1 file".to_owned(), ""),
            _ => (format!("{files} files"), ", …"),
        };
        let of = if source.is_empty() { String::new() } else { format!(" of {source}") };
        // A name may contain anything, even a line end.
        let first = first.escape_debug();
        format!("{files}{of} skipped: {} ({first}{more})", reason.text())
    }
}

/// What to say when the JSONPaths have changed since some files were loaded, if any were.
pub fn loaded_by_other_paths(files: u64, command: &str) -> Option<String> {
    let (files, stay) = match files {
        0 => return None,
        1 => ("1 file was".to_owned(), "stays as it is"),
        _ => (format!("{files} files were"), "stay as they are"),
    };
    Some(format!(
        "{files} loaded with other JSONPaths than the current ones and {stay}; `{command}` loads \
         everything again with the current ones"
    ))
}

/// Counts what is skipped of one source, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkipCounts {
    counts: Vec<(SkipReason, u64, String)>,
}

impl SkipCounts {
    /// Counts a file.
    pub fn add(&mut self, reason: SkipReason, name: &str) {
        match self.counts.iter_mut().find(|(known, ..)| *known == reason) {
            Some((_, files, first)) => {
                *files += 1;
                if name < first.as_str() {
                    name.clone_into(first);
                }
            }
            None => self.counts.push((reason, 1, name.to_owned())),
        }
    }

    /// Adds what was counted elsewhere.
    pub fn extend(&mut self, other: Self) {
        for (reason, files, first) in other.counts {
            self.add(reason, &first);
            if let Some((_, count, _)) = self.counts.iter_mut().find(|(known, ..)| *known == reason)
            {
                *count += files - 1;
            }
        }
    }

    /// How many files were skipped, for any reason.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|(_, files, _)| files).sum()
    }

    /// The counts, for this source, in the order of the reasons.
    pub fn of(self, source: &str) -> Vec<Skipped> {
        let mut counts = self.counts;
        counts.sort();
        let counts = counts.into_iter().map(|(reason, files, first)| Skipped {
            source: source.to_owned(),
            reason,
            files,
            first,
        });
        counts.collect()
    }
}

/// Whether a file is data, by its name below the prefix of its source, with `/` between folders.
///
/// # Errors
/// Why it is not.
pub fn by_name(name: &str) -> Result<(), SkipReason> {
    if name.is_empty() || name.ends_with('/') || name.ends_with(HADOOP_FOLDER) {
        return Err(SkipReason::FolderMarker);
    }
    for part in name.split('/').filter(|part| !part.is_empty()) {
        let part = part.to_lowercase();
        if part.starts_with('.') || (part.starts_with('_') && !part.contains('=')) {
            return Err(SkipReason::Hidden);
        }
        if SYSTEM_NAMES.contains(&part.as_str()) || part.contains(SYNOLOGY_STREAM) {
            return Err(SkipReason::System);
        }
    }
    if name.ends_with(' ') {
        return Err(SkipReason::TrailingBlank);
    }
    let file = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let is_lock = file.starts_with('~') || (file.starts_with('#') && file.ends_with('#'));
    if is_lock || file.ends_with('~') {
        return Err(SkipReason::Temporary);
    }
    let bare = file.strip_suffix(".gz").or_else(|| file.strip_suffix(".zst")).unwrap_or(&file);
    match bare.rsplit_once('.') {
        None => Ok(()),
        Some((_, ending)) if ENDINGS.contains(&ending) => Ok(()),
        Some((_, ending)) if TEMPORARY_ENDINGS.contains(&ending) => Err(SkipReason::Temporary),
        Some(_) => Err(SkipReason::OtherEnding),
    }
}

/// Whether a file with this many bytes is data.
///
/// # Errors
/// Why it is not.
pub fn by_name_and_size(name: &str, bytes: u64) -> Result<(), SkipReason> {
    by_name(name)?;
    if bytes == 0 { Err(SkipReason::Empty) } else { Ok(()) }
}

/// Whether an object of a listing is data. A restored object of an archive can be read.
///
/// # Errors
/// Why it is not.
pub fn in_listing(
    name: &str,
    bytes: u64,
    storage_class: Option<&str>,
    is_restored: bool,
) -> Result<(), SkipReason> {
    by_name_and_size(name, bytes)?;
    let is_archived = storage_class.is_some_and(|class| ARCHIVED_CLASSES.contains(&class));
    if is_archived && !is_restored { Err(SkipReason::Archived) } else { Ok(()) }
}

/// How a file is compressed, by its ending.
pub fn compression(name: &str) -> Compression {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("gz") => Compression::Gzip,
        Some("zst") => Compression::Zstd,
        _ => Compression::None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn data_is_known_by_its_ending_in_any_case_or_by_having_none() {
        for name in [
            "a.json",
            "A/B/a.jsonl",
            "a.ndjson",
            "a.JSON",
            "a.Json.GZ",
            "a.ndjson.zst",
            "part-00000",
            "part-00000.gz",
            "_year=2018/a.json",
            "year=2018/month=11/_day=1.json",
            "a b.json",
            "2018.11/a.json",
            "//a.json",
            "ünïcode ☃.json",
        ] {
            assert_eq!(by_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn everything_else_has_its_reason() {
        use SkipReason::*;
        for (reason, names) in [
            (Hidden, &[".a.json", "_SUCCESS", "._a.json", ".hidden=1/a.json"][..]),
            (Hidden, &["_temporary/0/part-00000.json", "_delta_log/0.json", "__MACOSX/a.json"]),
            (Hidden, &[".AppleDouble/x.json", ".ipynb_checkpoints/a.json", ".Trash-1000/a.json"]),
            (Hidden, &[".git/config", ".#a.json", ".~lock.a.json#", "x/../a.json"]),
            (System, &["@eaDir/a.json/x", "#recycle/a.json", "lost+found/a.json", "Thumbs.db"]),
            (System, &["$RECYCLE.BIN/a.json", "a.json@SynoEAStream", "Icon\r", "desktop.ini"]),
            (Temporary, &["a.json~", "#a.json#", "~$a.json", "a.json.swp", "a.json.crc"]),
            (Temporary, &["a.json.tmp", "a.json._COPYING_", "a.bak", "a.json.part.gz"]),
            (OtherEnding, &["README.txt", "a.csv", "a.json.bz2", "a.parquet", "a.json.1", "a."]),
            (TrailingBlank, &["a.json ", "a ", "a/part-00000 "]),
            (FolderMarker, &["", "A/", "2018_$folder$", "_temporary/"]),
        ] {
            for name in names {
                assert_eq!(by_name(name), Err(reason), "{name:?}");
            }
        }
    }

    #[test]
    fn archives_that_must_be_restored_first_and_empty_files_are_skipped() {
        let class = |class| in_listing("a.json", 1, Some(class), false);
        for archive in ["GLACIER", "DEEP_ARCHIVE"] {
            assert_eq!(class(archive), Err(SkipReason::Archived), "{archive}");
            assert_eq!(in_listing("a.json", 1, Some(archive), true), Ok(()), "{archive}");
        }
        for readable in ["STANDARD", "GLACIER_IR", "INTELLIGENT_TIERING", "ONEZONE_IA"] {
            assert_eq!(class(readable), Ok(()), "{readable}");
        }
        assert_eq!(in_listing("a.json", 0, None, false), Err(SkipReason::Empty));
    }

    #[test]
    fn what_is_skipped_is_counted_by_reason_and_names_its_first() {
        let mut counts = SkipCounts::default();
        counts.add(SkipReason::Empty, "b");
        counts.add(SkipReason::Hidden, ".x");
        let mut others = SkipCounts::default();
        others.add(SkipReason::Empty, "a\n");
        counts.extend(others);
        assert_eq!(counts.total(), 3);
        let lines: Vec<String> = counts.of("events").iter().map(Skipped::line).collect();
        assert_eq!(
            lines,
            [
                "1 file of events skipped: hidden, the name or a folder begins with . or _ (.x)",
                "2 files of events skipped: empty (a\\n, …)",
            ]
        );
    }

    proptest! {
        #[test]
        fn a_name_is_judged_by_its_parts_wherever_they_are(
            folders in prop::collection::vec("[a-z=.]{0,4}", 0..4), file in "[a-zA-Z_.]{0,12}",
        ) {
            let below = |name: &str| folders.iter().map(|f| format!("{f}/")).collect::<String>() + name;
            let hides = folders.iter().any(|folder| folder.starts_with('.'));
            let expected = if hides { Err(SkipReason::Hidden) } else { by_name(&file) };
            match by_name(&below(&file)) {
                Err(SkipReason::FolderMarker) => prop_assert!(file.is_empty()),
                found => prop_assert_eq!(found, expected),
            }
        }
    }
}
