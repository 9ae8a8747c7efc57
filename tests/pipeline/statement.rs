//! How the statement state machine handles the results of its functions: which failures lead to
//! another attempt, which to another poll, which to the end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use segue_contract::ErrorName;
use serde_json::{Value, json};
use workflow_local::{Ended, FunctionError, Region};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:statement";
const SUBMIT: &str = "arn:aws:lambda:us-east-1:123456789012:function:Submit";
const POLL: &str = "arn:aws:lambda:us-east-1:123456789012:function:Poll";

/// The requests to the functions.
#[derive(Debug, Default)]
struct Asked {
    attempts: Vec<u64>,
    polls: Vec<String>,
}

/// Carries out a step whose polls fail with these names, one after the other, and then succeed.
async fn polls_fail(names: &[ErrorName]) -> (Ended, Asked) {
    let region = Region::new(7, Timestamp::UNIX_EPOCH);
    let asked = Arc::new(Mutex::new(Asked::default()));
    let submitted = Arc::clone(&asked);
    region.add_function(SUBMIT, move |step: Value| {
        let attempt = step["attempt"].as_u64().expect("an attempt");
        submitted.lock().expect("no panic").attempts.push(attempt);
        let id = format!("statement-{attempt}");
        async move { Ok(json!({"state": "running", "statementId": id, "waitSeconds": 0})) }
    });
    let failures = Mutex::new(names.iter().copied().collect::<VecDeque<_>>());
    let polled = Arc::clone(&asked);
    region.add_function(POLL, move |poll: Value| {
        let id = poll["statementId"].as_str().expect("an id").to_owned();
        assert!(poll["enteredAt"].as_str().is_some_and(|time| time.starts_with("1970-01-01T")));
        polled.lock().expect("no panic").polls.push(id.clone());
        let failure = failures.lock().expect("no panic").pop_front();
        async move {
            match failure {
                None => Ok(json!({"state": "finished", "statementId": id})),
                Some(name) => Err(FunctionError::Failed {
                    error_type: name.to_string(),
                    error_message: "why".into(),
                }),
            }
        }
    });
    let definition = include_str!("../../statemachine/statement.asl.json");
    let substitutions =
        [("Partition", "aws"), ("SubmitFunctionArn", SUBMIT), ("PollFunctionArn", POLL)];
    region.add_state_machine(MACHINE, definition, &substitutions).expect("a definition");
    let run = json!({"id": "r", "startedAt": "1970-01-01T00:00:00Z", "redriveCount": 0});
    let started = region.start(MACHINE, "step", json!({"run": run, "step": "publish"}));
    let ended = started.expect("a new name").ended().await;
    let asked = std::mem::take(&mut *asked.lock().expect("no panic"));
    (ended, asked)
}

#[tokio::test(start_paused = true)]
async fn a_statement_rolled_back_by_nobody_s_fault_is_submitted_as_the_next_attempt() {
    for name in [ErrorName::TransactionConflict, ErrorName::StatementInterrupted] {
        let (ended, asked) = polls_fail(&[name, name]).await;
        assert_eq!(ended.output["state"], "finished", "{name}: {:?}", ended.error);
        assert_eq!(asked.attempts, [1, 2, 3], "{name}");
        assert_eq!(asked.polls, ["statement-1", "statement-2", "statement-3"], "{name}");
        let (ended, asked) = polls_fail(&[name; 8]).await;
        assert_eq!(ended.error, Some(name.to_string()), "eight attempts are enough");
        assert_eq!(asked.attempts.len(), 8, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_warehouse_that_does_not_answer_is_polled_again_about_the_same_statement() {
    for name in [ErrorName::WarehouseBusy, ErrorName::WarehouseUnreachable] {
        let (ended, asked) = polls_fail(&[name, name]).await;
        assert_eq!(ended.output["state"], "finished", "{name}: {:?}", ended.error);
        assert_eq!((asked.attempts, asked.polls), (vec![1], vec!["statement-1".to_owned(); 3]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_must_act_on_ends_the_step_at_once() {
    let retried = [
        ErrorName::WarehouseBusy,
        ErrorName::WarehouseUnreachable,
        ErrorName::TransactionConflict,
        ErrorName::StatementInterrupted,
    ];
    for name in ErrorName::ALL.into_iter().filter(|name| !retried.contains(name)) {
        let (ended, asked) = polls_fail(&[name]).await;
        assert_eq!(ended.error, Some(name.to_string()));
        assert_eq!((asked.attempts.len(), asked.polls.len()), (1, 1), "{name}");
        let cause: Value = serde_json::from_str(&ended.cause.expect("a cause")).expect("JSON");
        assert_eq!(cause["errorMessage"], "why", "{name}: the text is kept");
    }
}
