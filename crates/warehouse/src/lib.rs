//! The Redshift Data API as Segue uses it: a step is one batch, one batch is one transaction, and
//! every failure has a name and an owner.
//!
//! Only the IAM role that submitted a statement may describe, read or cancel it; so the functions
//! that use this crate share one role.

mod ask;
mod cancel;
mod classify;
mod counts;
mod deadlines;
mod diagnose;
mod loads;
mod migrations;
mod results;
mod tables;
mod waiting;

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_redshiftdata::Client;
use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::primitives::DateTime;
use aws_sdk_redshiftdata::types::{StatementStatusString, StatusString, SubStatementData};
use segue_contract::messages::{FileOutcome, StatementState, Step};
use segue_contract::metrics::Metric;
use segue_contract::pipeline::{CHANGES_HEADER, Deployment, Statement, VARIANTS_HEADER};
use segue_contract::{ErrorName, Failure};
use segue_function::metrics::{Subject, emit};
use segue_function::{optional_setting, setting};
use tokio::time::Instant;

pub use classify::call_failure;
pub use deadlines::Deadlines;
pub use loads::{Copied, LoadHistory};
pub use results::{Row, number, text};
pub use waiting::{LONG_POLL_SECONDS, SUBMIT_POLL_SECONDS, wait_seconds};
use waiting::{came_early, next_wait_seconds};

/// Which warehouse to talk to: a Serverless workgroup or a provisioned cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The database.
    pub database: String,
    /// The Serverless workgroup's name.
    pub workgroup_name: Option<String>,
    /// The provisioned cluster's identifier.
    pub cluster_identifier: Option<String>,
    /// A secret in Secrets Manager with the database user, unless IAM decides.
    pub secret_arn: Option<String>,
}

impl Target {
    /// Takes the target's parts, of which some may be missing.
    ///
    /// # Errors
    /// `InvalidConfiguration` when there is not exactly one of workgroup and cluster.
    pub fn new(
        database: String,
        workgroup_name: Option<String>,
        cluster_identifier: Option<String>,
        secret_arn: Option<String>,
    ) -> Result<Self, Failure> {
        if workgroup_name.is_some() == cluster_identifier.is_some() {
            return Err(Failure::new(
                ErrorName::InvalidConfiguration,
                format!(
                    "expected either a workgroup or a cluster, found {}",
                    if workgroup_name.is_some() { "both" } else { "neither" }
                ),
            )
            .hint("deploy with one of the parameters WorkgroupName and ClusterIdentifier"));
        }
        Ok(Self { database, workgroup_name, cluster_identifier, secret_arn })
    }
}

/// A warehouse behind the Data API.
#[derive(Debug, Clone)]
pub struct Warehouse {
    client: Client,
    target: Target,
}

impl Warehouse {
    /// Takes a client that is built once.
    pub fn new(client: Client, target: Target) -> Self {
        Self { client, target }
    }

