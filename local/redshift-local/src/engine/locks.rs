//! Locks on tables, held to the end of a transaction, as Redshift has them.
//!
//! The engine underneath lets the second writer fail at once; here it waits. Readers see a
//! snapshot and wait only for transactions that lock a whole table or change its definition.

use std::collections::{HashMap, HashSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::cancel::Cancel;
use super::error::SqlError;

/// How often a waiter looks whether it was cancelled, in milliseconds.
const CANCEL_CHECK_MILLISECONDS: u64 = 20;

/// What a transaction wants to do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    Read,
    Write,
    Exclusive,
}

impl Mode {
    fn conflicts(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Exclusive, _) | (_, Self::Exclusive) | (Self::Write, Self::Write)
        )
    }
}

/// A transaction's number.
pub(crate) type TransactionId = u64;

/// All locks of a warehouse.
#[derive(Default)]
pub(crate) struct Locks {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Default)]
struct State {
    held: HashMap<String, HashMap<TransactionId, Mode>>,
    waiting: HashMap<TransactionId, (String, Mode)>,
    /// The commit that last wrote a table.
    written: HashMap<String, u64>,
    /// Transactions that wrote tables and committed, last first in each table.
    writers: HashMap<String, TransactionId>,
    commits: u64,
}

impl Locks {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `transaction` may do this with the table.
    ///
    /// # Errors
    /// A deadlock, or that the statement was cancelled meanwhile.
    pub(crate) fn acquire(
        &self,
        transaction: TransactionId,
        table: &str,
        mode: Mode,
        cancel: &Cancel,
    ) -> Result<(), SqlError> {
        let mut state = self.lock();
        loop {
            if state.blockers(transaction, table, mode).is_empty() {
                state.waiting.remove(&transaction);
                let holders = state.held.entry(table.to_owned()).or_default();
                let held = holders.entry(transaction).or_insert(mode);
                *held = mode.max(*held);
                return Ok(());
            }
            state.waiting.insert(transaction, (table.to_owned(), mode));
            if state.is_deadlocked(transaction) {
                state.waiting.remove(&transaction);
                return Err(SqlError::new("deadlock detected"));
            }
            if cancel.is_cancelled() {
                state.waiting.remove(&transaction);
                return Err(SqlError::Cancelled);
            }
            let wait = Duration::from_millis(CANCEL_CHECK_MILLISECONDS);
            let waited = self.released.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All locks, held and waited for, as the system views show them.
    pub(super) fn shown(&self) -> Json {
        let state = self.lock();
        let held = state.held.iter().flat_map(|(name, holders)| {
            holders.iter().map(move |(id, mode)| (name, *id, *mode, true))
        });
        let waiting = state.waiting.iter().map(|(id, (name, mode))| (name, *id, *mode, false));
        let shown = held.chain(waiting).filter_map(|(name, id, mode, granted)| {
            let (schema, table) = name.split_once('.')?;
            let mode = match mode {
                Mode::Read => "AccessShareLock",
                Mode::Write => "ShareRowExclusiveLock",
                Mode::Exclusive => "AccessExclusiveLock",
            };
            Some(json!({
                "schema": schema, "table": table, "xid": id, "mode": mode, "granted": granted,
            }))
        });
        shown.collect()
    }

    /// The number of commits so far: what a snapshot taken now will see.
    pub(crate) fn snapshot(&self) -> u64 {
        self.lock().commits
    }

    /// Who wrote the table after `snapshot` was taken, if anybody did.
    pub(crate) fn written_since(&self, table: &str, snapshot: u64) -> Option<TransactionId> {
        let state = self.lock();
        let commit = *state.written.get(table)?;
        (commit > snapshot).then(|| state.writers.get(table).copied().unwrap_or_default())
    }

    /// Ends a transaction; `written` are the tables that it wrote, if it committed.
    pub(crate) fn release(&self, transaction: TransactionId, written: &HashSet<String>) {
        let mut state = self.lock();
        if !written.is_empty() {
            state.commits += 1;
            let commit = state.commits;
            for table in written {
                state.written.insert(table.clone(), commit);
                state.writers.insert(table.clone(), transaction);
            }
        }
        state.held.retain(|_, holders| {
            holders.remove(&transaction);
            !holders.is_empty()
        });
        state.waiting.remove(&transaction);
        drop(state);
        self.released.notify_all();
    }
}

impl State {
    fn blockers(&self, transaction: TransactionId, table: &str, mode: Mode) -> Vec<TransactionId> {
        let Some(holders) = self.held.get(table) else { return Vec::new() };
        let blocking = holders
            .iter()
            .filter(|(holder, held)| **holder != transaction && mode.conflicts(**held));
        blocking.map(|(holder, _)| *holder).collect()
    }

    /// Whether waiting leads back to this transaction.
    fn is_deadlocked(&self, transaction: TransactionId) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![transaction];
        while let Some(waiter) = open.pop() {
            let Some((table, mode)) = self.waiting.get(&waiter) else { continue };
            for blocker in self.blockers(waiter, table, *mode) {
                if blocker == transaction {
                    return true;
                }
                if seen.insert(blocker) {
                    open.push(blocker);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_who_wait_for_each_other_are_a_deadlock() {
        let locks = Locks::default();
        let cancel = Cancel::default();
        locks.acquire(1, "a", Mode::Write, &cancel).expect("free");
        locks.acquire(2, "b", Mode::Write, &cancel).expect("free");
        // Each ends its transaction, so that the other continues; either may be refused.
        let ask = |transaction, table| {
            let outcome = locks.acquire(transaction, table, Mode::Write, &Cancel::default());
            locks.release(transaction, &HashSet::new());
            outcome
        };
        let outcomes = std::thread::scope(|scope| {
            let threads = [scope.spawn(|| ask(1, "b")), scope.spawn(|| ask(2, "a"))];
            threads.map(|thread| thread.join().expect("no panic"))
        });
        let refused: Vec<String> =
            outcomes.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
        assert_eq!(refused, ["ERROR: deadlock detected"]);
    }

    #[test]
    fn readers_do_not_wait_for_writers() {
        let locks = Locks::default();
        let cancel = Cancel::default();
        locks.acquire(1, "a", Mode::Write, &cancel).expect("free");
        locks.acquire(2, "a", Mode::Read, &cancel).expect("readers see a snapshot");
    }

    #[test]
    fn a_commit_is_seen_by_those_whose_snapshot_is_older() {
        let locks = Locks::default();
        let snapshot = locks.snapshot();
        locks.release(7, &HashSet::from(["a".to_owned()]));
        assert_eq!(locks.written_since("a", snapshot), Some(7));
        assert_eq!(locks.written_since("a", locks.snapshot()), None);
    }
}
