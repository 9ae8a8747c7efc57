//! Why a COPY refused its input: asked of the warehouse, said in one message.

use segue_contract::pipeline::{self, Statement};
use segue_contract::{ErrorName, Failure};

use aws_sdk_redshiftdata::types::StatementStatusString;

use crate::results::{Row, number, text};
use crate::{Warehouse, call_failure};

/// How long the diagnosis may take, in seconds: the failure is told without it after that.
const DIAGNOSIS_SECONDS: i32 = 20;

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
        let rows = self.ask(&pipeline::load_errors(query_id)?).await?;
        let refused = rows.first().and_then(|row| row.get(7)).and_then(number).unwrap_or_default();
        if rows.is_empty() {
            return Err(Failure::new(ErrorName::LoadRejected, "no reason was recorded"));
        }
        let list: String = rows.iter().map(|row| format!("\n  {}", refusal(row))).collect();
        let message = match refused {
            1 => format!("{place}: one value was refused and nothing was loaded:{list}"),
            many => format!(
                "{place}: {many} values were refused and nothing was loaded, the first:{list}"
            ),
        };
        Ok(Failure::new(ErrorName::LoadRejected, message).hint(
            "mend or remove the file, then start the run again: it loads what is not loaded yet",
        ))
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

/// One refused field, in the column order of `sql/diagnose/load_errors.sql`.
fn refusal(row: &Row) -> String {
    let field = |index: usize| row.get(index).and_then(text).unwrap_or_default();
    let (file, line, column) = (field(0), field(1), field(2));
    let (kind, length, code, reason) = (field(3), field(4), field(5), field(6));
    let column = match (column.as_str(), length.as_str()) {
        ("", _) => String::new(),
        (_, "" | "0") => format!(", column {column} {kind}"),
        _ => format!(", column {column} {kind}({length})"),
    };
    format!("{file} line {line}{column}: {reason} (error {code})")
}
