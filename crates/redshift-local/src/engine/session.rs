//! One connection and its transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use duckdb::Connection;

use super::Warehouse;
use super::cancel::Cancel;
use super::catalog::{Table, execute};
use super::definitions::Key;
use super::error::SqlError;
use super::locks::{Mode, TransactionId};
use super::messages::redshift;
use super::values::QueryResult;
use crate::dialect::{Command, Kind, Query, Reading, TableName, Tokens, Write, understand};

/// What one statement did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// The rows that it gave, if it is a statement that gives rows.
    pub(crate) result: Option<QueryResult>,
    /// The rows that it wrote.
    pub(crate) rows: u64,
    /// The number under which the system views know it.
    pub(crate) query_id: i64,
}

/// A connection of its own, as the Data API opens one for every request.
pub(crate) struct Session {
    pub(crate) warehouse: Arc<Warehouse>,
    pub(crate) connection: Connection,
    pub(super) process: i64,
    last_query: i64,
    pub(crate) cancel: Arc<Cancel>,
    pub(super) transaction: Option<Transaction>,
    pub(super) settings: Vec<(String, String)>,
    /// BEGIN was said: the transaction lasts until COMMIT or ROLLBACK is.
    pub(super) explicit: bool,
}

/// A transaction that has begun.
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    /// The commits that its snapshot sees; none is taken before the first look at data.
    pub(super) snapshot: Option<u64>,
    /// The generation of definitions that its snapshot sees.
    pub(super) generation: Option<u64>,
    /// What it defines itself.
    pub(super) defined: Defined,
    /// Schemas that it has seen.
    pub(super) schemas: HashSet<String>,
    pub(super) written: HashSet<String>,
}

/// What a transaction defines itself: it sees others than are committed.
#[derive(Default)]
pub(super) struct Defined {
    /// By schema and name; as it is declared, where that is known without asking the engine.
    pub(super) tables: HashMap<Key, Option<Table>>,
    /// More than these tables, such as views.
    pub(super) more: bool,
}

impl Session {
    /// Opens a connection.
    pub(crate) fn open(warehouse: Arc<Warehouse>, cancel: Arc<Cancel>) -> Result<Self, SqlError> {
        let connection = warehouse.database.connection().map_err(|error| redshift(&error, &[]))?;
        let process = warehouse.next_process();
        let variables = format!("set variable process = {process}; set variable copy_count = 0;");
        connection.execute_batch(&variables).map_err(|error| redshift(&error, &[]))?;
        cancel.set_interrupt(Some(connection.interrupt_handle()));
        Ok(Self {
            warehouse,
            connection,
            process,
            last_query: 0,
            cancel,
            transaction: None,
            settings: Vec::new(),
            explicit: false,
        })
    }

    /// The number under which the system views know the statement that ran last, well or not.
    pub(crate) fn last_query(&self) -> i64 {
        self.last_query
    }

    /// The process number that `RedshiftPid` gives.
    pub(crate) fn process(&self) -> i64 {
        self.process
    }

    /// Lets another request use the session: its cancelling is that request's.
    pub(crate) fn adopt(&mut self, cancel: Arc<Cancel>) {
        cancel.set_interrupt(Some(self.connection.interrupt_handle()));
        self.cancel = cancel;
    }

    /// Whether somebody has cancelled the statement.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Runs one statement in the open transaction, or in a new one that is left open.
    pub(crate) fn run(&mut self, tokens: &Tokens, text: &str) -> Result<Done, SqlError> {
        if self.cancel.is_cancelled() {
            return Err(SqlError::Cancelled);
        }
        let query_id = self.warehouse.next_query();
        self.last_query = query_id;
        let started = self.warehouse.clock_now();
        let outcome = self.understand_and_execute(tokens, query_id);
        let outcome = match outcome {
            Err(_) if self.cancel.is_cancelled() => Err(SqlError::Cancelled),
            other => other,
        };
        let kind = tokens.peek().to_string();
        self.warehouse.log.query(self, query_id, &kind, text, started, &outcome);
        outcome.map(|done| Done { query_id, ..done })
    }

    fn understand_and_execute(&mut self, tokens: &Tokens, query_id: i64) -> Result<Done, SqlError> {
        let command = understand(tokens, Reading::default())?;
        match self.execute(command, query_id) {
            // Only the engine knows that a column is a time; nothing has been done yet.
            Err(error)
                if error.to_string().contains("function trunc(timestamp)")
                    || error.to_string().contains("function trunc(date)") =>
            {
                let reading = Reading { trunc_of_time: true };
                self.begin_again()?;
                self.execute(understand(tokens, reading)?, query_id)
            }
            outcome => outcome,
        }
    }

