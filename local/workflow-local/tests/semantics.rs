//! What AWS documents about its state machines, as far as Segue's use it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use workflow_local::{Ended, FunctionError, Region, StartError, Status};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:machine";
const CHILD: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:child";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:function";

fn region() -> Region {
    Region::new(7, "2018-11-01T00:00:00Z".parse().expect("a time"))
}

fn machine(start_at: &str, states: Value) -> String {
    json!({"QueryLanguage": "JSONata", "StartAt": start_at, "States": states}).to_string()
}

/// A task that calls the function and ends, with additional fields.
fn task(more: Value) -> Value {
    let mut task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": FUNCTION, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "End": true,
    });
    if let (Value::Object(task), Value::Object(more)) = (&mut task, more) {
        if more.contains_key("Next") {
            task.remove("End");
        }
        task.extend(more);
    }
    task
}

async fn run(region: &Region, definition: &str, input: Value) -> Ended {
    region.add_state_machine(MACHINE, definition, &[]).expect("a definition");
    region.start(MACHINE, "run", input).expect("starts").ended().await
}

fn failed(error_type: &str) -> FunctionError {
    FunctionError::Failed { error_type: error_type.into(), error_message: "why".into() }
}

/// A function that fails with these errors, one a call, and succeeds then; with the times of calls.
fn failing(region: &Region, errors: &[&str]) -> Arc<Mutex<Vec<f64>>> {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let (calls, begun) = (Arc::new(Mutex::new(Vec::new())), Instant::now());
    let seen = calls.clone();
    region.add_function(FUNCTION, move |_| {
        let mut calls = seen.lock().expect("calls");
        calls.push(begun.elapsed().as_secs_f64());
        let answer = match errors.get(calls.len() - 1) {
            Some(error) => Err(failed(error)),
            None => Ok(json!("done")),
        };
        async move { answer }
    });
    calls
}

/// "A Retrier … waits IntervalSeconds before the first retry attempt; BackoffRate is the multiplier
/// by which the retry interval increases with each attempt; MaxDelaySeconds is the maximum."
#[tokio::test(start_paused = true)]
async fn retries_wait_longer_each_time_up_to_the_maximum() {
    let region = region();
    let calls = failing(&region, &["Busy"; 5]);
    let retry = json!({"Retry": [{
        "ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxDelaySeconds": 10,
        "MaxAttempts": 5,
    }]});
    let ended = run(&region, &machine("a", json!({"a": task(retry)})), json!({})).await;
    assert_eq!(ended.output, json!("done"));
    let times: Vec<u64> =
        calls.lock().expect("calls").iter().map(|time| time.round() as u64).collect();
    assert_eq!(times, [0, 3, 9, 19, 29, 39]);
}

/// "MaxAttempts … the default is 3", "IntervalSeconds … 1 by default", "BackoffRate … 2.0".
#[tokio::test(start_paused = true)]
async fn a_retrier_s_defaults_are_aws_s() {
    let region = region();
    let calls = failing(&region, &["Busy"; 9]);
    let retry = json!({"Retry": [{"ErrorEquals": ["Busy"]}]});
    let ended = run(&region, &machine("a", json!({"a": task(retry)})), json!({})).await;
    assert_eq!((ended.status, ended.error.as_deref()), (Status::Failed, Some("Busy")));
    let cause: Value = serde_json::from_str(&ended.cause.expect("a cause")).expect("JSON");
    assert_eq!(cause, json!({"errorMessage": "why", "errorType": "Busy"}));
    let times: Vec<u64> =
        calls.lock().expect("calls").iter().map(|time| time.round() as u64).collect();
    assert_eq!(times, [0, 1, 3, 7]);
}

/// "With JitterStrategy FULL … a randomized delay between 0 and the computed interval."
#[tokio::test(start_paused = true)]
async fn full_jitter_waits_anything_up_to_the_interval() {
    let region = region();
    let calls = failing(&region, &["Busy"; 30]);
    let retry = json!({"Retry": [{
        "ErrorEquals": ["Busy"], "IntervalSeconds": 10, "BackoffRate": 1, "MaxAttempts": 30,
        "JitterStrategy": "FULL",
    }]});
    run(&region, &machine("a", json!({"a": task(retry)})), json!({})).await;
    let times = calls.lock().expect("calls");
    let waits: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.iter().all(|wait| (0.0..10.1).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait < 4.0) && waits.iter().any(|wait| *wait > 6.0));
}

