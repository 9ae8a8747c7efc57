//! The connections of a warehouse by their process numbers, so that they can be cancelled or ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Value as Json, json};

use super::cancel::Cancel;
use super::error::SqlError;
use super::log::microseconds;

/// Ends a connection that is kept between requests.
pub(crate) type Close = Arc<dyn Fn() + Send + Sync>;

struct Process {
    cancel: Arc<Cancel>,
    close: Option<Close>,
    opened: SystemTime,
    running: Option<Running>,
    /// The open transaction, and when it began.
    transaction: Option<(u64, SystemTime)>,
}

/// A statement that a connection runs.
pub(super) struct Running {
    pub(super) query: i64,
    pub(super) started: SystemTime,
    pub(super) label: String,
    pub(super) text: String,
}

/// All open connections.
#[derive(Default)]
pub(crate) struct Processes {
    by_number: Mutex<HashMap<i64, Process>>,
}

impl Processes {
    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Process>> {
        self.by_number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn opened(&self, number: i64, cancel: &Arc<Cancel>, opened: SystemTime) {
        let cancel = Arc::clone(cancel);
        let process = Process { cancel, close: None, opened, running: None, transaction: None };
        self.lock().insert(number, process);
    }

    fn change(&self, number: i64, change: impl FnOnce(&mut Process)) {
        if let Some(process) = self.lock().get_mut(&number) {
            change(process);
        }
    }

    /// Another request uses the connection.
    pub(super) fn is_cancelled_by(&self, number: i64, cancel: &Arc<Cancel>) {
        self.change(number, |process| process.cancel = Arc::clone(cancel));
    }

    /// What the connection runs now, if anything.
    pub(super) fn runs(&self, number: i64, running: Option<Running>) {
        self.change(number, |process| process.running = running);
    }

    /// The connection's transaction, if one is open.
    pub(super) fn transaction(&self, number: i64, open: Option<(u64, SystemTime)>) {
        self.change(number, |process| process.transaction = open);
    }

    /// All connections, as the system views show them.
    pub(super) fn shown(&self) -> Json {
        let processes = self.lock();
        let shown = processes.iter().map(|(number, process)| {
            let running = process.running.as_ref();
            json!({
                "pid": number,
                "opened": microseconds(process.opened),
                "query": running.map(|running| running.query),
                "started": running.map(|running| microseconds(running.started)),
                "label": running.map(|running| &running.label),
                "text": running.map(|running| &running.text),
                "xid": process.transaction.map(|(id, _)| id),
                "begun": process.transaction.map(|(_, begun)| microseconds(begun)),
            })
        });
        shown.collect()
    }

    /// What ends the connection while it is idle.
    pub(super) fn closes_by(&self, number: i64, close: Close) {
        self.change(number, |process| process.close = Some(close));
    }

    pub(super) fn ended(&self, number: i64) {
        self.lock().remove(&number);
    }

    /// Cancels what a connection runs; with `end`, the connection too.
    pub(super) fn cancel(&self, number: i64, end: bool) -> Result<(), SqlError> {
        let processes = self.lock();
        let process = processes.get(&number).ok_or_else(|| {
            SqlError::new(format!("PID {number} is not a Redshift server process"))
        })?;
        process.cancel.cancel();
        let close = process.close.clone().filter(|_| end);
        drop(processes);
        if let Some(close) = close {
            close();
        }
        Ok(())
    }
}
