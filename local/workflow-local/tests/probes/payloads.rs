//! Errors that no catcher catches, and the quota of a task's payload.

use serde_json::{Value, json};

use crate::probe::{Probe, Seen, absent, machine, nested};

/// More than half of the quota of a payload, 262,144 bytes.
const HALF_BYTES: usize = 150_000;

fn ended(seen: &Seen) -> Value {
    json!([seen.status, seen.error, seen.entered])
}

fn output(seen: &Seen) -> Value {
    seen.output.clone()
}

fn caught(task: Value) -> Value {
    machine("Call", json!({"Call": task, "Caught": {"Type": "Succeed"}}))
}

/// `States.ALL` catches neither `States.DataLimitExceeded` nor `States.Runtime`.
fn catch_all() -> Value {
    json!([{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
}

/// A machine whose states collect themselves.
fn collecting() -> Value {
    let phases = "{% $append($phases, [$states.context.State]) %}";
    json!({
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            "Begin": {"Type": "Pass", "Assign": {"phases": []}, "Next": "One"},
            "One": {"Type": "Pass", "Assign": {"phases": phases}, "Next": "Look"},
            "Look": {"Type": "Pass", "Assign": {"first": "{% $phases %}"}, "Next": "Two"},
            "Two": {"Type": "Pass", "Assign": {"phases": phases}, "Next": "End"},
            "End": {
                "Type": "Pass",
                "Output": {
                    "names": "{% [$phases.Name] %}",
                    "first": "{% [$first.Name] %}",
                    "text": "{% $substring($string($states.context.Execution.Input), 0, 5) %}",
                },
                "End": true,
            },
        },
    })
}

/// The probes.
pub fn probes() -> Vec<Probe> {
    let doubled = nested(json!({
        "Arguments": {
            "StateMachineArn": "${Child}",
            "Input": "{% $states.input.text & $states.input.text %}",
        },
        "Catch": catch_all(),
    }));
    let without_name = absent(json!({"Arguments": "{% $states.input %}", "Catch": catch_all()}));
    let echo = machine("Echo", json!({"Echo": {"Type": "Succeed"}}));
    let answered = nested(json!({"Output": "{% $states.result.Output %}"}));
    vec![
        // The quota applies to a task's arguments, too.
        Probe::new(
            "nothing_catches_a_payload_over_the_quota",
            caught(doubled),
            ended,
            json!(["FAILED", "States.DataLimitExceeded", ["Call"]]),
        )
        .child(echo.clone())
        .input(json!({"text": "x".repeat(HALF_BYTES)}))
        .but_emulated(json!(["SUCCEEDED", null, ["Call"]])),
        Probe::new(
            "nothing_catches_arguments_that_cannot_be_used",
            caught(without_name),
            ended,
            json!(["FAILED", "States.Runtime", ["Call"]]),
        )
        .but_emulated(json!(["SUCCEEDED", null, ["Call", "Caught"]])),
        // A run's phases are collected like this: an array of one stays an array.
        Probe::new(
            "the_states_that_were_entered_can_be_collected",
            collecting(),
            |seen| json!([seen.output["names"], seen.output["first"], seen.output["text"]]),
            json!([["One", "Two"], ["One"], "{\"a\":"]),
        )
        .input(json!({"a": "long"})),
        // `sync:2` returns JSON, while `sync` returns text.
        Probe::new(
            "the_output_of_a_child_is_json",
            machine("Call", json!({"Call": answered})),
            output,
            json!({}),
        )
        .child(echo),
    ]
}