/// "Each retrier tracks its own retry attempts"; the first whose ErrorEquals matches is used.
#[tokio::test(start_paused = true)]
async fn every_retrier_counts_its_own_attempts() {
    let region = region();
    let calls = failing(&region, &["Busy", "Away", "Busy", "Away", "Busy"]);
    let retrier = |error: &str| json!({"ErrorEquals": [error], "MaxAttempts": 2});
    let retry = json!({"Retry": [retrier("Busy"), retrier("Away")]});
    let ended = run(&region, &machine("a", json!({"a": task(retry)})), json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("Busy"));
    assert_eq!(calls.lock().expect("calls").len(), 5);
}

/// "Catch … after retries are exhausted"; `$states.errorOutput` holds Error and Cause; Assign in a
/// catcher sets variables.
#[tokio::test(start_paused = true)]
async fn the_first_catcher_that_matches_takes_over() {
    let region = region();
    failing(&region, &["Conflict"]);
    let states = json!({
        "a": task(json!({"Catch": [
            {"ErrorEquals": ["Busy"], "Next": "wrong"},
            {"ErrorEquals": ["Conflict"], "Assign": {"failure": "{% $states.errorOutput %}"}, "Next": "right"},
            {"ErrorEquals": ["States.ALL"], "Next": "wrong"},
        ]})),
        "wrong": {"Type": "Succeed"},
        "right": {"Type": "Fail", "Error": "{% $failure.Error %}", "Cause": "{% $failure.Cause %}"},
    });
    let ended = run(&region, &machine("a", states), json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("Conflict"));
    assert_eq!(ended.states(), ["a", "right"]);
}

/// "TimeoutSeconds: if the task runs longer … the state fails with a States.Timeout error name."
/// The function itself keeps running: Step Functions cannot stop an invocation.
#[tokio::test(start_paused = true)]
async fn a_task_that_takes_too_long_is_left_behind() {
    let region = region();
    let finished = Arc::new(AtomicU32::new(0));
    let count = finished.clone();
    region.add_function(FUNCTION, move |_| {
        let count = count.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(90)).await;
            count.fetch_add(1, Ordering::SeqCst);
            Ok(json!(null))
        }
    });
    let states = json!({
        "a": task(json!({"TimeoutSeconds": 60, "Catch": [
            {"ErrorEquals": ["States.TaskFailed"], "Next": "wrong"},
            {"ErrorEquals": ["States.Timeout"], "Next": "right"},
        ]})),
        "wrong": {"Type": "Fail", "Error": "wrong", "Cause": ""},
        "right": {"Type": "Wait", "Seconds": 31, "End": true},
    });
    let ended = run(&region, &machine("a", states), json!({})).await;
    assert_eq!(ended.states(), ["a", "right"]);
    assert_eq!(finished.load(Ordering::SeqCst), 1);
}

/// "If the execution runs longer than the machine's TimeoutSeconds, it ends TIMED_OUT"; no state
/// catches it. A parent sees the task fail, with the description of the execution as its cause.
#[tokio::test(start_paused = true)]
async fn a_machine_that_takes_too_long_is_timed_out() {
    let region = region();
    let child = json!({
        "QueryLanguage": "JSONata", "StartAt": "w", "TimeoutSeconds": 10,
        "States": {"w": {"Type": "Wait", "Seconds": 11, "End": true}},
    });
    region.add_state_machine(CHILD, &child.to_string(), &[]).expect("a definition");
    let ended = region.start(CHILD, "alone", json!({})).expect("starts").ended().await;
    assert_eq!((ended.status, ended.error.as_deref()), (Status::TimedOut, Some("States.Timeout")));
    let ended = run(&region, &machine("a", json!({"a": nested(json!({}))})), json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("States.TaskFailed"));
    let cause: Value = serde_json::from_str(&ended.cause.expect("a cause")).expect("JSON");
    assert_eq!(
        (&cause["Status"], &cause["Error"]),
        (&json!("TIMED_OUT"), &json!("States.Timeout"))
    );
}

fn nested(more: Value) -> Value {
    let fields = json!({
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": CHILD, "Input": {"n": 1}},
        "Output": "{% $states.result %}",
    });
    let mut nested = task(fields);
    if let (Value::Object(nested), Value::Object(more)) = (&mut nested, more) {
        nested.extend(more);
    }
    nested
}

