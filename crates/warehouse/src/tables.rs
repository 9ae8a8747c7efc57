//! Which failure means what, and who must act: a table for calls, one for what a
//! `ValidationException` wraps, one for statements that failed.

use segue_contract::ErrorName;

use ErrorName::{
    InvalidConfiguration, LoadRejected, ResultExpired, SourceUnreadable, StatementAborted,
    StatementFailed, StatementInterrupted, TransactionConflict, WarehouseBusy,
    WarehouseUnreachable,
};

/// What the code of a refused call means. A code may end in `Exception` or not.
pub const CALLS: [(&str, ErrorName); 31] = [
    // The Data API's own codes.
    ("ActiveSessionsExceeded", WarehouseBusy),
    ("ActiveStatementsExceeded", WarehouseBusy),
    ("ActiveWaitingRequestsExceeded", WarehouseBusy),
    // Documented as trouble in the environment; both come as server faults.
    ("BatchExecuteStatement", WarehouseUnreachable),
    ("ExecuteStatement", WarehouseUnreachable),
    ("DatabaseConnection", WarehouseUnreachable),
    ("InternalServer", WarehouseUnreachable),
    ("QueryTimeout", WarehouseBusy),
    // Only for statements: a statement and its result are kept for 24 hours.
    ("ResourceNotFound", ResultExpired),
    ("Validation", InvalidConfiguration),
    // Codes of any AWS service.
    ("Throttling", WarehouseBusy),
    ("Throttled", WarehouseBusy),
    ("TooManyRequests", WarehouseBusy),
    ("RequestLimitExceeded", WarehouseBusy),
    ("RequestThrottled", WarehouseBusy),
    ("SlowDown", WarehouseBusy),
    ("InternalFailure", WarehouseUnreachable),
    ("InternalError", WarehouseUnreachable),
    ("ServiceUnavailable", WarehouseUnreachable),
    ("RequestTimeout", WarehouseUnreachable),
    ("RequestAborted", WarehouseUnreachable),
    // A function's credentials and clock are renewed by themselves.
    ("ExpiredToken", WarehouseUnreachable),
    ("RequestExpired", WarehouseUnreachable),
    ("AccessDenied", InvalidConfiguration),
    ("NotAuthorized", InvalidConfiguration),
    ("UnrecognizedClient", InvalidConfiguration),
    ("InvalidClientTokenId", InvalidConfiguration),
    ("InvalidSignature", InvalidConfiguration),
    ("SignatureDoesNotMatch", InvalidConfiguration),
    ("MissingAuthenticationToken", InvalidConfiguration),
    ("UnknownOperation", InvalidConfiguration),
];

/// What a `ValidationException` really means: it also wraps throttles and unavailable warehouses,
/// which the SDK does not retry. Lower case; the first match decides.
pub const WRAPPED: [(&str, ErrorName); 16] = [
    ("throttl", WarehouseBusy),
    ("rate exceeded", WarehouseBusy),
    ("request rate", WarehouseBusy),
    ("too many requests", WarehouseBusy),
    ("too many connections", WarehouseBusy),
    ("too many active", WarehouseBusy),
    ("connection limit", WarehouseBusy),
    ("resuming", WarehouseUnreachable),
    ("paused", WarehouseUnreachable),
    ("pausing", WarehouseUnreachable),
    ("rebooting", WarehouseUnreachable),
    ("modifying", WarehouseUnreachable),
    ("not available", WarehouseUnreachable),
    ("unavailable", WarehouseUnreachable),
    ("timed out", WarehouseUnreachable),
    ("try again later", WarehouseUnreachable),
];

/// What the reason of a failed statement means.
pub struct Reason {
    /// Lower case, a part of the reason. The first match decides.
    pub text: &'static str,
    /// What it means.
    pub name: ErrorName,
    /// What to do about it, if the name alone does not say it.
    pub hint: Option<&'static str>,
}

const fn reason(text: &'static str, name: ErrorName) -> Reason {
    Reason { text, name, hint: None }
}

const fn hinted(text: &'static str, name: ErrorName, hint: &'static str) -> Reason {
    Reason { text, name, hint: Some(hint) }
}

const GRANT: &str = "grant the functions' database user the missing permission, as the README says; \
                     nothing was published";
const ATTACH_ROLE: &str =
    "attach the copy role to the warehouse and let redshift.amazonaws.com assume it";
