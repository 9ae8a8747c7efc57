//! Sets the path at which tests find the DuckDB library at run time.
//!
//! The command itself needs none, but tests, within it and in `tests/`, start the local warehouse, and
//! cargo has no argument for those alone. The path relative to the test comes first, so that a checkout
//! may be moved; the absolute one is for target folders elsewhere.

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    // From target/<platform>/<profile>/deps.
    let relative = "$ORIGIN/../../../../.tools/duckdb";
    println!("cargo:rustc-link-arg=-Wl,-rpath,{relative}");
    if let Ok(directory) = std::env::var("DUCKDB_LIB_DIR") {
        println!("cargo:rustc-link-arg-tests=-Wl,-rpath,{directory}");
    }
    // For `segue --version`; tests that share this script need no commit, and no new build for each.
    if std::env::var("CARGO_PKG_NAME").is_ok_and(|name| name == "segue") {
        name_commit();
    }
}

/// Sets `SEGUE_COMMIT`, if this is a checkout.
fn name_commit() {
    let git = |words: &[&str]| {
        let output = std::process::Command::new("git").args(words).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=9", "HEAD"]) else { return };
    println!("cargo:rustc-env=SEGUE_COMMIT={commit}");
    // Every commit and checkout adds a line to it.
    if let Some(log) = git(&["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
}