    /// The warehouse that the template's settings name.
    ///
    /// # Errors
    /// `InvalidConfiguration` when a setting is missing.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, Failure> {
        let target = Target::new(
            setting("DATABASE")?,
            optional_setting("WORKGROUP_NAME"),
            optional_setting("CLUSTER_IDENTIFIER"),
            optional_setting("SECRET_ARN"),
        )?;
        Ok(Self::new(Client::new(config), target))
    }

    /// Submits the statements of a step as one transaction and waits for only a few seconds.
    ///
    /// Safe to repeat: the client token is made of run, step and attempt, so the Data API runs an
    /// attempt once, even if it is submitted several times.
    ///
    /// # Errors
    /// As [`call_failure`]; [`Warehouse::state`] reports a statement that failed.
    pub async fn submit(
        &self,
        step: &Step,
        statements: &[Statement],
    ) -> Result<StatementState, Failure> {
        let asked_at = Instant::now();
        let submitted = self
            .client
            .batch_execute_statement()
            .set_sqls(Some(statements.iter().map(|statement| statement.sql.clone()).collect()))
            .database(&self.target.database)
            .set_workgroup_name(self.target.workgroup_name.clone())
            .set_cluster_identifier(self.target.cluster_identifier.clone())
            .set_secret_arn(self.target.secret_arn.clone())
            .statement_name(step.run.statement_name(&step.step, step.attempt))
            .client_token(step.run.client_token(&step.step, step.attempt))
            .wait_time_seconds(SUBMIT_POLL_SECONDS)
            .send()
            .await
            .map_err(|error| call_failure("submitting the statement", &error))?;
        let statement_id = submitted.id.unwrap_or_default();
        tracing::info!(statement_id, "submitted");
        match submitted.status {
            Some(StatementStatusString::Finished) => {
                self.state(step, statements, &statement_id, Duration::ZERO, SystemTime::now()).await
            }
            _ => {
                let long_poll = Duration::from_secs(SUBMIT_POLL_SECONDS.unsigned_abs().into());
                let early = came_early(asked_at, long_poll);
                let wait_seconds = next_wait_seconds(Duration::ZERO, early);
                Ok(StatementState::Running { statement_id, wait_seconds })
            }
        }
    }

    /// Waits for a statement for a while and returns its state.
    ///
    /// # Errors
    /// `TransactionConflict`, `StatementInterrupted`, `LoadRejected`, `SourceUnreadable`,
    /// `StatementFailed`, `StatementAborted` when it failed; otherwise as [`call_failure`].
    pub async fn state(
        &self,
        step: &Step,
        statements: &[Statement],
        statement_id: &str,
        long_poll: Duration,
        now: SystemTime,
    ) -> Result<StatementState, Failure> {
        let asked_at = Instant::now();
        let statement = self.describe(statement_id, long_poll).await?;
        let early = came_early(asked_at, long_poll);
        self.judge(step, statements, &statement, now, early).await
    }

    /// The state of a statement, from its description.
    async fn judge(
        &self,
        step: &Step,
        statements: &[Statement],
        statement: &DescribeStatementOutput,
        now: SystemTime,
        early: bool,
    ) -> Result<StatementState, Failure> {
        let statement_id = statement.id().to_owned();
        match &statement.status {
            Some(StatusString::Finished) => {
                measure_lag(step, statement);
                Ok(StatementState::Finished {
                    variants: self.variants(&statement_id, statements).await?,
                    pending: self.pending(&statement_id, statements).await?,
                    changes: self.changes(&statement_id, statements).await?,
                    ended_at: statement.updated_at.and_then(rfc3339),
                    statement_id,
                    step: step.step.clone(),
                    duration_ms: milliseconds(statement.duration),
                    files: file_outcomes(statements, statement.sub_statements()),
                })
            }
            Some(StatusString::Failed) => Err(self.failure(step, statements, statement).await),
            Some(StatusString::Aborted) => Err(Failure::new(
                ErrorName::StatementAborted,
                format!(
                    "{}: the statement was cancelled{}",
                    step.step,
                    statement.error().map(|error| format!(": {error}")).unwrap_or_default()
                ),
            )
            .hint("nothing of this step was kept; start the run again when the cause is gone")),
            _ => Ok(StatementState::Running {
                statement_id,
                wait_seconds: next_wait_seconds(age(statement, now), early),
            }),
        }
    }

    async fn describe(
        &self,
        statement_id: &str,
        long_poll: Duration,
    ) -> Result<DescribeStatementOutput, Failure> {
        let seconds = i32::try_from(long_poll.as_secs()).unwrap_or(LONG_POLL_SECONDS);
        let described = self
            .client
            .describe_statement()
            .id(statement_id)
            .set_wait_time_seconds((seconds > 0).then_some(seconds))
            .send()
            .await;
        match described {
            Ok(statement) => Ok(statement),
            // Too many waiters on the same statement: describing it without waiting is still
            // allowed.
            Err(error)
                if seconds > 0
                    && error.as_service_error().is_some_and(|error| {
                        error.is_active_waiting_requests_exceeded_exception()
                    }) =>
            {
                Box::pin(self.describe(statement_id, Duration::ZERO)).await
            }
            Err(error) => Err(call_failure("asking for the statement's state", &error)),
        }
    }

    async fn failure(
        &self,
        step: &Step,
        statements: &[Statement],
        statement: &DescribeStatementOutput,
    ) -> Failure {
        let failed = |part: &SubStatementData| part.status == Some(StatementStatusString::Failed);
        let position = statement.sub_statements().iter().position(failed);
        let part = position.map(|index| &statement.sub_statements()[index]);
        let reason = part
            .and_then(SubStatementData::error)
            .or(statement.error())
            .unwrap_or("no reason was given");
        let place = position.map_or_else(|| step.step.clone(), |index| place(statements, index));
        let failure = classify::statement_failure(&step.step, &place, reason);
        if failure.name == ErrorName::LoadRejected {
            match self.load_rejected(&place, statement).await {
                Ok(rejected) => return rejected,
                Err(error) => tracing::warn!(%error, "the rejected values are not known"),
            }
        }
        failure
    }
}

