//! Unwraps the real error: a function's error comes as JSON in a cause, a nested execution's as
//! JSON around that.

use segue_contract::messages::Caught;
use serde::Deserialize;

/// The most layers to unwrap.
const DEPTH_MAX: usize = 4;

/// The forms of a cause that is JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wrapping {
    /// Lambda's description of a failed function.
    Function {
        #[serde(rename = "errorType")]
        error_type: String,
        #[serde(rename = "errorMessage")]
        error_message: String,
    },
    /// Step Functions' description of a nested execution that did not succeed.
    Execution {
        #[serde(rename = "Error")]
        error: Option<String>,
        #[serde(rename = "Cause")]
        cause: Option<String>,
        #[serde(rename = "Status")]
        status: String,
        #[serde(rename = "ExecutionArn")]
        execution_arn: String,
    },
}

/// The innermost error in the cause.
pub fn innermost(mut caught: Caught) -> Caught {
    for _ in 0..DEPTH_MAX {
        caught = match serde_json::from_str(&caught.cause) {
            Err(_) => return caught,
            Ok(Wrapping::Function { error_type, error_message }) => {
                Caught { error: error_type, cause: error_message }
            }
            Ok(Wrapping::Execution { error, cause, status, execution_arn }) => Caught {
                error: error.unwrap_or_else(|| format!("States.{status}")),
                cause: cause
                    .filter(|cause| !cause.is_empty())
                    .unwrap_or_else(|| format!("the execution {execution_arn} ended {status}")),
            },
        };
    }
    caught
}

#[cfg(test)]
mod tests {
    use super::*;

    fn innermost_of(error: &str, cause: &str) -> (String, String) {
        let caught = innermost(Caught { error: error.into(), cause: cause.into() });
        (caught.error, caught.cause)
    }

    #[test]
    fn a_function_s_error_is_taken_out_of_its_json() {
        let cause = r#"{"errorType": "SourceUnreadable", "errorMessage": "no bucket"}"#;
        let expected = ("SourceUnreadable".into(), "no bucket".into());
        assert_eq!(innermost_of("SourceUnreadable", cause), expected);
    }

    #[test]
    fn a_nested_execution_s_error_is_taken_out_of_both() {
        let function = r#"{"errorType":"LoadRejected","errorMessage":"line 3"}"#;
        let execution = serde_json::json!({
            "ExecutionArn": "arn:e", "Status": "FAILED", "Error": "LoadRejected", "Cause": function,
        });
        let expected = ("LoadRejected".into(), "line 3".into());
        assert_eq!(innermost_of("States.TaskFailed", &execution.to_string()), expected);
    }

    #[test]
    fn an_execution_without_a_cause_is_described_by_its_status() {
        let cause = r#"{"ExecutionArn": "arn:e", "Status": "TIMED_OUT"}"#;
        let expected = ("States.TIMED_OUT".into(), "the execution arn:e ended TIMED_OUT".into());
        assert_eq!(innermost_of("States.TaskFailed", cause), expected);
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        let expected = ("States.Timeout".into(), "60 s".into());
        assert_eq!(innermost_of("States.Timeout", "60 s"), expected);
        assert_eq!(innermost_of("x", "{}"), ("x".into(), "{}".into()));
    }
}
