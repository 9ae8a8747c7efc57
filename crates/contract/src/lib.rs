//! What two sides of Segue must agree on: the messages that cross a state boundary, the names of
//! errors, where a run keeps its files, and how the pipeline's SQL is rendered.
//!
//! Nothing here talks to AWS, so every rule can be tested without it.

pub mod arrivals;
pub mod compaction;
pub mod cost;
pub mod data_files;
pub mod errors;
pub mod findings;
pub mod jsonpaths;
pub mod layout;
pub mod messages;
pub mod metrics;
pub mod pipeline;
pub mod quoting;
pub mod rejects;
pub mod run;
mod uri_hash;
pub mod visible;

pub use errors::{ErrorName, Failure};
pub use run::{Compact, Run, RunInput};
pub use uri_hash::uri_hash;
