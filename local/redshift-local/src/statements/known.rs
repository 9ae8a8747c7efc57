//! The statements that are kept: found by id, by token and by age, whatever their number.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{KEPT_HOURS, Statement, TOKEN_HOURS};

/// Results that are kept in all, in bytes.
const RESULTS_BYTES_MAX: u64 = 1_000_000_000;

/// When a statement was made, and its id: no two are equal.
pub(crate) type Age = (SystemTime, String);

/// All statements of a warehouse. No method walks over those that have ended, but a list's filter.
#[derive(Default)]
pub(super) struct Known {
    by_id: HashMap<String, Arc<Statement>>,
    by_token: HashMap<String, Arc<Statement>>,
    by_age: BTreeMap<Age, Arc<Statement>>,
    /// Those that had not ended when somebody last counted.
    active: Vec<Arc<Statement>>,
    /// The bytes of the results that are still there.
    results: BTreeMap<Age, u64>,
    results_bytes: u64,
}

impl Known {
    pub(super) fn add(&mut self, statement: Arc<Statement>) {
        if let Some(token) = &statement.request.client_token {
            self.by_token.insert(token.clone(), Arc::clone(&statement));
        }
        if !statement.has_ended() {
            self.active.push(Arc::clone(&statement));
        }
        self.by_age.insert(statement.age(), Arc::clone(&statement));
        self.by_id.insert(statement.id.clone(), statement);
    }

    pub(super) fn get(&self, id: &str) -> Option<&Arc<Statement>> {
        self.by_id.get(id)
    }

    /// The statement that a token made, while the token is remembered.
    pub(super) fn of_token(&self, token: &str, now: SystemTime) -> Option<&Arc<Statement>> {
        self.by_token.get(token).filter(|found| !is_older(found.created, now, TOKEN_HOURS))
    }

    /// Those that have not ended.
    pub(super) fn active(&mut self) -> &[Arc<Statement>] {
        self.active.retain(|statement| !statement.has_ended());
        &self.active
    }

    /// All of them, or those older than one, the newest first.
    pub(super) fn newest_first(
        &self,
        before: Option<Age>,
    ) -> impl Iterator<Item = &Arc<Statement>> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_age.range((Bound::Unbounded, end)).rev().map(|(_, statement)| statement)
    }

    /// Counts a statement's results; the oldest results expire early when all together are too many.
    pub(super) fn keep_results(&mut self, statement: &Statement, bytes: u64) {
        if bytes == 0 || !self.by_id.contains_key(&statement.id) {
            return;
        }
        self.results.insert(statement.age(), bytes);
        self.results_bytes += bytes;
        while self.results_bytes > RESULTS_BYTES_MAX && self.results.len() > 1 {
            let Some((age, bytes)) = self.results.pop_first() else { return };
            self.results_bytes -= bytes;
            if let Some(oldest) = self.by_age.get(&age) {
                oldest.forget_results();
            }
        }
    }

    /// Forgets what ended and is older than a day.
    pub(super) fn forget_old(&mut self, now: SystemTime) {
        let old = self.by_age.range(..).map(|(_, statement)| statement);
        let old = old.take_while(|statement| is_older(statement.created, now, KEPT_HOURS));
        let ended: Vec<_> = old.filter(|statement| statement.has_ended()).cloned().collect();
        for statement in ended {
            let age = statement.age();
            self.by_age.remove(&age);
            self.by_id.remove(&statement.id);
            self.results_bytes -= self.results.remove(&age).unwrap_or_default();
            if let Some(token) = &statement.request.client_token
                && self.by_token.get(token).is_some_and(|found| found.id == statement.id)
            {
                self.by_token.remove(token);
            }
        }
    }
}

fn is_older(created: SystemTime, now: SystemTime, hours: u64) -> bool {
    now.duration_since(created).unwrap_or_default() >= Duration::from_secs(hours * 3600)
}
