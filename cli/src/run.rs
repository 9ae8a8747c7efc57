//! `segue run`: starts a run, or finds the one in flight, and watches it.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use segue_contract::{Compact, Run as Draft, RunInput};

use crate::{
    cli::Target,
    commands::{find, read_sql},
    errors::{Outcome, Problem},
    execution::{Report, Runs},
    print, version,
};

/// `segue run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue run                           load what is new, and watch
  segue run --local                   the same on this machine
  segue run --no-follow --json        start a run from a script
  segue run --rebuild                 load everything again
  segue run --max-rejects events=10   skip up to ten bad events")]
pub struct Run {
    /// Where to run
    #[command(flatten)]
    pub target: Target,
    /// Load only these sources
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub sources: Option<Vec<String>>,
    /// Ignore what has been loaded, and rebuild the star schema from all files
    #[arg(long)]
    pub rebuild: bool,
    /// Merge small objects before the COPY: if it pays off, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = compacting())]
    pub compact: Compact,
    /// Skip up to N records of a source that cannot be loaded, for example events=10 [default: the
    /// stack's setting]
    #[arg(long, value_name = "SOURCE=N", value_delimiter = ',', value_parser = source_and_count)]
    pub max_rejects: Vec<(String, u64)>,
    /// Set aside up to N files that cannot be loaded [default: the stack's setting]
    #[arg(long, value_name = "N")]
    pub max_rejected_objects: Option<u64>,
    /// Publish even if files have far fewer rows for their size than in earlier runs
    #[arg(long)]
    pub allow_drop: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    /// Return as soon as the run has started
    #[arg(long)]
    pub no_follow: bool,
}

/// Reads what the input of a run calls `compact`.
fn compacting() -> impl TypedValueParser<Value = Compact> {
    PossibleValuesParser::new(["auto", "always", "never"]).map(|word| match word.as_str() {
        "always" => Compact::Always,
        "never" => Compact::Never,
        _ => Compact::Auto,
    })
}

/// Reads `events=10`.
fn source_and_count(text: &str) -> Result<(String, u64), String> {
    let read = text.split_once('=').and_then(|(source, count)| {
        Some((source.to_owned(), count.parse().ok().filter(|_| !source.is_empty())?))
    });
    read.ok_or_else(|| "expected a source and a number, such as events=10".to_owned())
}

/// Starts a run, or finds the one in flight with the same input, and watches it to its end.
pub async fn load(wanted: Run) -> Outcome {
    let input = RunInput {
        sources: wanted.sources,
        rebuild: wanted.rebuild,
        compact: wanted.compact,
        allow_drop: wanted.allow_drop,
        max_rejects: wanted.max_rejects.into_iter().collect(),
        max_rejected_objects: wanted.max_rejected_objects,
        ..RunInput::default()
    };
    read_sql(&wanted.target)?;
    refuse_impossible(&input)?;
    let again = wanted.target.flags();
    if !wanted.target.local {
        version::warn_of_other_sql();
    }
    let (clients, stack) = find(wanted.target).await?;
    let runs = Runs::of(&clients, &stack)?;
    let arn = runs.start_or_attach(&input).await?;
    let report = match wanted.no_follow {
        true => Report::started(arn),
        false => runs.follow(&arn, &again).await?,
    };
    if wanted.json {
        print::json(&report)?;
    } else if report.is_good() {
        print::line(&runs.summary((&clients, &stack), &report, &again).await?)?;
    }
    report.into_problem().map(|_| ())
}

/// The run itself would reject such an input; rejecting it here costs nothing.
pub fn refuse_impossible(input: &RunInput) -> Outcome {
    let draft = Draft {
        id: "draft".to_owned(),
        started_at: String::new(),
        redrive_count: 0,
        input: input.clone(),
    };
    draft.validate().map_err(|failure| {
        let problem = Problem::wrong_use(failure.message);
        match failure.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    })
}
