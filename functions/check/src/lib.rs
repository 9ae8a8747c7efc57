//! Reads the offenders and counts that the step `check` found, and passes or fails the run before
//! anything is published.

mod loads;
mod rejects;

use segue_contract::findings::Finding;
use segue_contract::messages::{
    Bounds, CheckRequest, Checked, CompactedSource, Range, StagedRows, Step,
};
use segue_contract::pipeline::{self, CHECK_HEADER, RANGES_MAX, Statement, WARNS_HEADER};
use segue_contract::{ErrorName, Failure};
use segue_warehouse::{Row, Warehouse, number, text};

use crate::loads::SourceLoad;
use crate::rejects::SourceRejects;

/// The most offenders of a check that a failure shows.
const SAMPLE_ROWS_MAX: usize = 5;
/// The header of a file that counts staged rows instead.
const COUNTS_HEADER: &str = "-- Counts: ";
/// The header of a file that says where the rows to publish lie.
const BOUNDS_HEADER: &str = "-- Bounds: ";
/// The most rows of a result that are kept: counts, ranges of two columns, and samples are few.
const RESULT_ROWS_MAX: usize = 2 * RANGES_MAX + 1;

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The warehouse that holds the results.
    pub warehouse: Warehouse,
    /// The deployment's settings in the SQL: results are named after the rendered step's files.
    pub deployment: pipeline::Deployment,
    /// The client of the work bucket.
    pub s3: aws_sdk_s3::Client,
}

/// Judges the run.
///
/// Safe to run again: it reads, and writes what could not be loaded under the same keys.
///
/// # Errors
/// `LoadUnconfirmed` while the warehouse does not show what a COPY did, which is worth a retry;
/// `LoadRejected` if more records could not be loaded than may be skipped;
/// `QualityCheckFailed` with every check that found offenders and every count that does not add up;
/// `WarehouseBusy`, `WarehouseUnreachable`, `TransactionConflict` and `StatementInterrupted`, which are
/// worth a retry: the check queries the warehouse, too, and a query may be interrupted like a step.
#[tracing::instrument(skip_all, fields(run_id = %request.run.id))]
pub async fn handle(context: &Context, request: CheckRequest) -> Result<Checked, Failure> {
    let sources = Some(request.plan.sources_to_load());
    let step = Step { sources, ..Step::first(request.run.clone(), "check") };
    let statements = pipeline::render(&step, &context.deployment)?;
    let mut checked = Checked::default();
    let mut findings = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let result_id = format!("{}:{}", request.statement_id, index + 1);
        let result = result(&context.warehouse, &result_id).await?;
        if statement.sql.starts_with(COUNTS_HEADER) {
            checked.staged.extend(result.rows.iter().filter_map(staged_rows));
        } else if statement.sql.starts_with(BOUNDS_HEADER) {
            bound(&mut checked.bounds, &result.rows)?;
        } else if result.count == 0 {
            checked.healthy.push(statement.file.clone());
        } else if statement.sql.starts_with(WARNS_HEADER) && !context.deployment.warnings_fail {
            checked.warnings.push(warning(statement, &result));
        } else {
            findings.push(finding(statement, &result));
        }
    }
    let loads = loads::of_sources(&context.warehouse, &request, &checked.staged).await?;
    let rejected = rejects::find(context, &request, &loads).await?;
    findings.extend(differences(&request, &checked.staged, &loads, &rejected));
    if findings.is_empty() {
        checked.rejected = rejects::summarize(context, &request, rejected).await?;
        return Ok(checked);
    }
    Err(Failure::new(ErrorName::QualityCheckFailed, findings.join("\n")).hint(
        "nothing was published; fix the files or the check, then start the run again; the staged \
             rows are kept in the run's staging schema for inspection",
    ))
}

/// A result set: how long it is, and how it begins.
#[derive(Default)]
struct CheckResult {
    columns: Vec<String>,
    count: usize,
    rows: Vec<Row>,
}

impl CheckResult {
    /// The first offenders.
    fn sample(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().take(SAMPLE_ROWS_MAX)
    }
}

