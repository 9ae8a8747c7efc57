//! A function that does not answer is called again, whether Lambda or Step Functions notices first.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::model::Source;
use crate::world::{Aim, FUNCTIONS, Kill, Mischief, World, arn};

/// Late enough that a statement must be polled.
const LATE: Duration = Duration::from_secs(15);
/// Longer than any task waits.
const A_DAY: Duration = Duration::from_secs(86_400);

const EVENT: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830796, "userId": "9"}"#;

/// A run in which one invocation of this function never answers.
async fn silenced(function: &'static str, prepare: impl Fn(&World)) {
    let world = World::with(match function {
        "Poll" => Mischief::late_statements(LATE),
        _ => Mischief::none(),
    });
    world.put(Source::Events, "a.json", EVENT);
    prepare(&world);
    let aim = Arc::new(Aim::new(Kill::Silent, 1));
    world.mischief.aim(function, &aim);
    let ended = world.run(json!({"compact": "always"})).await;
    assert_eq!(ended.error, None, "{function}: {:?}", ended.cause);
    assert_eq!(ended.output["status"], "loaded", "{function}");
    assert!(ended.output["report"].is_string(), "{function}: {}", ended.output);
    assert_eq!(aim.left(), 0, "{function} was never invoked");
    assert_eq!(world.ledger().await.len(), 1, "{function}");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_lambda_ends_is_called_again() {
    for function in FUNCTIONS {
        silenced(function, |_| {}).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_the_task_gives_up_on_is_called_again() {
    for function in FUNCTIONS {
        silenced(function, |world| world.region.limit_time(&arn(function), A_DAY)).await;
    }
}
