//! The whole pipeline in one process: the real functions, state machines and SQL over the local
//! warehouse, in virtual time, against a model that knows no SQL.

#![expect(clippy::print_stdout, reason = "a test prints which seeds it tried, and what it skipped")]

mod agreement;
mod arrivals;
mod batches;
mod cases;
mod changes;
mod checks;
mod converge;
mod counts;
mod day_two;
mod deadlines;
mod faults;
mod generate;
mod growth;
mod inbox;
mod inputs;
mod interleaved;
mod kills;
mod large;
mod lineage;
mod logs;
mod migrations;
mod model;
mod quotas;
mod quoting;
mod readers;
mod records;
mod rejects;
mod repeats;
mod sample;
mod scans;
mod set_aside;
mod statement;
mod sweep;
mod timeouts;
mod transitions;
mod variants;
mod warnings;
mod world;
