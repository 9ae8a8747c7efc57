//! The command line: every command, its options and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    completions, estimate::Assumptions, follow, generate::Options, local::WarehouseOptions, logs,
    man, report, run, runs, show, sql, stop, version,
};

/// Moves an audio-streaming company's JSON files from S3 into an Amazon Redshift star schema
///
/// Data goes to stdout, messages to stderr. Exit codes: 0 success, 1 failure, 2 wrong use.
#[derive(Debug, Parser)]
#[command(
    name = "segue", version = version::version(), max_term_width = 100, propagate_version = true,
    after_help = "Examples:
  segue local run --data my-files   load a directory on this machine, without an AWS account
  segue doctor                      find what would make a run fail
  segue run                         load what is new into the stack's warehouse
  segue runs                        what happened
  segue show                        what the latest run did",
    after_long_help = "Examples:
  segue local run --data my-files   load a directory on this machine, without an AWS account
  segue doctor                      find what would make a run fail
  segue run                         load what is new into the stack's warehouse
  segue runs                        what happened
  segue show                        what the latest run did

Environment:
  SEGUE_STACK   the stack of every command without --stack and --local
  NO_COLOR      no colours; TERM=dumb: plain lines in place of anything that moves
  AWS_PROFILE, AWS_REGION and the other settings of the AWS CLI; the local stack ignores them"
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load whatever is in the landing bucket and not yet in the warehouse
    Run(run::Run),
    /// Show what a run would load, and with which SQL, without loading anything
    Plan(Plan),
    /// List the latest runs
    Runs(runs::List),
    /// Show what a run did
    Show(show::Show),
    /// Follow a run to its end
    Follow(follow::Follow),
    /// Fetch the report of a run
    Report(report::Fetch),
    /// Stop a run
    Stop(stop::Stop),
    /// Show what the functions logged about a run
    Logs(logs::Logs),
    /// Run a query
    Query(Query),
    /// Set aside files that cannot be loaded, until their content changes; without files, list them
    Skip(Skip),
    /// Generate a deterministic data set in the format that the pipeline loads
    Generate(Generate),
    /// Estimate how long a load takes and what it costs, with and without merging small objects
    Estimate(Estimate),
    /// Find what would make a run fail, before it does
    Doctor(Doctor),
    /// Run the whole pipeline on this machine, without an AWS account
    #[command(subcommand)]
    Local(Local),
    /// Work on the pipeline's SQL
    #[command(subcommand)]
    Sql(sql::Sql),
    /// Print a shell's completions
    Completions(completions::Completions),
    /// Write manual pages
    Man(man::Man),
}

/// The stack to use.
#[derive(Debug, Args)]
pub struct Target {
    /// Use the local stack on this machine
    #[arg(long, conflicts_with_all = ["stack", "region"])]
    pub local: bool,
    /// The deployed stack [default: SEGUE_STACK, then the one that `make deploy` deploys]
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    /// The stack's region [default: the one in samconfig.toml, then in the AWS settings]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The checkout of the local stack [default: the one around the working directory]
    #[arg(long, value_name = "DIR", requires = "local")]
    pub project: Option<PathBuf>,
}

impl Target {
    /// The same stack on a command line, each option after a blank, for a command to paste into a
    /// shell.
    pub fn flags(&self) -> String {
        let project = self.project.as_ref().map(|project| project.display().to_string());
        let options =
            [("stack", self.stack.clone()), ("region", self.region.clone()), ("project", project)];
        let local = if self.local { " --local" } else { "" };
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.fold(local.to_owned(), |flags, (name, value)| {
            // A shell takes no NUL, and neither does an argument that came from one.
            let value = shlex::try_quote(&value).unwrap_or_default();
            format!("{flags} --{name} {value}")
        })
    }
}

/// `segue plan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue plan                   which files a run would load
  segue plan --rebuild --sql   every statement of a rebuild")]
pub struct Plan {
    /// Where the run would be
    #[command(flatten)]
    pub target: Target,
    /// Plan only these sources
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub sources: Option<Vec<String>>,
    /// Plan as if nothing had been loaded
    #[arg(long)]
    pub rebuild: bool,
    /// List at most N objects
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub objects: usize,
    /// Print the SQL
    #[arg(long)]
    pub sql: bool,
    /// Print a JSON object, including the SQL
    #[arg(long)]
    pub json: bool,
}

/// `segue query`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue query \"select count(*) from mart.songplays\"
  segue query --file sql/examples/top_songs.sql --csv > top.csv
  segue query --write \"delete from ops.set_aside_objects\"")]
pub struct Query {
    /// One SQL statement; `-`, or no statement in a pipe, reads it from stdin
    #[arg(allow_hyphen_values = true)]
    pub sql: Option<String>,
    /// Read the statement from this file
    #[arg(long, value_name = "FILE", conflicts_with = "sql")]
    pub file: Option<PathBuf>,
    /// Allow a statement that changes the warehouse
    #[arg(long)]
    pub write: bool,
    /// The warehouse to query
    #[command(flatten)]
    pub target: Target,
    /// Print a JSON array of objects
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print comma-separated values with a header: null as an empty field, empty text as ""
    #[arg(long)]
    pub csv: bool,
}

