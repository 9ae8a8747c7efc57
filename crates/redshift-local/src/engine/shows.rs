//! Statements that only show something: EXPLAIN, SHOW, ANALYZE COMPRESSION.

use super::error::SqlError;
use super::session::{Done, Session};
use super::values::QueryResult;
use crate::dialect::TableName;

impl Session {
    pub(super) fn analyze_compression(&mut self, name: &TableName) -> Result<Done, SqlError> {
        self.begin()?;
        let table = self.must_find(name)?;
        let rows = table.columns.iter().map(|column| {
            let encoding = column.definition.encoding.clone().unwrap_or_else(|| "raw".into());
            vec![table.name.clone(), column.definition.name.clone(), encoding, "0.00".into()]
        });
        let names = ["Table", "Column", "Encoding", "Est_reduction_pct"];
        let result = QueryResult::text(&names, rows.collect());
        Ok(Done { rows: result.rows.len() as u64, result: Some(result), query_id: 0 })
    }

    /// SHOW TABLE: a CREATE TABLE that would make the table again.
    pub(super) fn show_table(&mut self, name: &TableName) -> Result<Done, SqlError> {
        self.begin()?;
        let table = self.must_find(name)?;
        let columns = table.columns.iter().map(|column| {
            let definition = &column.definition;
            let not_null = if definition.not_null { " NOT NULL" } else { "" };
            format!("    {} {}{not_null}", definition.name, definition.kind.display())
        });
        let columns = columns.collect::<Vec<_>>().join(",\n");
        let text = format!("CREATE TABLE {}.{} (\n{columns}\n)", table.schema, table.name);
        let result = QueryResult::text(&["Show Table DDL statement"], vec![vec![text]]);
        Ok(Done { rows: 1, result: Some(result), query_id: 0 })
    }
}
