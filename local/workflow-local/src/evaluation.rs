//! Evaluates a state's templates: variables, `$states`, and the quota of a payload.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::error::{DATA_LIMIT_EXCEEDED, QUERY_EVALUATION, StateError};
use crate::execution::Scope;
use crate::template::Template;

/// The most bytes of a state's input, arguments, result, output or assignment.
const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// What an expression of a state can access besides the variables.
pub(crate) struct Seen<'a> {
    pub state: &'a str,
    pub input: &'a Value,
    pub result: Option<&'a Value>,
    pub error: Option<&'a StateError>,
    pub retry_count: u32,
    pub entered: Timestamp,
}

impl Scope<'_> {
    /// Evaluates `Assign` and `Output`, both with the variables as they were when the state was
    /// entered, and sets the variables.
    pub(crate) fn leave(
        &mut self,
        seen: &Seen<'_>,
        assign: &Option<Template>,
        output: &Option<Template>,
        without_output: &Value,
    ) -> Result<Value, StateError> {
        let assigned = match assign {
            None => None,
            Some(assign) => Some(self.evaluate(assign, seen)?),
        };
        let output = match output {
            None => without_output.clone(),
            Some(output) => self.evaluate(output, seen)?,
        };
        if let Some(Value::Object(assigned)) = assigned {
            self.variables.extend(assigned);
        }
        Ok(output)
    }

    /// The value of a template, within the quota.
    pub(crate) fn evaluate(
        &self,
        template: &Template,
        seen: &Seen<'_>,
    ) -> Result<Value, StateError> {
        let mut bindings = self.variables.clone();
        let mut states = json!({"input": seen.input, "context": self.context(seen)});
        if let Some(result) = seen.result {
            states["result"] = result.clone();
        }
        if let Some(error) = seen.error {
            states["errorOutput"] = error.output();
        }
        bindings.insert("states".into(), states);
        let value = template.evaluate(&bindings, &mut || self.run.draw())?;
        within_quota(&value)?;
        Ok(value)
    }

    pub(crate) fn whole_number(
        &self,
        template: &Template,
        seen: &Seen<'_>,
        field: &str,
    ) -> Result<u64, StateError> {
        let value = self.evaluate(template, seen)?;
        value.as_u64().ok_or_else(|| {
            let cause = format!("{}: expected {field} to be whole, found {value}", seen.state);
            StateError::new(QUERY_EVALUATION, cause)
        })
    }

    fn context(&self, seen: &Seen<'_>) -> Value {
        let run = self.run;
        let machine_name = run.machine.rsplit(':').next().unwrap_or_default();
        let mut context = json!({
            "Execution": {
                "Id": run.arn,
                "Input": run.input,
                "Name": run.name,
                "StartTime": time(run.started),
            },
            "StateMachine": {"Id": run.machine, "Name": machine_name},
            "State": {
                "EnteredTime": time(seen.entered),
                "Name": seen.state,
                "RetryCount": seen.retry_count,
            },
        });
        if let Some(item) = &self.item {
            context["Map"] = json!({"Item": item});
        }
        context
    }
}

/// A time in the format of the context object.
fn time(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// "States.DataLimitExceeded: … state output larger than payload size quota."
pub(crate) fn within_quota(value: &Value) -> Result<(), StateError> {
    let bytes = value.to_string().len();
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(StateError::new(
            DATA_LIMIT_EXCEEDED,
            format!("found {bytes} bytes, expected at most {PAYLOAD_BYTES_MAX}"),
        ));
    }
    Ok(())
}
