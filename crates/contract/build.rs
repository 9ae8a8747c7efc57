//! Recompiles the pipeline's SQL when a file is added or removed: the compiler itself only knows
//! the files that it has read.

fn main() {
    println!("cargo:rerun-if-changed=../../sql");
}
