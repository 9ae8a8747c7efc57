//! Cancels statements that nobody waits for any more.

use std::time::SystemTime;

use aws_sdk_redshiftdata::types::{StatementData, StatusString};
use segue_contract::{ErrorName, Failure};

use crate::{Warehouse, call_failure};

impl Warehouse {
    /// Cancels the statements whose names begin with the prefix, that have not ended and that
    /// `is_meant` selects by the rest of the name and the time of submission; returns their names.
    ///
    /// # Errors
    /// As [`call_failure`].
    pub async fn cancel(
        &self,
        name_prefix: &str,
        is_meant: impl Fn(&str, SystemTime) -> bool,
    ) -> Result<Vec<String>, Failure> {
        let mut cancelled = Vec::new();
        for StatementData { id, statement_name, created_at, .. } in
            self.unfinished(name_prefix).await?
        {
            let name = statement_name.unwrap_or_default();
            let created = created_at.and_then(|at| SystemTime::try_from(at).ok());
            let created = created.unwrap_or(SystemTime::UNIX_EPOCH);
            let is_meant =
                name.strip_prefix(name_prefix).is_some_and(|rest| is_meant(rest, created));
            if is_meant && self.cancel_one(&id).await? {
                cancelled.push(name);
            }
        }
        Ok(cancelled)
    }

    /// Cancels a statement; false if it has ended in the meantime, which is fine.
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
