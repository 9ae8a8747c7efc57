//! Rehearses a deployment as on AWS: created, updated, deployed again unchanged, removed. The data
//! outlives all of it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;

use serde_json::Value;

use crate::stack::{STACK, Stack, data};

/// Everything that must survive a deployment.
#[derive(Debug, PartialEq)]
struct Kept {
    outputs: BTreeMap<String, String>,
    mart: Vec<Value>,
    ledger: Value,
    landed: BTreeMap<String, String>,
    written: BTreeMap<String, String>,
}

impl Kept {
    fn of(stack: &Stack) -> Self {
        let cloud = stack.cloud();
        let outputs = cloud.outputs(STACK);
        Self {
            mart: stack.mart(),
            ledger: stack.query("select * from ops.loaded_objects order by source, uri"),
            landed: cloud.objects(&outputs["LandingBucketName"]),
            written: kept(cloud.objects(&outputs["WorkBucketName"])),
            outputs,
        }
    }
}

/// Without what a wake-up tidies up, and what a run writes that it leads to and that finds nothing
/// new: it may come at any time.
fn kept(mut written: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let by_wake_ups = ["/arrivals.json", "/candidates/", "/manifests/plan/subtract.json"];
    let is_kept = |key: &str| !by_wake_ups.iter().any(|part| key.contains(part));
    written.retain(|key, _| key.starts_with("runs/") && is_kept(key));
    written
}

/// Extra bytes after the zip, which nothing reads: a different function is deployed that does the
/// same.
fn change_function(stack: &Stack, name: &str) {
    let packed = OpenOptions::new().append(true).open(stack.own_function(name));
    packed.expect("a function").write_all(b"another build").expect("written");
}

#[test]
fn a_deployment_loses_no_data_when_it_is_updated_repeated_and_removed() {
    let stack = Stack::with_own_build();
    let data = data(stack.folder());
    stack.up(&data);
    stack.follow(&data);
    let before = Kept::of(&stack);
    assert!(!before.landed.is_empty() && !before.written.is_empty());

    change_function(&stack, "SubmitFunction");
    let output = stack.deploy(&["Slices=16", "WorkRetentionDays=7"]);
    assert!(output.contains("Successfully created/updated stack"), "{output}");
    let updated = stack.cloud().updated(STACK);
    for changed in ["SubmitFunction", "PlanFunction", "WorkBucket"] {
        assert!(updated.contains(changed), "{changed} was to change: {updated:?}");
    }
    assert_eq!(Kept::of(&stack), before);
    assert_eq!(stack.json(&["run", "--local", "--json"])["status"], "up-to-date");
    assert_eq!(stack.mart(), before.mart);

    let after_run = Kept::of(&stack);
    let output = stack.deploy(&[]);
    assert!(output.contains("No changes to deploy"), "{output}");
    assert_eq!(Kept::of(&stack), after_run);

    let cloud = stack.cloud();
    cloud.delete(STACK);
    let buckets = ["LandingBucketName", "WorkBucketName"].map(|name| &before.outputs[name]);
    assert_eq!(cloud.objects(buckets[0]), after_run.landed);
    assert_eq!(kept(cloud.objects(buckets[1])), after_run.written);
}
