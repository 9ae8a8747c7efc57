//! `segue report`: fetches the report that a run has written.

mod data;

use std::{fs, path::PathBuf};

use clap::Args;
use segue_contract::layout;
use segue_page::DATA_MARKER;

use crate::{
    aws,
    cli::Target,
    errors::{Outcome, Problem, on_file},
    execution::name,
    print,
    runs::Found,
    ui,
    warehouse::Warehouse,
};

/// `segue report`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue report --open     the newest report, in the browser
  segue report --data     the same, with charts of the data
  segue report 1f0e8400 --out run.html
  segue report --json")]
pub struct Fetch {
    /// The run, or the first characters of its name [default: the latest with a report]
    pub run: Option<String>,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// Where to write the page [default: segue-report-<RUN>.html]
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub out: Option<PathBuf>,
    /// Add row counts and charts of the data: queries the warehouse
    #[arg(long, conflicts_with = "json")]
    pub data: bool,
    /// Open the page in the browser
    #[arg(long, conflicts_with = "json")]
    pub open: bool,
    /// Print the report as JSON instead
    #[arg(long)]
    pub json: bool,
}

/// The most runs to look at for the newest report.
const LOOKED_AT_MAX: u16 = 30;

/// Fetches the report of a run.
pub async fn report(wanted: Fetch) -> Outcome {
    let (found, uri) = find(wanted.target, wanted.run.as_deref()).await?;
    let Some((bucket, page)) = layout::bucket_and_key(&uri) else {
        return Err(Problem::failed(format!("expected the URI of a report, found {uri}")));
    };
    let kind = if wanted.json { "json" } else { "html" };
    let key = format!("{}{kind}", page.strip_suffix("html").unwrap_or(page));
    let object = found.clients.s3().get_object().bucket(bucket).key(&key).send().await;
    let object = object.map_err(|error| aws::problem(&format!("read {uri}"), error))?;
    let bytes = object.body.collect().await;
    let bytes = bytes.map_err(|error| Problem::failed(format!("cannot read {uri}: {error}")))?;
    let mut text = String::from_utf8_lossy(&bytes.into_bytes()).into_owned();
    if wanted.json {
        return print::line(&text);
    }
    if wanted.data {
        let warehouse = Warehouse::of(&found.clients, &found.stack)?;
        match data::section(&warehouse).await {
            Ok(section) => text = text.replacen(DATA_MARKER, &section, 1),
            // The warehouse may be the reason why somebody reads this page.
            Err(problem) => ui::say(format!("the page is without its data: {problem}")),
        }
    }
    let run = name(&found.arn);
    let file = wanted.out.unwrap_or_else(|| format!("segue-report-{run}.html").into());
    fs::write(&file, text).map_err(on_file("write", &file))?;
    if wanted.open {
        open::that_detached(&file).map_err(on_file("open", &file))?;
    }
    print::line(&file.display().to_string())
}

/// The run, and the URI of its page; without a name, the newest run that has one.
async fn find(target: Target, run: Option<&str>) -> Outcome<(Found, String)> {
    let mut found = Found::of(target, run).await?;
    let ended = found.runs.ended(&found.arn).await?;
    if let Some(uri) = ended.report {
        return Ok((found, uri));
    }
    if run.is_none() {
        for older in found.runs.latest(LOOKED_AT_MAX).await? {
            if let Some(uri) = found.runs.ended(&older.execution_arn).await?.report {
                found.arn = older.execution_arn;
                return Ok((found, uri));
            }
        }
    }
    Err(none(name(&found.arn), &ended.status))
}

/// Why a run with this status has no report.
fn none(run: &str, status: &str) -> Problem {
    let hint = match status {
        "running" => "a report is written when the run ends",
        "up-to-date" => {
            "a run that finds nothing to load writes none; `segue runs` lists the others"
        }
        _ => "a run that is aborted or timed out writes none; see its history in Step Functions",
    };
    Problem::failed(format!("run {run} is {status} and has no report")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_report_says_why_it_has_none() {
        let text = none("1f0e8400", "up-to-date").to_string();
        assert!(text.contains("run 1f0e8400 is up-to-date and has no report"), "{text}");
        assert!(text.contains("finds nothing to load writes none"), "{text}");
        assert!(none("r", "aborted").to_string().contains("its history in Step Functions"));
    }
}
