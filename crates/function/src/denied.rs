//! What a refused call means, and who must act: the person who deployed the function, if its role
//! lacks the permission or the resource does not exist.

use std::error::Error;
use std::fmt::Display;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use segue_contract::{ErrorName, Failure};

use crate::unreadable;

/// The error codes of services for a missing permission.
const CODES: [&str; 4] =
    ["AccessDenied", "AccessDeniedException", "AccessDeniedFault", "Forbidden"];

/// The failure of a call that was refused because the permission `action` is missing; `None` if it
/// failed for another reason. Never worth a retry.
pub fn denied(
    what: impl Display,
    action: &str,
    error: &impl ProvideErrorMetadata,
) -> Option<Failure> {
    let code = error.code().filter(|code| CODES.contains(code))?;
    let message = error.message().unwrap_or("no message");
    let failure = Failure::new(
        ErrorName::InvalidConfiguration,
        format!("{what}: expected the permission {action}, found {code}: {message}"),
    );
    Some(failure.hint(format!(
        "deploy the stack again from its template, which grants {action} to the function's role, \
         or remove what else denies it: the bucket's policy, a permissions boundary, a policy of \
         the organisation"
    )))
}

/// The failure of a call to S3 that needs the permission `action`: `InvalidConfiguration` when that
/// is missing, else `SourceUnreadable`, with what to do about it.
pub fn s3_failure<E>(what: impl Display, action: &str, error: &E) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    denied(&what, action, error).unwrap_or_else(|| {
        let hint = match error.code() {
            Some("NoSuchBucket") => {
                "create the bucket again, or deploy the stack with the name of an existing one"
            }
            Some("InvalidObjectState") => {
                "the object is archived: restore it, or move it out of the prefix, then start the run \
                 again"
            }
            Some("PermanentRedirect" | "AuthorizationHeaderMalformed") => {
                "deploy the stack with the bucket's own region as ExistingLandingBucketRegion"
            }
            Some("NoSuchKey") => "start the run again; it loads the objects that exist by then",
            _ => "start the run again; if it fails in the same way, check whether S3 answers at \
                  all",
        };
        unreadable(what, reason(error)).hint(hint)
    })
}

/// What a service answered: its code and its message. If it did not answer, the reason: "connection
/// refused", not "dispatch failure".
pub fn reason<E>(error: &E) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => root(error).to_string(),
    }
}

/// The root cause of this error.
pub fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[derive(Debug)]
    struct Answer {
        metadata: ErrorMetadata,
        cause: Option<io::Error>,
    }

    impl fmt::Display for Answer {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("service error")
        }
    }

    impl Error for Answer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.cause.as_ref().map(|cause| cause as _)
        }
    }

    impl ProvideErrorMetadata for Answer {
        fn meta(&self) -> &ErrorMetadata {
            &self.metadata
        }
    }

    fn answer(code: &str) -> Answer {
        let metadata = ErrorMetadata::builder().code(code).message("not today").build();
        Answer { metadata, cause: None }
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
        assert!(hint.starts_with("deploy the stack again"), "{hint}");
    }

    #[test]
    fn other_failures_of_s3_keep_their_name() {
        let failure =
            s3_failure("s3://b/k cannot be read", "s3:GetObject", &answer("NoSuchBucket"));
        assert_eq!(failure.name, ErrorName::SourceUnreadable);
        assert_eq!(failure.message, "s3://b/k cannot be read: NoSuchBucket: not today");
        let hint = failure.hint.expect("what to do");
        assert!(hint.starts_with("create the bucket again"), "{hint}");
    }

    #[test]
    fn a_call_without_an_answer_is_reported_by_its_root_cause() {
        let cause = Some(io::ErrorKind::ConnectionRefused.into());
        let lost = Answer { metadata: ErrorMetadata::builder().build(), cause };
        let failure = s3_failure("s3://b/k cannot be read", "s3:GetObject", &lost);
        assert_eq!(failure.message, "s3://b/k cannot be read: connection refused");
        assert!(failure.hint.is_some());
    }
}
