//! The warehouse: sessions over the embedded database, locks, catalog and log.

mod alter;
mod cancel;
mod catalog;
mod database;
mod definitions;
mod error;
mod grants;
mod hashes;
mod locks;
mod log;
mod merge;
mod messages;
mod number_format;
mod privileges;
mod processes;
mod scalars;
mod scans;
mod schemas;
mod session;
mod settings;
mod tables;
mod transactions;
mod unload_log;
mod values;
mod views;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;

pub(crate) use cancel::Cancel;
pub(crate) use catalog::Table;
pub use database::OpenError;
pub use error::SqlError;
pub(crate) use log::{Load, LoadError, LoadedFile};
pub(crate) use messages::{redshift, serializable};
pub(crate) use session::{Done, Session};
pub(crate) use unload_log::{UnloadLog, UnloadedFile};
pub use values::{Column, QueryResult, Value};
pub(crate) use values::{next_batch, rows};

use crate::clock::Clock;
use crate::dialect::{TableName, statements};
use crate::objects::{ObjectStore, Objects, S3Objects};
use crate::options::Options;
use crate::protocol::{self, ApiError, Caller};
use crate::statements::Statements;
pub(crate) use database::{Database, STL_OFFSET};
use definitions::Definitions;
use locks::Locks;
use log::Log;
use processes::Processes;
pub use scans::Scan;
use scans::Scans;

/// The first number of a statement in the system views.
const QUERY_ID_FIRST: i64 = 1_000;
/// The first process number.
const PROCESS_FIRST: i64 = 1_073_741_824;

/// What all sessions share.
pub(crate) struct Warehouse {
    pub(crate) database: Arc<Database>,
    pub(crate) locks: Locks,
    pub(crate) definitions: Definitions,
    pub(crate) log: Log,
    pub(crate) objects: Option<Arc<dyn ObjectStore>>,
    pub(crate) slices: u32,
    pub(crate) object_latency: Duration,
    /// The only workgroup or cluster; none when every name is this warehouse's.
    pub(crate) workgroup: Option<String>,
    /// Requests that would wait for a statement are answered at once.
    pub(crate) schemas_max: u64,
    pub(crate) ignores_waits: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) open: Processes,
    /// Whether anybody has ever asked for grants on tables to come.
    pub(crate) has_default_grants: AtomicBool,
    /// What statements read, if that is recorded.
    pub(crate) scans: Option<Scans>,
    queries: AtomicI64,
    processes: AtomicI64,
    transactions: AtomicU64,
}

impl Warehouse {
    pub(crate) fn next_query(&self) -> i64 {
        self.queries.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_process(&self) -> i64 {
        self.processes.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_transaction(&self) -> u64 {
        self.transactions.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn clock_now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Looks without a transaction: whether there is such a table.
    pub(crate) fn must_exist(&self, name: &TableName) -> Result<(), SqlError> {
        let schema = name.schema_or_public();
        let generation = self.definitions.generation();
        let found = match self.definitions.table(generation, schema, &name.name) {
            Some(known) => known,
            None => {
                let found = Table::load(&self.database.root(), schema, &name.name)?;
                self.definitions.keep_table(generation, schema, &name.name, &found);
                found
            }
        };
        found.map(|_| ()).ok_or_else(|| SqlError::no_relation(&name.to_string()))
    }
}

/// A local warehouse, answering the requests of the Data API without a socket.
///
/// Cloning gives another handle to the same warehouse. It lives on the Tokio runtime on which it
/// was opened, which must be a multi-threaded one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) warehouse: Arc<Warehouse>,
    pub(crate) statements: Arc<Statements>,
}

impl Engine {
    /// Opens a warehouse. Must be called on a Tokio runtime.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let database = Database::open(options.database.as_deref(), &options.database_name)?;
        let database = Arc::new(database);
        let durable = options.database.is_some();
        let objects: Option<Arc<dyn ObjectStore>> = match options.objects {
            Objects::None => None,
            Objects::Endpoint(url) => Some(Arc::new(S3Objects::new(&url))),
            Objects::Store(store) => Some(store),
        };
        let log =
            Log::new(Arc::clone(&database), Arc::clone(&options.clock), options.system_view_lag);
        let sql = "select count(*) > 0 from redshift_local.default_grants";
        let has_default_grants = database.root().query_row(sql, [], |row| row.get(0));
        // Asked for every new table: unless it is sure that there are none.
        let has_default_grants = has_default_grants.unwrap_or(true);
        let queries = log.last_query().max(QUERY_ID_FIRST) + 1;
        let warehouse = Arc::new(Warehouse {
            database,
            locks: Locks::default(),
            definitions: Definitions::default(),
            log,
            objects,
            slices: options.slices.max(1),
            object_latency: options.object_latency,
            schemas_max: options.schemas_max,
            workgroup: options.workgroup,
            ignores_waits: options.ignores_waits,
            clock: options.clock,
            runtime: tokio::runtime::Handle::current(),
            open: Processes::default(),
            has_default_grants: AtomicBool::new(has_default_grants),
            scans: options.records_scans.then(Scans::default),
            queries: AtomicI64::new(queries),
            processes: AtomicI64::new(PROCESS_FIRST),
            transactions: AtomicU64::new(1_000),
        });
        let statements = Statements::open(Arc::clone(&warehouse), options.faults, durable);
        Ok(Self { warehouse, statements: Arc::new(statements) })
    }

    /// Answers one request, such as `ExecuteStatement`, as the service would.
    ///
    /// # Errors
    /// What the service would answer with, by its name.
    pub async fn call(&self, operation: &str, request: Json) -> Result<Json, ApiError> {
        self.call_as(&Caller::default(), operation, request).await
    }

    /// The same, on behalf of somebody other than the administrator.
    ///
    /// # Errors
    /// As [`Engine::call`].
    pub async fn call_as(
        &self,
        caller: &Caller,
        operation: &str,
        request: Json,
    ) -> Result<Json, ApiError> {
        protocol::answer(self, caller, operation, request).await
    }

    /// What all statements have read of tables since the last call, if the options ask for that.
    pub fn take_scans(&self) -> Vec<Scan> {
        self.warehouse.scans.as_ref().map(Scans::take).unwrap_or_default()
    }

    /// Makes no faults from now on.
    pub fn end_faults(&self) {
        self.statements.faults.end();
    }

    /// Runs SQL at once, as one transaction, without the Data API; gives the last statement's rows.
    ///
    /// # Errors
    /// Redshift's text; nothing of the transaction is kept.
    pub async fn query(&self, sql: &str) -> Result<QueryResult, SqlError> {
        let warehouse = Arc::clone(&self.warehouse);
        let sql = sql.to_owned();
        let work = tokio::task::spawn_blocking(move || {
            let mut session = Session::open(warehouse, Arc::default())?;
            let mut last = QueryResult::default();
            let statements = statements(&sql)?;
            session.set_block(statements.len() > 1);
            for tokens in statements {
                last = session.run(&tokens, &sql)?.result.unwrap_or_default();
            }
            session.commit()?;
            Ok(last)
        });
        work.await.unwrap_or_else(|error| Err(SqlError::new(format!("the session ended: {error}"))))
    }
}
