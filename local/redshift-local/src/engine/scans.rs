//! What statements read of tables, by the engine's own profile.

use std::sync::{Mutex, PoisonError};

use duckdb::Connection;
use duckdb::profiling::ProfilingInfo;

/// Profiles a connection. The engine skips row groups that a join rules out, too, which Redshift does
/// not promise: only a statement's own literals may count.
const PROFILE: &str = "set enable_profiling = 'no_output'; set profiling_mode = 'standard'; \
                       set disabled_optimizers = 'join_filter_pushdown';";

/// What one statement read of one table. A table that it names twice is read twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The table, with its schema.
    pub table: String,
    /// The rows of the row groups that were not skipped.
    pub rows: u64,
}

/// The scans of all statements since they were last taken.
#[derive(Default)]
pub(crate) struct Scans(Mutex<Vec<Scan>>);

impl Scans {
    pub(super) fn watch(connection: &Connection) -> duckdb::Result<()> {
        connection.execute_batch(PROFILE)
    }

    /// Adds what the connection's last statement read.
    pub(super) fn note(&self, connection: &Connection, database: &str) {
        if let Some(profile) = connection.get_profiling_info() {
            let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            collect(&profile, &format!("{database}."), &mut scans);
        }
    }

    pub(super) fn take(&self) -> Vec<Scan> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn collect(profile: &ProfilingInfo, database: &str, scans: &mut Vec<Scan>) {
    let rows = profile.metrics.get("OPERATOR_ROWS_SCANNED").and_then(|rows| rows.parse().ok());
    let detail = profile.metrics.get("EXTRA_INFO").map(String::as_str).unwrap_or_default();
    if let (Some(rows), Some(table)) = (rows, table(detail, database)) {
        scans.push(Scan { table, rows });
    }
    profile.children.iter().for_each(|child| collect(child, database, scans));
}

/// The table in the details of a scan: `{Table=dev.mart.songs, Type=…`. A name that is a word of the
/// engine's is in quotes, and so is then the whole: `{Table='dev.mart."time"', Type=…`.
fn table(detail: &str, database: &str) -> Option<String> {
    let (_, named) = detail.split_once("Table=")?;
    let name = named.split([',', '}']).next()?.replace(['\'', '"'], "");
    Some(name.strip_prefix(database)?.to_owned())
}
