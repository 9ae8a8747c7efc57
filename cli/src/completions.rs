//! `segue completions`: a shell's completions of every command and option.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::{cli::Cli, errors::Outcome, print};

/// `segue completions`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue completions bash > ~/.local/share/bash-completion/completions/segue
  segue completions zsh > ~/.zfunc/_segue
  segue completions fish > ~/.config/fish/completions/segue.fish")]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// Prints the script that the shell reads.
pub fn completions(wanted: &Completions) -> Outcome {
    let mut script = Vec::new();
    generate(wanted.shell, &mut Cli::command(), "segue", &mut script);
    print::with(|out| out.write_all(&script))
}
