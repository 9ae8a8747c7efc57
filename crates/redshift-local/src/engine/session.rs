//! One connection and its transaction.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use duckdb::Connection;

use super::Warehouse;
use super::cancel::Cancel;
use super::catalog::{Table, execute};
use super::error::SqlError;
use super::locks::{Mode, TransactionId};
use super::messages::{redshift, serializable};
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
    pub(crate) cancel: Arc<Cancel>,
    pub(super) transaction: Option<Transaction>,
    settings: Vec<(String, String)>,
    /// BEGIN was said: the transaction lasts until COMMIT or ROLLBACK is.
    explicit: bool,
}

/// A transaction that has begun.
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    /// The commits that its snapshot sees; none is taken before the first look at data.
    snapshot: Option<u64>,
    written: HashSet<String>,
}

impl Session {
    /// Opens a connection.
    pub(crate) fn open(warehouse: Arc<Warehouse>, cancel: Arc<Cancel>) -> Result<Self, SqlError> {
        let connection = warehouse.database.connection().map_err(|error| redshift(&error, &[]))?;
        let process = warehouse.next_process();
        cancel.set_interrupt(Some(connection.interrupt_handle()));
        Ok(Self { warehouse, connection, process, cancel, transaction: None, settings: Vec::new(), explicit: false })
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

    fn understand_and_execute(
        &mut self,
        tokens: &Tokens,
        query_id: i64,
    ) -> Result<Done, SqlError> {
        let command = understand(tokens, Reading::default())?;
        match self.execute(command, query_id) {
            // Only the engine knows that a column is a time; nothing has been done yet.
            Err(error) if error.to_string().contains("function trunc(timestamp)")
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
            Command::Copy(copy) => self.copy(&copy, query_id),
            Command::CreateTable(create) => self.create_table(*create),
            Command::AlterTable(alter) => self.alter_table(alter),
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
                return Err(SqlError::new(format!("cannot set an identity column to a value: {column}")));
            }
        }
        Ok(())
    }

    // Transactions.

    /// Begins a transaction, if none is open, and takes its snapshot.
    pub(crate) fn begin(&mut self) -> Result<(), SqlError> {
        let commits = self.warehouse.locks.snapshot();
        let transaction = self.open_transaction()?;
        transaction.snapshot.get_or_insert(commits);
        Ok(())
    }

    /// Begins a transaction whose snapshot is not yet taken: locks are waited for first.
    fn open_transaction(&mut self) -> Result<&mut Transaction, SqlError> {
        if self.transaction.is_none() {
            execute(&self.connection, "begin transaction")?;
            let id = self.warehouse.next_transaction();
            self.transaction =
                Some(Transaction { id, snapshot: None, written: HashSet::new() });
        }
        self.transaction.as_mut().ok_or_else(|| SqlError::new("no transaction is open"))
    }

    /// Whether BEGIN was said and no end yet.
    pub(crate) fn is_explicit(&self) -> bool {
        self.explicit
    }

    /// Writes what belongs to the transaction but not to its statements.
    pub(crate) fn write_own(&mut self, sql: &str, values: [&str; 2]) -> Result<(), SqlError> {
        self.begin()?;
        let written = self.connection.execute(sql, values);
        written.map(|_| ()).map_err(|error| redshift(&error, &[]))
    }

    /// Keeps what the transaction did.
    pub(crate) fn commit(&mut self) -> Result<(), SqlError> {
        self.explicit = false;
        let Some(transaction) = self.transaction.take() else { return Ok(()) };
        let outcome = execute(&self.connection, "commit");
        let written = if outcome.is_ok() { transaction.written } else { HashSet::new() };
        self.warehouse.locks.release(transaction.id, &written);
        outcome.map(|_| ())
    }

    /// Undoes what the transaction did.
    pub(crate) fn rollback(&mut self) {
        self.explicit = false;
        let Some(transaction) = self.transaction.take() else { return };
        if let Err(error) = execute(&self.connection, "rollback") {
            tracing::debug!(%error, "the engine had rolled back already");
        }
        self.warehouse.locks.release(transaction.id, &HashSet::new());
    }