/// "`startExecution.sync:2` returns the output as JSON", where `sync` returns a string; an
/// execution that fails is States.TaskFailed, with Error and Cause within the cause.
#[tokio::test(start_paused = true)]
async fn a_nested_execution_s_answer_is_its_description() {
    let region = region();
    failing(&region, &[]);
    let child = machine("c", json!({"c": task(json!({}))}));
    region.add_state_machine(CHILD, &child, &[]).expect("a definition");
    let definition = machine("a", json!({"a": nested(json!({}))}));
    let ended = run(&region, &definition, json!({})).await;
    assert_eq!(ended.output["Output"], json!("done"));
    assert_eq!(ended.output["Status"], json!("SUCCEEDED"));
    failing(&region, &["LoadRejected"]);
    let ended = region.start(MACHINE, "two", json!({})).expect("starts").ended().await;
    assert_eq!(ended.error.as_deref(), Some("States.TaskFailed"));
    let cause: Value = serde_json::from_str(&ended.cause.expect("a cause")).expect("JSON");
    assert_eq!((&cause["Status"], &cause["Error"]), (&json!("FAILED"), &json!("LoadRejected")));
    let inner: Value = serde_json::from_str(cause["Cause"].as_str().expect("text")).expect("JSON");
    assert_eq!(inner, json!({"errorMessage": "why", "errorType": "LoadRejected"}));
}

/// "When an execution is stopped, Step Functions stops the child execution that it waits for", and
/// so it does when the task times out.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_child_of_a_stopped_execution() {
    let region = region();
    let child = machine("w", json!({"w": {"Type": "Wait", "Seconds": 1000, "End": true}}));
    region.add_state_machine(CHILD, &child, &[]).expect("a definition");
    let ends = Arc::new(Mutex::new(Vec::new()));
    let seen = ends.clone();
    region.on_end(move |change| {
        let machine = change.state_machine_arn.rsplit(':').next().unwrap_or_default().to_owned();
        seen.lock().expect("ends").push((machine, change.ended.status));
    });
    let definition = machine("a", json!({"a": nested(json!({}))}));
    region.add_state_machine(MACHINE, &definition, &[]).expect("a definition");
    let execution = region.start(MACHINE, "stopped", json!({})).expect("starts");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(region.running().len(), 2);
    region.stop(&execution.arn, "Person", "enough");
    assert_eq!(execution.ended().await.status, Status::Aborted);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(region.running().is_empty());
    let aborted = |name: &str| (name.to_owned(), Status::Aborted);
    assert_eq!(*ends.lock().expect("ends"), [aborted("machine"), aborted("child")]);

    let definition = machine("a", json!({"a": nested(json!({"TimeoutSeconds": 30}))}));
    let ended = run(&region, &definition, json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("States.Timeout"));
    assert!(region.running().is_empty());
}

/// "If any iteration fails, the Map state fails and the other iterations are stopped"; results are
/// in the order of the items, in whatever order they finish.
#[tokio::test(start_paused = true)]
async fn a_map_keeps_the_order_and_stops_at_the_first_failure() {
    let region = region();
    let (at_once, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let peak = most.clone();
    region.add_function(FUNCTION, move |payload| {
        let (at_once, most) = (at_once.clone(), most.clone());
        async move {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let seconds = payload["seconds"].as_u64().expect("seconds");
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            if seconds == 4 { Err(failed("Four")) } else { Ok(json!(seconds)) }
        }
    });
    let map = json!({"m": {
        "Type": "Map", "Items": "{% $states.input %}", "MaxConcurrency": 2,
        "ItemSelector": {"seconds": "{% $states.context.Map.Item.Value %}"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "i", "States": {"i": task(json!({}))},
        },
        "End": true,
    }});
    // AWS passes the item to the selector in the context of the iteration.
    let ended = run(&region, &machine("m", map), json!([3, 1, 2])).await;
    assert_eq!(ended.output, json!([3, 1, 2]), "{ended:?}");
    assert_eq!(peak.load(Ordering::SeqCst), 2);
    let begun = Instant::now();
    let ended = region.start(MACHINE, "four", json!([9, 4, 9])).expect("starts").ended().await;
    assert_eq!(ended.error.as_deref(), Some("Four"));
    assert_eq!(begun.elapsed().as_secs(), 4);
}

/// "All expressions of a state read the variables as they were when it was entered; Assign takes
/// effect in the next state."
#[tokio::test(start_paused = true)]
async fn assignments_show_in_the_next_state() {
    let region = region();
    let states = json!({
        "a": {"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "b"},
        "b": {"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"},
              "Output": ["{% $x %}", "{% $y %}"], "Next": "c"},
        "c": {"Type": "Succeed", "Output": ["{% $states.input %}", "{% $x %}", "{% $y %}"]},
    });
    let ended = run(&region, &machine("a", states), json!({})).await;
    assert_eq!(ended.output, json!([[1, 2], 2, 1]));
}

/// "Iterations can read variables of outer scopes"; theirs end with them.
#[tokio::test(start_paused = true)]
async fn an_iteration_sees_outer_variables_and_keeps_its_own() {
    let region = region();
    let map = json!({
        "Type": "Map", "Items": [1, 2], "End": true,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "i", "States": {
            "i": {"Type": "Pass", "Assign": {"inner": "{% $states.input + $outer %}"}, "Next": "j"},
            "j": {"Type": "Succeed", "Output": "{% $inner %}"},
        }},
    });
    let states = json!({"a": {"Type": "Pass", "Assign": {"outer": 10}, "Next": "m"}, "m": map});
    let ended = run(&region, &machine("a", states), json!({})).await;
    assert_eq!(ended.output, json!([11, 12]));
}

