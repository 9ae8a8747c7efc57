//! Which migrations the warehouse needs, as the step that creates its tables reads it.

use std::collections::BTreeSet;

use segue_contract::Failure;
use segue_contract::pipeline::{
    APPLIED_HEADER, Applied, COLUMNS_HEADER, Pending, Statement, not_recorded, pending,
};

use crate::{Row, Warehouse, number, text};

impl Warehouse {
    /// The migrations to apply after a finished batch; `None` if the batch does not ask which are
    /// applied. The columns are read only if some migration is not recorded.
    ///
    /// # Errors
    /// `InvalidConfiguration` for a warehouse that a newer version has migrated; else as
    /// [`Warehouse::read`].
    pub(crate) async fn pending(
        &self,
        statement_id: &str,
        statements: &[Statement],
    ) -> Result<Option<Vec<Pending>>, Failure> {
        let position = |header: &str| statements.iter().position(|one| one.sql.starts_with(header));
        let (Some(applied), Some(columns)) = (position(APPLIED_HEADER), position(COLUMNS_HEADER))
        else {
            return Ok(None);
        };
        let result = |index: usize| format!("{statement_id}:{}", index + 1);
        let mut recorded = Vec::new();
        self.read(&result(applied), |rows| {
            recorded.extend(rows.iter().filter_map(as_applied));
            Ok(())
        })
        .await?;
        let not_recorded = not_recorded(&recorded)?;
        if not_recorded.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut existing = BTreeSet::new();
        self.read(&result(columns), |rows| {
            existing.extend(rows.iter().filter_map(as_column));
            Ok(())
        })
        .await?;
        Ok(Some(pending(&not_recorded, &recorded, &existing)))
    }
}

fn as_applied(row: &Row) -> Option<Applied> {
    let number = row.first().and_then(number)?.try_into().ok()?;
    Some(Applied { number, name: row.get(1).and_then(text)? })
}

/// `schema.table.column`
fn as_column(row: &Row) -> Option<String> {
    let parts: Option<Vec<String>> = row.iter().map(text).collect();
    Some(parts?.join("."))
}
