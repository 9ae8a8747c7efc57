//! How many keys a step found with differing records, as its own statement counted them.

use segue_contract::Failure;
use segue_contract::messages::Variants;
use segue_contract::pipeline::{Statement, VARIANTS_HEADER};

use crate::{Row, Warehouse, number, text};

impl Warehouse {
    /// The counts of a finished batch, if one of its statements counts variants.
    ///
    /// # Errors
    /// As [`Warehouse::read`].
    pub(crate) async fn variants(
        &self,
        statement_id: &str,
        statements: &[Statement],
    ) -> Result<Vec<Variants>, Failure> {
        let is_count = |one: &Statement| one.sql.starts_with(VARIANTS_HEADER);
        let mut variants = Vec::new();
        if let Some(index) = statements.iter().position(is_count) {
            self.read(&format!("{statement_id}:{}", index + 1), |rows| {
                variants.extend(rows.iter().filter_map(of_table));
                Ok(())
            })
            .await?;
        }
        Ok(variants)
    }
}

/// `None` for a table without any, so that the report shows only tables with some.
fn of_table(row: &Row) -> Option<Variants> {
    let keys = |index: usize| row.get(index).and_then(number).and_then(|keys| keys.try_into().ok());
    let (within_run, beside_published) = (keys(1)?, keys(2)?);
    let table = row.first().and_then(text)?;
    let is_any = within_run > 0 || beside_published > 0;
    is_any.then_some(Variants { table, within_run, beside_published })
}
