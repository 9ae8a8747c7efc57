//! The run of a COPY: workers, appender, errors, what the system views show of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Instant, SystemTime};

use super::decode::{Decoder, Decoding, Message};
use super::sink::{ERRORS_LOGGED_MAX, Progress, Sink};
use super::source::{Source, service_error};
use crate::dialect::{Copy, Format};
use crate::engine::{Done, Load, Session, SqlError, Table, Warehouse, redshift};

/// Objects that are read at once.
const WORKERS_MAX: usize = 8;
/// Messages on their way from the workers.
const MESSAGES_IN_FLIGHT_MAX: usize = 16;

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
            shown: now,
            began: now,
        };
        let warehouse = Arc::clone(&self.warehouse);
        warehouse.log.load(&progress.load, None);
        // "If the load returns the error_count number of errors or greater, the load fails."
        let errors_borne = copy.errors_max.saturating_sub(1);
        let errors_max = if copy.ignore_all_errors { u64::MAX } else { errors_borne };
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
        progress.errors.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
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

    /// How long the objects would have taken: `slices` at once, each for its latency.
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
        let mut send =
            |message| !self.stop.load(Ordering::SeqCst) && self.sender.send(message).is_ok();
        while let Some((source, mandatory)) =
            self.sources.get(self.next.fetch_add(1, Ordering::SeqCst))
        {
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
