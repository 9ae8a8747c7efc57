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
            let sent = self.client.cancel_statement().id(&statement.id).send().await;
            match sent {
                Ok(_) => cancelled.push(statement.statement_name.unwrap_or(statement.id)),
                Err(error) => {
                    let failure = call_failure("cancelling the statement", &error);
                    // It has ended in the meantime, which is as good.
                    let has_ended = [ErrorName::InvalidConfiguration, ErrorName::ResultExpired];
                    if error.as_service_error().is_none() || !has_ended.contains(&failure.name) {
                        return Err(failure);
                    }
                }
            }
        }
        Ok(cancelled)
    }

    async fn unfinished(&self, name_prefix: &str) -> Result<Vec<StatementData>, Failure> {
        let mut pages = self
            .client
            .list_statements()
            .statement_name(name_prefix)
            .role_level(true)
            .status(StatusString::All)
            .into_paginator()
            .send();
        let mut unfinished = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_failure("listing statements", &error))?;
            unfinished.extend(page.statements.into_iter().filter(|statement| {
                use StatusString::{Picked, Started, Submitted};
                [Some(Submitted), Some(Picked), Some(Started)].contains(&statement.status)
            }));
        }
        Ok(unfinished)
    }
}
