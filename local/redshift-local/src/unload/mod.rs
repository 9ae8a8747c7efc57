//! UNLOAD to S3: the rows of a query, encoded here and put object by object. What is written stays,
//! whatever becomes of the transaction.

mod compress;
mod encode;
mod files;
mod manifest;

use std::sync::Arc;

use crate::copy::{Source, service_error, store};
use crate::dialect::{Bound, Compression, Existing, FileFormat, Manifest, TableName, Unload};
use crate::engine::{Done, QueryResult, Session, SqlError, UnloadLog, next_batch, redshift, rows};
use crate::objects::ObjectStore;
use encode::Encoder;
use files::Files;

impl Session {
    /// Runs an UNLOAD.
    pub(crate) fn unload(&mut self, unload: &Unload, query_id: i64) -> Result<Done, SqlError> {
        let warehouse = Arc::clone(&self.warehouse);
        let store = store(&warehouse)?;
        let target = Source::parse(&unload.target)?;
        let (bound, named) = self.prepare(&unload.query)?;
        let described = self.rows(&format!("describe {}", bound.shown()), &named)?.rows;
        encode::check(unload.format, described)?;
        self.make_room(store, &target, unload.existing)?;
        self.count(Some(query_id), 0)?;
        let mut log = UnloadLog {
            query_id,
            transaction_id: self.transaction_id(),
            process: self.process(),
            started: self.warehouse_now(),
            status: "running",
            format: match unload.format {
                FileFormat::Text => "Text",
                FileFormat::Csv => "CSV",
                FileFormat::Json => "JSON",
            },
            compression: match unload.compression {
                Compression::None => "None",
                Compression::Gzip => "GZIP",
                Compression::Zstd => "ZSTD",
            },
            location: unload.target.clone(),
            rows: 0,
            error: None,
        };
        warehouse.log.unload(&log, &[], None);
        let slices = if unload.parallel { warehouse.slices } else { 1 };
        let mut files = Files::new(self, store, unload, target, slices);
        let outcome = self.write_files(unload, bound, &named, &mut files);
        log.status = if outcome.is_ok() { "completed" } else { "aborted" };
        log.rows = *outcome.as_ref().unwrap_or(&0);
        log.error = outcome.as_ref().err().map(ToString::to_string);
        let written = files.into_written();
        warehouse.log.unload(&log, &written, Some(warehouse.clock_now()));
        let rows = outcome?;
        self.count(None, rows)?;
        Ok(Done { rows, ..Done::default() })
    }

    /// What the session answers about its last UNLOAD; the number from when it begins to write.
    fn count(&self, query_id: Option<i64>, rows: u64) -> Result<(), SqlError> {
        let mut variables = format!("set variable unload_count = {rows};");
        if let Some(query_id) = query_id {
            let id = self.reported_id(query_id);
            variables += &format!("set variable unload_id = {id};");
        }
        self.connection.execute_batch(&variables).map_err(|error| redshift(&error, &[]))
    }

    /// Sees to it that nothing is under the prefix, unless it may be overwritten.
    fn make_room(
        &self,
        store: &dyn ObjectStore,
        target: &Source,
        existing: Existing,
    ) -> Result<(), SqlError> {
        if existing == Existing::Overwrite {
            return Ok(());
        }
        let failed = |error| service_error(&error);
        self.wait_for(async {
            let found = store.list(&target.bucket, &target.key).await.map_err(failed)?;
            if existing == Existing::Refuse && !found.is_empty() {
                return Err(SqlError::new(
                    "Specified unload destination on S3 is not empty. Consider using a different \
                     bucket / prefix, manually removing the target files in S3, or using the \
                     ALLOWOVERWRITE option.",
                ));
            }
            for object in found {
                store.delete(&target.bucket, &object.key).await.map_err(failed)?;
            }
            Ok(())
        })
    }

    /// Writes all files and the manifest; gives the number of rows.
    fn write_files(
        &self,
        unload: &Unload,
        bound: Bound,
        named: &[TableName],
        files: &mut Files<'_>,
    ) -> Result<u64, SqlError> {
        let failed = |error: duckdb::Error| redshift(&error, named);
        let mut statement = self.connection.prepare(&bound.shown()).map_err(failed)?;
        let schema = statement.stream_arrow([]).map_err(failed)?.get_schema();
        let mut columns = QueryResult::new(&schema).columns;
        for (column, field) in columns.iter_mut().zip(bound.fields.into_iter().flatten()) {
            column.declare(&field);
        }
        let encoder = Encoder::new(unload, &columns);
        if unload.header {
            files.begin_with(encoder.header());
        }
        let (mut count, mut line) = (0, Vec::new());
        while let Some(batch) = next_batch(&statement).map_err(failed)? {
            for row in rows(&batch)? {
                if self.is_cancelled() {
                    return Err(SqlError::Cancelled);
                }
                line.clear();
                encoder.row(&row, &mut line)?;
                files.push(&line)?;
                count += 1;
            }
        }
        if self.is_cancelled() {
            return Err(SqlError::Cancelled);
        }
        files.finish()?;
        // Without rows there is no file, and no manifest either; CSV may have an empty one.
        if unload.manifest != Manifest::None && !files.written().is_empty() {
            let verbose = (unload.manifest == Manifest::Verbose).then_some(columns.as_slice());
            files.put_manifest(&manifest::text(files.written(), verbose))?;
        }
        Ok(count)
    }
}
