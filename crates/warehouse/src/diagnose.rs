//! What a COPY rejected and why: queried from the warehouse, and put in one message.

use std::time::Duration;

use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use segue_contract::rejects::Refused;
use segue_contract::{ErrorName, Failure, pipeline};
use tokio::time::{Instant, sleep};

use crate::Warehouse;
use crate::loads::place;
use crate::results::{Row, number, text};
use crate::waiting::PAUSE;

/// How long the diagnosis may take, including the lag of the system views; after that the failure
/// is reported without it.
const DIAGNOSIS_MAX: Duration = Duration::from_secs(20);
/// The most rejected values that a failure shows.
const SHOWN_MAX: u64 = 5;

/// Takes a row of `sql/diagnose/load_errors.sql`.
pub(crate) fn refused(row: &Row) -> Refused {
    Refused::of_row(|index| field(row, index))
}

/// A field as text; empty for null.
fn field(row: &Row, index: usize) -> String {
    let value = |row| text(row).or_else(|| number(row).map(|number| number.to_string()));
    row.get(index).and_then(value).unwrap_or_default()
}

impl Warehouse {
    /// Names the first fields that the COPY of a failed statement rejected: file, line, column,
    /// reason.
    ///
    /// # Errors
    /// If the reasons cannot be read, or do not appear in time.
    pub(crate) async fn load_rejected(
        &self,
        file: &str,
        statement: &DescribeStatementOutput,
    ) -> Result<Failure, Failure> {
        let rows = self.load_errors(statement).await?;
        let count = rows.first().map_or(0, |row| Refused::total(|index| field(row, index)));
        let list: String = rows.iter().map(|row| format!("\n  {}", refused(row))).collect();
        let message = match count {
            1 => format!("{file}: one value was rejected and nothing was loaded:{list}"),
            many => format!(
                "{file}: {many} values were rejected and nothing was loaded, the first:{list}"
            ),
        };
        Ok(Failure::new(ErrorName::LoadRejected, message).hint(
            "fix or remove the file, then start the run again; it loads whatever is not loaded yet. A \
             COPY stops at the first such record: `segue doctor --noload` names all of them",
        ))
    }

    /// The first errors of a failed statement's COPY, as soon as the system views show any.
    async fn load_errors(&self, statement: &DescribeStatementOutput) -> Result<Vec<Row>, Failure> {
        if statement.redshift_pid <= 0 {
            return Err(Failure::new(
                ErrorName::LoadUnconfirmed,
                "the COPY's process is not known",
            ));
        }
        let deadline = Instant::now() + DIAGNOSIS_MAX;
        let copy = place(statement, statement.redshift_pid);
        let question = pipeline::load_errors(&copy, None, SHOWN_MAX)?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let rows = self.ask(&question, left).await?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            if left <= PAUSE {
                return Err(Failure::new(ErrorName::LoadUnconfirmed, "no reason is shown"));
            }
            sleep(PAUSE).await;
        }
    }
}
