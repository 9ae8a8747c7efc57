//! Result sets, page by page.

use aws_sdk_redshiftdata::types::Field;
use segue_contract::Failure;

use crate::{Warehouse, call_failure};

/// One row of a result set, a field per column.
pub type Row = Vec<Field>;

impl Warehouse {
    /// Reads a result set and passes on each page's rows; holds one page (1 MB) at a time.
    ///
    /// A statement of a batch is read by its own id, `<id>:<number>`, counting from 1.
    ///
    /// # Errors
    /// As [`call_failure`], and whatever `take` returns.
    pub async fn read(
        &self,
        statement_id: &str,
        mut take: impl FnMut(Vec<Row>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.read_named(statement_id, |_, rows| take(rows)).await
    }

    /// The same, with the names of the columns.
    ///
    /// # Errors
    /// As [`Warehouse::read`].
    pub async fn read_named(
        &self,
        statement_id: &str,
        mut take: impl FnMut(&[String], Vec<Row>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut next_token = None;
        loop {
            let page = self
                .client
                .get_statement_result()
                .id(statement_id)
                .set_next_token(next_token)
                .send()
                .await
                .map_err(|error| call_failure("reading the result", &error))?;
            let columns = page.column_metadata.unwrap_or_default().into_iter();
            let names: Vec<String> = columns.map(|one| one.name.unwrap_or_default()).collect();
            take(&names, page.records)?;
            match page.next_token.filter(|token| !token.is_empty()) {
                None => return Ok(()),
                token => next_token = token,
            }
        }
    }
}

/// A field as text; `None` for NULL.
pub fn text(field: &Field) -> Option<String> {
    match field {
        Field::StringValue(value) => Some(value.clone()),
        Field::LongValue(value) => Some(value.to_string()),
        Field::DoubleValue(value) => Some(value.to_string()),
        Field::BooleanValue(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A field as a whole number; `None` for NULL and for any other value.
pub fn number(field: &Field) -> Option<i64> {
    match field {
        Field::LongValue(value) => Some(*value),
        Field::StringValue(value) => value.parse().ok(),
        _ => None,
    }
}
