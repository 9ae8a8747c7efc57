//! What a COPY rejected: where, and why.

use std::time::Duration;

use aws_sdk_redshiftdata::primitives::DateTime;
use segue_contract::pipeline::{self, CopyPlace};
use segue_contract::rejects::Refused;

use super::{Cell, Warehouse};
use crate::{
    aws,
    errors::{Outcome, Problem},
};

/// What the reason of a COPY that rejected its input contains, for any of the views.
const LOAD_ERRORS: &str = "load_error";
/// How often to query the system views, which lag behind by seconds, for what a COPY rejected.
const DIAGNOSES_MAX: u32 = 10;
/// The pause between two such queries.
const PAUSE: Duration = Duration::from_secs(1);

impl Warehouse {
    /// Tries a COPY, and returns what it rejects, at most `rows_max`; empty if it accepts
    /// everything.
    ///
    /// `strict` fails at the first rejected record. Then `lenient` continues after each, so that all
    /// of them are known; both must load nothing.
    ///
    /// # Errors
    /// The warehouse's own message, if it is not about a record.
    pub async fn try_copy(
        &self,
        strict: Vec<String>,
        lenient: Vec<String>,
        rows_max: u64,
    ) -> Outcome<Vec<Refused>> {
        let failed = self.begin(strict).await?;
        let Err(problem) = self.wait(&failed).await else { return Ok(Vec::new()) };
        if !self.is_refusal(&failed).await? {
            return Err(problem);
        }
        let read_on = self.begin(lenient).await?;
        let mut refused = Vec::new();
        if self.wait(&read_on).await.is_ok() {
            refused = self.refused_rows(&read_on, rows_max).await?;
        }
        if refused.is_empty() {
            refused = self.refused_rows(&failed, rows_max).await?;
        }
        // The diagnosis is an extra: without it, the reason alone is reported.
        if refused.is_empty() { Err(problem) } else { Ok(refused) }
    }

    /// Whether a statement failed because a COPY rejected its input.
    async fn is_refusal(&self, id: &str) -> Outcome<bool> {
        let statement = self.client.describe_statement().id(id).send().await;
        let statement =
            statement.map_err(|error| aws::problem("read why the statement failed", error))?;
        Ok(statement.error().is_some_and(|reason| reason.contains(LOAD_ERRORS)))
    }

    /// What the COPY of a transaction rejected, in the order of files and lines, once the system
    /// views show the same twice; empty if they do not show it in time.
    async fn refused_rows(&self, id: &str, rows_max: u64) -> Outcome<Vec<Refused>> {
        let statement = self.client.describe_statement().id(id).send().await;
        let statement =
            statement.map_err(|error| aws::problem("read what the COPY rejected", error))?;
        if statement.redshift_pid <= 0 {
            return Ok(Vec::new());
        }
        let seconds = |at: Option<DateTime>| at.map(|at| at.secs());
        let (created, updated) = (seconds(statement.created_at), seconds(statement.updated_at));
        let copy = CopyPlace::new(statement.redshift_pid, created, updated);
        let question = pipeline::load_errors(&copy, None, rows_max)
            .map_err(|failure| Problem::failed(failure.message))?;
        let mut shown: Vec<Refused> = Vec::new();
        for _ in 0..DIAGNOSES_MAX {
            let rows = self.query(&question.sql).await?.rows;
            let known = shown.len();
            shown = rows.iter().map(|row| refused(row)).collect();
            if !shown.is_empty() && shown.len() == known {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(shown)
    }
}

/// Takes a row, in the column order of `sql/diagnose/load_errors.sql`.
fn refused(cells: &[Cell]) -> Refused {
    let cell = |index: usize| cells.get(index).map(Cell::text).unwrap_or_default();
    let kind = match cell(4).as_str() {
        "" | "0" => cell(3),
        length => format!("{}({length})", cell(3)),
    };
    Refused {
        file: cell(0),
        line: cell(1).parse().unwrap_or_default(),
        column: Some(cell(2)).filter(|column| !column.is_empty()),
        kind,
        code: cell(5).parse().unwrap_or_default(),
        reason: cell(6),
    }
}
