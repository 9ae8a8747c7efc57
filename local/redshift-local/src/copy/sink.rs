//! Where a COPY's rows go: the appender, with what fills the other columns.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use duckdb::Appender;
use duckdb::arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use duckdb::arrow::compute::{cast, concat};
use duckdb::arrow::datatypes::{Field as ArrowField, Schema};

use super::columns::Builder;
use super::decode::{Decoding, Message};
use crate::engine::{Load, LoadError, LoadedFile, Session, SqlError, Table, Warehouse, redshift};

/// How often the system views are brought up to date, in milliseconds.
const PROGRESS_MILLISECONDS: u64 = 200;
/// Rejected records that are written down.
pub(super) const ERRORS_LOGGED_MAX: usize = 100_000;

/// What a COPY has come to so far.
pub(super) struct Progress {
    pub(super) load: Load,
    pub(super) files: Vec<LoadedFile>,
    pub(super) logged_files: usize,
    pub(super) errors: Vec<LoadError>,
    pub(super) shown: Instant,
    pub(super) began: Instant,
}

/// What fills a column that the objects do not.
pub(super) enum DefaultValue {
    /// One value, in an array of one.
    Constant(ArrayRef),
    /// A query that returns this many values.
    Numbered(String),
}

/// Takes the workers' messages, and appends the rows.
pub(super) struct Sink<'a> {
    pub(super) session: &'a Session,
    pub(super) table: &'a Table,
    pub(super) decoding: &'a Decoding,
    pub(super) defaults: HashMap<String, DefaultValue>,
    pub(super) no_load: bool,
}

impl Sink<'_> {
    pub(super) fn receive(
        &self,
        messages: &Receiver<Message>,
        appender: &mut Appender<'_>,
        errors_max: u64,
        progress: &mut Progress,
    ) -> Result<(), SqlError> {
        let pause = Duration::from_millis(PROGRESS_MILLISECONDS);
        loop {
            if self.session.is_cancelled() {
                return Err(SqlError::Cancelled);
            }
            progress.show(&self.session.warehouse, pause);
            let message = match messages.recv_timeout(pause) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            match message {
                Message::Rows(columns, rows) => {
                    if !self.no_load {
                        self.append(appender, columns, rows)?;
                    }
                    progress.load.rows += rows as u64;
                }
                Message::Rejected(error) => {
                    progress.load.errors += 1;
                    if progress.errors.len() < ERRORS_LOGGED_MAX {
                        progress.errors.push(*error);
                    }
                    if progress.load.errors > errors_max {
                        return Ok(());
                    }
                }
                Message::File { source, bytes, lines, rejected, started } => {
                    progress.load.files_scanned += 1;
                    progress.load.bytes += bytes;
                    let ended = self.session.warehouse_now();
                    let file = source.url();
                    progress.files.push(LoadedFile {
                        file,
                        bytes,
                        lines,
                        rejected,
                        started,
                        ended,
                    });
                }
                Message::Skipped => {}
                Message::Failed(text) => return Err(SqlError::new(text)),
            }
        }
    }

    fn append(
        &self,
        appender: &mut Appender<'_>,
        columns: Vec<ArrayRef>,
        rows: usize,
    ) -> Result<(), SqlError> {
        let internal = |error: duckdb::arrow::error::ArrowError| SqlError::new(error.to_string());
        let mut filled = Vec::with_capacity(self.table.columns.len());
        let mut fields = Vec::with_capacity(self.table.columns.len());
        for column in &self.table.columns {
            let name = &column.definition.name;
            let position = self.decoding.targets.iter().position(|target| target.name == *name);
            let array = match (position, self.defaults.get(name)) {
                (Some(position), _) => Arc::clone(&columns[position]),
                (None, Some(DefaultValue::Constant(value))) => repeated(value, rows)?,
                (None, Some(DefaultValue::Numbered(sql))) => {
                    let count = i64::try_from(rows).unwrap_or(i64::MAX);
                    self.session.one_column(sql, Some(count))?
                }
                (None, None) => {
                    return Err(SqlError::new(format!("no value for column \"{name}\"")));
                }
            };
            let wanted = Builder::data_type(&column.definition.kind);
            let array = if array.data_type() == &wanted {
                array
            } else {
                cast(&array, &wanted).map_err(internal)?
            };
            fields.push(ArrowField::new(name, wanted, true));
            filled.push(array);
        }
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(fields)), filled).map_err(internal)?;
        appender.append_record_batch(batch).map_err(|error| redshift(&error, &[]))
    }
}

fn repeated(value: &ArrayRef, rows: usize) -> Result<ArrayRef, SqlError> {
    if value.is_empty() || value.is_null(0) {
        return Ok(new_null_array(value.data_type(), rows));
    }
    let copies: Vec<&dyn Array> = vec![value.as_ref(); rows];
    concat(&copies).map_err(|error| SqlError::new(error.to_string()))
}

impl Progress {
    /// Brings the system views up to date, from time to time.
    fn show(&mut self, warehouse: &Warehouse, pause: Duration) {
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        if warehouse.object_latency.is_zero() {
            self.log_files(warehouse, usize::MAX);
        }
        warehouse.log.load(&self.load, None);
    }

    /// Records the files that are done, up to this index.
    pub(super) fn log_files(&mut self, warehouse: &Warehouse, up_to: usize) {
        let end = up_to.min(self.files.len());
        if end > self.logged_files {
            warehouse.log.load_files(&self.load, &self.files[self.logged_files..end]);
            self.logged_files = end;
        }
    }
}

impl Session {
    /// What fills the columns that the objects do not.
    pub(super) fn defaults(
        &self,
        table: &Table,
        decoding: &Decoding,
    ) -> Result<HashMap<String, DefaultValue>, SqlError> {
        let mut defaults = HashMap::new();
        for column in &table.columns {
            let name = &column.definition.name;
            if decoding.targets.iter().any(|target| target.name == *name) {
                continue;
            }
            let kind = column.definition.kind.engine();
            let value = match (column.engine_default(), &column.sequence) {
                (Some(text), Some(_)) => {
                    DefaultValue::Numbered(format!("select cast({text} as {kind}) from range(?)"))
                }
                (Some(text), None) => {
                    let sql = format!("select cast({text} as {kind})");
                    DefaultValue::Constant(self.one_column(&sql, None)?)
                }
                (None, _) => DefaultValue::Constant(Builder::null(&column.definition.kind)),
            };
            defaults.insert(name.clone(), value);
        }
        Ok(defaults)
    }

    fn one_column(&self, sql: &str, rows: Option<i64>) -> Result<ArrayRef, SqlError> {
        let read = |error: duckdb::Error| redshift(&error, &[]);
        let mut select = self.connection.prepare(sql).map_err(read)?;
        let batches: Vec<RecordBatch> = match rows {
            Some(rows) => select.query_arrow([rows]).map_err(read)?.collect(),
            None => select.query_arrow([]).map_err(read)?.collect(),
        };
        let arrays: Vec<&dyn Array> =
            batches.iter().map(|batch| batch.column(0).as_ref()).collect();
        concat(&arrays).map_err(|error| SqlError::new(error.to_string()))
    }
}
