//! Timeouts, and work that nobody waits for any more.

use serde_json::{Value, json};

use crate::probe::{Probe, Seen, Then, machine, nested, waiting};

fn ended(seen: &Seen) -> Value {
    json!([seen.status, seen.error])
}

fn ended_with_children(seen: &Seen) -> Value {
    json!([seen.status, seen.children])
}

fn path(seen: &Seen) -> Value {
    json!([seen.status, seen.entered])
}

/// The probes.
pub fn probes() -> Vec<Probe> {
    vec![task_timeout(), machine_timeout(), sibling(), parent()]
}

/// A task that runs longer than its `TimeoutSeconds` fails with `States.Timeout`, the one error that
/// `States.TaskFailed` does not match.
fn task_timeout() -> Probe {
    let task = nested(json!({"TimeoutSeconds": 1, "Catch": [
        {"ErrorEquals": ["States.TaskFailed"], "Next": "Wrong"},
        {"ErrorEquals": ["States.Timeout"], "Next": "Right"},
    ]}));
    let states = json!({
        "Call": task,
        "Right": {"Type": "Succeed"},
        "Wrong": {"Type": "Fail", "Error": "Wrong", "Cause": "the wrong catcher"},
    });
    let documented = json!(["SUCCEEDED", ["Call", "Right"]]);
    Probe::new("a_task_whose_time_is_over_is_left", machine("Call", states), path, documented)
        .child(waiting(300))
}

/// An execution that runs longer than its machine's `TimeoutSeconds` ends as TIMED_OUT, with
/// `States.Timeout`.
fn machine_timeout() -> Probe {
    let mut slow = waiting(30);
    slow["TimeoutSeconds"] = json!(1);
    let documented = json!(["TIMED_OUT", "States.Timeout"]);
    Probe::new("a_machine_whose_time_is_over_is_ended", slow, ended, documented)
        .but_emulated(json!(["SUCCEEDED", null]))
}

/// When an iteration fails, the map fails and the other iterations are stopped; what their tasks
/// wait for is cancelled.
fn sibling() -> Probe {
    let iteration = json!({
        "Which": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input = 'call' %}", "Next": "Call"}],
            "Default": "Let the other begin",
        },
        "Call": nested(json!({})),
        "Let the other begin": {"Type": "Wait", "Seconds": 10, "Next": "Fail"},
        "Fail": {"Type": "Fail", "Error": "Rejected", "Cause": "no"},
    });
    let map = json!({
        "Type": "Map", "Items": ["call", "fail"], "End": true,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Which", "States": iteration,
        },
    });
    let documented = json!(["FAILED", ["ABORTED"]]);
    Probe::new(
        "an_iteration_that_fails_ends_its_siblings",
        machine("Each", json!({"Each": map})),
        ended_with_children,
        documented,
    )
    .child(waiting(40))
    .but_emulated(json!(["FAILED", ["SUCCEEDED"]]))
}

/// When an execution is stopped, what its task waits for is cancelled.
fn parent() -> Probe {
    Probe::new(
        "an_execution_that_is_stopped_stops_its_child",
        machine("Call", json!({"Call": nested(json!({}))})),
        ended_with_children,
        json!(["ABORTED", ["ABORTED"]]),
    )
    .child(waiting(3000))
    .then(Then::StopWithChild)
    .but_emulated(json!(["ABORTED", ["RUNNING"]]))
}
