//! What the system views show: written on a connection of its own, so that a rollback keeps it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use duckdb::params;
use duckdb::types::{TimeUnit, Value};

use super::database::Database;
use super::error::SqlError;
use super::session::{Done, Session};
use crate::clock::Clock;

/// How much of a statement's text the log keeps, in characters.
const QUERY_TEXT_CHARACTERS_MAX: usize = 4_000;
/// How much of a file's name `SYS_LOAD_ERROR_DETAIL` shows, in bytes.
const FILE_NAME_BYTES_MAX: usize = 256;
/// How much of a reason it shows, in bytes.
const ERROR_MESSAGE_BYTES_MAX: usize = 512;

/// Writes the system tables.
pub(crate) struct Log {
    pub(super) database: Arc<Database>,
    pub(super) clock: Arc<dyn Clock>,
    lag: Duration,
    /// How much later than others the views show what these processes do.
    late: Mutex<HashMap<i64, Duration>>,
    pending: Mutex<Vec<Ended>>,
}

/// One statement that has ended, as `SYS_QUERY_HISTORY` shows it.
struct Ended {
    query_id: i64,
    transaction_id: i64,
    process: i64,
    kind: String,
    status: &'static str,
    started: Value,
    ended: Value,
    microseconds: i64,
    message: Option<String>,
    rows: i64,
    bytes: i64,
    text: String,
    label: Option<String>,
    visible_at: Value,
}

/// One rejected record, as `SYS_LOAD_ERROR_DETAIL` and `STL_LOAD_ERRORS` show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoadError {
    pub(crate) file: String,
    pub(crate) line: u64,
    pub(crate) column: String,
    pub(crate) column_type: String,
    pub(crate) column_length: String,
    pub(crate) position: u64,
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) raw_line: String,
    pub(crate) raw_value: String,
}

/// One file, as `SYS_LOAD_DETAIL` shows it.
#[derive(Debug, Clone)]
pub(crate) struct LoadedFile {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) rejected: u64,
    pub(crate) started: SystemTime,
    pub(crate) ended: SystemTime,
}

/// One COPY, as `SYS_LOAD_HISTORY` shows it.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) query_id: i64,
    pub(crate) transaction_id: u64,
    pub(crate) process: i64,
    pub(crate) table_id: i64,
    pub(crate) table_name: String,
    pub(crate) started: SystemTime,
    pub(crate) source: String,
    pub(crate) format: &'static str,
    pub(crate) status: &'static str,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) files_scanned: u64,
    pub(crate) errors: u64,
}

impl Log {
    /// `lag` is how long after an event the system views show it.
    pub(crate) fn new(database: Arc<Database>, clock: Arc<dyn Clock>, lag: Duration) -> Self {
        Self { database, clock, lag, late: Mutex::default(), pending: Mutex::default() }
    }

