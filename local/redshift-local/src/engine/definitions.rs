//! Definitions of tables, kept in memory: every statement asks for some, and few change any.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::catalog::Table;

/// Tables of which it is remembered when they changed: of more, all that is known is forgotten.
const TABLES_MAX: usize = 10_000;

/// A table's schema and name.
pub(crate) type Key = (String, String);

/// What is committed, as far as somebody has asked for it.
///
/// It is known by generations: a transaction that commits a change of definitions begins a new one before and
/// after. A transaction whose snapshot is not older than the last change of a table sees what is
/// kept here of it; any other must ask the engine.
#[derive(Default)]
pub(crate) struct Definitions {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    generation: u64,
    /// Commits under way that change definitions, and not only of tables that they name.
    changing: u32,
    /// The generation that the last of them began.
    changed: u64,
    /// As both, of tables that a commit names.
    tables_changing: HashMap<Key, u32>,
    tables_changed: HashMap<Key, u64>,
    tables: HashMap<Key, Option<Table>>,
    has_views: Option<bool>,
}

impl State {
    /// Whether a snapshot of this generation sees what is committed now, but for tables that were
    /// named.
    fn is_now(&self, generation: u64) -> bool {
        self.changing == 0 && generation >= self.changed
    }

    /// Whether it does of this table.
    fn is_table_now(&self, generation: u64, table: &Key) -> bool {
        let changed = self.tables_changed.get(table).copied().unwrap_or_default();
        self.is_now(generation)
            && generation >= changed
            && !self.tables_changing.contains_key(table)
    }

    fn begin_generation(&mut self, what: &Changed) {
        self.generation += 1;
        match what {
            Changed::Tables(tables) if self.tables_changed.len() < TABLES_MAX => {
                for table in tables {
                    self.tables_changed.insert(table.clone(), self.generation);
                    self.tables.remove(table);
                }
            }
            _ => {
                self.changed = self.generation;
                self.tables_changed.clear();
                self.tables.clear();
                self.has_views = None;
            }
        }
    }
}

impl Definitions {
    /// The generation that a snapshot taken from now on sees, or a later one.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// What is known about a table: its definition, or that it does not exist.
    pub(crate) fn table(&self, generation: u64, schema: &str, name: &str) -> Option<Option<Table>> {
        let state = self.lock();
        let key = (schema.to_owned(), name.to_owned());
        state.tables.get(&key).filter(|_| state.is_table_now(generation, &key)).cloned()
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
        let key = (schema.to_owned(), name.to_owned());
        if state.is_table_now(generation, &key) {
            state.tables.insert(key, table.clone());
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
    pub(crate) fn change(&self, what: Changed) -> Change<'_> {
        let mut state = self.lock();
        match &what {
            Changed::Tables(tables) => {
                for table in tables {
                    *state.tables_changing.entry(table.clone()).or_default() += 1;
                }
            }
            Changed::More => state.changing += 1,
        }
        state.begin_generation(&what);
        drop(state);
        Change { definitions: self, what }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a commit changes.
pub(crate) enum Changed {
    /// The definitions of these tables.
    Tables(HashSet<Key>),
    /// Others too, such as views.
    More,
}

/// A commit under way that changes definitions.
pub(crate) struct Change<'a> {
    definitions: &'a Definitions,
    what: Changed,
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut state = self.definitions.lock();
        match &self.what {
            Changed::Tables(tables) => {
                for table in tables {
                    let left = state.tables_changing.get_mut(table).map(|count| {
                        *count -= 1;
                        *count
                    });
                    if left == Some(0) {
                        state.tables_changing.remove(table);
                    }
                }
            }
            Changed::More => state.changing -= 1,
        }
        state.begin_generation(&self.what);
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
        drop(definitions.change(Changed::More));
        assert!(!is_known(&definitions, before));
        assert!(!is_known(&definitions, definitions.generation()));
    }

    #[test]
    fn an_older_snapshot_s_view_is_not_kept() {
        let definitions = Definitions::default();
        let before = definitions.generation();
        drop(definitions.change(Changed::More));
        definitions.keep_table(before, "public", "t", &None);
        definitions.keep_has_views(before, true);
        let now = definitions.generation();
        assert!(!is_known(&definitions, now));
        assert_eq!(definitions.has_views(now), None);
    }

    #[test]
    fn while_definitions_change_nothing_is_known() {
        let definitions = Definitions::default();
        let change = definitions.change(Changed::More);
        let during = definitions.generation();
        definitions.keep_table(during, "public", "t", &None);
        assert!(!is_known(&definitions, during));
        drop(change);
        assert!(!is_known(&definitions, during));
    }

    #[test]
    fn a_change_of_one_table_lets_another_be_known() {
        let definitions = Definitions::default();
        let before = definitions.generation();
        definitions.keep_table(before, "public", "t", &None);
        definitions.keep_table(before, "public", "other", &None);
        let tables = HashSet::from([("public".to_owned(), "other".to_owned())]);
        let is_other_known =
            |generation| definitions.table(generation, "public", "other").is_some();
        let change = definitions.change(Changed::Tables(tables));
        assert!(is_known(&definitions, before));
        let during = definitions.generation();
        definitions.keep_table(during, "public", "other", &None);
        assert!(!is_other_known(during));
        drop(change);
        definitions.keep_table(during, "public", "other", &None);
        assert!(!is_other_known(during), "an older snapshot's view is not kept");
        let after = definitions.generation();
        assert!(is_known(&definitions, before) && is_known(&definitions, after));
        definitions.keep_table(after, "public", "other", &None);
        assert!(is_other_known(after) && !is_other_known(before));
    }
}
