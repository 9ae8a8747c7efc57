//! Which failure means what, and who must act: one table for calls, one for statements.

use std::error::Error;

use aws_sdk_redshiftdata::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use segue_contract::{ErrorName, Failure};

use ErrorName::{
    InvalidConfiguration, LoadRejected, SourceUnreadable, StatementAborted, StatementFailed,
    TransactionConflict, WarehouseBusy, WarehouseUnreachable,
};

/// What the code of a refused call means. A code ends in `Exception` or not, as the service likes.
const CALLS: [(&str, ErrorName); 20] = [
    ("ActiveStatementsExceeded", WarehouseBusy),
    ("ActiveSessionsExceeded", WarehouseBusy),
    ("ActiveWaitingRequestsExceeded", WarehouseBusy),
    ("Throttling", WarehouseBusy),
    ("Throttled", WarehouseBusy),
    ("TooManyRequests", WarehouseBusy),
    ("RequestLimitExceeded", WarehouseBusy),
    ("QueryTimeout", WarehouseBusy),
    ("InternalServer", WarehouseUnreachable),
    ("InternalFailure", WarehouseUnreachable),
    ("ServiceUnavailable", WarehouseUnreachable),
    ("DatabaseConnection", WarehouseUnreachable),
    // Both are said to be trouble in the environment, and come as server faults.
    ("ExecuteStatement", WarehouseUnreachable),
    ("BatchExecuteStatement", WarehouseUnreachable),
    ("ResourceNotFound", InvalidConfiguration),
    ("AccessDenied", InvalidConfiguration),
    ("UnrecognizedClient", InvalidConfiguration),
    ("InvalidSignature", InvalidConfiguration),
    ("ExpiredToken", WarehouseUnreachable),
    ("Validation", InvalidConfiguration),
];

/// What a `ValidationException` really says: it also wraps throttles and warehouses that are away,
/// which the SDK does not try again. Lower case, the first that is found decides.
const WRAPPED: [(&str, ErrorName); 8] = [
    ("throttl", WarehouseBusy),
    ("rate exceeded", WarehouseBusy),
    ("too many", WarehouseBusy),
    ("resuming", WarehouseUnreachable),
    ("paused", WarehouseUnreachable),
    ("not available", WarehouseUnreachable),
    ("unavailable", WarehouseUnreachable),
    ("timed out", WarehouseUnreachable),
];

/// What the reason of a failed statement means. Lower case, the first that is found decides.
const STATEMENTS: [(&str, ErrorName); 19] = [
    ("error: 1023", TransactionConflict),
    ("serializable isolation violation", TransactionConflict),
    ("conflict with concurrent transaction", TransactionConflict),
    ("deadlock detected", TransactionConflict),
    ("sys_load_error_detail", LoadRejected),
    ("stl_load_errors", LoadRejected),
    ("s3serviceexception", SourceUnreadable),
    ("the specified s3 prefix", SourceUnreadable),
    ("mandatory url is not found", SourceUnreadable),
    ("problem reading manifest file", SourceUnreadable),
    ("jsonpath", SourceUnreadable),
    ("too many connections", WarehouseBusy),
    ("connection limit", WarehouseBusy),
    ("connection refused", WarehouseUnreachable),
    ("connection was closed", WarehouseUnreachable),
    ("cancelled on user's request", StatementAborted),
    ("query timeout", StatementAborted),
    ("cancelled by wlm", StatementAborted),
    ("cancelled by query monitoring rule", StatementAborted),
];

/// Names the failure of a call to the Data API. An unknown one is never tried again blindly, and
/// keeps its text.
pub fn call_failure<E, R>(what: &str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    let SdkError::ServiceError(context) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => {
                Failure::new(InvalidConfiguration, format!("{what}: the call cannot be made"))
                    .hint("check the region, the endpoint and the function's role")
            }
            // Nothing is known of the call: client tokens and idempotent reads make it repeatable.
            _ => Failure::new(WarehouseUnreachable, format!("{what}: no answer: {}", root(error))),
        };
    };
    let code = context.err().code().unwrap_or("an unnamed error");
    let message = context.err().message().unwrap_or("no message");
    let failure =
        Failure::new(call_error_name(code, message), format!("{what}: {code}: {message}"));
    match hint(failure.name) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The first of the errors that led to this one: "connection refused", not "dispatch failure".
fn root(error: &dyn Error) -> &dyn Error {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}

fn call_error_name(code: &str, message: &str) -> ErrorName {
    let found = find(&WRAPPED, message);
    let plain = code.strip_suffix("Exception").unwrap_or(code);
    match CALLS.iter().find(|(known, _)| *known == plain) {
        Some(("Validation", name)) => found.unwrap_or(*name),
        Some((_, name)) => *name,
        None => StatementFailed,
    }
}

/// Names the failure of a statement by the reason that the warehouse gave.
pub fn statement_error_name(reason: &str) -> ErrorName {
    find(&STATEMENTS, reason).unwrap_or(StatementFailed)
}

fn find(table: &[(&str, ErrorName)], text: &str) -> Option<ErrorName> {
    let text = text.to_lowercase();
    table.iter().find(|(part, _)| text.contains(part)).map(|(_, name)| *name)
}

/// What to do about a failure of this name, where its message does not say it.
pub(crate) fn hint(name: ErrorName) -> Option<&'static str> {
    match name {
        InvalidConfiguration => Some(
            "check the workgroup or cluster, the database, and that one role submits and describes",
        ),
        SourceUnreadable => {
            Some("check that the object is still there and that the copy role may read its bucket")
        }
        StatementAborted => {
            Some("nothing of this step was kept; start the run again when the reason is gone")
        }
        StatementFailed => {
            Some("nothing was published; mend the SQL or its rights, then run again")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_tables_is_reached() {
        for (code, name) in CALLS {
            assert_eq!(call_error_name(code, ""), name, "{code}");
            assert_eq!(call_error_name(&format!("{code}Exception"), ""), name, "{code}");
        }
        for (text, name) in WRAPPED {
            assert_eq!(call_error_name("ValidationException", text), name, "{text}");
        }
        for (text, name) in STATEMENTS {
            let shouted = format!("Said: {}.", text.to_uppercase());
            assert_eq!(statement_error_name(&shouted), name, "{text}");
        }
    }

    #[test]
    fn real_messages_find_their_name() {
        let cases = [
            (
                "ERROR: 1023 DETAIL: Serializable isolation violation on table - 1",
                TransactionConflict,
            ),
            (
                "ERROR: Load into table 'staging_songs' failed.  Check 'sys_load_error_detail' system table for details.",
                LoadRejected,
            ),
            ("ERROR: permission denied for schema mart", StatementFailed),
            ("ERROR: syntax error at or near \"selekt\"", StatementFailed),
            ("ERROR: Query (1) cancelled on user's request", StatementAborted),
            (
                "ERROR: S3ServiceException:Access Denied,Status 403,Error AccessDenied",
                SourceUnreadable,
            ),
        ];
        for (reason, name) in cases {
            assert_eq!(statement_error_name(reason), name, "{reason}");
        }
    }

    #[test]
    fn a_throttle_in_a_validation_error_is_a_throttle() {
        let name = call_error_name("ValidationException", "Rate exceeded for workgroup");
        assert_eq!(name, WarehouseBusy);
        assert_eq!(
            call_error_name("ValidationException", "no such database"),
            InvalidConfiguration
        );
        assert_eq!(call_error_name("BrandNewException", "?"), StatementFailed);
    }
}