    /// What this process does is visible so much later than what others do.
    pub(crate) fn delay(&self, process: i64, delay: Duration) {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).insert(process, delay);
    }

    /// When the views begin to show what this process has just done.
    pub(super) fn visible_at(&self, process: i64) -> SystemTime {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock.now() + self.lag + late.get(&process).copied().unwrap_or_default()
    }

    /// The greatest number of a statement so far.
    pub(crate) fn last_query(&self) -> i64 {
        let root = self.database.root();
        let sql = "select coalesce(max(query_id), 0) from redshift_local.queries";
        root.query_row(sql, [], |row| row.get(0)).unwrap_or(0)
    }

    /// One statement that has ended; the system views show it after the next [`Log::flush`].
    pub(crate) fn query(
        &self,
        session: &Session,
        query_id: i64,
        kind: &str,
        text: &str,
        started: SystemTime,
        outcome: &Result<Done, SqlError>,
    ) {
        let ended = session.warehouse_now();
        let (status, message, rows, bytes) = match outcome {
            Ok(done) => {
                let bytes = done.result.as_ref().map_or(0, |result| result.bytes);
                ("success", None, done.rows, bytes)
            }
            Err(SqlError::Cancelled) => ("canceled", Some(SqlError::Cancelled.to_string()), 0, 0),
            Err(error) => ("failed", Some(error.to_string()), 0, 0),
        };
        let ended = Ended {
            query_id,
            transaction_id: as_integer(session.transaction_id()),
            process: session.process(),
            kind: kind.to_uppercase(),
            status,
            started: timestamp(started),
            ended: timestamp(ended),
            microseconds: microseconds(ended) - microseconds(started),
            message,
            rows: as_integer(rows),
            bytes: as_integer(bytes),
            text: text.chars().take(QUERY_TEXT_CHARACTERS_MAX).collect(),
            label: session.label(),
            visible_at: timestamp(self.visible_at(session.process())),
        };
        self.pending().push(ended);
    }

    /// Writes the statements that have ended: with their transaction, not one by one, for that costs
    /// more than many of them do.
    pub(crate) fn flush(&self) {
        let ended = std::mem::take(&mut *self.pending());
        if ended.is_empty() {
            return;
        }
        let root = self.database.root();
        let append = || -> duckdb::Result<()> {
            let mut appender = root.appender_to_db("queries", "redshift_local")?;
            for one in &ended {
                appender.append_row(params![
                    one.query_id,
                    one.transaction_id,
                    one.process,
                    one.kind,
                    one.status,
                    one.started,
                    one.ended,
                    one.microseconds,
                    one.message,
                    one.rows,
                    one.bytes,
                    one.text,
                    one.label,
                    one.visible_at,
                ])?;
            }
            appender.flush()
        };
        report(append().map(|()| ended.len()));
    }

    fn pending(&self) -> MutexGuard<'_, Vec<Ended>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rejected records.
    pub(crate) fn load_errors(&self, load: &Load, errors: &[LoadError]) {
        let root = self.database.root();
        let sql = "insert into redshift_local.load_errors values \
                   (?, ?, ?, ?, ?, ?, make_timestamp(?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
                   make_timestamp(?))";
        let visible_at = microseconds(self.visible_at(load.process));
        for error in errors {
            report(root.execute(
                sql,
                params![
                    load.query_id,
                    load.table_id,
                    as_integer(load.transaction_id),
                    load.process,
                    self.database.name(),
                    load.table_name,
                    microseconds(load.started),
                    cut(&error.file, FILE_NAME_BYTES_MAX),
                    as_integer(error.line),
                    error.column,
                    error.column_type,
                    error.column_length,
                    as_integer(error.position),
                    error.code,
                    cut(&error.message, ERROR_MESSAGE_BYTES_MAX),
                    error.raw_line,
                    error.raw_value,
                    visible_at,
                ],
            ));
        }
    }

    /// Files that a COPY has read.
    pub(crate) fn load_files(&self, load: &Load, files: &[LoadedFile]) {
        let root = self.database.root();
        let visible_at = timestamp(self.visible_at(load.process));
        let append = || -> duckdb::Result<()> {
            let mut appender = root.appender_to_db("load_files", "redshift_local")?;
            for file in files {
                appender.append_row(params![
                    load.query_id,
                    file.file,
                    as_integer(file.bytes),
                    as_integer(file.lines),
                    timestamp(file.started),
                    timestamp(file.ended),
                    as_integer(file.rejected),
                    visible_at,
                ])?;
            }
            appender.flush()
        };
        report(append().map(|()| files.len()));
    }

    /// The current state of a COPY; once visible, it replaces what an earlier call recorded.
    pub(crate) fn load(&self, load: &Load, ended: Option<SystemTime>) {
        let root = self.database.root();
        // What nobody sees any more, because something newer is visible.
        let delete = "delete from redshift_local.loads where query_id = ?1 and visible_at < \
                      (select max(visible_at) from redshift_local.loads \
                       where query_id = ?1 and visible_at <= make_timestamp(?2))";
        report(root.execute(delete, params![load.query_id, microseconds(self.clock.now())]));
        let visible_at = microseconds(self.visible_at(load.process));
        let start = microseconds(load.started);
        let end = ended.map(microseconds);
        report(root.execute(
            "insert into redshift_local.loads values \
             (?, ?, ?, ?, ?, make_timestamp(?), make_timestamp(?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
              make_timestamp(?))",
            params![
                load.query_id,
                as_integer(load.transaction_id),
                load.process,
                load.status,
                load.table_name,
                start,
                end,
                end.map(|end| end - start),
                load.source,
                load.format,
                as_integer(load.rows),
                as_integer(load.bytes),
                as_integer(load.files),
                as_integer(load.bytes),
                as_integer(load.files_scanned),
                as_integer(load.bytes),
                as_integer(load.errors),
                visible_at,
            ],
        ));
    }
}

/// The log never fails a statement.
pub(super) fn report(outcome: duckdb::Result<usize>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "the system tables could not be written");
    }
}

/// As the views' columns of a fixed width cut it, between characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

pub(super) fn as_integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn timestamp(time: SystemTime) -> Value {
    Value::Timestamp(TimeUnit::Microsecond, microseconds(time))
}

pub(super) fn microseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
