//! MERGE, by Redshift's rules.

use super::error::SqlError;
use super::locks::Mode;
use super::messages::redshift;
use super::session::{Done, Session};
use crate::dialect::{BoundMerge, Merge, quoted};

impl Session {
    pub(super) fn merge(&mut self, merge: &Merge) -> Result<Done, SqlError> {
        self.lock(&merge.source, Mode::Read)?;
        self.lock_to_write(&merge.target, true)?;
        self.begin()?;
        let target = self.must_find(&merge.target)?;
        let source = self.find_source(merge)?;
        let named = [merge.target.clone(), merge.source.clone()];
        let target_name = merge.target.engine();
        let bound = merge.bind(self)?;
        if let Some(clauses) = &bound.clauses {
            self.refuse_duplicates(merge, &bound)?;
            let sql = format!(
                "merge into {target_name} using {} on {} {clauses}",
                bound.source_text, bound.condition
            );
            let rows = self.connection.execute(&sql, []);
            self.note_scans();
            let rows = rows.map_err(|error| redshift(&error, &named))? as u64;
            return Ok(Done { rows, ..Done::default() });
        }
        if target.columns.len() != source {
            return Err(SqlError::new(
                "MERGE with REMOVE DUPLICATES requires source and target to have the same columns",
            ));
        }
        // Rows that match are replaced by the source's, and those that do not are added.
        let columns: Vec<String> =
            target.columns.iter().map(|column| quoted(&column.definition.name)).collect();
        let delete = format!(
            "delete from {target_name} using {} where {}",
            bound.source_text, bound.condition
        );
        let insert = format!(
            "insert into {target_name} ({}) select distinct * from {}",
            columns.join(", "),
            bound.source_text
        );
        let mut rows = 0;
        for sql in [delete, insert] {
            let changed = self.connection.execute(&sql, []);
            self.note_scans();
            rows = changed.map_err(|error| redshift(&error, &named))? as u64;
        }
        Ok(Done { rows, ..Done::default() })
    }

    /// The number of the source's columns; a view is no source.
    fn find_source(&self, merge: &Merge) -> Result<usize, SqlError> {
        let source = self.must_find(&merge.source)?;
        if source.is_view {
            return Err(SqlError::new("MERGE: source must be a table, not a view"));
        }
        Ok(source.columns.len())
    }

    /// No target row may be matched by two rows of the source.
    fn refuse_duplicates(&self, merge: &Merge, bound: &BoundMerge) -> Result<(), SqlError> {
        let named = [merge.target.clone(), merge.source.clone()];
        let target = merge.target.engine();
        let row = format!("{}.rowid", quoted(&merge.target.name));
        let sql = format!(
            "select 1 from {target} inner join {} on {} group by {row} having count(*) > 1 limit 1",
            bound.source_text, bound.condition
        );
        if self.rows(&sql, &named)?.rows.is_empty() {
            return Ok(());
        }
        Err(SqlError::new("Found multiple matches to update the same tuple."))
    }
}
