//! Retry and catch: by name, how often, after how long.

use serde_json::{Value, json};

use crate::probe::{Probe, Seen, absent, machine, nested};

/// The error of calling a missing function.
const ABSENT: &str = "Lambda.ResourceNotFoundException";
/// The tolerance for a wait that a millisecond clock shows as shorter.
const CLOCK_SECONDS: f64 = 0.1;

/// A machine whose only task fails, with these retriers.
fn retried(retry: Value) -> Value {
    machine("Call", json!({"Call": absent(json!({"Retry": retry}))}))
}

fn ended(seen: &Seen) -> Value {
    json!([seen.status, seen.error, seen.tried.len()])
}

fn path(seen: &Seen) -> Value {
    json!([seen.entered, seen.output])
}

/// How many waits are at least as long as if each doubled the previous one.
fn doubled(seen: &Seen) -> Value {
    let long_enough = |(wait, seconds): (f64, f64)| wait > seconds - CLOCK_SECONDS;
    json!(seen.waits().into_iter().zip([2.0, 4.0, 8.0]).filter(|pair| long_enough(*pair)).count())
}

/// Whether any wait is at least this long: a wait may end late on a busy machine, but never early.
fn some_wait_of<const SECONDS: u32>(seen: &Seen) -> Value {
    json!(seen.waits().iter().any(|wait| *wait > f64::from(SECONDS) - CLOCK_SECONDS))
}

fn some_wait_below_ten(seen: &Seen) -> Value {
    json!(seen.waits().iter().any(|wait| *wait < 10.0 - CLOCK_SECONDS))
}

/// The probes.
pub fn probes() -> Vec<Probe> {
    [attempts(), waits(), catchers()].concat()
}

/// The first retrier that names the error decides; `MaxAttempts` is 3 unless it is given, and 0
/// means that the error is never retried.
fn attempts() -> Vec<Probe> {
    let retrier = |error: &str, attempts_max: u32| {
        json!({
            "ErrorEquals": [error], "IntervalSeconds": 1, "BackoffRate": 1,
            "MaxAttempts": attempts_max,
        })
    };
    let ends = |name, retry, attempts: usize| {
        Probe::new(name, retried(retry), ended, json!(["FAILED", ABSENT, attempts]))
    };
    vec![
        ends("an_error_that_no_retrier_names_is_not_tried_again", json!([retrier("Other", 5)]), 1),
        ends(
            "the_retrier_that_names_the_error_decides",
            json!([retrier("Other", 5), retrier(ABSENT, 2), retrier("States.ALL", 9)]),
            3,
        ),
        ends("a_retrier_of_no_attempts_retries_nothing", json!([retrier(ABSENT, 0)]), 1),
        ends("every_failed_task_is_retried", json!([retrier("States.TaskFailed", 1)]), 2),
        ends("every_error_is_retried", json!([retrier("States.ALL", 1)]), 2),
        ends("three_attempts_are_the_default", json!([{"ErrorEquals": [ABSENT]}]), 4),
    ]
}

/// `BackoffRate` multiplies the interval after each attempt, up to `MaxDelaySeconds`; full jitter
/// takes anything between nothing and the interval.
fn waits() -> Vec<Probe> {
    let retrier = |more: Value| {
        let mut retrier = json!({"ErrorEquals": [ABSENT], "MaxAttempts": 3});
        if let (Value::Object(retrier), Value::Object(more)) = (&mut retrier, more) {
            retrier.extend(more);
        }
        retried(json!([retrier]))
    };
    let grow = retrier(json!({"IntervalSeconds": 2, "BackoffRate": 2}));
    let capped = retrier(json!({"IntervalSeconds": 2, "BackoffRate": 4, "MaxDelaySeconds": 3}));
    let long = retrier(json!({"IntervalSeconds": 300, "MaxAttempts": 1}));
    let jittered = retrier(json!({
        "IntervalSeconds": 10, "BackoffRate": 1, "MaxAttempts": 4, "JitterStrategy": "FULL",
    }));
    vec![
        Probe::new("waits_between_attempts_grow", grow, doubled, json!(3)),
        Probe::new("no_wait_is_longer_than_its_maximum", capped, some_wait_of::<30>, json!(false))
            .but_emulated(json!(true)),
        Probe::new("a_wait_without_a_maximum_may_be_long", long, some_wait_of::<300>, json!(true))
            .but_emulated(json!(false)),
        Probe::new("full_jitter_shortens_waits", jittered, some_wait_below_ten, json!(true))
            .but_emulated(json!(false)),
    ]
}

/// The first catcher that names the error takes over, with the error in `$states.errorOutput`. An
/// execution that fails is `States.TaskFailed` to the task that waits for it, whatever its own error.
fn catchers() -> Vec<Probe> {
    let caught = |task: Value| {
        machine(
            "Call",
            json!({
                "Call": task,
                "Right": {"Type": "Succeed"},
                "Wrong": {"Type": "Fail", "Error": "Wrong", "Cause": "the wrong catcher"},
            }),
        )
    };
    let named = json!({"Catch": [
        {"ErrorEquals": ["Other"], "Next": "Wrong"},
        {"ErrorEquals": [ABSENT], "Output": "{% $states.errorOutput.Error %}", "Next": "Right"},
        {"ErrorEquals": ["States.ALL"], "Next": "Wrong"},
    ]});
    let wrapped = json!({"Catch": [
        {"ErrorEquals": ["Rejected"], "Next": "Wrong"},
        {
            "ErrorEquals": ["States.TaskFailed"], "Next": "Right",
            "Output": "{% $states.errorOutput.Error %}",
        },
    ]});
    let rejected =
        machine("No", json!({"No": {"Type": "Fail", "Error": "Rejected", "Cause": "no"}}));
    vec![
        Probe::new(
            "the_first_catcher_that_names_the_error_takes_over",
            caught(absent(named)),
            path,
            json!([["Call", "Right"], ABSENT]),
        ),
        Probe::new(
            "a_child_that_fails_is_a_task_that_failed",
            caught(nested(wrapped)),
            path,
            json!([["Call", "Right"], "States.TaskFailed"]),
        )
        .child(rejected)
        .but_emulated(json!([["Call", "Wrong"], null])),
    ]
}
