//! Definitions of tables, kept in memory: every statement asks for some, and few change any.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::catalog::Table;

/// What is committed, as far as somebody has asked for it.
///
/// It is known by generations: whoever commits a change of definitions begins a new one before and
/// after. A transaction whose snapshot is of the generation that is now sees what is kept here; any
/// other must ask the engine.
#[derive(Default)]
pub(crate) struct Definitions {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    generation: u64,
    /// Commits under way that change definitions.
    changing: u32,
    tables: HashMap<(String, String), Option<Table>>,
    has_views: Option<bool>,
}

impl State {
    /// Whether a snapshot of this generation sees what is committed now.
    fn is_now(&self, generation: u64) -> bool {
        self.changing == 0 && self.generation == generation
    }

    fn begin_generation(&mut self) {
        self.generation += 1;
        self.tables.clear();
        self.has_views = None;
    }
}

impl Definitions {
    /// The generation that a snapshot taken from now on sees, or a later one.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// What is known of a table: its definition, or that there is none.
    pub(crate) fn table(&self, generation: u64, schema: &str, name: &str) -> Option<Option<Table>> {
        let state = self.lock();
        let key = (schema.to_owned(), name.to_owned());
        state.tables.get(&key).filter(|_| state.is_now(generation)).cloned()
    }

    /// Keeps what a snapshot of this generation saw of a table.
    pub(crate) fn keep_table(
        &self,
        generation: u64,
        schema: &str,
        name: &str,
        table: &Option<Table>,
    ) {
        let mut state = self.lock();
        if state.is_now(generation) {
            state.tables.insert((schema.to_owned(), name.to_owned()), table.clone());
        }
    }

    /// Whether there are views, if that is known.
    pub(crate) fn has_views(&self, generation: u64) -> Option<bool> {
        let state = self.lock();
        state.has_views.filter(|_| state.is_now(generation))
    }

    /// Keeps whether a snapshot of this generation saw views.
    pub(crate) fn keep_has_views(&self, generation: u64, has_views: bool) {
        let mut state = self.lock();
        if state.is_now(generation) {
            state.has_views = Some(has_views);
        }
    }

    /// Definitions change, for as long as the answer lives.
    pub(crate) fn change(&self) -> Change<'_> {
        let mut state = self.lock();
        state.changing += 1;
        state.begin_generation();
        Change(self)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit under way that changes definitions.
pub(crate) struct Change<'a>(&'a Definitions);

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.changing -= 1;
        state.begin_generation();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_known(definitions: &Definitions, generation: u64) -> bool {
        definitions.table(generation, "public", "t").is_some()
    }

    #[test]
    fn what_was_seen_is_known_until_definitions_change() {
        let definitions = Definitions::default();
        let before = definitions.generation();
        definitions.keep_table(before, "public", "t", &None);
        assert!(is_known(&definitions, before));
        drop(definitions.change());
        assert!(!is_known(&definitions, before));
        assert!(!is_known(&definitions, definitions.generation()));
    }

    #[test]
    fn an_older_snapshot_s_view_is_not_kept() {
        let definitions = Definitions::default();
        let before = definitions.generation();
        drop(definitions.change());
        definitions.keep_table(before, "public", "t", &None);
        definitions.keep_has_views(before, true);
        let now = definitions.generation();
        assert!(!is_known(&definitions, now));
        assert_eq!(definitions.has_views(now), None);
    }

    #[test]
    fn while_definitions_change_nothing_is_known() {
        let definitions = Definitions::default();
        let change = definitions.change();
        let during = definitions.generation();
        definitions.keep_table(during, "public", "t", &None);
        assert!(!is_known(&definitions, during));
        drop(change);
        assert!(!is_known(&definitions, during));
    }
}
