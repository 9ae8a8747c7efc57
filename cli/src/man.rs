//! `segue man`: a manual page for each command.

use std::{fs, path::PathBuf};

use clap::{Args, CommandFactory};

use crate::{
    cli::Cli,
    errors::{Outcome, on_file},
    ui,
};

/// `segue man`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue man ~/.local/share/man/man1")]
pub struct Man {
    /// The directory to write the pages to; `man` finds those in man1/ of a directory of MANPATH
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

/// Writes the pages.
pub fn man(wanted: &Man) -> Outcome {
    let directory = &wanted.directory;
    fs::create_dir_all(directory).map_err(on_file("create", directory))?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(on_file("write to", directory))?;
    ui::say(format!("wrote segue.1 and a page for each command to {}", directory.display()));
    Ok(())
}
