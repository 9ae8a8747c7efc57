//! `segue report`: fetches the report that a run has written.

use std::{fs, path::PathBuf};

use clap::Args;
use segue_contract::layout;

use crate::{
    aws,
    cli::Target,
    errors::{Outcome, Problem, on_file},
    execution::name,
    print,
    runs::Found,
};

/// `segue report`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue report --open     the latest run, in the browser
  segue report 1f0e8400 --out run.html
  segue report --json")]
pub struct Fetch {
    /// The run, or the first characters of its name [default: the latest]
    pub run: Option<String>,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// Where to write the page [default: segue-report-<RUN>.html]
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub out: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long, conflicts_with = "json")]
    pub open: bool,
    /// Print the report as JSON instead
    #[arg(long)]
    pub json: bool,
}

/// Fetches the report of a run.
pub async fn report(wanted: Fetch) -> Outcome {
    let found = Found::of(wanted.target, wanted.run.as_deref()).await?;
    let run = name(&found.arn);
    let kind = if wanted.json { "json" } else { "html" };
    let ended = found.runs.ended(&found.arn).await?;
    let Some(uri) = ended.report else {
        return Err(Problem::failed(format!("run {run} is {} and has no report", ended.status))
            .hint(match ended.status.as_str() {
                "running" => "a report is written when the run ends",
                _ => {
                    "a run that is aborted or timed out writes none; see its history in Step \
                      Functions"
                }
            }));
    };
    let Some((bucket, page)) = layout::bucket_and_key(&uri) else {
        return Err(Problem::failed(format!("expected the URI of a report, found {uri}")));
    };
    let key = format!("{}{kind}", page.strip_suffix("html").unwrap_or(page));
    let object = found.clients.s3().get_object().bucket(bucket).key(&key).send().await;
    let object = object.map_err(|error| aws::problem(&format!("read {uri}"), error))?;
    let bytes = object.body.collect().await;
    let bytes = bytes.map_err(|error| Problem::failed(format!("cannot read {uri}: {error}")))?;
    if wanted.json {
        return print::line(&String::from_utf8_lossy(&bytes.into_bytes()));
    }
    let file = wanted.out.unwrap_or_else(|| format!("segue-report-{run}.html").into());
    fs::write(&file, bytes.into_bytes()).map_err(on_file("write", &file))?;
    if wanted.open {
        open::that_detached(&file).map_err(on_file("open", &file))?;
    }
    print::line(&file.display().to_string())
}
