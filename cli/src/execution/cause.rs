//! Reads the cause of a failed execution, which may be wrapped several times.

use serde_json::Value;

/// A cause can hold the description of a nested execution, which holds a cause, and so on.
const DEPTH_MAX: usize = 6;
const HINT_MARK: &str = "\nhint: ";
const REPORT_MARK: &str = "\nreport: ";

/// What happened and what to do about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The message of the failure itself.
    pub message: String,
    /// If there is anything to say.
    pub hint: Option<String>,
    /// The URI of the run's report, if the run could still write one.
    pub report: Option<String>,
}

/// Unwraps a cause to the message of the first failure.
///
/// Knows the two wrappers of Step Functions: a Lambda error (`errorMessage`) and a nested execution
/// (`Cause` next to `ExecutionArn`). Any other object is shown as it is.
pub fn explain(cause: &str) -> Explanation {
    let mut text = cause.to_owned();
    let mut hint = None;
    for _ in 0..DEPTH_MAX {
        let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(&text) else { break };
        let field = |names: &[&str]| {
            names.iter().find_map(|name| fields.get(*name)?.as_str().map(str::to_owned))
        };
        hint = field(&["hint"]).or(hint);
        match field(&["errorMessage", "Cause", "cause", "message", "Error", "error"]) {
            Some(inner) => text = inner,
            None => break,
        }
    }
    let (text, report) = split(&text, REPORT_MARK);
    let (message, inner_hint) = split(text, HINT_MARK);
    Explanation { message: message.to_owned(), hint: inner_hint.or(hint), report }
}

fn split<'a>(text: &'a str, mark: &str) -> (&'a str, Option<String>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after.to_owned())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explanation(message: &str, hint: Option<&str>) -> Explanation {
        let hint = hint.map(str::to_owned);
        Explanation { message: message.to_owned(), hint, ..Explanation::default() }
    }

    #[test]
    fn a_lambda_error_inside_a_nested_execution_is_unwrapped() {
        let lambda = serde_json::json!({
            "errorType": "LoadRejected",
            "errorMessage": "line 3 of a.json is not JSON\nhint: fix the file and run again",
        });
        let nested = serde_json::json!({
            "ExecutionArn": "arn:aws:states:…", "Error": "LoadRejected", "Cause": lambda.to_string(),
        });
        let expected =
            explanation("line 3 of a.json is not JSON", Some("fix the file and run again"));
        assert_eq!(explain(&nested.to_string()), expected);
    }

    #[test]
    fn the_report_of_a_failed_run_is_separate() {
        let explained = explain("no\nhint: try\nreport: s3://work/runs/one/report.html");
        assert_eq!(explained.hint.as_deref(), Some("try"));
        assert_eq!(explained.report.as_deref(), Some("s3://work/runs/one/report.html"));
    }

    #[test]
    fn plain_text_is_shown_as_it_is() {
        assert_eq!(explain("out of time"), explanation("out of time", None));
    }

    #[test]
    fn an_unknown_object_is_shown_rather_than_lost() {
        assert_eq!(explain(r#"{"a":1}"#), explanation(r#"{"a":1}"#, None));
    }
}
