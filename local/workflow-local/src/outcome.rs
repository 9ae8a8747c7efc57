//! How invocations and executions end.

use jiff::Timestamp;
use serde_json::Value;

use crate::history::Event;

/// Why an invocation returned no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionError {
    /// The function's own error: its type and message.
    Failed {
        /// What `Retry` and `Catch` match.
        error_type: String,
        /// What happened.
        error_message: String,
    },
    /// Lambda's error, such as `Lambda.TooManyRequestsException`.
    Service {
        /// What `Retry` and `Catch` match.
        error: String,
        /// What happened.
        cause: String,
    },
}

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It reached an end.
    Succeeded,
    /// A state failed and nothing caught it.
    Failed,
    /// It took longer than the machine's `TimeoutSeconds`.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How.
    pub status: Status,
    /// Its output; null unless it succeeded.
    pub output: Value,
    /// The error's name, if it did not succeed.
    pub error: Option<String>,
    /// The error's cause, if it did not succeed.
    pub cause: Option<String>,
    /// Its history.
    pub history: Vec<Event>,
}

impl Ended {
    /// The states that were entered, in their order: what AWS counts as transitions.
    pub fn states(&self) -> Vec<&str> {
        let entered = self.history.iter().filter(|event| event.kind.ends_with("StateEntered"));
        entered.map(|event| event.state.as_str()).collect()
    }
}

/// Why an execution cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// No machine has this ARN.
    #[error("State Machine Does Not Exist: '{0}'")]
    StateMachineDoesNotExist(String),
    /// The name was used, with another input or by an execution that has ended.
    #[error("Execution Already Exists: '{0}'")]
    ExecutionAlreadyExists(String),
}

impl StartError {
    /// The name under which the service integration reports it.
    pub(crate) fn error(&self) -> &'static str {
        match self {
            Self::StateMachineDoesNotExist(_) => "StepFunctions.StateMachineDoesNotExistException",
            Self::ExecutionAlreadyExists(_) => "StepFunctions.ExecutionAlreadyExistsException",
        }
    }
}

/// An execution has ended: EventBridge's event "Step Functions Execution Status Change".
#[derive(Debug, Clone, PartialEq)]
pub struct StatusChange {
    /// The execution's ARN.
    pub execution_arn: String,
    /// Its machine's ARN.
    pub state_machine_arn: String,
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: Value,
    /// When it ended.
    pub stopped: Timestamp,
    /// How it ended.
    pub ended: Ended,
}
