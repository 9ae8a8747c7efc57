//! Cancelling what nobody waits for any more.

use aws_sdk_redshiftdata::types::{StatementData, StatusString};
use segue_contract::{ErrorName, Failure};

use crate::{Warehouse, call_failure};

impl Warehouse {
    /// Cancels the statements whose names begin with the prefix and have not ended; returns their
    /// names.
    ///
    /// # Errors
    /// As [`call_failure`].
    pub async fn cancel(&self, name_prefix: &str) -> Result<Vec<String>, Failure> {
        let mut cancelled = Vec::new();
        for statement in self.unfinished(name_prefix).await? {
            if self.cancel_one(&statement.id).await? {
                cancelled.push(statement.statement_name.unwrap_or(statement.id));
            }
        }
        Ok(cancelled)
    }

    /// Cancels a statement; false when it has ended in the meantime, which is as good.
    ///
    /// # Errors
    /// As [`call_failure`].
    pub(crate) async fn cancel_one(&self, statement_id: &str) -> Result<bool, Failure> {
        let Err(error) = self.client.cancel_statement().id(statement_id).send().await else {
            return Ok(true);
        };
        let failure = call_failure("cancelling the statement", &error);
        let has_ended = [ErrorName::InvalidConfiguration, ErrorName::ResultExpired];
        match error.as_service_error() {
            Some(_) if has_ended.contains(&failure.name) => Ok(false),
            _ => Err(failure),
        }
    }

    /// Whether statements whose names begin with the prefix run, or ran not long ago: the Data API
    /// remembers them for a day.
    ///
    /// # Errors
    /// As [`call_failure`].
    pub async fn has_statements(&self, name_prefix: &str) -> Result<bool, Failure> {
        Ok(!self.statements(name_prefix).await?.is_empty())
    }

    async fn unfinished(&self, name_prefix: &str) -> Result<Vec<StatementData>, Failure> {
        let mut statements = self.statements(name_prefix).await?;
        statements.retain(|statement| {
            use StatusString::{Picked, Started, Submitted};
            [Some(Submitted), Some(Picked), Some(Started)].contains(&statement.status)
        });
        Ok(statements)
    }

    async fn statements(&self, name_prefix: &str) -> Result<Vec<StatementData>, Failure> {
        let mut pages = self
            .client
            .list_statements()
            .statement_name(name_prefix)
            .role_level(true)
            .status(StatusString::All)
            .into_paginator()
            .send();
        let mut statements = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_failure("listing statements", &error))?;
            statements.extend(page.statements);
        }
        Ok(statements)
    }
}
