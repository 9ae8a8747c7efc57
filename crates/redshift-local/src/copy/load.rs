//! The run of a COPY: workers, appender, errors, what the system views show of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use duckdb::Appender;
use duckdb::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use duckdb::arrow::compute::{cast, concat};
use duckdb::arrow::datatypes::{Field as ArrowField, Schema};

use super::decode::{Decoder, Decoding, Message};
use super::source::{Source, service_error};
use super::values::Builder;
use crate::dialect::{Copy, Format};
use crate::engine::{Done, Load, LoadError, LoadedFile, Session, SqlError, Table, Warehouse, redshift};

/// Objects that are read at once.
const WORKERS_MAX: usize = 8;
/// Messages on their way from the workers.
const MESSAGES_IN_FLIGHT_MAX: usize = 16;
/// How often the system views are brought up to date, in milliseconds.
const PROGRESS_MILLISECONDS: u64 = 200;
/// Rejected records that are written down.
const ERRORS_LOGGED_MAX: usize = 100_000;

/// What a COPY has come to so far.
struct Progress {
    load: Load,
    files: Vec<LoadedFile>,
    logged_files: usize,
    errors: Vec<LoadError>,
    told: Instant,
    began: Instant,
}

impl Session {
    pub(super) fn load(
        &mut self,
        copy: &Copy,
        table: &Table,
        decoding: Decoding,
        sources: Vec<(Source, bool)>,
        query_id: i64,
    ) -> Result<Done, SqlError> {
        let load = Load {
            query_id,
            transaction_id: self.transaction_id(),
            process: self.process(),
            table_id: table.object_id,
            table_name: table.name.clone(),
            started: self.warehouse_now(),
            source: copy.source.clone(),
            format: match copy.format {
                Format::Json(_) => "JSON",
                Format::Csv { .. } => "CSV",
                Format::Delimited { .. } => "TEXT",
            },
            status: "running",
            rows: 0,
            bytes: 0,
            files: sources.len() as u64,
            files_scanned: 0,
            errors: 0,
        };
        let now = Instant::now();
        let mut progress = Progress {
            load,
            files: Vec::new(),
            logged_files: 0,
            errors: Vec::new(),
            told: now,
            began: now,
        };
        let warehouse = Arc::clone(&self.warehouse);
        warehouse.log.load(&progress.load, None);
        let errors_max = if copy.ignore_all_errors { u64::MAX } else { copy.errors_max };
        let outcome = self
            .read_all(copy, table, &decoding, &sources, errors_max, &mut progress)
            .and_then(|()| self.pass_time(&mut progress));
        self.finish(&mut progress, outcome, errors_max)
    }

    fn finish(
        &self,
        progress: &mut Progress,
        outcome: Result<(), SqlError>,
        errors_max: u64,
    ) -> Result<Done, SqlError> {
        let warehouse = &self.warehouse;
        // Workers are as fast as they are: the list must not depend on it.
        progress.errors.sort_by(|one, other| {
            (&one.file, one.line).cmp(&(&other.file, other.line))
        });
        let shown = usize::try_from(errors_max.saturating_add(1)).unwrap_or(usize::MAX);
        progress.errors.truncate(shown.min(ERRORS_LOGGED_MAX));
        progress.log_files(warehouse, usize::MAX);
        warehouse.log.load_errors(&progress.load, &progress.errors);
        let failed = progress.load.errors > errors_max;
        let outcome = match outcome {
            Ok(()) if failed => Err(SqlError::new(format!(
                "Load into table '{}' failed. Check 'sys_load_error_detail' system table for details.",
                progress.load.table_name
            ))),
            other => other,
        };
        progress.load.status = match &outcome {
            Ok(()) => "completed",
            Err(SqlError::Cancelled) => "aborted",
            Err(_) => "failed",
        };
        if outcome.is_err() {
            progress.load.rows = 0;
        }
        warehouse.log.load(&progress.load, Some(warehouse.clock_now()));
        let rows = progress.load.rows;
        outcome.map(|()| Done { rows, ..Done::default() })
    }