async fn result(warehouse: &Warehouse, id: &str) -> Result<CheckResult, Failure> {
    let mut result = CheckResult::default();
    warehouse
        .read_named(id, |columns, page| {
            if result.columns.is_empty() {
                result.columns = columns.to_vec();
            }
            result.count += page.len();
            let room = RESULT_ROWS_MAX.saturating_sub(result.rows.len());
            result.rows.extend(page.into_iter().take(room));
            Ok(())
        })
        .await?;
    Ok(result)
}

fn staged_rows(row: &Row) -> Option<StagedRows> {
    let rows = row.get(1).and_then(number).and_then(|rows| u64::try_from(rows).ok())?;
    Some(StagedRows { counted: row.first().and_then(text)?, rows })
}

/// Adds where the plays to publish lie, and those that songs may change. Ranges that are not
/// understood fail the run: without them publishing would miss what is published already.
fn bound(bounds: &mut Bounds, rows: &[Row]) -> Result<(), Failure> {
    let (mut late, mut has_titles) = (Vec::new(), false);
    for row in rows {
        let field = |index: usize| row.get(index).and_then(text);
        let range = Range { first: field(1), last: field(2) };
        match field(0).as_deref() {
            Some("session_id") => bounds.sessions.push(range),
            Some("start_time") => bounds.instants.push(range),
            Some("late_session") => late.push(range),
            // Only then do the ranges name all sessions.
            Some("played_titles") => has_titles = true,
            _ => {
                let reason =
                    format!("expected what is bounded and its first and last, found {row:?}");
                return Err(Failure::new(ErrorName::StatementFailed, reason));
            }
        }
    }
    if has_titles {
        bounds.late_sessions = Some(late);
    }
    Ok(())
}