/// "256 KiB: maximum input or output size for a task, state, or execution"; States.ALL cannot catch
/// States.DataLimitExceeded.
#[tokio::test(start_paused = true)]
async fn a_payload_over_the_quota_ends_the_execution() {
    let region = region();
    region.add_function(FUNCTION, |payload: Value| async move {
        Ok(json!("x".repeat(payload["bytes"].as_u64().expect("bytes") as usize)))
    });
    let states = json!({
        "a": task(json!({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]})),
        "caught": {"Type": "Succeed"},
    });
    let ended = run(&region, &machine("a", states), json!({"bytes": 262_000})).await;
    assert_eq!(ended.status, Status::Succeeded);
    let over = json!({"bytes": 262_144});
    let ended = region.start(MACHINE, "over", over).expect("starts").ended().await;
    assert_eq!(ended.error.as_deref(), Some("States.DataLimitExceeded"));
}

/// "25,000 events in a single state machine execution history."
#[tokio::test(start_paused = true)]
async fn a_loop_without_end_meets_the_history_s_end() {
    let region = region();
    let states = json!({"a": {"Type": "Wait", "Seconds": 1, "Next": "b"},
                        "b": {"Type": "Pass", "Next": "a"}});
    let ended = run(&region, &machine("a", states), json!({})).await;
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(ended.history.len(), 25_001);
    assert!(ended.cause.expect("a cause").contains("25000"));
}

/// "StartExecution is idempotent for a running execution of the same name and input; a closed
/// name is refused."
#[tokio::test(start_paused = true)]
async fn a_name_is_good_for_one_execution() {
    let region = region();
    let definition = machine("w", json!({"w": {"Type": "Wait", "Seconds": 5, "End": true}}));
    region.add_state_machine(MACHINE, &definition, &[]).expect("a definition");
    let first = region.start(MACHINE, "name", json!({})).expect("starts");
    let again = region.start(MACHINE, "name", json!({})).expect("the same");
    assert_eq!(first.arn, again.arn);
    let exists = StartError::ExecutionAlreadyExists(first.arn.clone());
    assert_eq!(region.start(MACHINE, "name", json!(1)).err(), Some(exists.clone()));
    first.ended().await;
    assert_eq!(again.ended().await.status, Status::Succeeded);
    assert_eq!(region.start(MACHINE, "name", json!({})).err(), Some(exists));
}

/// "States.QueryEvaluationError: an expression that returns nothing (undefined) fails the state."
#[tokio::test(start_paused = true)]
async fn an_expression_without_a_value_can_be_caught() {
    let region = region();
    failing(&region, &[]);
    let states = json!({
        "a": task(json!({"Output": "{% $states.result.Payload.missing %}", "Catch": [
            {"ErrorEquals": ["States.QueryEvaluationError"], "Next": "caught"}]})),
        "caught": {"Type": "Succeed", "Output": "{% $states.input.Error %}"},
    });
    let ended = run(&region, &machine("a", states), json!({})).await;
    assert_eq!(ended.output, json!("States.QueryEvaluationError"));
}

