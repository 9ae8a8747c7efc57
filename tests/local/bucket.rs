//! A landing bucket that exists before the stack, and after it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::services::Services;
use crate::stack::{STACK, Stack, data, song};

const THEIRS: &str = "somebody-elses-files";
/// When the schedule starts its run: about as long as the update that adds it takes.
const SCHEDULED_AFTER: Duration = Duration::from_secs(10);

/// Key and content of every file below a folder.
fn files(folder: &Path, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .flat_map(|entry| {
            let key = format!("{prefix}{}", entry.file_name().to_str().expect("UTF-8"));
            if entry.path().is_dir() {
                return files(&entry.path(), &format!("{key}/"));
            }
            vec![(key, fs::read(entry.path()).expect("a file"))]
        })
        .collect()
}

#[test]
fn a_bucket_that_the_stack_did_not_create_is_loaded_and_left_as_it_was() {
    let stack = Stack::new();
    let data = data(stack.folder());
    stack.load(&data);
    let expected = stack.mart();
    let cloud = stack.cloud();
    let made_before = cloud.outputs(STACK)["LandingBucketName"].clone();
    let deployed_with: Vec<String> = ["WorkgroupArn", "CopyRoleArn", "Architecture"]
        .map(|name| format!("{name}={}", cloud.parameters(STACK).0[name]))
        .into();

    cloud.read_only_bucket(THEIRS, &files(&data, ""));
    let before = cloud.bucket(THEIRS);
    stack.deploy(&[&format!("ExistingLandingBucket={THEIRS}"), "RunOnArrival=false"]);
    assert!(!cloud.resources(STACK).contains("LandingBucket"));
    assert!(!cloud.objects(&made_before).is_empty(), "the bucket that was made before stays");
    stack.forget();
    let run = stack.json(&["run", "--local", "--json"]);
    assert_eq!(run["status"], "loaded", "{run}");
    assert_eq!(stack.mart(), expected);
    assert_eq!(cloud.bucket(THEIRS), before);

    // As root, to whom no policy applies. There is no event for it: the schedule's run finds it.
    let (key, content) = song(1);
    cloud.put(THEIRS, &key, String::from_utf8(content).expect("UTF-8"));
    let with_song = cloud.bucket(THEIRS);
    assert!(!Services::of(&stack).tells_of_objects(THEIRS));
    let soon = Timestamp::now() + SCHEDULED_AFTER;
    stack.deploy(&[&format!("Schedule=at({})", soon.strftime("%Y-%m-%dT%H:%M:%S"))]);
    stack.count_becomes(1, "select count(*) as counted from mart.songs where song_id = 'SO000001'");

    cloud.delete(STACK);
    assert_eq!(cloud.bucket(THEIRS), with_song);
    let again = [&[format!("ExistingLandingBucket={THEIRS}")], deployed_with.as_slice()].concat();
    stack.deploy(&again.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(stack.json(&["run", "--local", "--json"])["status"], "up-to-date");
    assert_eq!(cloud.bucket(THEIRS), with_song);
}
