//! What the system views show of UNLOAD.

use std::time::SystemTime;

use duckdb::params;

use super::log::{Log, as_integer, microseconds, report, timestamp};

/// One UNLOAD, as `SYS_UNLOAD_HISTORY` shows it.
#[derive(Debug, Clone)]
pub(crate) struct UnloadLog {
    pub(crate) query_id: i64,
    pub(crate) transaction_id: u64,
    pub(crate) process: i64,
    pub(crate) started: SystemTime,
    pub(crate) status: &'static str,
    pub(crate) format: &'static str,
    pub(crate) compression: &'static str,
    pub(crate) location: String,
    pub(crate) rows: u64,
    pub(crate) error: Option<String>,
}

/// One file, as `SYS_UNLOAD_DETAIL` shows it.
#[derive(Debug, Clone)]
pub(crate) struct UnloadedFile {
    /// `s3://bucket/key`.
    pub(crate) url: String,
    pub(crate) slice: usize,
    pub(crate) bytes: u64,
    /// With the header's line.
    pub(crate) lines: u64,
    pub(crate) started: SystemTime,
    pub(crate) ended: SystemTime,
}

impl Log {
    /// The state of an UNLOAD when it begins, and when it ends.
    pub(crate) fn unload(
        &self,
        unload: &UnloadLog,
        files: &[UnloadedFile],
        ended: Option<SystemTime>,
    ) {
        let visible_at = timestamp(self.visible_at(unload.process));
        let transaction = as_integer(unload.transaction_id);
        let bytes = files.iter().map(|file| file.bytes).sum();
        let root = self.database.root();
        let append = || -> duckdb::Result<()> {
            let mut unloads = root.appender_to_db("unloads", "redshift_local")?;
            unloads.append_row(params![
                unload.query_id,
                transaction,
                unload.process,
                unload.status,
                timestamp(unload.started),
                ended.map(timestamp),
                ended.map(|ended| microseconds(ended) - microseconds(unload.started)),
                unload.format,
                unload.compression,
                unload.location,
                as_integer(unload.rows),
                as_integer(files.len() as u64),
                as_integer(bytes),
                unload.error,
                visible_at,
            ])?;
            unloads.flush()?;
            let mut details = root.appender_to_db("unload_files", "redshift_local")?;
            for file in files {
                details.append_row(params![
                    unload.query_id,
                    unload.process,
                    transaction,
                    as_integer(file.slice as u64),
                    file.url,
                    timestamp(file.started),
                    timestamp(file.ended),
                    as_integer(file.lines),
                    as_integer(file.bytes),
                    unload.format,
                    visible_at,
                ])?;
            }
            details.flush()
        };
        report(append().map(|()| files.len()));
    }
}
