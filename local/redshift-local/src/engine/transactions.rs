//! A session's transaction, its snapshot, and the tables that it holds.

use std::collections::HashSet;
use std::sync::Arc;

use super::catalog::{Table, execute};
use super::definitions::Changed;
use super::error::SqlError;
use super::locks::Mode;
use super::messages::{redshift, serializable};
use super::session::{Defined, Done, Session, Transaction};
use crate::dialect::TableName;

impl Session {
    /// Begins a transaction, if none is open, and takes its snapshot.
    pub(crate) fn begin(&mut self) -> Result<(), SqlError> {
        let generation = self.warehouse.definitions.generation();
        let commits = self.warehouse.locks.snapshot();
        let transaction = self.open_transaction()?;
        transaction.snapshot.get_or_insert(commits);
        transaction.generation.get_or_insert(generation);
        Ok(())
    }

    /// Begins a transaction whose snapshot is not yet taken: locks are waited for first.
    fn open_transaction(&mut self) -> Result<&mut Transaction, SqlError> {
        if self.transaction.is_none() {
            execute(&self.connection, "begin transaction")?;
            let id = self.warehouse.next_transaction();
            let begun = self.warehouse.clock_now();
            self.warehouse.open.transaction(self.process, Some((id, begun)));
            self.transaction = Some(Transaction {
                id,
                snapshot: None,
                generation: None,
                defined: Defined::default(),
                schemas: HashSet::new(),
                written: HashSet::new(),
            });
        }
        self.transaction.as_mut().ok_or_else(|| SqlError::new("no transaction is open"))
    }

    /// Whether BEGIN has opened the transaction and nothing has ended it.
    pub(crate) fn is_explicit(&self) -> bool {
        self.explicit
    }

    /// Writes what belongs to the transaction but not to its statements.
    pub(crate) fn write_own(&mut self, sql: &str, values: [&str; 2]) -> Result<(), SqlError> {
        self.begin()?;
        let written = self.connection.execute(sql, values);
        written.map(|_| ()).map_err(|error| redshift(&error, &[]))
    }

    /// Keeps what the transaction did.
    pub(crate) fn commit(&mut self) -> Result<(), SqlError> {
        if self.aborted {
            // As ROLLBACK does: nothing of a transaction that has failed is kept.
            self.rollback();
            return Ok(());
        }
        self.explicit = false;
        self.settings_before = None;
        let after = self.settings_after.take();
        self.restore_settings(after);
        let Some(transaction) = self.transaction.take() else { return Ok(()) };
        let mut made = Vec::new();
        let changed = match transaction.defined {
            Defined { more: true, .. } => Some(Changed::More),
            Defined { tables, .. } if tables.is_empty() => None,
            Defined { tables, .. } => {
                made.extend(tables.values().filter(|table| table.is_some()).cloned());
                Some(Changed::Tables(tables.into_keys().collect()))
            }
        };
        let definitions = &self.warehouse.definitions;
        let changed = changed.map(|what| definitions.change(what));
        let outcome = execute(&self.connection, "commit");
        drop(changed);
        if outcome.is_ok() {
            // Still locked: nobody has changed them meanwhile.
            let generation = definitions.generation();
            for table in &made {
                if let Some(Table { schema, name, .. }) = table {
                    definitions.keep_table(generation, schema, name, table);
                }
            }
        }
        let written = if outcome.is_ok() { transaction.written } else { HashSet::new() };
        self.warehouse.locks.release(transaction.id, &written);
        self.warehouse.open.transaction(self.process, None);
        self.warehouse.log.flush();
        outcome.map(|_| ())
    }

    /// Undoes what the transaction did.
    pub(crate) fn rollback(&mut self) {
        self.explicit = false;
        self.aborted = false;
        let before = self.settings_before.take();
        self.settings_after = None;
        self.undo();
        self.restore_settings(before);
    }

    /// After a statement has failed: its transaction is undone, and if BEGIN began it, whatever
    /// comes before its end fails too.
    pub(crate) fn fail(&mut self) {
        match self.explicit {
            true => {
                self.aborted = true;
                self.undo();
            }
            false => self.rollback(),
        }
    }

    fn undo(&mut self) {
        self.warehouse.log.flush();
        let Some(transaction) = self.transaction.take() else { return };
        if let Err(error) = execute(&self.connection, "rollback") {
            tracing::debug!(%error, "the engine had rolled back already");
        }
        self.warehouse.locks.release(transaction.id, &HashSet::new());
        self.warehouse.open.transaction(self.process, None);
    }

    /// Notes that the transaction changes definitions, and not only of tables that it names.
    pub(super) fn defines(&mut self) -> Result<(), SqlError> {
        self.open_transaction()?.defined.more = true;
        Ok(())
    }