#[tokio::test]
async fn a_definition_that_aws_or_the_interpreter_does_not_support_is_refused() {
    let pass = |more: Value| {
        let mut pass = json!({"Type": "Pass", "End": true});
        if let (Value::Object(pass), Value::Object(more)) = (&mut pass, more) {
            pass.extend(more);
        }
        machine("a", json!({"a": pass}))
    };
    let map = |states: Value| {
        let processor =
            json!({"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "i", "States": states});
        json!({"Type": "Map", "Items": [], "ItemProcessor": processor, "Assign": {"x": 1}, "End": true})
    };
    let catch =
        json!([{"ErrorEquals": ["States.ALL"], "Next": "a"}, {"ErrorEquals": ["b"], "Next": "a"}]);
    let cases = [
        (
            json!({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}).to_string(),
            "QueryLanguage",
        ),
        (machine("b", json!({"a": {"Type": "Succeed"}})), "\"b\""),
        (
            machine("a", json!({"a": {"Type": "Succeed"}, "b": {"Type": "Succeed"}})),
            "never reached",
        ),
        (machine("a", json!({"a": {"Type": "Parallel", "Branches": [], "End": true}})), "Parallel"),
        (pass(json!({"ResultPath": "$.x"})), "ResultPath"),
        (pass(json!({"Next": "a"})), "either Next or End"),
        (pass(json!({"Output": "{% $sort([1]) %}"})), "$sort"),
        (pass(json!({"Output": "{% 1 + %}"})), "no JSONata"),
        (pass(json!({"Output": "{% $states.result %}"})), "$states.result"),
        (pass(json!({"Assign": {"states": 1}})), "reserved"),
        (pass(json!({"Comment": "${NotSubstituted}"})), "NotSubstituted"),
        (
            machine(
                "a",
                json!({"a": task(json!({"Resource": "arn:aws:states:::sqs:sendMessage"}))}),
            ),
            "sqs",
        ),
        (machine("a", json!({"a": task(json!({"HeartbeatSeconds": 1}))})), "HeartbeatSeconds"),
        (machine("a", json!({"a": task(json!({"Catch": catch}))})), "States.ALL"),
        (
            machine(
                "a",
                json!({"a": map(json!({"i": {"Type": "Pass", "Assign": {"x": 2}, "End": true}}))}),
            ),
            "outer scope",
        ),
    ];
    for (definition, expected) in cases {
        let refused = region().add_state_machine(MACHINE, &definition, &[]).expect_err(expected);
        assert!(refused.to_string().contains(expected), "{expected}: {refused}");
    }
}

/// A function of 60 seconds that never answers, under a task with this timeout.
async fn never_answered(timeout_seconds: u64) -> Ended {
    let region = region();
    region.add_function(FUNCTION, |_| std::future::pending());
    region.limit_time(FUNCTION, Duration::from_secs(60));
    let states = json!({"Call": task(json!({"TimeoutSeconds": timeout_seconds}))});
    run(&region, &machine("Call", states), json!({})).await
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_timeout_equals_its_functions_ends_first_and_without_a_cause() {
    let ended = never_answered(60).await;
    assert_eq!(ended.error.as_deref(), Some("States.Timeout"));
    assert_eq!(ended.cause.as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_time_is_over_fails_its_task() {
    let ended = never_answered(80).await;
    assert_eq!(ended.error.as_deref(), Some("Sandbox.Timedout"));
    let cause = ended.cause.expect("a cause");
    assert!(cause.contains("Task timed out after 60.00 seconds"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn one_invocation_too_many_is_throttled() {
    let region = region();
    region.limit_concurrency(2);
    region.add_function(FUNCTION, |_| async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        Ok(json!("done"))
    });
    let throttled = json!([{"ErrorEquals": ["Lambda.TooManyRequestsException"], "Next": "Full"}]);
    let states = json!({
        "Call": task(json!({"Catch": throttled})),
        "Full": {"Type": "Pass", "Output": "full", "End": true},
    });
    region.add_state_machine(MACHINE, &machine("Call", states), &[]).expect("a definition");
    let start = |name: &str| region.start(MACHINE, name, json!({})).expect("starts");
    let all = ["a", "b", "c"].map(start);
    let mut outputs = Vec::new();
    for execution in &all {
        outputs.push(execution.ended().await.output);
    }
    assert_eq!(outputs, [json!("done"), json!("done"), json!("full")]);
    assert_eq!(start("d").ended().await.output, "done", "there is room again");
}
