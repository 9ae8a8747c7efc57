//! `segue`: the program.

use std::process::ExitCode;

use clap::Parser;
use segue::{cli::Cli, commands, talk};

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            talk::say(problem.to_string());
            ExitCode::from(problem.exit().code())
        }
    }
}
