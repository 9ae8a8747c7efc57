//! Statements written down, so that a restarted warehouse still knows them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use duckdb::params;
use serde::{Deserialize, Serialize};

use super::{KEPT_HOURS, State, Statement, Status};
use crate::clock::epoch_seconds;
use crate::engine::{Database, Session, SqlError};
use crate::protocol::Execute;

/// A result up to this size outlives the process, in bytes.
const RESULT_BYTES_KEPT_MAX: u64 = 1_000_000;

/// Writes statements into the warehouse's file; does nothing for one in memory.
pub(crate) struct Journal {
    database: Arc<Database>,
    durable: bool,
}

/// A statement as it was submitted.
#[derive(Serialize, Deserialize)]
struct Submitted {
    created: SystemTime,
    batch: bool,
    request: Execute,
}

impl Journal {
    pub(crate) fn new(database: Arc<Database>, durable: bool) -> Self {
        Self { database, durable }
    }

    /// Before the statement runs.
    pub(crate) fn submitted(&self, statement: &Statement) {
        if !self.durable {
            return;
        }
        let submitted = Submitted {
            created: statement.created,
            batch: statement.batch,
            request: statement.request.clone(),
        };
        let text = serde_json::to_string(&submitted).unwrap_or_default();
        let outcome = self.database.root().execute(
            "insert into redshift_local.statements values (?, ?, ?)",
            params![statement.id, epoch_seconds(statement.created), text],
        );
        report(outcome);
    }

    /// In the statement's own transaction, just before it commits.
    pub(crate) fn finished(
        &self,
        statement: &Statement,
        session: &mut Session,
    ) -> Result<(), SqlError> {
        if !self.durable {
            return Ok(());
        }
        let mut state = statement.state();
        state.status = Status::Finished;
        let text = outcome_text(&state);
        session
            .write_own("insert into redshift_local.outcomes values (?, ?)", [&statement.id, &text])
    }

    /// After a statement has failed; its transaction is gone.
    pub(crate) fn ended(&self, statement: &Statement, state: &State) {
        if !self.durable {
            return;
        }
        let outcome = self.database.root().execute(
            "insert into redshift_local.outcomes values (?, ?)",
            params![statement.id, outcome_text(state)],
        );
        report(outcome);
    }

    /// Statements of an earlier process. What had neither committed nor failed is aborted.
    pub(crate) fn restore(&self, now: SystemTime) -> Vec<Statement> {
        if !self.durable {
            return Vec::new();
        }
        match self.read(now) {
            Ok(statements) => statements,
            Err(error) => {
                tracing::error!(%error, "earlier statements could not be read");
                Vec::new()
            }
        }
    }

    fn read(&self, now: SystemTime) -> duckdb::Result<Vec<Statement>> {
        let root = self.database.root();
        let oldest = now - Duration::from_secs(KEPT_HOURS * 3600);
        let oldest = epoch_seconds(oldest);
        root.execute("delete from redshift_local.statements where submitted_at < ?", [oldest])?;
        root.execute(
            "delete from redshift_local.outcomes where statement_id not in \
             (select statement_id from redshift_local.statements)",
            [],
        )?;
        root.execute(
            "delete from redshift_local.queries where start_time < now()::timestamp - interval '7 days'",
            [],
        )?;
        let mut select = root.prepare(
            "select s.statement_id, s.submitted, max(o.outcome) from redshift_local.statements as s \
             left join redshift_local.outcomes as o on s.statement_id = o.statement_id \
             group by s.statement_id, s.submitted",
        )?;
        let mut rows = select.query([])?;
        let mut statements = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, submitted): (String, String) = (row.get(0)?, row.get(1)?);
            let outcome: Option<String> = row.get(2)?;
            let Ok(submitted) = serde_json::from_str::<Submitted>(&submitted) else { continue };
            let Submitted { created, batch, request } = submitted;
            let statement = Statement::new(id, created, request, batch, None);
            let known = outcome.and_then(|text| serde_json::from_str::<State>(&text).ok());
            statement.change(|state| match known {
                Some(known) => *state = known,
                None => interrupted(state, now),
            });
            statements.push(statement);
        }
        Ok(statements)
    }
}

fn interrupted(state: &mut State, now: SystemTime) {
    let error = "ERROR: The warehouse stopped while the statement was running.".to_owned();
    state.status = Status::Aborted;
    state.updated = now;
    state.error = Some(error.clone());
    for part in &mut state.parts {
        part.status = Status::Aborted;
        part.error = Some(error.clone());
    }
}

fn outcome_text(state: &State) -> String {
    let mut kept = state.clone();
    for part in &mut kept.parts {
        if part.result.as_ref().is_some_and(|result| result.bytes > RESULT_BYTES_KEPT_MAX) {
            part.result = None;
        }
    }
    serde_json::to_string(&kept).unwrap_or_default()
}

fn report(outcome: duckdb::Result<usize>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "a statement could not be written down");
    }
}
