//! Metrics, written as lines of CloudWatch's embedded metric format: no call, no permission, and
//! the number is in the log, next to its context.
//!
//! Source: CloudWatch, "Specification: Embedded metric format".

use std::time::{SystemTime, UNIX_EPOCH};

use segue_contract::metrics::{Metric, NAMESPACE, STACK_DIMENSION, STEP_DIMENSION};
use serde_json::{Map, Value, json};

use crate::optional_setting;

/// The context of a line, besides its values.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The run, if it is known. A property of the line, to search by; as a dimension, it would make
    /// every run a separate metric.
    pub run_id: Option<&'a str>,
    /// The step, if the values belong to one statement.
    pub step: Option<&'a str>,
}

/// Writes the values as one line, if the deployment gives its stack's name as `STACK_NAME`: without
/// it, nobody would know which stack they belong to.
// Lambda takes whole lines from standard output; the log's formatter would put its own fields
// around the line and hide it from CloudWatch.
#[allow(clippy::print_stdout, reason = "standard output is where Lambda takes metrics from")]
pub fn emit(subject: Subject<'_>, values: &[(Metric, f64)]) {
    if let Some(stack) = optional_setting("STACK_NAME") {
        println!("{}", line(SystemTime::now(), &stack, subject, values));
    }
}

fn line(now: SystemTime, stack: &str, subject: Subject<'_>, values: &[(Metric, f64)]) -> Value {
    let at_ms = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut fields = Map::new();
    let mut dimensions = vec![STACK_DIMENSION];
    fields.insert(STACK_DIMENSION.into(), stack.into());
    if let Some(step) = subject.step {
        dimensions.push(STEP_DIMENSION);
        fields.insert(STEP_DIMENSION.into(), step.into());
    }
    let named =
        |(metric, _): &(Metric, f64)| json!({ "Name": metric.to_string(), "Unit": metric.unit() });
    let directive = json!({
        "Namespace": NAMESPACE,
        "Dimensions": [dimensions],
        "Metrics": values.iter().map(named).collect::<Vec<_>>(),
    });
    fields.insert("run_id".into(), subject.run_id.into());
    fields.insert("_aws".into(), json!({ "Timestamp": at_ms, "CloudWatchMetrics": [directive] }));
    fields.extend(values.iter().map(|(metric, value)| (metric.to_string(), json!(value))));
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads_as_metrics() {
        let subject = Subject { run_id: Some("r"), step: Some("stage/songs") };
        let now = UNIX_EPOCH + Duration::from_millis(1_542_837_407_796);
        let expected = json!({
            "_aws": {
                "Timestamp": 1_542_837_407_796_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "Segue",
                    "Dimensions": [["Stack", "Step"]],
                    "Metrics": [{ "Name": "StatementSeconds", "Unit": "Seconds" }],
                }],
            },
            "Stack": "segue",
            "Step": "stage/songs",
            "run_id": "r",
            "StatementSeconds": 1.5,
        });
        assert_eq!(line(now, "segue", subject, &[(Metric::StatementSeconds, 1.5)]), expected);
    }

    #[test]
    fn a_run_is_not_a_dimension() {
        let subject = Subject { run_id: Some("r"), step: None };
        let line = line(UNIX_EPOCH, "segue", subject, &[(Metric::RunSeconds, 42.0)]);
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stack"]]));
    }
}
