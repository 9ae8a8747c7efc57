//! Any partition of the files into runs, in any order, with repetitions and runs that overlap,
//! gives the same star schema as one load of everything: on a running stack.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::services::Services;
use crate::stack::{Stack, data};

/// The partitions to try; `SEGUE_PARTITIONS` overrides it.
const PARTITIONS: u64 = 12;
/// The most parts of a partition.
const PARTS_MAX: usize = 4;
/// One file in this many lands a second time, under another key.
const ONE_IN_REPEATED: u32 = 8;
const ENDS_WITHIN: Duration = Duration::from_secs(180);

/// Key and content.
type File = (String, Vec<u8>);

/// Some songs, and days that play some of them.
fn files(data: &Path) -> Vec<File> {
    let mut files = Vec::new();
    read(&data.join("song_data"), "song_data", &mut files);
    let mut days = Vec::new();
    read(&data.join("log_data"), "log_data", &mut days);
    // From the third week, in which the sample plays a song that is in the catalogue.
    files.extend(days.into_iter().skip(14).take(8));
    files
}

fn read(folder: &Path, key: &str, files: &mut Vec<File>) {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let key = format!("{key}/{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => read(&entry.path(), &key, files),
            false => files.push((key, fs::read(entry.path()).expect("a file"))),
        }
    }
}

/// The files in a random order, some of them twice, split into parts.
fn partition(files: &[File], random: &mut ChaCha8Rng) -> Vec<Vec<File>> {
    let mut landing = files.to_vec();
    for (key, body) in files {
        if random.random_ratio(1, ONE_IN_REPEATED) {
            landing.push((key.replacen(".json", "-again.json", 1), body.clone()));
        }
    }
    landing.shuffle(random);
    let parts = random.random_range(2..=PARTS_MAX);
    let mut cuts: Vec<usize> = (1..parts).map(|_| random.random_range(1..landing.len())).collect();
    cuts.extend([0, landing.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|cut| landing[cut[0]..cut[1]].to_vec()).collect()
}

#[test]
fn any_partition_with_runs_that_overlap_gives_the_same_star_schema() {
    let wanted = std::env::var("SEGUE_PARTITIONS").ok().and_then(|count| count.parse().ok());
    let stack = Stack::empty();
    let cloud = Services::of(&stack);
    cloud.silence_bucket();
    let files = files(&data(stack.folder()));
    cloud.put(files.clone());
    cloud.ended_well(&cloud.start(), ENDS_WITHIN);
    let expected = stack.mart();
    assert!(expected.iter().all(|table| table.as_array().is_some_and(|rows| !rows.is_empty())));

    for seed in 0..wanted.unwrap_or(PARTITIONS) {
        stack.forget();
        cloud.empty();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut running = Vec::new();
        for part in partition(&files, &mut random) {
            let landed = part.len();
            cloud.put(part);
            running.push(cloud.start());
            // Every other part lands while the run of the previous one is still in flight.
            if random.random_bool(0.5) {
                running.drain(..).for_each(|run| cloud.ended_well(&run, ENDS_WITHIN));
            }
            assert!(landed > 0, "a part has files");
        }
        running.drain(..).for_each(|run| cloud.ended_well(&run, ENDS_WITHIN));
        assert_eq!(stack.mart(), expected, "partition {seed}");
    }
}
