//! The warehouse as its clients see it: one program, because each would link the AWS SDK once more.

mod copy;
mod counts;
mod privileges;
mod program;
mod protocol;
mod readme;
mod scans;
mod sessions;
mod support;
mod unload;
