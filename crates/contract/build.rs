//! Compiles the pipeline's SQL in again when a file of it comes or goes: the compiler itself only
//! knows of those that it has read.

fn main() {
    println!("cargo:rerun-if-changed=../../sql");
}
