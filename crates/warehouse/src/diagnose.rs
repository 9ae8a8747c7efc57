//! What a COPY refused and why: asked of the warehouse, said in one message.

use aws_sdk_redshiftdata::types::StatementStatusString;
use segue_contract::pipeline::{self, Statement};
use segue_contract::rejects::Refused;
use segue_contract::{ErrorName, Failure};

use crate::results::{Row, number, text};
use crate::{Warehouse, call_failure};

/// How long the diagnosis may take, in seconds: the failure is told without it after that.
const DIAGNOSIS_SECONDS: i32 = 20;
/// Refused values that a failure shows at most.
const SHOWN_MAX: u64 = 5;

/// Takes a row, in the column order of `sql/diagnose/load_errors.sql`.
fn refused(row: &Row) -> Refused {
    let field = |index: usize| row.get(index).and_then(text).unwrap_or_default();
    let whole = |index: usize| row.get(index).and_then(number).unwrap_or_default();
    let kind = match field(4).as_str() {
        "" | "0" => field(3),
        length => format!("{}({length})", field(3)),
    };
    Refused {
        file: field(0),
        line: whole(1).unsigned_abs(),
        column: Some(field(2)).filter(|column| !column.is_empty()),
        kind,
        code: whole(5),
        reason: field(6),
    }
}

impl Warehouse {
    /// Names the first fields that a COPY refused: file, line, column, reason.
    ///
    /// # Errors
    /// When the reasons cannot be read, or there are none.
    pub(crate) async fn load_rejected(
        &self,
        place: &str,
        query_id: i64,
    ) -> Result<Failure, Failure> {
        let rows = self.ask(&pipeline::load_errors(query_id, SHOWN_MAX)?).await?;
        let count = rows.first().and_then(|row| row.get(7)).and_then(number).unwrap_or_default();
        if rows.is_empty() {
            return Err(Failure::new(ErrorName::LoadRejected, "no reason was recorded"));
        }
        let list: String = rows.iter().map(|row| format!("\n  {}", refused(row))).collect();
        let message = match count {
            1 => format!("{place}: one value was refused and nothing was loaded:{list}"),
            many => format!(
                "{place}: {many} values were refused and nothing was loaded, the first:{list}"
            ),
        };
        Ok(Failure::new(ErrorName::LoadRejected, message).hint(
            "mend or remove the file, then start the run again: it loads what is not loaded yet",
        ))
    }

    /// What a COPY left out that has ended well, so many at most, by file and line.
    ///
    /// # Errors
    /// `WarehouseBusy` when the answer takes too long; else as [`call_failure`].
    pub async fn refused(
        &self,
        statement_id: &str,
        rows_max: u64,
    ) -> Result<Vec<Refused>, Failure> {
        let statement = self.describe(statement_id, std::time::Duration::ZERO).await?;
        let mut all = Vec::new();
        for part in statement.sub_statements() {
            let rows = self.ask(&pipeline::load_errors(part.redshift_query_id, rows_max)?).await?;
            all.extend(rows.iter().map(refused));
        }
        Ok(all)
    }

    /// Runs one short query and returns its rows.
    async fn ask(&self, statements: &[Statement]) -> Result<Vec<Row>, Failure> {
        let Some(statement) = statements.first() else { return Ok(Vec::new()) };
        let asked = self
            .client
            .execute_statement()
            .sql(&statement.sql)
            .database(&self.target.database)
            .set_workgroup_name(self.target.workgroup_name.clone())
            .set_cluster_identifier(self.target.cluster_identifier.clone())
            .set_secret_arn(self.target.secret_arn.clone())
            .wait_time_seconds(DIAGNOSIS_SECONDS)
            .send()
            .await
            .map_err(|error| call_failure("asking for the reason", &error))?;
        if asked.status != Some(StatementStatusString::Finished) {
            return Err(Failure::new(ErrorName::WarehouseBusy, "the reason is not known yet"));
        }
        let mut rows = Vec::new();
        self.read(&asked.id.unwrap_or_default(), |page| {
            rows.extend(page);
            Ok(())
        })
        .await?;
        Ok(rows)
    }
}
