//! Stopping a statement that runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::InterruptHandle;
use tokio::sync::Notify;

/// Shared by a running statement and the callers that may cancel it.
#[derive(Default)]
pub(crate) struct Cancel {
    cancelled: AtomicBool,
    timed_out: AtomicBool,
    interrupt: Mutex<Option<Arc<InterruptHandle>>>,
    notify: Notify,
}

impl Cancel {
    /// Stops the statement at its next step.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.interrupt();
    }

    /// Stops the statement, which has taken longer than its session lets it.
    pub(crate) fn time_out(&self) {
        self.timed_out.store(true, Ordering::SeqCst);
        self.interrupt();
    }

    /// Whether the statement took too long; the next one begins again.
    pub(crate) fn take_time_out(&self) -> bool {
        self.timed_out.swap(false, Ordering::SeqCst)
    }

    fn interrupt(&self) {
        self.notify.notify_waiters();
        let handle = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(handle) = handle {
            handle.interrupt();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst) || self.timed_out.load(Ordering::SeqCst)
    }

    /// What interrupts the engine while the statement runs; `None` when it has ended.
    pub(crate) fn set_interrupt(&self, handle: Option<Arc<InterruptHandle>>) {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    /// Resolves when the statement is cancelled.
    pub(crate) async fn cancelled(&self) {
        let notified = self.notify.notified();
        if !self.is_cancelled() {
            notified.await;
        }
    }
}
