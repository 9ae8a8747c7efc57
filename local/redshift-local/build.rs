//! Gives the linker the path of the DuckDB library at run time.
//!
//! The library is not installed on the machine: it lies in the checkout's `.tools/duckdb`. Paths
//! relative to the binary come first, so that a checkout may be moved; the absolute one is for
//! target folders elsewhere.

fn main() {
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    // From target/bin, from target/<platform>/<profile>, and from the tests in its deps.
    for up in ["../..", "../../..", "../../../.."] {
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/{up}/.tools/duckdb");
    }
    if let Ok(directory) = std::env::var("DUCKDB_LIB_DIR") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{directory}");
    }
}
