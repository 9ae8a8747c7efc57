//! `segue`: the program.

use std::process::ExitCode;

use clap::Parser;
use segue::{cli::Cli, commands, ui};

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            ui::say(problem.to_string());
            ExitCode::from(problem.exit().code())
        }
    }
}
