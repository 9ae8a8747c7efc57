//! Kills everything with signal 9, at one point of a run after the other; started again, the stack
//! continues where it was.

use std::time::Duration;

use crate::services::Services;
use crate::stack::{Stack, data, part};

/// The states in which everything is killed: from the first step to the last.
const KILLED_IN: [&str; 10] = [
    "Create tables",
    "Find",
    "Subtract",
    "Plan",
    "Create staging",
    "Stage",
    "Transform",
    "Find offenders",
    "Publish",
    "Report",
];
/// How long a run may take to reach a state.
const ENTERS_WITHIN: Duration = Duration::from_secs(120);

#[test]
fn a_stack_that_was_killed_at_any_point_of_a_run_continues_where_it_was() {
    let stack = Stack::new();
    let folder = stack.folder();
    let some =
        |name: &str| name.starts_with("TRAA") || name.contains("-21-") || name.contains("-01-");
    let data = part(&data(folder), folder, &some);
    stack.load(&data);
    let expected = stack.mart();

    for state in KILLED_IN {
        stack.forget();
        let run = stack.json(&["run", "--local", "--json", "--no-follow"]);
        let arn = run["executionArn"].as_str().expect("a run");
        Services::of(&stack).entered(arn, state, ENTERS_WITHIN);
        stack.kill();
        stack.load(&data);
        assert_eq!(stack.mart(), expected, "killed in {state}");
    }

    stack.kill();
    assert_eq!(stack.load(&data)["status"], "up-to-date");
    assert_eq!(stack.mart(), expected, "killed after a run");
}
