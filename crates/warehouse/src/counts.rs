//! What a publishing step counted about itself: keys with differing records, and changed rows.

use std::collections::BTreeMap;

use segue_contract::Failure;
use segue_contract::messages::{Changes, Variants};
use segue_contract::pipeline::{CHANGES_HEADER, Statement, VARIANTS_HEADER};

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
        let counted = self.counted(statement_id, statements, VARIANTS_HEADER).await?;
        let named = counted.into_iter().map(|(table, [within_run, beside_published])| Variants {
            table,
            within_run,
            beside_published,
        });
        Ok(named.filter(|one| one.within_run > 0 || one.beside_published > 0).collect())
    }

    /// What a finished batch changed, if one of its statements counts that. A table may have
    /// several rows of counts.
    ///
    /// # Errors
    /// As [`Warehouse::read`].
    pub(crate) async fn changes(
        &self,
        statement_id: &str,
        statements: &[Statement],
    ) -> Result<Vec<Changes>, Failure> {
        let mut tables: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        for (table, counts) in self.counted(statement_id, statements, CHANGES_HEADER).await? {
            let sums = tables.entry(table).or_default();
            *sums = [sums[0] + counts[0], sums[1] + counts[1]];
        }
        let changes =
            |(table, [inserted, updated]): (String, [u64; 2])| Changes { table, inserted, updated };
        Ok(tables.into_iter().map(changes).collect())
    }

    /// Each row of the statement with this header: a table and its two counts.
    async fn counted(
        &self,
        statement_id: &str,
        statements: &[Statement],
        header: &str,
    ) -> Result<Vec<(String, [u64; 2])>, Failure> {
        let mut counted = Vec::new();
        if let Some(index) = statements.iter().position(|one| one.sql.starts_with(header)) {
            self.read(&format!("{statement_id}:{}", index + 1), |rows| {
                counted.extend(rows.iter().filter_map(of_table));
                Ok(())
            })
            .await?;
        }
        Ok(counted)
    }
}

fn of_table(row: &Row) -> Option<(String, [u64; 2])> {
    let count =
        |index: usize| row.get(index).and_then(number).and_then(|rows| rows.try_into().ok());
    Some((row.first().and_then(text)?, [count(1)?, count(2)?]))
}