/// A warning: what looks wrong, and the first rows that show it.
fn warning(statement: &Statement, result: &CheckResult) -> String {
    let sentence = statement.sentence(WARNS_HEADER).unwrap_or_default();
    let sentence = sentence.trim_end_matches('.');
    let rows: Vec<String> = result.sample().map(|row| fields(result, row)).collect();
    let more = result.count.saturating_sub(rows.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{sentence}: {}{more}", rows.join("; "))
}

/// `source events, column_name song`.
fn fields(result: &CheckResult, row: &Row) -> String {
    let named = result.columns.iter().zip(row);
    let shown = named.map(|(name, field)| match text(field) {
        Some(value) => format!("{name} {value}"),
        None => format!("no {name}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A check that found offenders: the healthy result, the number of offenders, and the first ones.
fn finding(statement: &Statement, result: &CheckResult) -> String {
    let headers = [CHECK_HEADER, WARNS_HEADER];
    let healthy = headers.iter().find_map(|header| statement.sentence(header)).unwrap_or_default();
    let finding = Finding {
        file: statement.file.clone(),
        offenders: result.count as u64,
        healthy,
        sample: result.sample().map(|row| fields(result, row)).collect(),
    };
    finding.to_string()
}

/// Counts that should be equal but are not.
fn differences(
    request: &CheckRequest,
    staged: &[StagedRows],
    loads: &[SourceLoad],
    rejected: &[SourceRejects],
) -> Vec<String> {
    let counted =
        |what: &str| staged.iter().find(|rows| rows.counted == what).map(|rows| rows.rows);
    let mut differences = Vec::new();
    let planned = counted("planned_objects");
    let vanished: u64 = request.compacted.iter().map(|source| source.merged.vanished).sum();
    let expected = request.plan.objects.saturating_sub(vanished);
    if planned != Some(expected) {
        differences.push(format!(
            "expected {expected} planned objects in the ledger's list, found {}",
            planned.map_or("none".into(), |rows| rows.to_string())
        ));
    }
    for SourceLoad { source, rows: copied, .. } in loads {
        if counted(source) != Some(*copied) {
            differences.push(format!(
                "expected {copied} rows of {source} staged, as many as its COPY loaded, found {}",
                counted(source).map_or("none".into(), |rows| rows.to_string())
            ));
        }
    }
    for CompactedSource { source, merged, .. } in &request.compacted {
        let rejects = rejected.iter().filter(|rejects| rejects.source == *source);
        let refused: u64 = rejects.map(|rejects| rejects.refused.len() as u64).sum();
        let expected = merged.documents.saturating_sub(refused);
        if counted(source) != Some(expected) {
            differences.push(format!(
                "expected {expected} rows of {source} staged, as many as documents were merged \
                 and not refused, found {}",
                counted(source).map_or("none".into(), |rows| rows.to_string())
            ));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use segue_contract::messages::{Merged, Plan};
    use segue_contract::rejects::Reject;
    use segue_contract::{Run, RunInput};

    use super::*;

    /// A COPY of songs that loaded this many rows.
    fn copied(rows: u64) -> [SourceLoad; 1] {
        [SourceLoad { source: "songs".into(), rows, ..SourceLoad::default() }]
    }

    fn request(objects: u64) -> CheckRequest {
        CheckRequest {
            run: Run {
                id: "r".into(),
                started_at: "2018-11-01T00:00:00Z".into(),
                redrive_count: 0,
                input: RunInput::default(),
            },
            statement_id: "s".into(),
            plan: Plan { objects, ..Plan::default() },
            compacted: Vec::new(),
            loaded: Vec::new(),
        }
    }

    fn staged(counts: &[(&str, u64)]) -> Vec<StagedRows> {
        let rows =
            |(counted, rows): &(&str, u64)| StagedRows { counted: (*counted).into(), rows: *rows };
        counts.iter().map(rows).collect()
    }

    #[test]
    fn counts_that_add_up_are_not_a_finding() {
        let staged = staged(&[("planned_objects", 2), ("songs", 71)]);
        assert!(differences(&request(2), &staged, &copied(71), &[]).is_empty());
    }

    #[test]
    fn each_count_that_differs_is_a_finding() {
        let staged = staged(&[("planned_objects", 1), ("songs", 70)]);
        let found = differences(&request(2), &staged, &copied(71), &[]);
        assert_eq!(
            found,
            [
                "expected 2 planned objects in the ledger's list, found 1",
                "expected 71 rows of songs staged, as many as its COPY loaded, found 70",
            ]
        );
        assert_eq!(differences(&request(2), &[], &copied(71), &[]).len(), 2);
    }

    #[test]
    fn a_merged_source_has_a_row_for_each_document_and_no_entry_for_what_vanished() {
        let merged = Merged { vanished: 1, documents: 71, ..Merged::default() };
        let compacted = CompactedSource { source: "songs".into(), batches: 8, merged };
        let request = CheckRequest { compacted: vec![compacted], ..request(3) };
        let found = |objects, songs| {
            let staged = staged(&[("planned_objects", objects), ("songs", songs)]);
            differences(&request, &staged, &copied(songs), &[])
        };
        assert!(found(2, 71).is_empty());
        assert_eq!(
            found(3, 70),
            [
                "expected 2 planned objects in the ledger's list, found 3",
                "expected 71 rows of songs staged, as many as documents were merged and not refused, found 70",
            ]
        );
    }

    #[test]
    fn a_merged_document_that_a_copy_rejects_is_not_a_row() {
        let merged = Merged { documents: 71, rejected: 4, ..Merged::default() };
        let compacted = CompactedSource { source: "songs".into(), batches: 8, merged };
        let request = CheckRequest { compacted: vec![compacted], ..request(3) };
        let refused = vec![Reject::default()];
        let rejects = SourceRejects { source: "songs".into(), refused, ..SourceRejects::default() };
        let staged = |songs| staged(&[("planned_objects", 3), ("songs", songs)]);
        let rejects = [rejects];
        assert!(differences(&request, &staged(70), &copied(70), &rejects).is_empty());
        assert_eq!(differences(&request, &staged(71), &copied(70), &rejects).len(), 2);
    }

    #[test]
    fn every_file_of_the_step_says_what_it_is() {
        let deployment = pipeline::Deployment {
            work_bucket: "w".into(),
            copy_role_arn: "r".into(),
            staging_retention_days: 30,
            ..pipeline::Deployment::default()
        };
        let run = request(0).run;
        let step = Step::first(run, "check");
        for statement in pipeline::render(&step, &deployment).expect("renders") {
            let known = [CHECK_HEADER, COUNTS_HEADER, BOUNDS_HEADER, WARNS_HEADER];
            assert!(
                known.iter().any(|header| statement.sql.starts_with(header)),
                "{}",
                statement.file
            );
        }
    }
}
