//! Directories with any names: every file in them is loaded or counted, and a bucket with all of
//! the files gives the same result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::directory::{Directory, files, put_everything};
use super::world_with_paths;

/// The trees to try.
const TREES: u32 = 40;
const FOLDERS: &str =
    "[a-z]{1,2}|\\.git|_temporary|_year=2018|__MACOSX|@eaDir|#recycle|lost\\+found";
const NAMES: &str = "[a-c]{1,2}(\\.(json|JSON|jsonl|ndjson|csv|txt|tmp|swp|crc|json\\.gz|json\\.bz2|GZ))?\
                     |\\.[a-c]|_SUCCESS|_[a-c]=1\\.json|[a-c]\\.json~|Thumbs\\.db|#a\\.json#";

fn tree() -> impl Strategy<Value = BTreeMap<String, usize>> {
    let path = (prop::collection::vec(FOLDERS, 0..3), NAMES);
    let path = path.prop_map(|(folders, name)| [folders, vec![name]].concat().join("/"));
    prop::collection::btree_map(path, 0..3_usize, 1..20)
}

#[test]
fn whatever_lies_in_a_directory_is_loaded_or_counted_and_a_bucket_is_judged_alike() {
    let mut runner = TestRunner::new(Config { cases: TREES, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    let tried = runner.run(&tree(), |tree| {
        runtime.block_on(agrees(&tree));
        Ok(())
    });
    assert!(tried.is_ok(), "{tried:?}");
}

async fn agrees(tree: &BTreeMap<String, usize>) {
    let folder = tempfile::tempdir().expect("a folder");
    for root in ["log_data", "song_data"] {
        for (name, bytes) in tree {
            let path = folder.path().join(root).join(name);
            // A name that is already a folder, or below a file, is skipped.
            let made = fs::create_dir_all(path.parent().expect("a folder"));
            if made.is_ok() && !path.is_dir() {
                fs::write(path, "x".repeat(*bytes)).expect("a file");
            }
        }
    }
    let always = folder.path().join("log_data/always.json");
    fs::write(always, "{}").expect("a file");
    let found = files(folder.path()).len() as u64;

    let directory = Directory::of(folder.path());
    assert_eq!(directory.data.files.len() as u64 + directory.skipped(), found, "{tree:?}");

    let world = world_with_paths();
    put_everything(&world, folder.path());
    let preview = world.preview().await;
    let name = |source: &str, name: &str| {
        let root = if source == "songs" { "song_data" } else { "log_data" };
        format!("s3://landing/{root}/{name}")
    };
    let uploaded: BTreeSet<String> =
        directory.data.files.iter().map(|file| name(file.source, &file.name)).collect();
    let planned: BTreeSet<String> = preview.unloaded.into_iter().map(|one| one.uri).collect();
    assert_eq!(uploaded, planned, "{tree:?}");
    let by_reason = |skipped: Vec<&segue_contract::data_files::Skipped>| {
        let counts = skipped.into_iter().filter(|one| !one.source.is_empty());
        counts.map(|one| ((one.source.clone(), one.reason), one.files)).collect::<BTreeMap<_, _>>()
    };
    let skipped = preview.plan.sources.iter().flat_map(|source| &source.skipped).collect();
    assert_eq!(by_reason(directory.data.skipped.iter().collect()), by_reason(skipped), "{tree:?}");
}
