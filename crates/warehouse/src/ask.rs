//! Short queries of the warehouse, polled like every other statement.

use std::time::Duration;

use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::types::{StatementStatusString, StatusString};
use segue_contract::pipeline::Statement;
use segue_contract::{ErrorName, Failure};
use tokio::time::{Instant, sleep};

use crate::results::Row;
use crate::waiting::{LONG_POLL_SECONDS, PAUSE, came_early};
use crate::{Warehouse, call_failure, classify};

impl Warehouse {
    /// Runs one query and returns its rows. Waits at most `limit`; a query that takes longer is
    /// cancelled.
    ///
    /// # Errors
    /// `WarehouseBusy` when it takes too long; the reason, by its name, when it fails; else as
    /// [`call_failure`].
    pub(crate) async fn ask(
        &self,
        statement: &Statement,
        limit: Duration,
    ) -> Result<Vec<Row>, Failure> {
        let deadline = Instant::now() + limit;
        let asked = self
            .client
            .execute_statement()
            .sql(&statement.sql)
            .database(&self.target.database)
            .set_workgroup_name(self.target.workgroup_name.clone())
            .set_cluster_identifier(self.target.cluster_identifier.clone())
            .set_secret_arn(self.target.secret_arn.clone())
            .wait_time_seconds(seconds(limit))
            .send()
            .await
            .map_err(|error| call_failure("asking the warehouse", &error))?;
        let id = asked.id.unwrap_or_default();
        if asked.status != Some(StatementStatusString::Finished) {
            self.answered(statement, &id, deadline).await?;
        }
        let mut rows = Vec::new();
        self.read(&id, |page| {
            rows.extend(page);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Waits until the query has finished.
    async fn answered(
        &self,
        statement: &Statement,
        id: &str,
        deadline: Instant,
    ) -> Result<(), Failure> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let asked_at = Instant::now();
            let poll = Duration::from_secs(seconds(left).unsigned_abs().into());
            let described = self.describe(id, poll).await?;
            match described.status() {
                Some(StatusString::Finished) => return Ok(()),
                Some(StatusString::Failed | StatusString::Aborted) => {
                    return Err(failed(statement, &described));
                }
                _ if left.is_zero() => {
                    self.cancel_one(id).await?;
                    let reason =
                        format!("sql/{}.sql has not been answered in time", statement.file);
                    return Err(Failure::new(ErrorName::WarehouseBusy, reason));
                }
                _ if came_early(asked_at, poll) => sleep(PAUSE.min(left)).await,
                _ => {}
            }
        }
    }
}

fn failed(statement: &Statement, described: &DescribeStatementOutput) -> Failure {
    let place = format!("sql/{}.sql", statement.file);
    match described.error() {
        Some(reason) => classify::statement_failure(&statement.file, &place, reason),
        None => Failure::new(
            ErrorName::StatementAborted,
            format!("{place}: the statement was cancelled"),
        ),
    }
}

/// The remaining time as a long poll: from one second to the most that the Data API allows.
fn seconds(left: Duration) -> i32 {
    i32::try_from(left.as_secs()).unwrap_or(LONG_POLL_SECONDS).clamp(1, LONG_POLL_SECONDS)
}
