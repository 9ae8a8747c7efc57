//! One deployment for all tests: it takes longer than most of them, and always has the same result.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::stack::{copy, link_checkout, root};

/// What a deployment depends on: the command, what it deploys, and the emulator's launcher.
const DEPLOYED: [&str; 5] = [
    "target/bin/segue",
    ".aws-sam/fingerprint",
    "statemachine/load.asl.json",
    "statemachine/statement.asl.json",
    "tools/emulator.py",
];

/// Copies the state of a deployed and stopped stack to the folder of another one.
pub fn copy_to(folder: &Path) {
    copy(&deployed().join(".segue"), &folder.join(".segue"), &|_| true);
}

/// The folder of the deployed stack: created by the first test that needs it, in any process.
fn deployed() -> PathBuf {
    let seeds = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("deployed");
    fs::create_dir_all(&seeds).expect("a folder");
    let lock = File::create(seeds.join("lock")).expect("a lock");
    lock.lock().expect("the lock");
    let folder = seeds.join(format!("{:016x}", digest()));
    if !folder.join("complete").exists() {
        for entry in fs::read_dir(&seeds).expect("a folder") {
            let stale = entry.expect("an entry").path();
            if stale.is_dir() {
                fs::remove_dir_all(stale).expect("an old deployment is removed");
            }
        }
        deploy(&folder);
        fs::write(folder.join("complete"), "").expect("written");
    }
    folder
}

fn deploy(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    link_checkout(folder);
    for command in ["up", "down"] {
        let output = Command::new(root().join("target/bin/segue"))
            .args(["local", command])
            .current_dir(folder)
            .output()
            .expect("target/bin/segue: run `make build` first");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // Each copy finds its own ports.
    let path = folder.join(".segue/local.json");
    let mut state: Value =
        serde_json::from_slice(&fs::read(&path).expect("a state")).expect("JSON");
    state["ports"] = Value::Null;
    fs::write(&path, state.to_string()).expect("written");
}

fn digest() -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in DEPLOYED {
        let content = fs::read(root().join(file));
        content.expect("what is deployed: run `make build` first").hash(&mut hasher);
    }
    hasher.finish()
}