/// The template's settings that appear in the SQL.
///
/// # Errors
/// `InvalidConfiguration` when a setting is missing or cannot be read.
pub fn deployment() -> Result<Deployment, Failure> {
    let days = setting("STAGING_RETENTION_DAYS")?;
    Ok(Deployment {
        work_bucket: setting("WORK_BUCKET")?,
        copy_role_arn: setting("COPY_ROLE_ARN")?,
        staging_retention_days: days.parse().map_err(|_| {
            let reason = format!("expected STAGING_RETENTION_DAYS to be a number, found {days:?}");
            Failure::new(ErrorName::InvalidConfiguration, reason)
        })?,
        reader_role: optional_setting("READER_ROLE"),
        reader_group: optional_setting("READER_GROUP"),
        warnings_fail: optional_setting("WARNINGS_FAIL").as_deref() == Some("true"),
    })
}

/// Writes how long ago the statement ended: the cost of waiting for it.
fn measure_lag(step: &Step, statement: &DescribeStatementOutput) {
    let ended = statement.updated_at.and_then(|at| SystemTime::try_from(at).ok());
    // The other clock may be ahead: then so short a time is unknown.
    let lag = ended.and_then(|ended| SystemTime::now().duration_since(ended).ok());
    if let Some(lag) = lag {
        let subject = Subject { run_id: Some(&step.run.id), step: None };
        emit(subject, &[(Metric::PollLagSeconds, lag.as_secs_f64())]);
    }
}

/// Where a statement of a batch is: the file, and which of its statements.
fn place(statements: &[Statement], index: usize) -> String {
    let Some(statement) = statements.get(index) else {
        return format!("statement {}", index + 1);
    };
    let of_file = |statement: &&Statement| statement.file == statements[index].file;
    let before = statements[..index].iter().filter(of_file).count();
    let all = statements.iter().filter(of_file).count();
    // The other statements of a COPY's file only prepare it and read what it did.
    let is_only_copy = statement.verb() == "copy"
        && statements.iter().filter(of_file).filter(|one| one.verb() == "copy").count() == 1;
    match all {
        _ if is_only_copy => format!("sql/{}.sql", statement.file),
        1 => format!("sql/{}.sql", statement.file),
        _ => format!("sql/{}.sql, statement {} of {all}", statement.file, before + 1),
    }
}

/// Statements whose `ResultRows` say nothing about a run: COPY and UNLOAD are not counted, LOCK and DROP
/// have no rows, and deleted rows are neither loaded nor published.
const UNCOUNTED: [&str; 5] = ["copy", "unload", "lock", "drop", "delete"];

/// Whether a statement's rows are loaded, published or asked for. Publishing's own tables and counts
/// are none of these.
fn is_counted(statement: &Statement) -> bool {
    let is_own = statement.verb() == "create" && statement.file.starts_with("publish/");
    let headers = [VARIANTS_HEADER, CHANGES_HEADER];
    let counts = headers.iter().any(|header| statement.sql.starts_with(header));
    !is_own && !counts && !UNCOUNTED.contains(&statement.verb())
}

fn file_outcomes(statements: &[Statement], parts: &[SubStatementData]) -> Vec<FileOutcome> {
    let copies = |file: &str| statements.iter().any(|one| one.file == file && one.verb() == "copy");
    let mut outcomes: Vec<FileOutcome> = Vec::new();
    for (statement, part) in statements.iter().zip(parts) {
        let is_counted = is_counted(statement) && !copies(&statement.file);
        // The Data API returns -1 for an unknown number.
        let rows = u64::try_from(part.result_rows).ok().filter(|_| is_counted);
        let duration_ms = milliseconds(part.duration);
        match outcomes.last_mut() {
            Some(outcome) if outcome.file == statement.file => {
                outcome.rows = match (outcome.rows, rows) {
                    (Some(before), Some(more)) => Some(before + more),
                    (before, more) => before.or(more),
                };
                outcome.duration_ms += duration_ms;
            }
            _ => outcomes.push(FileOutcome { file: statement.file.clone(), rows, duration_ms }),
        }
    }
    outcomes
}

/// When a statement ended, as messages have times.
fn rfc3339(at: DateTime) -> Option<String> {
    jiff::Timestamp::try_from(SystemTime::try_from(at).ok()?).ok().map(|at| at.to_string())
}

/// The Data API counts nanoseconds.
fn milliseconds(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds / 1_000_000).unwrap_or(0)
}

fn age(statement: &DescribeStatementOutput, now: SystemTime) -> Duration {
    let created = statement.created_at.and_then(|at| SystemTime::try_from(at).ok());
    created.and_then(|created| now.duration_since(created).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