/// `segue skip`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue skip                                   which files are set aside
  segue skip s3://my-bucket/log_data/bad.json  set one aside
  segue skip --undo s3://my-bucket/log_data/bad.json")]
pub struct Skip {
    /// The files, as s3://bucket/key
    #[arg(value_name = "URI")]
    pub uris: Vec<String>,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// Why, to record in the table
    #[arg(long, value_name = "TEXT", default_value = "set aside by hand")]
    pub reason: String,
    /// Let runs load the files again
    #[arg(long, requires = "uris")]
    pub undo: bool,
}

/// `segue generate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue generate --out sample
  segue generate --out large --songs 50000 --events 500000")]
pub struct Generate {
    /// The directory to create; it must not exist, or must be empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What to generate
    #[command(flatten)]
    pub options: Options,
}

/// `segue estimate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue estimate                      the landing bucket of the stack
  segue estimate --data my-files      a directory, without a stack")]
pub struct Estimate {
    /// The stack whose landing bucket to measure
    #[command(flatten)]
    pub target: Target,
    /// What the estimate assumes
    #[command(flatten)]
    pub assumptions: Assumptions,
}

/// `segue doctor`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue doctor                        the stack, its rights and a sample of its files
  segue doctor --noload               every file, read by the warehouse as a run would
  segue doctor --data my-files        a directory, without a stack
  segue doctor --fix                  grant what is missing")]
pub struct Doctor {
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// Check the files of this directory, with song_data/ and log_data/, without a stack
    #[arg(long, value_name = "DIR", conflicts_with_all = ["local", "stack", "region", "fix"])]
    pub data: Option<PathBuf>,
    /// Read every file, and have the warehouse read it as a run would, but load nothing
    #[arg(long)]
    pub noload: bool,
    /// Grant missing rights: show the SQL, ask, and run it
    #[arg(long, conflicts_with = "json")]
    pub fix: bool,
    /// With --fix: do not ask
    #[arg(long, requires = "fix")]
    pub yes: bool,
    /// Print a JSON array of findings
    #[arg(long)]
    pub json: bool,
}

/// `segue local …`
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Start the local stack and deploy what has been built; harmless if it is running
    Up(Up),
    /// Load a directory: start the stack if needed, upload, run, and show the result
    Run(LocalRun),
    /// Stop the local stack; its data stays
    Down(Down),
    /// Show what is running and where
    Status(Status),
}

/// The checkout to use.
#[derive(Debug, Args)]
pub struct Checkout {
    /// The checkout [default: the one around the working directory]
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

/// How to start the local stack.
#[derive(Debug, Args)]
pub struct Start {
    /// The port of the AWS emulator [default: a free one]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// How the warehouse behaves
    #[command(flatten)]
    pub warehouse: WarehouseOptions,
    /// The checkout to use
    #[command(flatten)]
    pub checkout: Checkout,
}

/// `segue local up`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue local up
  segue local up --data my-files")]
pub struct Up {
    /// Make the landing bucket hold exactly the files of this directory, with song_data/, log_data/
    /// or both
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Keep other files in the bucket
    #[arg(long, requires = "data")]
    pub add: bool,
    /// How to start the stack
    #[command(flatten)]
    pub start: Start,
}

/// `segue local run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue local run --data my-files
  segue local run --data my-files --fresh   with an empty warehouse")]
pub struct LocalRun {
    /// The directory to load, with song_data/, log_data/ or both; the landing bucket then holds
    /// exactly its files
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Keep other files in the bucket
    #[arg(long, conflicts_with = "fresh")]
    pub add: bool,
    /// Start with an empty warehouse
    #[arg(long)]
    pub fresh: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    /// How to start the stack
    #[command(flatten)]
    pub start: Start,
}

/// `segue local down`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue local down           stop; the data stays
  segue local down --purge   remove the data, too")]
pub struct Down {
    /// Remove the data, too
    #[arg(long)]
    pub purge: bool,
    /// The checkout to use
    #[command(flatten)]
    pub checkout: Checkout,
}

/// `segue local status`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue local status
  segue local status --json")]
pub struct Status {
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
    /// The checkout to use
    #[command(flatten)]
    pub checkout: Checkout,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_to_paste_keeps_any_directory_in_one_argument() {
        let project = Some(PathBuf::from("it's my $HOME"));
        let target = Target { local: true, stack: None, region: None, project };
        let pasted = format!("segue run{}", target.flags());
        let words = shlex::split(&pasted).expect("a shell splits it");
        assert_eq!(words, ["segue", "run", "--local", "--project", "it's my $HOME"]);
    }
}
