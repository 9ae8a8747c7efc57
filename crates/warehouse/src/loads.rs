//! What a COPY did, from reliable sources.
//!
//! The Data API does not count the rows of a COPY. Its own session does, in a statement of the same
//! transaction; and `sys_load_history` does, some seconds later. That view is also the only place
//! that counts what a COPY skipped, so this is unknown before the view shows the COPY.

use std::time::Duration;

use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::primitives::DateTime;
use segue_contract::pipeline::{self, CopyPlace};
use segue_contract::rejects::Refused;
use segue_contract::{ErrorName, Failure};

use crate::Warehouse;
use crate::diagnose::refused;
use crate::results::{Row, number, text};

/// How long one query about a COPY may take.
const ANSWER_MAX: Duration = Duration::from_secs(45);
/// The status in `sys_load_history` of a COPY that has succeeded.
const COMPLETED: &str = "completed";

/// What the session of a COPY says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Rows that it loaded. `None` if the session says 0, which may also mean unknown.
    pub rows: Option<u64>,
    /// Its place in the system views.
    place: CopyPlace,
    /// Its possible numbers in the system views, which depend on the kind of warehouse.
    numbers: Vec<i64>,
}

/// What the system views say about a COPY that has succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadHistory {
    /// Its number in the SYS views.
    pub query_id: i64,
    /// Rows that it loaded.
    pub rows: u64,
    /// Errors for which it skipped something.
    pub errors: u64,
}

impl Warehouse {
    /// What the session of a COPY says about it: the result of the last statement of its batch.
    ///
    /// # Errors
    /// `StatementFailed` when there is no such result; else as [`crate::call_failure`].
    pub async fn copied(&self, statement_id: &str) -> Result<Copied, Failure> {
        let statement = self.describe(statement_id, Duration::ZERO).await?;
        let Some(last) = statement.sub_statements().last() else {
            return Err(unexpected(statement_id, "no statements"));
        };
        let mut rows: Vec<Row> = Vec::new();
        self.read(last.id(), |page| {
            rows.extend(page);
            Ok(())
        })
        .await?;
        let numbers = |row: &Row| row.iter().map(number).collect::<Option<Vec<i64>>>();
        let [row] = rows.as_slice() else {
            return Err(unexpected(statement_id, &format!("{} rows", rows.len())));
        };
        let Some([loaded, copy_id, process_id]) =
            numbers(row).as_deref().map(<[i64; 3]>::try_from).and_then(Result::ok)
        else {
            return Err(unexpected(statement_id, &format!("{row:?}")));
        };
        let listed = statement.sub_statements().iter().map(|part| part.redshift_query_id);
        Ok(Copied {
            rows: u64::try_from(loaded).ok().filter(|rows| *rows > 0),
            place: place(&statement, process_id),
            numbers: listed.chain([copy_id]).filter(|number| *number > 0).collect(),
        })
    }

    /// What the system views say about a COPY that has succeeded, once they show it.
    ///
    /// # Errors
    /// `LoadUnconfirmed` until then; `WarehouseBusy` when the answer takes too long; else as
    /// [`crate::call_failure`].
    pub async fn load_history(&self, copied: &Copied, table: &str) -> Result<LoadHistory, Failure> {
        let question = pipeline::load_history(&copied.place, table)?;
        let rows = self.ask(&question, ANSWER_MAX).await?;
        let shown: Vec<_> = rows.iter().filter_map(history).collect();
        let is_named = |load: &&(String, LoadHistory)| copied.numbers.contains(&load.1.query_id);
        let found = match shown.iter().filter(is_named).collect::<Vec<_>>().as_slice() {
            [] if shown.len() == 1 => &shown[0],
            [load] => load,
            _ => {
                let count = shown.len();
                let process = copied.place.process_id;
                return Err(unconfirmed(table, &format!("{count} COPYs of process {process}")));
            }
        };
        match found {
            (status, _) if status != COMPLETED => {
                Err(unconfirmed(table, &format!("one that is {status:?}")))
            }
            (_, load) if copied.rows.is_some_and(|rows| rows != load.rows) => {
                let counted = copied.rows.unwrap_or_default();
                let found =
                    format!("one of {} rows, although its session counted {counted}", load.rows);
                Err(unconfirmed(table, &found))
            }
            (_, load) => Ok(load.clone()),
        }
    }

    /// What a COPY skipped, by file and line, at most `rows_max`: as many as the history counts.
    ///
    /// # Errors
    /// `LoadUnconfirmed` while the system views show more or fewer; `WarehouseBusy` when the
    /// answer takes too long; else as [`crate::call_failure`].
    pub async fn refused(
        &self,
        copied: &Copied,
        history: &LoadHistory,
        rows_max: u64,
    ) -> Result<Vec<Refused>, Failure> {
        if history.errors == 0 {
            return Ok(Vec::new());
        }
        let query_id = Some(history.query_id);
        let question = pipeline::load_errors(&copied.place, query_id, rows_max)?;
        let rows = self.ask(&question, ANSWER_MAX).await?;
        if rows.len() as u64 != history.errors.min(rows_max) {
            let message = format!(
                "expected sys_load_error_detail to show the {} errors of COPY {}, found {}",
                history.errors,
                history.query_id,
                rows.len()
            );
            return Err(Failure::new(ErrorName::LoadUnconfirmed, message).hint(HINT));
        }
        Ok(rows.iter().map(refused).collect())
    }
}

/// Where the system views show what a statement's COPY did.
pub(crate) fn place(statement: &DescribeStatementOutput, process_id: i64) -> CopyPlace {
    let seconds = |at: Option<DateTime>| at.map(|at| at.secs());
    CopyPlace::new(process_id, seconds(statement.created_at), seconds(statement.updated_at))
}

/// Takes a row, in the column order of `sql/diagnose/load_history.sql`.
fn history(row: &Row) -> Option<(String, LoadHistory)> {
    let whole = |index: usize| row.get(index).and_then(number);
    let count = |index: usize| whole(index).and_then(|count| u64::try_from(count).ok());
    let status = row.get(1).and_then(text)?;
    Some((status, LoadHistory { query_id: whole(0)?, rows: count(2)?, errors: count(3)? }))
}

const HINT: &str = "nothing was published; the system views lag behind by seconds, so start the \
                    run again; if it fails in the same way, look at what sys_load_history shows to \
                    the functions' database user";

fn unconfirmed(table: &str, found: &str) -> Failure {
    let message =
        format!("expected sys_load_history to show one completed COPY into {table}, found {found}");
    Failure::new(ErrorName::LoadUnconfirmed, message).hint(HINT)
}

fn unexpected(statement_id: &str, found: &str) -> Failure {
    let message = format!(
        "expected statement {statement_id} to end with the rows, the number and the process of its \
         COPY, found {found}"
    );
    Failure::new(ErrorName::StatementFailed, message)
}

#[cfg(test)]
#[path = "loads_tests.rs"]
mod tests;
