//! One probe of a state machine, and the expected observations.

use serde_json::{Value, json};

/// A probe: a machine, an action, and what to observe.
#[derive(Clone)]
pub struct Probe {
    /// The fact that AWS documents.
    pub name: &'static str,
    /// The machine. `${Child}` is the ARN of the other one, `${Function}` that of a function that
    /// does not exist: calling it fails with a known name.
    pub machine: Value,
    /// The machine that it starts, if any.
    pub child: Option<Value>,
    /// The input.
    pub input: Value,
    /// What to do once the execution runs.
    pub then: Then,
    /// What to observe afterwards.
    pub look: fn(&Seen) -> Value,
    /// What AWS shows, by its documentation.
    pub documented: Value,
    /// What the emulator shows, if that is different.
    pub emulated: Option<Value>,
}

/// What to do with a running execution.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Nothing: wait for its end.
    Await,
    /// It is stopped as soon as its child runs.
    StopWithChild,
    /// Its name is used again while it runs, with this input; then it is stopped.
    StartAgain(Value),
    /// Its name is used again after its end, with this input.
    StartAfterwards(Value),
}

/// What can be seen of an execution after its end.
#[derive(Debug, Default)]
pub struct Seen {
    /// How it ended.
    pub status: String,
    /// The error's name.
    pub error: Option<String>,
    /// Its output.
    pub output: Value,
    /// The states that were entered, in their order.
    pub entered: Vec<String>,
    /// When its tasks were tried, in seconds of the machine.
    pub tried: Vec<f64>,
    /// The statuses of the executions of its child.
    pub children: Vec<String>,
    /// The result of using its name again: `the same`, `another`, or an error's name.
    pub again: Option<String>,
}

impl Seen {
    /// The time from each attempt to the next.
    pub fn waits(&self) -> Vec<f64> {
        self.tried.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

impl Probe {
    /// A machine without a child and without input, whose end is awaited.
    pub fn new(
        name: &'static str,
        machine: Value,
        look: fn(&Seen) -> Value,
        documented: Value,
    ) -> Self {
        let (child, input, then) = (None, json!({}), Then::Await);
        Self { name, machine, child, input, then, look, documented, emulated: None }
    }

    /// The machine that it starts.
    pub fn child(self, child: Value) -> Self {
        Self { child: Some(child), ..self }
    }

    /// What it starts with.
    pub fn input(self, input: Value) -> Self {
        Self { input, ..self }
    }

    /// What is done once it runs.
    pub fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    /// What the emulator shows instead.
    pub fn but_emulated(self, emulated: Value) -> Self {
        Self { emulated: Some(emulated), ..self }
    }

    /// What was expected and found, if they differ.
    pub fn mismatch(&self, seen: &Seen, expected: &Value) -> Option<String> {
        let found = (self.look)(seen);
        (found != *expected)
            .then(|| format!("{}: expected {expected}, found {found} in {seen:?}", self.name))
    }
}

/// A machine of these states.
pub fn machine(start_at: &str, states: Value) -> Value {
    json!({"QueryLanguage": "JSONata", "StartAt": start_at, "States": states})
}

/// A machine that only waits.
pub fn waiting(seconds: u64) -> Value {
    machine("Wait", json!({"Wait": {"Type": "Wait", "Seconds": seconds, "End": true}}))
}

/// A task that calls the missing function, with additional fields.
pub fn absent(more: Value) -> Value {
    let arguments = json!({"FunctionName": "${Function}", "Payload": {}});
    task("arn:aws:states:::lambda:invoke", arguments, more)
}

/// A task that starts the child and waits for its end, with additional fields.
pub fn nested(more: Value) -> Value {
    let arguments = json!({"StateMachineArn": "${Child}", "Input": {}});
    task("arn:aws:states:::states:startExecution.sync:2", arguments, more)
}

fn task(resource: &str, arguments: Value, more: Value) -> Value {
    let mut task =
        json!({"Type": "Task", "Resource": resource, "Arguments": arguments, "End": true});
    if let (Value::Object(task), Value::Object(more)) = (&mut task, more) {
        task.extend(more);
    }
    task
}
