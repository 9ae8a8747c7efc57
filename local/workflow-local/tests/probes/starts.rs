//! A name that is used twice.

use serde_json::{Value, json};

use crate::probe::{Probe, Seen, Then, waiting};

fn again(seen: &Seen) -> Value {
    json!(seen.again)
}

/// Starting is idempotent: the name and input of a running execution give that execution. A closed
/// execution's name, or another input, gives `ExecutionAlreadyExists`.
pub fn probes() -> Vec<Probe> {
    let refused = json!("ExecutionAlreadyExists");
    vec![
        Probe::new(
            "a_running_execution_s_name_and_input_mean_that_execution",
            waiting(600),
            again,
            json!("the same"),
        )
        .then(Then::StartAgain(json!({})))
        .but_emulated(refused.clone()),
        Probe::new("another_input_needs_another_name", waiting(600), again, refused.clone())
            .then(Then::StartAgain(json!({"other": true}))),
        Probe::new("a_closed_execution_s_name_is_used", waiting(1), again, refused)
            .then(Then::StartAfterwards(json!({}))),
    ]
}
