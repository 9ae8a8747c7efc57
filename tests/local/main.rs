//! The whole product on this machine, as people use it: the command line, the deployed template,
//! the functions as shipped, the state machines, the SQL, and real files.
//!
//! Needs what `make build` leaves behind.

#![expect(clippy::print_stdout, reason = "a test prints how the runs that it provoked ended")]

mod acceptance;
mod bucket;
mod cloud;
mod crashes;
mod deployment;
mod doctor;
mod events;
mod faults;
mod load;
#[path = "../pipeline/model/mod.rs"]
mod model;
mod partitions;
mod permissions;
mod plan;
mod rehearsal;
mod seed;
mod services;
mod sets;
mod source;
mod sql;
mod stack;
