//! A directory on disk, and how it gets into the landing bucket.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use segue::data_set::{DataSet, Unusable};
use segue_contract::pipeline;
use tempfile::TempDir;

use super::PATHS_KEY;
use crate::world::{LANDING_BUCKET, World};

/// The most folders in a directory.
const FOLDERS_MAX: usize = 1_000;

/// A directory that the command line can load.
pub struct Directory {
    pub data: DataSet,
}

/// The folder of a case next to the checkout; `None` if there are no cases.
pub fn case(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases").join(name);
    let is_there = folder.is_dir();
    if !is_there {
        println!("{} is not there: not tried", folder.display());
    }
    is_there.then_some(folder)
}

/// Why a directory cannot be loaded.
pub fn refusal(folder: &Path) -> Unusable {
    DataSet::read(folder).expect_err("it cannot be used")
}

impl Directory {
    /// Reads a usable directory.
    pub fn of(folder: &Path) -> Self {
        let data = DataSet::read(folder);
        Self { data: data.unwrap_or_else(|error| panic!("{}: {error}", folder.display())) }
    }

    /// Files below the folders of sources that are skipped.
    pub fn skipped(&self) -> u64 {
        let of_sources = self.data.skipped.iter().filter(|one| !one.source.is_empty());
        of_sources.map(|one| one.files).sum()
    }

    /// Makes the landing bucket hold what the directory holds, as `segue local run` does.
    pub fn upload(&self, world: &World) {
        for (key, _) in world.objects.under(LANDING_BUCKET, "") {
            world.objects.remove(LANDING_BUCKET, &key);
        }
        for file in &self.data.files {
            let folder = pipeline::folder(file.source);
            let body = fs::read(&file.path).expect("a file");
            world.objects.put(LANDING_BUCKET, &format!("{folder}/{}", file.name), body);
        }
        if let Some((_, text)) = self.data.jsonpaths.get("events") {
            world.objects.put(LANDING_BUCKET, PATHS_KEY, text.clone().into_bytes());
        }
    }
}

/// Puts every file of a directory into the bucket, like a program without the rule.
pub fn put_everything(world: &World, root: &Path) {
    for path in files(root) {
        let key = path.strip_prefix(root).expect("below it").to_str().expect("UTF-8").to_owned();
        world.objects.put(LANDING_BUCKET, &key, fs::read(&path).expect("a file"));
    }
}

/// Every file below a folder.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    for _ in 0..FOLDERS_MAX {
        let Some(folder) = folders.pop() else { break };
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// A writable copy.
pub fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("a folder");
    for path in files(from) {
        let target = to.path().join(path.strip_prefix(from).expect("below it"));
        fs::create_dir_all(target.parent().expect("a folder")).expect("folders");
        fs::write(target, fs::read(path).expect("a file")).expect("written");
    }
    to
}

/// Creates a pipe that nobody writes to.
pub fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
}
