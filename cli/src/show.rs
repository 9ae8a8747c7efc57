//! `segue show`: what one run did.

use clap::Args;
use jiff::Timestamp;
use segue_contract::pipeline::DIGEST_CHARACTERS;
use serde::Serialize;

use crate::{
    cli::Target,
    display,
    errors::Outcome,
    execution::{Changes, Details, Ended, Report, Source},
    print,
    runs::Found,
    ui,
};

/// Rejected records of a source that are shown.
const REJECTS_SHOWN_MAX: usize = 5;

/// `segue show`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue show             the latest run
  segue show 1f0e8400    one of `segue runs`
  segue show --json")]
pub struct Show {
    /// The run, or the first characters of its name [default: the latest]
    pub run: Option<String>,
    /// The stack to use
    #[command(flatten)]
    pub target: Target,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is shown of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    run: Report,
    /// In their order.
    phases: Vec<Ended>,
    #[serde(flatten)]
    details: Details,
}

/// Shows what a run did.
///
/// # Errors
/// If there is no such run, or its history cannot be read. A report that cannot be read is missing.
pub async fn show(wanted: Show) -> Outcome {
    let flags = wanted.target.flags();
    let found = Found::of(wanted.target, wanted.run.as_deref()).await?;
    let run = found.runs.counted(found.runs.ended(&found.arn).await?).await?;
    let phases = found.runs.phases(&found.arn).await?;
    let details = Details::read(&found.clients, &found.stack, &run).await;
    let shown = Shown { run, phases, details };
    if wanted.json {
        return print::json(&shown);
    }
    let short = found.runs.short_name(&found.arn).await?;
    print::line(&text(&shown, &short, &flags, Timestamp::now()))
}

fn text(shown: &Shown, short: &str, flags: &str, now: Timestamp) -> String {
    let Shown { run, phases, details: Details { sources, changes, cost, sql_digest } } = shown;
    let mut lines = vec![run.headline(), String::new()];
    let mut fact = |name: &str, value: String| lines.push(format!("{name:<8} {value}"));
    fact("run", run.run_id.clone());
    if let Some(started) = run.start_time() {
        let ago = display::ago(started, now);
        fact("started", format!("{ago}, by {} ({started})", run.started_by()));
    }
    if let Some(cost) = cost {
        fact("cost", cost.line());
    }
    if let Some(transitions) = run.transitions {
        fact("billed", ui::count(transitions, "transition"));
    }
    if let Some(digest) = sql_digest {
        fact("sql", digest.chars().take(DIGEST_CHARACTERS).collect());
    }
    if run.report.is_some() {
        fact("report", format!("segue report {short}{flags} --open"));
    }
    fact("logs", format!("segue logs {short}{flags}"));
    lines.push(String::new());
    lines.extend(phases.iter().map(Ended::line));
    if !sources.is_empty() {
        lines.extend([String::new(), source_table(sources)]);
    }
    if !changes.is_empty() {
        lines.extend([String::new(), change_table(changes)]);
    }
    for source in sources.iter().filter(|source| source.rejected > 0) {
        let records = ui::count(source.rejected, "record");
        lines.extend([String::new(), format!("{records} of {} skipped:", source.source)]);
        let first = source.first_rejects.iter().take(REJECTS_SHOWN_MAX);
        lines.extend(first.map(|reject| format!("  {reject}")));
    }
    let notes = run.notes(&format!("segue run{flags} --rebuild"));
    if !notes.is_empty() {
        lines.push(String::new());
        lines.extend(notes);
    }
    if let (Some(error), message) = (&run.error, run.message.as_deref().unwrap_or_default()) {
        lines.extend([String::new(), format!("error: {error}: {message}")]);
        lines.extend(run.hint.iter().map(|hint| format!("hint: {hint}")));
    }
    lines.join("\n")
}

fn change_table(changes: &[Changes]) -> String {
    let rows = changes.iter().map(|Changes { table, inserted, updated }| {
        [format!("mart.{table}"), ui::number(*inserted), ui::number(*updated)]
    });
    print::table(&["table", "inserted", "updated"], rows, &[1, 2])
}

