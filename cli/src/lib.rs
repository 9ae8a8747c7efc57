//! `segue`: loads JSON files from S3 into an Amazon Redshift star schema, on AWS or on this machine.
//!
//! The commands are a library, so that tests can run the doctor on the same files that a run loads.

pub mod aws;
pub mod cli;
pub mod commands;
mod completions;
pub mod data_set;
mod display;
pub mod doctor;
pub mod errors;
mod estimate;
mod execution;
mod follow;
mod generate;
mod grants;
mod landing;
mod local;
mod logs;
mod man;
pub mod plan;
mod print;
mod project;
mod query;
mod report;
mod run;
mod runs;
mod show;
mod skip;
mod sql;
pub mod stack;
mod stop;
pub mod ui;
mod upload;
mod version;
pub mod warehouse;
