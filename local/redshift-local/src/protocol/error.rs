//! The service's exceptions.

use serde_json::{Value as Json, json};

/// What the service answers in place of a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The exception's name, such as `ValidationException`; empty when the answer is dropped.
    pub code: String,
    /// The service's message.
    pub message: String,
    /// The HTTP status; 0 when the connection closes without an answer.
    pub status: u16,
}

impl ApiError {
    fn new(code: &str, status: u16, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), status }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", 400, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", 400, message)
    }

    pub(crate) fn throttled() -> Self {
        Self::new("ThrottlingException", 400, "Rate exceeded")
    }

    /// As Redshift Serverless sends it.
    pub(crate) fn wrapped_throttle() -> Self {
        Self::validation(
            "Too many requests: the request was denied due to request throttling (Status Code: 429, Rate exceeded)",
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new("InternalServerException", 500, "The server encountered an internal error.")
    }

    pub(crate) fn no_connection() -> Self {
        Self::new("DatabaseConnectionException", 500, "Connection to the database failed.")
    }

    pub(crate) fn too_many_statements(most: usize) -> Self {
        let most = if most == 0 { 200 } else { most };
        Self::new(
            "ActiveStatementsExceededException",
            400,
            format!("Active statements exceeded the allowed quota ({most})."),
        )
    }

    pub(crate) fn too_many_sessions(most: usize) -> Self {
        Self::new(
            "ActiveSessionsExceededException",
            400,
            format!("Active sessions exceeded the allowed quota ({most})."),
        )
    }

    pub(crate) fn too_many_waiting() -> Self {
        Self::new(
            "ActiveWaitingRequestsExceededException",
            400,
            "Active waiting requests on the statement exceeded the allowed quota.",
        )
    }

    pub(crate) fn unknown_operation(operation: &str) -> Self {
        Self::new("UnknownOperationException", 404, format!("unknown operation {operation:?}"))
    }

    /// The work is done, but nobody hears of it.
    pub(crate) fn dropped() -> Self {
        Self::new("", 0, "the connection closed before an answer")
    }

    /// The answer's body.
    pub(crate) fn body(&self) -> Json {
        json!({ "__type": self.code, "Message": self.message })
    }
}
