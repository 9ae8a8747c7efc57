//! The closed list of errors that the state machines match, and who must act on each.

use std::fmt;

/// The name of a failure, as `Retry` and `Catch` of the state machines match it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorName {
    /// The warehouse is too busy. Nobody acts: retried with growing waits.
    WarehouseBusy,
    /// The warehouse, or the connection to it, is unavailable. Nobody acts: retried with growing
    /// waits.
    WarehouseUnreachable,
    /// Another transaction won. Nobody acts: the step is submitted again as a new attempt.
    TransactionConflict,
    /// The warehouse dropped a statement that was fine. Nobody acts: the step is submitted again as
    /// a new attempt.
    StatementInterrupted,
    /// The system views do not show yet what a COPY skipped. Nobody acts at first: they lag behind,
    /// so it is retried for some minutes.
    LoadUnconfirmed,
    /// A COPY rejected its input. The owner of the data acts.
    LoadRejected,
    /// A statement is wrong, or lacks a permission. The owner of the SQL acts.
    StatementFailed,
    /// Somebody cancelled the statement. That person acts.
    StatementAborted,
    /// A step or a run exceeded its deadline. The owner of the stack acts.
    DeadlineExceeded,
    /// A statement or its result has expired. The person who redrove a run after a day starts a new
    /// one instead.
    ResultExpired,
    /// A check found offenders, or counts do not add up. The owner of the data acts.
    QualityCheckFailed,
    /// Files are missing, or cannot be read. The operator acts.
    SourceUnreadable,
    /// The execution's input is invalid. The person who started it acts.
    InvalidInput,
    /// A setting of the deployment is missing or wrong. The person who deployed it acts.
    InvalidConfiguration,
}

impl ErrorName {
    /// Every name, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::WarehouseBusy,
        Self::WarehouseUnreachable,
        Self::TransactionConflict,
        Self::StatementInterrupted,
        Self::LoadUnconfirmed,
        Self::LoadRejected,
        Self::StatementFailed,
        Self::StatementAborted,
        Self::DeadlineExceeded,
        Self::ResultExpired,
        Self::QualityCheckFailed,
        Self::SourceUnreadable,
        Self::InvalidInput,
        Self::InvalidConfiguration,
    ];
}

impl fmt::Display for ErrorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variant is the name: one spelling in code, state machine and documentation.
        fmt::Debug::fmt(self, formatter)
    }
}

/// Why something could not be done, in words for the person who must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", .hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct Failure {
    /// What the state machine matches.
    pub name: ErrorName,
    /// What was expected and what was found. Never contains a secret.
    pub message: String,
    /// What to do about it, if there is anything to say.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with its message; see [`Failure::hint`] for what to do about it.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: shortened(message.into()), hint: None }
    }

    /// The same failure, saying what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(shortened(hint.into())), ..self }
    }
}

/// The most bytes of a message: an execution's cause holds 32,768 characters, some of which a
/// Lambda's JSON envelope and a nested execution's description need.
const MESSAGE_BYTES_MAX: usize = 6_000;

fn shortened(mut text: String) -> String {
    if text.len() > MESSAGE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(MESSAGE_BYTES_MAX));
        text.push_str(" …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_to_do_below_what_happened() {
        let failure = Failure::new(ErrorName::InvalidInput, "expected a, found b").hint("say a");
        assert_eq!(failure.to_string(), "expected a, found b\nhint: say a");
        assert_eq!(failure.name.to_string(), "InvalidInput");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let failure = Failure::new(ErrorName::LoadRejected, "é".repeat(MESSAGE_BYTES_MAX));
        assert!(failure.message.len() <= MESSAGE_BYTES_MAX + " …".len());
        assert!(failure.message.ends_with("é …"));
    }
}
