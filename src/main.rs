//! `segue`: loads JSON files from S3 into an Amazon Redshift star schema, on AWS or on this machine.

mod aws;
mod cli;
mod commands;
mod display;
mod doctor;
mod errors;
mod estimate;
mod execution;
mod generate;
mod grants;
mod landing;
mod local;
mod plan;
mod print;
mod project;
mod query;
mod skip;
mod stack;
mod talk;
mod upload;
mod warehouse;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run(cli::Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            talk::say(problem.to_string());
            ExitCode::from(problem.exit().code())
        }
    }
}
