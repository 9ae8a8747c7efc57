//! One connection and its transaction.

use std::cell::Cell;
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
use super::log::microseconds;
use super::messages::redshift;
use super::privileges::User;
use super::processes::{Close, Running};
use super::scans::Scans;
use super::settings::Settings;
use super::values::{QueryResult, next_batch};
use crate::dialect::{
    Bound, Catalog, Command, Field, Kind, Query, TableName, Tokens, Write, literal, number, text,
    understand,
};

/// The system views of what runs at the moment.
const LIVE: &[&str] = &[
    "stv_inflight",
    "stv_recents",
    "stv_sessions",
    "stv_locks",
    "svv_transactions",
    "pg_locks",
    "pg_stat_activity",
];

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
    /// The statement that read or wrote tables last; −1 before there is one.
    last_read: i64,
    /// What is added to a statement's number wherever the session sees it.
    number_offset: i64,
    pub(crate) cancel: Arc<Cancel>,
    pub(super) transaction: Option<Transaction>,
    pub(super) settings: Settings,
    /// The settings once the transaction commits, after a SET LOCAL.
    pub(super) settings_after: Option<Settings>,
    /// The settings once the transaction is rolled back.
    pub(super) settings_before: Option<Settings>,
    /// BEGIN has opened the transaction: it lasts until COMMIT or ROLLBACK.
    pub(super) explicit: bool,
    /// A statement of such a transaction has failed: until its end, all others do.
    pub(super) aborted: bool,
    /// The statement is one of several in one transaction.
    pub(super) block: bool,
    /// Who the session acts as, and who logged in.
    pub(super) user: User,
    pub(super) login: User,
    /// Whether the request named a workgroup.
    pub(crate) is_serverless: bool,
    /// Whether it has created a temporary table.
    pub(super) has_temporary_tables: Cell<bool>,
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
        let now = microseconds(warehouse.clock_now());
        let variables = format!(
            "set variable process = {process}; set variable copy_count = 0; \
             set variable unload_count = 0; \
             set variable system_time = make_timestamp({now}); \
             set variable user_name = 'awsuser'; set variable superuser = true; \
             set variable principals = ['public', 'user:awsuser'];"
        );
        warehouse.open.opened(process, &cancel, warehouse.clock_now());
        connection.execute_batch(&variables).map_err(|error| redshift(&error, &[]))?;
        if warehouse.scans.is_some() {
            Scans::watch(&connection).map_err(|error| redshift(&error, &[]))?;
        }
        cancel.set_interrupt(Some(connection.interrupt_handle()));
        Ok(Self {
            warehouse,
            connection,
            process,
            last_query: 0,
            last_read: -1,
            number_offset: 0,
            cancel,
            transaction: None,
            settings: Settings::default(),
            settings_after: None,
            settings_before: None,
            explicit: false,
            aborted: false,
            block: false,
            user: User::administrator(),
            login: User::administrator(),
            is_serverless: false,
            has_temporary_tables: Cell::new(false),
        })
    }

    /// The number under which the system views know the statement that ran last, well or not.
    pub(crate) fn last_query(&self) -> i64 {
        self.last_query
    }

    /// The session reports statement numbers that differ from those in the SYS views by this much.
    pub(crate) fn number_from(&mut self, offset: i64) {
        self.number_offset = offset;
    }

    /// From now on the last COPY and the last UNLOAD report no rows.
    pub(crate) fn forget_counts(&self) -> Result<(), SqlError> {
        let variables = "set variable copy_count = 0; set variable unload_count = 0";
        self.connection.execute_batch(variables).map_err(|error| redshift(&error, &[]))
    }

    /// The number under which the session sees its statement; −1 before the first.
    pub(crate) fn reported_id(&self, query_id: i64) -> i64 {
        if query_id < 0 { query_id } else { query_id + self.number_offset }
    }

    /// The process number that `RedshiftPid` gives.
    pub(crate) fn process(&self) -> i64 {
        self.process
    }

    /// Lets another request use the session: its cancelling is that request's.
    pub(crate) fn adopt(&mut self, cancel: Arc<Cancel>) {
        cancel.set_interrupt(Some(self.connection.interrupt_handle()));
        self.warehouse.open.is_cancelled_by(self.process, &cancel);
        self.cancel = cancel;
    }

    /// What ends the session when somebody terminates it.
    pub(crate) fn closes_by(&self, close: Close) {
        self.warehouse.open.closes_by(self.process, close);
    }

    /// Says whether the statements to come are one transaction.
    pub(crate) fn set_block(&mut self, block: bool) {
        self.block = block;
    }

    /// Whether what is done is not committed by itself.
    pub(super) fn in_block(&self) -> bool {
        self.block || self.explicit
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
        if reads_system_views(text) {
            let now = microseconds(started);
            execute(
                &self.connection,
                &format!("set variable system_time = make_timestamp({now})"),
            )?;
        }
        let limit = self.limit();
        let label = self.label().unwrap_or_else(|| "default".to_owned());
        let running = Running { query: query_id, started, label, text: text.to_owned() };
        self.warehouse.open.runs(self.process, Some(running));
        let outcome = self.understand_and_execute(tokens, query_id);
        self.warehouse.open.runs(self.process, None);
        if let Some(limit) = limit {
            limit.abort();
        }
        let outcome = match outcome {
            Err(_) if self.cancel.take_time_out() => {
                Err(SqlError::new(format!("Query ({query_id}) cancelled on user's request")))
            }
            Err(_) if self.cancel.is_cancelled() => Err(SqlError::Cancelled),
            other => other,
        };
        self.cancel.take_time_out();
        let kind = tokens.peek().to_string();
        self.warehouse.log.query(self, query_id, &kind, text, started, &outcome);
        let reads = "select with insert update delete merge copy unload create";
        let is_read = reads.split(' ').any(|word| word == kind);
        if outcome.is_ok() && self.transaction.is_some() && is_read {
            self.last_read = query_id;
        }
        outcome.map(|done| Done { query_id, ..done })
    }

    /// Stops the statement when it takes longer than `statement_timeout`.
    fn limit(&self) -> Option<tokio::task::JoinHandle<()>> {
        let timeout = self.warehouse.clock.sleep(self.timeout()?);
        let cancel = Arc::clone(&self.cancel);
        Some(self.warehouse.runtime.spawn(async move {
            timeout.await;
            cancel.time_out();
        }))
    }

    fn understand_and_execute(&mut self, tokens: &Tokens, query_id: i64) -> Result<Done, SqlError> {
        let ends = ["commit", "end", "rollback", "abort"];
        if self.aborted && !ends.iter().any(|word| tokens.is(word)) {
            return Err(SqlError::new(
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        let tokens = &self.answered(tokens)?;
        let mut command = understand(tokens)?;
        self.refuse_in_block(&command)?;
        self.qualify(&mut command)?;
        self.permit(command, query_id)
    }

    pub(super) fn execute(&mut self, command: Command, query_id: i64) -> Result<Done, SqlError> {
        match command {
            Command::Query(query) => self.query(query),
            Command::Write(write) => self.write(&write),
            Command::Merge(merge) => self.merge(&merge),
            Command::Copy(copy) => {
                let copied = self.copy(&copy, query_id);
                // Also after a COPY that failed: nothing of it is loaded.
                let rows = copied.as_ref().map_or(0, |done| done.rows);
                let copy_id = self.reported_id(query_id);
                let variables =
                    format!("set variable copy_count = {rows}; set variable copy_id = {copy_id}");
                match (&copied, self.connection.execute_batch(&variables)) {
                    (Ok(_), Err(error)) => Err(redshift(&error, &[])),
                    _ => copied,
                }
            }
            Command::Unload(unload) => self.unload(&unload, query_id),
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
            Command::Comment { table, column, text } => {
                self.comment(&table, column.as_deref(), text.as_deref())
            }
            Command::Access(access) => self.access(access),
            Command::Accepted(what) => {
                tracing::debug!(what, "accepted without effect");
                Ok(Done::default())
            }
            Command::Set(setting) => self.set(setting),
            Command::Show { name } => self.show(&name),
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
                self.warehouse.open.cancel(process, false).map(|()| Done::default())
            }
            Command::EndProcess { name, process, end } => {
                self.warehouse.open.cancel(process, end)?;
                let result = QueryResult::text(&[name], vec![vec!["1".to_owned()]]);
                Ok(Done { rows: 1, result: Some(result), query_id: 0 })
            }
        }
    }

    /// What commits by itself has no place in a transaction of several statements.
    fn refuse_in_block(&self, command: &Command) -> Result<(), SqlError> {
        let what = match command {
            _ if !self.in_block() => return Ok(()),
            Command::Vacuum(_) => "VACUUM",
            Command::AlterTable(alter) => match alter.alone() {
                Some(what) => what,
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        Err(SqlError::new(format!("{what} cannot run inside a transaction block")))
    }

    /// Names without a schema, as the search path has them.
    fn qualify(&self, command: &mut Command) -> Result<(), SqlError> {
        if !self.has_path() {
            return Ok(());
        }
        if matches!(command, Command::CreateView { .. }) {
            return Err(SqlError::unsupported("CREATE VIEW under a search_path other than public"));
        }
        command.name_tables(&mut |name, new| {
            if let Some(schema) = self.schema_on_path(name, new) {
                name.schema = Some(schema);
            }
        });
        Ok(())
    }

    /// The words of a statement, with what only the session knows in place of the calls that ask it.
    fn answered(&self, tokens: &Tokens) -> Result<Tokens, SqlError> {
        tokens.answer(|call, argument| match (call, argument) {
            ("pg_last_query_id", None) => Ok(number(self.reported_id(self.last_read))),
            ("current_setting", Some(name)) => self.setting(name).map(text),
            _ => Err(SqlError::new(format!("function {call}() does not exist"))),
        })
    }

    fn query(&mut self, query: Query) -> Result<Done, SqlError> {
        if let Some((name, temporary)) = query.into.clone() {
            self.lock_to_read(&query)?;
            return self.create_table_as(name, temporary, false, &[], &query, Default::default());
        }
        let (bound, named) = self.prepare(&query)?;
        let mut result = self.rows(&bound.shown(), &named)?;
        for (column, field) in result.columns.iter_mut().zip(bound.fields.into_iter().flatten()) {
            column.declare(&field);
        }
        Ok(Done { rows: result.rows.len() as u64, result: Some(result), query_id: 0 })
    }

    fn lock_to_read(&mut self, query: &Query) -> Result<(), SqlError> {
        query.relations.iter().try_for_each(|relation| self.lock(relation, Mode::Read))
    }

    /// Begins to read: the query in the engine's words, and the relations that it names.
    pub(crate) fn prepare(&mut self, query: &Query) -> Result<(Bound, Vec<TableName>), SqlError> {
        self.lock_to_read(query)?;
        self.begin()?;
        self.look_at_what_runs(query)?;
        let named: Vec<TableName> = query.relations.iter().cloned().collect();
        self.bind_late_views(&named)?;
        Ok((query.bind(self)?, named))
    }

    /// Gives the views of what runs something to show.
    fn look_at_what_runs(&self, query: &Query) -> Result<(), SqlError> {
        if !query.relations.iter().any(|relation| LIVE.contains(&relation.name.as_str())) {
            return Ok(());
        }
        let processes = literal(&self.warehouse.open.shown().to_string());
        execute(&self.connection, &format!("set variable live = {processes}"))?;
        let locks = literal(&self.warehouse.locks.shown().to_string());
        execute(&self.connection, &format!("set variable live_locks = {locks}")).map(|_| ())
    }

    /// The rows of an engine query.
    pub(crate) fn rows(&self, sql: &str, named: &[TableName]) -> Result<QueryResult, SqlError> {
        let failed = |error: duckdb::Error| redshift(&error, named);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let schema = statement.stream_arrow([]).map_err(failed)?.get_schema();
        let mut result = QueryResult::new(&schema);
        while let Some(batch) = next_batch(&statement).map_err(failed)? {
            result.append(&batch)?;
        }
        self.note_scans();
        if self.cancel.is_cancelled() {
            return Err(SqlError::Cancelled);
        }
        Ok(result)
    }

    /// Records what the connection's last statement read, if that is wanted.
    pub(super) fn note_scans(&self) {
        if let Some(scans) = &self.warehouse.scans {
            scans.note(&self.connection, self.warehouse.database.name());
        }
    }

    fn write(&mut self, write: &Write) -> Result<Done, SqlError> {
        for relation in write.relations.iter().filter(|relation| **relation != write.target) {
            self.lock(relation, Mode::Read)?;
        }
        let reads = write.kind != Kind::Insert || write.relations.contains(&write.target);
        self.lock_to_write(&write.target, reads)?;
        self.begin()?;
        self.refuse_identity(write)?;
        let mut named: Vec<TableName> = write.relations.iter().cloned().collect();
        named.push(write.target.clone());
        let changed = self.connection.execute(&write.bind(self)?, []);
        self.note_scans();
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
                return Err(SqlError::new(match write.kind {
                    Kind::Insert => format!("cannot set an identity column to a value: {column}"),
                    _ => format!("cannot update the identity column {column}"),
                }));
            }
        }
        Ok(())
    }

    pub(super) fn is_temporary(&self, name: &str) -> bool {
        if !self.has_temporary_tables.get() {
            return false;
        }
        let sql = "select count(*) from duckdb_tables() where temporary and table_name = ?";
        let count = self.connection.query_row(sql, [name], |row| row.get::<_, i64>(0));
        count.is_ok_and(|count| count > 0)
    }

    /// The schema under which a session's own tables are defined.
    pub(super) fn temporary_schema(&self) -> String {
        format!("pg_temp_{}", self.process)
    }

    /// Forgets their definitions: the engine drops the tables with the connection.
    fn forget_temporary_tables(&self) {
        for table in ["tables", "columns"] {
            let delete = format!("delete from redshift_local.{table} where schema_name = ?");
            if let Err(error) = self.connection.execute(&delete, [self.temporary_schema()]) {
                tracing::error!(%error, "temporary tables stay defined until the next start");
            }
        }
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

impl Catalog for Session {
    fn fields(&self, name: &TableName) -> Result<Option<Vec<Field>>, SqlError> {
        let mut name = name.clone();
        if self.has_path()
            && let Some(schema) = self.schema_on_path(&name, false)
        {
            name.schema = Some(schema);
        }
        let Some(table) = self.find(&name)? else { return Ok(None) };
        let fields = table.columns.into_iter().map(|column| Field {
            name: column.definition.name,
            kind: Some(column.definition.kind),
            table: Some(table.name.clone()),
            not_null: column.definition.not_null,
        });
        Ok(Some(fields.collect()))
    }
}

/// Whether a text may read views that lag: what it names they are found by.
fn reads_system_views(text: &str) -> bool {
    let text = text.to_lowercase();
    ["sys_", "stl_", "stv_", "svl_"].iter().any(|prefix| text.contains(prefix))
}

impl Drop for Session {
    fn drop(&mut self) {
        self.rollback();
        if self.has_temporary_tables.get() {
            self.forget_temporary_tables();
        }
        self.cancel.set_interrupt(None);
        self.warehouse.open.ended(self.process);
    }
}