fn source_table(sources: &[Source]) -> String {
    let rows = sources.iter().map(|source| {
        [
            source.source.clone(),
            ui::number(source.files),
            ui::number(source.changed),
            display::bytes(source.bytes),
            ui::number(source.parts),
            ui::number(source.rows),
            ui::number(source.rejected),
        ]
    });
    let headers = ["source", "files", "changed", "size", "merged into", "rows", "rejects"];
    print::table(&headers, rows, &[1, 2, 3, 4, 5, 6])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use segue_contract::data_files::{SkipReason, Skipped};
    use segue_contract::messages::Variants;
    use serde_json::json;

    use super::*;

    fn phase(name: &str, seconds: f64, succeeded: bool) -> Ended {
        Ended { phase: name.to_owned(), seconds, succeeded }
    }

    fn loaded() -> Shown {
        let written = json!({
            "plan": {"sqlDigest": "3f9a1c2b00", "sources": [
                {"source": "events", "objects": 30, "changed": 1, "bytes": 3_755_598},
                {"source": "songs", "objects": 71, "changed": 0, "bytes": 19_312, "listed": 71},
            ]},
            "compacted": [{"source": "songs", "batches": 8, "objects": 71}],
            "checked": {
                "staged": [
                    {"counted": "events", "rows": 8_055}, {"counted": "songs", "rows": 71},
                    {"counted": "planned_objects", "rows": 101},
                ],
                "rejected": [{"source": "events", "rows": 1, "maxRejects": 10, "first": ["s3://landing/a.json, line 3, column ts: not a number"]}],
            },
            "cost": {"expected": {}, "real": {"warehouseCost": 0.05, "cost": 0.0012}},
            "changes": [
                {"table": "songplays", "inserted": 6_820, "updated": 0},
                {"table": "users", "inserted": 94, "updated": 2},
            ],
        });
        let run = Report {
            status: "loaded-with-rejects".to_owned(),
            objects: Some(101),
            rows: Some(8_126),
            rejected: Some(1),
            transitions: Some(60),
            duration_seconds: Some(72.5),
            started_at: Some("2018-11-01T00:00:00Z".to_owned()),
            trigger: Some("schedule".to_owned()),
            report: Some("s3://work/runs/1f0e8400-e29b/report.html".to_owned()),
            ..Report::started("arn:1f0e8400-e29b".to_owned())
        };
        let phases = vec![phase("Create tables", 1.25, true), phase("Stage", 61.0, true)];
        let details = Details::of(&run, written.to_string().as_bytes(), true);
        Shown { run, phases, details }
    }

    fn now() -> Timestamp {
        "2018-11-01T05:03:10Z".parse().expect("a time")
    }

    #[test]
    fn a_run_is_shown_with_its_phases_files_rejects_and_cost() {
        insta::assert_snapshot!(print::at_widths(|| {
            text(&loaded(), "1f0e8400", " --local", now())
        }));
    }

    #[test]
    fn a_failed_run_is_shown_with_its_cause_and_what_to_do() {
        let run = Report {
            status: "failed".to_owned(),
            error: Some("LoadRejected".to_owned()),
            message: Some("s3://landing/a.json, line 3: not JSON".to_owned()),
            hint: Some("fix the file, then start the run again".to_owned()),
            duration_seconds: Some(9.0),
            started_at: Some("2018-11-01T00:00:00Z".to_owned()),
            ..Report::started("arn:1f0e8400-e29b".to_owned())
        };
        let phases = vec![phase("Stage", 1.25, false)];
        let shown = Shown { run, phases, details: Details::default() };
        insta::assert_snapshot!(text(&shown, "1f0e8400", "", now()), @"
        ✗ LoadRejected in 9.0 s

        run      1f0e8400-e29b
        started  5 h ago, by a person (2018-11-01T00:00:00Z)
        logs     segue logs 1f0e8400

        ✗ Stage                   1.2 s

        error: LoadRejected: s3://landing/a.json, line 3: not JSON
        hint: fix the file, then start the run again
        ");
    }

    /// The fields in the table below a heading of the page about JSON.
    fn documented(heading: &str) -> Vec<String> {
        let page = include_str!("../../docs/json.md");
        let (_, after) = page.split_once(&format!("\n## {heading}\n")).expect("a section");
        let section = after.split("\n## ").next().unwrap_or(after);
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        rows.map(|(field, _)| field.to_owned()).collect()
    }

    #[test]
    fn every_field_of_the_json_is_documented() {
        let Shown { run, phases, details } = loaded();
        let some = |text: &str| Some(text.to_owned());
        let skipped = Skipped {
            source: "songs".to_owned(),
            reason: SkipReason::Empty,
            files: 1,
            first: "a".to_owned(),
        };
        let variants = Variants { table: "songs".to_owned(), within_run: 1, beside_published: 1 };
        let run = Report {
            error: some("LoadRejected"),
            message: some("why"),
            hint: some("what to do"),
            set_aside: Some(1),
            loaded_by_other_paths: Some(1),
            skipped: vec![skipped],
            variants: vec![variants],
            warnings: vec!["odd".to_owned()],
            ..run
        };
        let written = serde_json::to_string(&Shown { run, phases, details }).expect("JSON");
        let document: serde_json::Value = serde_json::from_str(&written).expect("JSON");
        let fields: BTreeSet<&String> = document.as_object().expect("an object").keys().collect();
        let documented = [documented("A run"), documented("In detail")].concat();
        assert_eq!(fields, documented.iter().collect());
        // Those within fields are named beside them.
        let page = include_str!("../../docs/json.md");
        let names = |value: &serde_json::Value| {
            let first = value.get(0).unwrap_or(value).as_object();
            first.map(|fields| fields.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
        };
        for (field, value) in document.as_object().expect("an object") {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{field}`")));
            for name in names(value) {
                assert!(
                    row.is_some_and(|row| row.contains(&format!("`{name}`"))),
                    "{field}: {name}"
                );
            }
        }
    }
}
