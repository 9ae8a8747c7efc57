//! Errors of the States Language: a name that `Retry` and `Catch` match, and a cause.

use serde_json::{Value, json};

/// Matches every error that can be caught.
const ALL: &str = "States.ALL";
/// Matches every error but a timeout.
const TASK_FAILED: &str = "States.TaskFailed";
/// A state took longer than its `TimeoutSeconds`.
pub(crate) const TIMEOUT: &str = "States.Timeout";
/// A payload was larger than the quota.
pub(crate) const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
/// The execution cannot continue.
pub(crate) const RUNTIME: &str = "States.Runtime";
/// A JSONata expression has no value, or one of the wrong type.
pub(crate) const QUERY_EVALUATION: &str = "States.QueryEvaluationError";

/// A definition that AWS would reject, or that this interpreter does not support.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DefinitionError(pub String);

/// Why a state, or an execution, failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {cause}")]
pub struct StateError {
    /// The name that `Retry` and `Catch` match.
    pub error: String,
    /// What led to it: text, or JSON of what failed.
    pub cause: String,
}

impl StateError {
    pub(crate) fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: cause.into() }
    }

    /// What `$states.errorOutput` holds.
    pub(crate) fn output(&self) -> Value {
        json!({"Error": self.error, "Cause": self.cause})
    }

    /// Whether `ErrorEquals` contains a matching name.
    ///
    /// "`States.ALL` … can't catch the `States.DataLimitExceeded` terminal error or `Runtime` error
    /// types"; "`States.TaskFailed` acts as a wildcard that matches any known error name except for
    /// `States.Timeout`".
    pub(crate) fn matches(&self, error_equals: &[String]) -> bool {
        let terminal = self.error == DATA_LIMIT_EXCEEDED || self.error == RUNTIME;
        error_equals.iter().any(|name| match name.as_str() {
            ALL => !terminal,
            TASK_FAILED => !terminal && self.error != TIMEOUT,
            name => name == self.error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(error: &str, name: &str) -> bool {
        StateError::new(error, "").matches(&[name.to_owned()])
    }

    #[test]
    fn all_matches_whatever_can_be_caught() {
        assert!(matches("States.Timeout", ALL) && matches("WarehouseBusy", ALL));
        assert!(!matches("States.DataLimitExceeded", ALL) && !matches("States.Runtime", ALL));
    }

    #[test]
    fn a_failed_task_matches_all_but_a_timeout() {
        assert!(matches("WarehouseBusy", TASK_FAILED));
        assert!(!matches("States.Timeout", TASK_FAILED));
    }

    #[test]
    fn names_match_as_they_are_written() {
        assert!(matches("WarehouseBusy", "WarehouseBusy"));
        assert!(!matches("warehousebusy", "WarehouseBusy"));
        assert!(matches("States.DataLimitExceeded", "States.DataLimitExceeded"));
    }
}