    /// A failed binding ends the engine's transaction; when it is still empty, a new one will do.
    fn begin_again(&mut self) -> Result<(), SqlError> {
        let empty = self.transaction.as_ref().is_some_and(|open| open.written.is_empty());
        if empty {
            let _ = execute(&self.connection, "rollback");
            execute(&self.connection, "begin transaction")?;
        }
        Ok(())
    }

    // Locks.

    /// The name under which a table is locked; none for a session's own.
    fn lock_name(&self, table: &TableName) -> Option<String> {
        if table.schema.is_none() && self.is_temporary(&table.name) {
            return None;
        }
        Some(format!("{}.{}", table.schema_or_public(), table.name))
    }

    /// Waits for a table; a snapshot is taken only after the first wait.
    pub(super) fn lock(&mut self, table: &TableName, mode: Mode) -> Result<(), SqlError> {
        let Some(name) = self.lock_name(table) else { return Ok(()) };
        self.lock_named(&name, mode)
    }

    pub(super) fn lock_named(&mut self, name: &str, mode: Mode) -> Result<(), SqlError> {
        let id = self.open_transaction()?.id;
        self.warehouse.locks.acquire(id, name, mode, &self.cancel)
    }

    /// Waits to write a table, and notes that it is written.
    ///
    /// # Errors
    /// 1023, when the transaction looks at a table that changed after its snapshot was taken.
    pub(crate) fn lock_to_write(
        &mut self,
        table: &TableName,
        reads: bool,
    ) -> Result<(), SqlError> {
        let Some(name) = self.lock_name(table) else { return Ok(()) };
        self.lock_named(&name, Mode::Write)?;
        self.note_written(&name, reads)
    }

    pub(super) fn note_written(&mut self, name: &str, reads: bool) -> Result<(), SqlError> {
        let process = self.process;
        let warehouse = Arc::clone(&self.warehouse);
        let transaction = self.open_transaction()?;
        let own = transaction.id;
        let changed = transaction
            .snapshot
            .filter(|_| reads && !transaction.written.contains(name))
            .and_then(|snapshot| warehouse.locks.written_since(name, snapshot));
        transaction.written.insert(name.to_owned());
        match changed {
            None => Ok(()),
            Some(other) => {
                let table = self.object_id(name).unwrap_or(0);
                Err(SqlError::new(serializable(table, other, own, process.unsigned_abs())))
            }
        }
    }

    fn object_id(&self, name: &str) -> Option<u64> {
        let (schema, table) = name.split_once('.')?;
        let found = Table::load(&self.connection, schema, table).ok()??;
        Some(found.object_id.unsigned_abs())
    }

    /// LOCK: before any snapshot, so that what follows sees what those before have committed.
    fn lock_tables(&mut self, tables: &[TableName]) -> Result<Done, SqlError> {
        for table in tables {
            self.warehouse.must_exist(table)?;
        }
        for table in tables {
            self.lock(table, Mode::Exclusive)?;
        }
        Ok(Done::default())
    }

    // Names.

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
        Table::load(&self.connection, name.schema_or_public(), &name.name)
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

    fn show(&self, name: &str) -> Done {
        let value = self.settings.iter().find(|(known, _)| known == name);
        let value = match (value, name) {
            (Some((_, value)), _) => value.clone(),
            (None, "search_path") => "$user, public".to_owned(),
            (None, "timezone") => "UTC".to_owned(),
            (None, "datestyle") => "ISO, MDY".to_owned(),
            (None, "query_group") => "unset".to_owned(),
            (None, "statement_timeout") => "0".to_owned(),
            (None, "server_version") => "8.0.2".to_owned(),
            (None, _) => "unset".to_owned(),
        };
        let result = QueryResult::text(&[name], vec![vec![value]]);
        Done { rows: 1, result: Some(result), query_id: 0 }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.rollback();
        self.cancel.set_interrupt(None);
    }
}
