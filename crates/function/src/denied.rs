//! A call that the function's role may not make: whoever deployed it acts, whichever service said so.

use std::error::Error;
use std::fmt::Display;

use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use segue_contract::{ErrorName, Failure};

use crate::unreadable;

/// What services call a permission that is missing.
const CODES: [&str; 4] =
    ["AccessDenied", "AccessDeniedException", "AccessDeniedFault", "Forbidden"];

/// The failure of a call that was refused for want of the permission `action`; `None` of one that
/// failed for another reason. Never worth a retry.
pub fn denied(
    what: impl Display,
    action: &str,
    error: &impl ProvideErrorMetadata,
) -> Option<Failure> {
    let code = error.code().filter(|code| CODES.contains(code))?;
    let said = error.message().unwrap_or("no message");
    let failure = Failure::new(
        ErrorName::InvalidConfiguration,
        format!("{what}: expected the permission {action}, found {code}: {said}"),
    );
    Some(failure.hint(format!(
        "whoever deploys the stack deploys it again from its template, which gives {action} to the \
         function's role, or takes away what else denies it: the bucket's policy, a permissions \
         boundary, a policy of the organisation"
    )))
}

/// The failure of a call to S3 that needs the permission `action`: `InvalidConfiguration` when that
/// is missing, else `SourceUnreadable`.
pub fn s3_failure<E>(what: impl Display, action: &str, error: &E) -> Failure
where
    E: ProvideErrorMetadata + Error,
{
    denied(&what, action, error).unwrap_or_else(|| unreadable(what, DisplayErrorContext(error)))
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[derive(Debug)]
    struct Answer(ErrorMetadata);

    impl fmt::Display for Answer {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("service error")
        }
    }

    impl Error for Answer {}

    impl ProvideErrorMetadata for Answer {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    fn answer(code: &str) -> Answer {
        Answer(ErrorMetadata::builder().code(code).message("not today").build())
    }

    #[test]
    fn a_missing_permission_names_itself_and_who_must_act() {
        let failure =
            s3_failure("s3://b/k cannot be read", "s3:GetObject", &answer("AccessDenied"));
        assert_eq!(failure.name, ErrorName::InvalidConfiguration);
        assert_eq!(
            failure.message,
            "s3://b/k cannot be read: expected the permission s3:GetObject, found AccessDenied: \
             not today"
        );
        let hint = failure.hint.expect("what to do");
        assert!(hint.starts_with("whoever deploys the stack"), "{hint}");
    }

    #[test]
    fn other_failures_of_s3_keep_their_name() {
        let failure =
            s3_failure("s3://b/k cannot be read", "s3:GetObject", &answer("NoSuchBucket"));
        assert_eq!(failure.name, ErrorName::SourceUnreadable);
        assert!(failure.message.contains("NoSuchBucket"), "{failure}");
    }
}
