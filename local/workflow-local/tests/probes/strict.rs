//! Probes on the strict interpreter, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use workflow_local::{Region, StartError, Status};

use crate::probe::{Probe, Seen, Then};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:machine";
const CHILD: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:child";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:absent";
/// The tolerance between a cause and its effect.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);

/// Runs a probe.
pub async fn run(probe: &Probe) -> Seen {
    let region = Region::new(7, "2018-11-01T00:00:00Z".parse().expect("a time"));
    let ends = Arc::new(Mutex::new(Vec::new()));
    let listener = ends.clone();
    region.on_end(move |change| {
        if change.state_machine_arn == CHILD {
            listener.lock().expect("ends").push(text(change.ended.status));
        }
    });
    if let Some(child) = &probe.child {
        region.add_state_machine(CHILD, &child.to_string(), &[]).expect("a definition");
    }
    let names = [("Child", CHILD), ("Function", FUNCTION)];
    region.add_state_machine(MACHINE, &probe.machine.to_string(), &names).expect("a definition");

    let execution = region.start(MACHINE, "probe", probe.input.clone()).expect("starts");
    let use_again = |input: &Value| match region.start(MACHINE, "probe", input.clone()) {
        Ok(again) if again.arn == execution.arn => "the same".to_owned(),
        Ok(_) => "another".to_owned(),
        Err(StartError::ExecutionAlreadyExists(_)) => "ExecutionAlreadyExists".to_owned(),
        Err(error) => error.to_string(),
    };
    let mut again = None;
    match &probe.then {
        Then::Await | Then::StartAfterwards(_) => {}
        Then::StopWithChild => {
            tokio::time::sleep(SETTLES_WITHIN).await;
            region.stop(&execution.arn, "Person", "enough");
        }
        Then::StartAgain(input) => {
            again = Some(use_again(input));
            region.stop(&execution.arn, "Person", "enough");
        }
    }
    let ended = execution.ended().await;
    tokio::time::sleep(SETTLES_WITHIN).await;
    if let Then::StartAfterwards(input) = &probe.then {
        again = Some(use_again(input));
    }
    let running = region.running().len();
    let mut children = ends.lock().expect("ends").clone();
    children.extend(std::iter::repeat_n("RUNNING".to_owned(), running));
    let at = |kind: &str| {
        let events = ended.history.iter().filter(move |event| event.kind == kind);
        events.map(|event| event.at.as_secs_f64()).collect()
    };
    Seen {
        status: text(ended.status),
        error: ended.error.clone(),
        output: ended.output.clone(),
        entered: ended.states().into_iter().map(ToOwned::to_owned).collect(),
        tried: at("TaskScheduled"),
        children,
        again,
    }
}

fn text(status: Status) -> String {
    match serde_json::to_value(status) {
        Ok(Value::String(text)) => text,
        other => panic!("expected a status as text, found {other:?}"),
    }
}