const MAKE_ROOM: &str = "free disk space or enlarge the warehouse, then start the run again";
const RAISE_LIMIT: &str =
    "wait for the end of the usage limit's period, or raise it, then start the run again";

const ASK_FOR_LESS: &str = "the Data API returns at most 500 MB of a query and 64 KB of a row: \
                            select fewer rows or columns; nothing was published";

/// Errors when two runs both create what is missing: each looks before the other commits.
pub const RACES_OF_CREATE: [(&str, ErrorName); 2] = [
    ("already exists", TransactionConflict),
    ("duplicate key value violates unique constraint", TransactionConflict),
];

/// What the reasons of failed statements mean.
pub const STATEMENTS: [Reason; 53] = [
    // Publishing itself refuses what another run has outdated; the next attempt does without.
    reason("late_bounds_hold", TransactionConflict),
    reason("error: 1023", TransactionConflict),
    // A relation that another transaction has dropped or created since.
    reason("error: 1018", TransactionConflict),
    reason("error:1018", TransactionConflict),
    reason("serializable isolation violation", TransactionConflict),
    reason("conflict with concurrent transaction", TransactionConflict),
    reason("dropped by concurrent transaction", TransactionConflict),
    reason("could not open relation with oid", TransactionConflict),
    reason("could not serialize access", TransactionConflict),
    reason("deadlock detected", TransactionConflict),
    // COPY, and what it reads.
    reason("sys_load_error_detail", LoadRejected),
    reason("stl_load_errors", LoadRejected),
    reason("failed to inflate", LoadRejected),
    reason("failed to decompress", LoadRejected),
    reason("error slowdown", StatementInterrupted),
    reason("reduce your request rate", StatementInterrupted),
    reason("error internalerror", StatementInterrupted),
    reason("error serviceunavailable", StatementInterrupted),
    reason("s3curlexception", StatementInterrupted),
    hinted("authorized to assume iam role", InvalidConfiguration, ATTACH_ROLE),
    hinted("authorized to get credentials of role", InvalidConfiguration, ATTACH_ROLE),
    reason("s3serviceexception", SourceUnreadable),
    reason("s3 query exception", SourceUnreadable),
    reason("the specified s3 prefix", SourceUnreadable),
    reason("mandatory url is not found", SourceUnreadable),
    reason("problem reading manifest file", SourceUnreadable),
    reason("jsonpath", SourceUnreadable),
    // A person, or a rule.
    reason("cancelled on user's request", StatementAborted),
    reason("due to user request", StatementAborted),
    reason("statement timeout", StatementAborted),
    reason("query timeout", StatementAborted),
    reason("cancelled by wlm", StatementAborted),
    reason("query monitoring rule", StatementAborted),
    reason("administrator command", StatementAborted),
    // The warehouse was full, unavailable or shutting down: the same statement may succeed.
    reason("throttlingexception", StatementInterrupted),
    reason("rate exceeded", StatementInterrupted),
    reason("too many connections", StatementInterrupted),
    reason("connection limit", StatementInterrupted),
    reason("connection refused", StatementInterrupted),
    reason("connection timed out", StatementInterrupted),
    reason("connection reset", StatementInterrupted),
    reason("connection was closed", StatementInterrupted),
    reason("closed the connection", StatementInterrupted),
    reason("terminating connection", StatementInterrupted),
    reason("is starting up", StatementInterrupted),
    reason("is shutting down", StatementInterrupted),
    reason("is resuming", StatementInterrupted),
    reason("is paused", StatementInterrupted),
    // These need a person; a retry does not help.
    hinted("disk full", StatementFailed, MAKE_ROOM),
    hinted("usage limit", StatementFailed, RAISE_LIMIT),
    hinted("size limit", StatementFailed, ASK_FOR_LESS),
    hinted("exceeds 500 mb", StatementFailed, ASK_FOR_LESS),
    hinted("permission denied", StatementFailed, GRANT),
];

/// The name, if a part of the text is in the table.
pub fn find(table: &[(&str, ErrorName)], text: &str) -> Option<ErrorName> {
    let text = text.to_lowercase();
    table.iter().find(|(part, _)| text.contains(part)).map(|(_, name)| *name)
}

/// The row that matches a failed statement, if any.
pub fn reason_of(text: &str) -> Option<&'static Reason> {
    let text = text.to_lowercase();
    STATEMENTS.iter().find(|reason| text.contains(reason.text))
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
