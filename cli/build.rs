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
}
