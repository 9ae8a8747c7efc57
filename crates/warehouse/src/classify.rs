//! Names failures, by the tables, and says what to do about them.

use std::error::Error;

use aws_sdk_redshiftdata::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use segue_contract::{ErrorName, Failure};
use segue_function::root;

use crate::tables::{CALLS, RACES_OF_CREATE, WRAPPED, find, reason_of};

use ErrorName::{
    InvalidConfiguration, LoadRejected, ResultExpired, SourceUnreadable, StatementAborted,
    StatementFailed, TransactionConflict, WarehouseUnreachable,
};

/// The step that creates what is missing, perhaps at the same time as other runs.
const CREATE: &str = "create";

/// Names the failure of a call to the Data API. An unknown one is never retried blindly, and keeps
/// its text.
pub fn call_failure<E, R>(what: &str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let SdkError::ServiceError(context) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => {
                Failure::new(InvalidConfiguration, format!("{what}: the call cannot be made"))
                    .hint("check the region, the endpoint and the function's role")
            }
            // The outcome of the call is unknown: client tokens and idempotent reads make it
            // repeatable.
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

pub(crate) fn call_error_name(code: &str, message: &str) -> ErrorName {
    let found = find(&WRAPPED, message);
    let plain = code.strip_suffix("Exception").unwrap_or(code);
    match CALLS.iter().find(|(known, _)| *known == plain) {
        Some(("Validation", name)) => found.unwrap_or(*name),
        Some((_, name)) => *name,
        None => StatementFailed,
    }
}

/// Names the failure of a step's statement by the reason that the warehouse gave.
pub(crate) fn statement_error_name(step: &str, reason: &str) -> ErrorName {
    let races = step == CREATE && find(&RACES_OF_CREATE, reason).is_some();
    if races {
        TransactionConflict
    } else {
        reason_of(reason).map_or(StatementFailed, |row| row.name)
    }
}

/// The failure of a statement: where, the reason that the warehouse gave, and what to do.
pub(crate) fn statement_failure(step: &str, place: &str, reason: &str) -> Failure {
    let name = statement_error_name(step, reason);
    let failure = Failure::new(name, format!("{place}: {reason}"));
    match reason_of(reason).and_then(|row| row.hint).or(hint(name)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What to do about a failure of this name, if its message does not say it.
fn hint(name: ErrorName) -> Option<&'static str> {
    match name {
        InvalidConfiguration => Some(
            "check the workgroup or cluster, the database, and that the same role submits and \
             describes",
        ),
        ResultExpired => Some(
            "a statement and its result are kept for 24 hours, for the role that submitted it: start a \
             new run instead of redriving this one; ops.runs says whether it was published",
        ),
        LoadRejected => Some(
            "fix or remove the file, then start the run again; it loads whatever is not loaded yet",
        ),
        SourceUnreadable => Some(
            "start the run again; it loads the objects that exist by then; if it fails in the same \
             way, check whether the copy role may read the bucket",
        ),
        StatementAborted => {
            Some("nothing of this step was kept; start the run again when the cause is gone")
        }
        StatementFailed => {
            Some("nothing was published; fix the SQL or its permissions, then run again")
        }
        _ => None,
    }
}