    fn read_all(
        &mut self,
        copy: &Copy,
        table: &Table,
        decoding: &Decoding,
        sources: &[(Source, bool)],
        errors_max: u64,
        progress: &mut Progress,
    ) -> Result<(), SqlError> {
        let defaults = self.defaults(table, decoding)?;
        let (catalog, schema) = match table.is_temporary() {
            true => ("temp", "main"),
            false => (self.warehouse.database.name(), table.schema.as_str()),
        };
        let connection = &self.connection;
        let mut appender = connection
            .appender_to_catalog_and_db(&table.name, catalog, schema)
            .map_err(|error| redshift(&error, &[]))?;
        let stop = AtomicBool::new(false);
        let next = AtomicUsize::new(0);
        let warehouse = Arc::clone(&self.warehouse);
        let workers = WORKERS_MAX.min(sources.len()).max(1);
        let outcome = std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(MESSAGES_IN_FLIGHT_MAX);
            for _ in 0..workers {
                let work = Work {
                    warehouse: &warehouse,
                    decoding,
                    sources,
                    next: &next,
                    stop: &stop,
                    sender: sender.clone(),
                };
                scope.spawn(move || work.run());
            }
            drop(sender);
            let sink = Sink { session: self, table, decoding, defaults, no_load: copy.no_load };
            let outcome = sink.receive(&receiver, &mut appender, errors_max, progress);
            stop.store(true, Ordering::SeqCst);
            // Workers that wait for room must see that nobody listens any more.
            drop(receiver);
            outcome
        });
        outcome?;
        appender.flush().map_err(|error| redshift(&error, &[]))
    }

    /// What fills the columns that the objects do not.
    fn defaults(
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
                (None, _) => {
                    DefaultValue::Constant(Builder::null(&column.definition.kind))
                }
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
        let arrays: Vec<&dyn duckdb::arrow::array::Array> =
            batches.iter().map(|batch| batch.column(0).as_ref()).collect();
        concat(&arrays).map_err(|error| SqlError::new(error.to_string()))
    }

    /// What the objects would have cost: so many at once, each so long.
    fn pass_time(&self, progress: &mut Progress) -> Result<(), SqlError> {
        let latency = self.warehouse.object_latency;
        if latency.is_zero() {
            return Ok(());
        }
        let slices = u64::from(self.warehouse.slices);
        let waves = u32::try_from(progress.load.files.div_ceil(slices)).unwrap_or(u32::MAX);
        let whole = latency * waves;
        let mut passed = progress.began.elapsed();
        let step = latency.max(whole / 200);
        while passed < whole {
            let pause = step.min(whole - passed);
            self.warehouse.runtime.block_on(async {
                tokio::select! {
                    () = self.warehouse.clock.sleep(pause) => Ok(()),
                    () = self.cancel.cancelled() => Err(SqlError::Cancelled),
                }
            })?;
            passed += pause;
            let waves_done = passed.as_nanos() / latency.as_nanos().max(1);
            let done = usize::try_from(waves_done * u128::from(slices)).unwrap_or(usize::MAX);
            progress.log_files(&self.warehouse, done);
        }
        Ok(())
    }
}

/// What fills a column that the objects do not.
enum DefaultValue {
    /// One value, in an array of one.
    Constant(ArrayRef),
    /// A query that gives so many values.
    Numbered(String),
}

/// Takes the workers' messages, and appends the rows.
struct Sink<'a> {
    session: &'a Session,
    table: &'a Table,
    decoding: &'a Decoding,
    defaults: HashMap<String, DefaultValue>,
    no_load: bool,
}

impl Sink<'_> {
    fn receive(
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
            progress.tell(&self.session.warehouse, pause);
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
                    progress.files.push(LoadedFile { file, bytes, lines, rejected, started, ended });
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
                (None, None) => return Err(SqlError::new(format!("no value for column \"{name}\""))),
            };
            let wanted = Builder::new(&column.definition.kind).finish().data_type().clone();
            let array = if array.data_type() == &wanted {
                array
            } else {
                cast(&array, &wanted).map_err(internal)?
            };
            fields.push(ArrowField::new(name, wanted, true));
            filled.push(array);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), filled).map_err(internal)?;
        appender.append_record_batch(batch).map_err(|error| redshift(&error, &[]))
    }
}

fn repeated(value: &ArrayRef, rows: usize) -> Result<ArrayRef, SqlError> {
    if value.is_empty() || value.is_null(0) {
        return Ok(new_null_array(value.data_type(), rows));
    }
    let copies: Vec<&dyn duckdb::arrow::array::Array> = vec![value.as_ref(); rows];
    concat(&copies).map_err(|error| SqlError::new(error.to_string()))
}

impl Progress {
    /// Brings the system views up to date, from time to time.
    fn tell(&mut self, warehouse: &Warehouse, pause: Duration) {
        if self.told.elapsed() < pause {
            return;
        }
        self.told = Instant::now();
        if warehouse.object_latency.is_zero() {
            self.log_files(warehouse, usize::MAX);
        }
        warehouse.log.load(&self.load, None);
    }

    /// Writes down the files that are done, up to the so-manieth.
    fn log_files(&mut self, warehouse: &Warehouse, up_to: usize) {
        let end = up_to.min(self.files.len());
        if end > self.logged_files {
            warehouse.log.load_files(&self.load, &self.files[self.logged_files..end]);
            self.logged_files = end;
        }
    }
}

/// One worker: takes object after object.
struct Work<'a> {
    warehouse: &'a Warehouse,
    decoding: &'a Decoding,
    sources: &'a [(Source, bool)],
    next: &'a AtomicUsize,
    stop: &'a AtomicBool,
    sender: SyncSender<Message>,
}

impl Work<'_> {
    fn run(self) {
        let mut decoder = Decoder::new(self.decoding);
        let mut send = |message| !self.stop.load(Ordering::SeqCst) && self.sender.send(message).is_ok();
        while let Some((source, mandatory)) = self.sources.get(self.next.fetch_add(1, Ordering::SeqCst)) {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let started = SystemTime::now();
            let Some(store) = self.warehouse.objects.as_deref() else { return };
            let opened = self.warehouse.runtime.block_on(store.open(&source.bucket, &source.key));
            let goes_on = match opened {
                Ok(input) => decoder.object(source, input, started, &mut send),
                Err(error) if error.status == 404 && !mandatory => send(Message::Skipped),
                Err(error) => {
                    let text = service_error(&error).to_string();
                    let text = text.trim_start_matches("ERROR: ").to_owned();
                    send(Message::Failed(format!("{text} (file {})", source.url())));
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
        decoder.flush(&mut send);
    }
}
