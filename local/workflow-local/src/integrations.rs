//! What a task calls: a function, or another execution.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::definition::Resource;
use crate::error::{RUNTIME, StateError};
use crate::execution::Scope;
use crate::outcome::{Ended, FunctionError, Status};
use crate::region::Region;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Invoke {
    function_name: String,
    #[serde(default)]
    payload: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct StartExecution {
    state_machine_arn: String,
    #[serde(default)]
    input: Value,
    name: Option<String>,
}

impl Scope<'_> {
    /// Calls the resource and waits for its answer.
    pub(crate) async fn call(
        &self,
        resource: Resource,
        arguments: Value,
        state: &str,
    ) -> Result<Value, StateError> {
        match resource {
            Resource::Function => self.invoke(arguments).await,
            Resource::Execution => self.start_execution(arguments, state).await,
        }
    }

    async fn invoke(&self, arguments: Value) -> Result<Value, StateError> {
        let invoke: Invoke = read(arguments)?;
        let function = self.run.region.function(&invoke.function_name).ok_or_else(|| {
            let cause = format!("Function not found: {}", invoke.function_name);
            StateError::new("Lambda.ResourceNotFoundException", cause)
        })?;
        let Some(room) = self.run.region.admit() else {
            return Err(StateError::new("Lambda.TooManyRequestsException", "Rate Exceeded."));
        };
        // A separate task: even if nobody waits for it any more, it runs to its end.
        let invocation = tokio::spawn(async move {
            let _room = room;
            within(function.timeout, (function.handler)(invoke.payload)).await
        });
        let answer = match invocation.await {
            Ok(answer) => answer,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => return Err(StateError::new("Lambda.Unknown", error.to_string())),
        };
        match answer {
            Ok(payload) => Ok(json!({
                "ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200,
            })),
            Err(FunctionError::Failed { error_type, error_message }) => {
                let cause = json!({"errorType": error_type, "errorMessage": error_message});
                Err(StateError::new(error_type, cause.to_string()))
            }
            Err(FunctionError::Service { error, cause }) => Err(StateError::new(error, cause)),
        }
    }

    async fn start_execution(&self, arguments: Value, state: &str) -> Result<Value, StateError> {
        let start: StartExecution = read(arguments)?;
        let region = &self.run.region;
        let name = start.name.unwrap_or_else(|| self.run.child_name());
        let started_at = region.now().as_millisecond();
        let execution = region
            .start(&start.state_machine_arn, &name, start.input.clone())
            .map_err(|error| StateError::new(error.error(), error.to_string()))?;
        self.run.history.add("TaskSubmitted", state)?;
        let mut child = Child { region, arn: &execution.arn, ended: false };
        let ended = execution.ended().await;
        child.ended = true;
        let mut description = json!({
            "ExecutionArn": execution.arn,
            "Input": start.input,
            "InputDetails": {"Included": true},
            "Name": name,
            "StartDate": started_at,
            "StateMachineArn": start.state_machine_arn,
            "Status": ended.status,
            "StopDate": region.now().as_millisecond(),
        });
        match ended {
            Ended { status: Status::Succeeded, output, .. } => {
                description["Output"] = output;
                description["OutputDetails"] = json!({"Included": true});
                Ok(description)
            }
            Ended { error, cause, .. } => {
                description["Input"] = Value::String(start.input.to_string());
                if let Some(error) = error {
                    description["Error"] = Value::String(error);
                }
                if let Some(cause) = cause {
                    description["Cause"] = Value::String(cause);
                }
                Err(StateError::new("States.TaskFailed", description.to_string()))
            }
        }
    }
}

/// The answer, if it comes in time; otherwise Lambda ends the function.
async fn within(
    timeout: Option<Duration>,
    answer: impl Future<Output = Result<Value, FunctionError>>,
) -> Result<Value, FunctionError> {
    let Some(timeout) = timeout else { return answer.await };
    tokio::time::timeout(timeout, answer).await.unwrap_or_else(|_| {
        Err(FunctionError::Failed {
            error_type: "Sandbox.Timedout".into(),
            error_message: format!("Task timed out after {:.2} seconds", timeout.as_secs_f64()),
        })
    })
}

fn read<'a, T: serde::de::DeserializeOwned + 'a>(arguments: Value) -> Result<T, StateError> {
    serde_json::from_value(arguments)
        .map_err(|error| StateError::new(RUNTIME, format!("the arguments cannot be read: {error}")))
}

/// An execution that a task waits for; stopped when the task no longer waits. "If the parent
/// execution stops or its task times out, Step Functions … stops the child execution."
struct Child<'a> {
    region: &'a Region,
    arn: &'a str,
    ended: bool,
}

impl Drop for Child<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.region.stop(self.arn, "", "the execution that waited for it ended first");
        }
    }
}
