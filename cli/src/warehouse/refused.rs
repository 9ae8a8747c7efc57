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

/// What a COPY rejected.
#[derive(Debug, Default)]
pub struct Rejected {
    /// The first rejects, in the order of files and lines.
    pub first: Vec<Refused>,
    /// How many there are.
    pub total: u64,
}

impl Warehouse {
    /// Tries a COPY, and returns what it rejects, naming at most `rows_max`; nothing if it accepts
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
    ) -> Outcome<Rejected> {
        let failed = self.begin(strict).await?;
        let Err(problem) = self.wait(&failed).await else { return Ok(Rejected::default()) };
        if !self.is_refusal(&failed).await? {
            return Err(problem);
        }
        let read_on = self.begin(lenient).await?;
        let mut rejected = Rejected::default();
        if self.wait(&read_on).await.is_ok() {
            rejected = self.rejected_by(&read_on, rows_max).await?;
        }
        if rejected.first.is_empty() {
            rejected = self.rejected_by(&failed, rows_max).await?;
        }
        // The diagnosis is an extra: without it, the reason alone is reported.
        if rejected.first.is_empty() { Err(problem) } else { Ok(rejected) }
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
    async fn rejected_by(&self, id: &str, rows_max: u64) -> Outcome<Rejected> {
        let statement = self.client.describe_statement().id(id).send().await;
        let statement =
            statement.map_err(|error| aws::problem("read what the COPY rejected", error))?;
        if statement.redshift_pid <= 0 {
            return Ok(Rejected::default());
        }
        let seconds = |at: Option<DateTime>| at.map(|at| at.secs());
        let (created, updated) = (seconds(statement.created_at), seconds(statement.updated_at));
        let copy = CopyPlace::new(statement.redshift_pid, created, updated);
        let question = pipeline::load_errors(&copy, None, rows_max)
            .map_err(|failure| Problem::failed(failure.message))?;
        let mut shown = Rejected::default();
        for _ in 0..DIAGNOSES_MAX {
            let rows = self.query(&question.sql).await?.rows;
            let known = shown.total;
            shown = Rejected::of(&rows);
            if shown.total > 0 && shown.total == known {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(shown)
    }
}

impl Rejected {
    /// Takes the rows of `sql/diagnose/load_errors.sql`.
    fn of(rows: &[Vec<Cell>]) -> Self {
        let cell = |row: &[Cell], index: usize| row.get(index).map(Cell::text).unwrap_or_default();
        Self {
            first: rows.iter().map(|row| Refused::of_row(|index| cell(row, index))).collect(),
            total: rows.first().map_or(0, |row| Refused::total(|index| cell(row, index))),
        }
    }
}