    fn execute(&mut self, command: Command, query_id: i64) -> Result<Done, SqlError> {
        match command {
            Command::Query(query) => self.query(query),
            Command::Write(write) => self.write(&write),
            Command::Merge(merge) => self.merge(&merge),
            Command::Copy(copy) => {
                let done = self.copy(&copy, query_id)?;
                let rows = done.rows;
                execute(&self.connection, &format!("set variable copy_count = {rows}"))?;
                execute(&self.connection, &format!("set variable copy_id = {query_id}"))?;
                Ok(done)
            }
            Command::CreateTable(create) => self.create_table(*create),
            Command::AlterTable(alter) => {
                self.defines()?;
                self.alter_table(alter)
            }
            Command::CreateSchema { name, if_not_exists } => {
                self.create_schema(&name, if_not_exists)
            }
            Command::DropSchema { names, if_exists, cascade } => {
                self.drop_schemas(&names, if_exists, cascade)
            }
            Command::DropTable { names, if_exists, cascade } => {
                self.drop_tables(&names, if_exists, cascade)
            }
            Command::CreateView { .. } => self.create_view(command),
            Command::DropView { names, if_exists } => self.drop_views(&names, if_exists),
            Command::Truncate(table) => self.truncate(&table),
            Command::Lock(tables) => self.lock_tables(&tables),
            Command::Vacuum(table) | Command::Analyze(table) => {
                table.map_or(Ok(()), |table| self.must_exist(&table))?;
                Ok(Done::default())
            }
            Command::AnalyzeCompression(table) => self.analyze_compression(&table),
            Command::Comment { table, column, text } => {
                self.comment(&table, column.as_deref(), text.as_deref())
            }
            Command::Accepted(what) => {
                tracing::debug!(what, "accepted without effect");
                Ok(Done::default())
            }
            Command::Explain(command) => self.explain(*command),
            Command::Set { name, value } => {
                self.settings.retain(|(known, _)| *known != name);
                self.settings.push((name, value));
                Ok(Done::default())
            }
            Command::Show { name } => Ok(self.show(&name)),
            Command::ShowTable(table) => self.show_table(&table),
            Command::Begin => {
                self.explicit = true;
                Ok(Done::default())
            }
            Command::Commit => self.commit().map(|()| Done::default()),
            Command::Rollback => {
                self.rollback();
                Ok(Done::default())
            }
            Command::CancelQuery(process) => {
                Err(SqlError::new(format!("PID {process} is not a Redshift server process")))
            }
        }
    }

    fn query(&mut self, query: Query) -> Result<Done, SqlError> {
        for relation in &query.relations {
            self.lock(relation, Mode::Read)?;
        }
        if let Some((name, temporary)) = query.into.clone() {
            return self.create_table_as(name, temporary, false, &[], &query, Default::default());
        }
        self.begin()?;
        let named: Vec<TableName> = query.relations.iter().cloned().collect();
        self.bind_late_views(&named)?;
        let result = self.rows(&query.sql, &named)?;
        Ok(Done { rows: result.rows.len() as u64, result: Some(result), query_id: 0 })
    }

    /// The rows of an engine query.
    pub(crate) fn rows(&self, sql: &str, named: &[TableName]) -> Result<QueryResult, SqlError> {
        let failed = |error: duckdb::Error| redshift(&error, named);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let batches = statement.stream_arrow([]).map_err(failed)?;
        let mut result = QueryResult::new(&batches.get_schema());
        for batch in batches {
            result.append(&batch)?;
        }
        if self.cancel.is_cancelled() {
            return Err(SqlError::Cancelled);
        }
        Ok(result)
    }

    fn write(&mut self, write: &Write) -> Result<Done, SqlError> {
        for relation in write.relations.iter().filter(|relation| **relation != write.target) {
            self.lock(relation, Mode::Read)?;
        }
        let reads = write.kind != Kind::Insert || write.relations.contains(&write.target);
        self.lock_to_write(&write.target, reads)?;
        self.begin()?;
        if write.kind == Kind::Insert {
            self.refuse_identity(write)?;
        }
        let mut named: Vec<TableName> = write.relations.iter().cloned().collect();
        named.push(write.target.clone());
        let changed = self.connection.execute(&write.sql, []);
        let rows = changed.map_err(|error| redshift(&error, &named))? as u64;
        Ok(Done { rows, ..Done::default() })
    }

    /// An identity column takes no value, unless it was declared to.
    fn refuse_identity(&self, write: &Write) -> Result<(), SqlError> {
        if write.columns.is_empty() {
            return Ok(());
        }
        let Some(table) = self.find(&write.target)? else { return Ok(()) };
        for column in &write.columns {
            if let Some(stored) = table.column(column)
                && let Some(crate::dialect::ColumnDefault::Identity { explicit: false, .. }) =
                    stored.definition.default
            {
                return Err(SqlError::new(format!(
                    "cannot set an identity column to a value: {column}"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn is_temporary(&self, name: &str) -> bool {
        let sql = "select count(*) from duckdb_tables() where temporary and table_name = ?";
        let count = self.connection.query_row(sql, [name], |row| row.get::<_, i64>(0));
        count.is_ok_and(|count| count > 0)
    }

    /// The schema under which a session's own tables are defined.
    pub(super) fn temporary_schema(&self) -> String {
        format!("pg_temp_{}", self.process)
    }

    /// The definition of a table, if there is such a table.
    pub(super) fn find(&self, name: &TableName) -> Result<Option<Table>, SqlError> {
        if name.schema.is_none() && self.is_temporary(&name.name) {
            return Table::load(&self.connection, &self.temporary_schema(), &name.name);
        }
        self.definition(name.schema_or_public(), &name.name)
    }

    pub(crate) fn must_find(&self, name: &TableName) -> Result<Table, SqlError> {
        self.find(name)?.ok_or_else(|| SqlError::no_relation(&name.to_string()))
    }

    fn must_exist(&mut self, name: &TableName) -> Result<(), SqlError> {
        self.begin()?;
        self.must_find(name).map(|_| ())
    }

    pub(crate) fn warehouse_now(&self) -> SystemTime {
        self.warehouse.clock_now()
    }

    /// The number of the open transaction.
    pub(crate) fn transaction_id(&self) -> TransactionId {
        self.transaction.as_ref().map_or(0, |open| open.id)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.rollback();
        self.cancel.set_interrupt(None);
    }
}