    /// Notes that the transaction changes the definition of a table.
    pub(super) fn defines_table(&mut self, schema: &str, name: &str) -> Result<(), SqlError> {
        let defined = &mut self.open_transaction()?.defined;
        defined.tables.insert((schema.to_owned(), name.to_owned()), None);
        Ok(())
    }

    /// Notes how a table is declared that the transaction has made.
    pub(super) fn made_table(&mut self, table: &Table) -> Result<(), SqlError> {
        let key = (table.schema.clone(), table.name.clone());
        self.open_transaction()?.defined.tables.insert(key, Some(table.clone()));
        Ok(())
    }

    /// The generation of definitions that the transaction sees, but for tables of its own; none
    /// when that is unknown.
    fn generation(&self) -> Option<u64> {
        let open = self.transaction.as_ref()?;
        open.generation.filter(|_| !open.defined.more)
    }

    /// The definition of a table that others see too, if there is such a table.
    pub(super) fn definition(&self, schema: &str, name: &str) -> Result<Option<Table>, SqlError> {
        let key = (schema.to_owned(), name.to_owned());
        let defined = self.transaction.as_ref().map(|open| &open.defined);
        let generation = match defined.and_then(|defined| defined.tables.get(&key)) {
            Some(Some(table)) if defined.is_some_and(|defined| !defined.more) => {
                return Ok(Some(table.clone()));
            }
            Some(_) => None,
            None => self.generation(),
        };
        let Some(generation) = generation else {
            return Table::load(&self.connection, schema, name);
        };
        let definitions = &self.warehouse.definitions;
        if let Some(known) = definitions.table(generation, schema, name) {
            return Ok(known);
        }
        let found = Table::load(&self.connection, schema, name)?;
        definitions.keep_table(generation, schema, name, &found);
        Ok(found)
    }

    /// Whether there is any view but the system's.
    pub(super) fn has_views(&self) -> Result<bool, SqlError> {
        let definitions = &self.warehouse.definitions;
        let generation = self.generation();
        if let Some(known) = generation.and_then(|generation| definitions.has_views(generation)) {
            return Ok(known);
        }
        let sql = "select count(*) from redshift_local.views";
        let count = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let has_views = count.map_err(|error| redshift(&error, &[]))? > 0;
        if let Some(generation) = generation {
            definitions.keep_has_views(generation, has_views);
        }
        Ok(has_views)
    }

    /// The name under which a table is locked; none for a session's own.
    fn lock_name(&self, table: &TableName) -> Option<String> {
        if table.schema.is_none() && self.is_temporary(&table.name) {
            return None;
        }
        Some(format!("{}.{}", table.schema_or_public(), table.name))
    }

    /// Waits for a table; a snapshot is taken only after the first wait.
    pub(super) fn lock(&mut self, table: &TableName, mode: Mode) -> Result<(), SqlError> {
        let Some(name) = self.lock_name(table) else { return Ok(()) };
        self.lock_named(&name, mode)
    }

    pub(super) fn lock_named(&mut self, name: &str, mode: Mode) -> Result<(), SqlError> {
        let id = self.open_transaction()?.id;
        self.warehouse.locks.acquire(id, name, mode, &self.cancel)
    }

    /// Waits to write a table, and notes that it is written.
    ///
    /// # Errors
    /// 1023, when the transaction looks at a table that changed after its snapshot was taken.
    pub(crate) fn lock_to_write(&mut self, table: &TableName, reads: bool) -> Result<(), SqlError> {
        let Some(name) = self.lock_name(table) else { return Ok(()) };
        self.lock_named(&name, Mode::Write)?;
        self.note_written(&name, reads)
    }

    pub(super) fn note_written(&mut self, name: &str, reads: bool) -> Result<(), SqlError> {
        let process = self.process;
        let warehouse = Arc::clone(&self.warehouse);
        let transaction = self.open_transaction()?;
        let own = transaction.id;
        let changed = transaction
            .snapshot
            .filter(|_| reads && !transaction.written.contains(name))
            .and_then(|snapshot| warehouse.locks.written_since(name, snapshot));
        transaction.written.insert(name.to_owned());
        match changed {
            None => Ok(()),
            Some(other) => {
                let table = self.object_id(name).unwrap_or(0);
                Err(SqlError::new(serializable(table, other, own, process.unsigned_abs())))
            }
        }
    }

    fn object_id(&self, name: &str) -> Option<u64> {
        let (schema, table) = name.split_once('.')?;
        let found = self.definition(schema, table).ok()??;
        Some(found.object_id.unsigned_abs())
    }

    /// LOCK: before any snapshot, so that what follows sees what those before have committed.
    pub(super) fn lock_tables(&mut self, tables: &[TableName]) -> Result<Done, SqlError> {
        for table in tables {
            self.warehouse.must_exist(table)?;
        }
        for table in tables {
            self.lock(table, Mode::Exclusive)?;
        }
        Ok(Done::default())
    }
}
