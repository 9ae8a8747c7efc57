//! Tells the linker where the tests find the DuckDB library at run time; the program needs none.
//!
//! As in `crates/redshift-local`: paths relative to the binary first, so that a checkout may be moved.

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo:rustc-link-arg-tests=-Wl,-rpath,$ORIGIN/../../../.tools/duckdb");
    if let Ok(directory) = std::env::var("DUCKDB_LIB_DIR") {
        println!("cargo:rustc-link-arg-tests=-Wl,-rpath,{directory}");
    }
}
