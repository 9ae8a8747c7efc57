//! No statement outlives its purpose: one that exceeds its deadline, or that an aborted or failed
//! run leaves behind, is cancelled, and the next run loads everything.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::model::Source;
use crate::world::{Aim, Kill, Mischief, RUN_DEADLINE, STEP_DEADLINE, World};

/// The COPY of a run's events: after the tables, the ledger and the staging schema.
const COPY: u32 = 3;
/// Its publishing: after the list of objects, the transformation and the check as well.
const PUBLISH: u32 = 7;
/// The time that polls, cancelling and EventBridge may take.
const SLACK: Duration = Duration::from_secs(300);

const EVENT: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830796, "userId": "9"}"#;

/// A world whose COPY starts this late.
fn held_up(delay: Duration) -> World {
    held_up_at(COPY, delay)
}

/// A world in which this statement starts this late.
fn held_up_at(statement: u32, delay: Duration) -> World {
    let world = World::with(Mischief::late_statement(statement, delay));
    world.put(Source::Events, "a.json", EVENT);
    world
}

/// Nothing is running, nothing is published, and the next run loads everything.
async fn nothing_is_left_and_the_next_run_loads(world: &World) {
    tokio::time::sleep(SLACK).await;
    assert_eq!(world.unfinished_statements().await, Vec::<String>::new());
    assert!(world.region.running().is_empty());
    assert!(world.ledger().await.is_empty());
    assert_eq!(world.load().await.output["status"], "loaded");
    assert_eq!(world.ledger().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_outlives_its_step_s_deadline_is_cancelled() {
    let world = held_up(2 * STEP_DEADLINE);
    let begun = tokio::time::Instant::now();
    let ended = world.run(json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("DeadlineExceeded"), "{:?}", ended.cause);
    let cause = ended.cause.unwrap_or_default();
    assert!(cause.contains("stage/events: cancelled after 21600 seconds"), "{cause}");
    let took = begun.elapsed();
    assert!(took > STEP_DEADLINE && took < STEP_DEADLINE + SLACK, "{took:?}");
    nothing_is_left_and_the_next_run_loads(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_ends_before_its_deadline_is_waited_for() {
    let world = held_up(STEP_DEADLINE - SLACK);
    assert_eq!(world.load().await.output["status"], "loaded");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_aborted_has_the_statement_of_its_step_cancelled() {
    let world = held_up(RUN_DEADLINE);
    let running = world.start(json!({}));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(world.unfinished_statements().await, ["\"segue/run-0/stage/events/1\""]);
    world.region.stop(&running.arn, "", "somebody stopped it");
    nothing_is_left_and_the_next_run_loads(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_execution_timed_out_has_its_statement_cancelled() {
    let world = held_up(RUN_DEADLINE);
    let running = world.start(json!({}));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let nested = world.region.running().into_iter().filter(|arn| *arn != running.arn);
    nested.for_each(|arn| world.region.stop(&arn, "States.Timeout", "it took too long"));
    let ended = world.end(&running).await;
    assert_eq!(ended.error.as_deref(), Some("States.Timeout"), "{:?}", ended.cause);
    nothing_is_left_and_the_next_run_loads(&world).await;
}

#[tokio::test(start_paused = true)]
async fn the_statement_of_a_step_that_failed_for_lack_of_an_answer_is_cancelled() {
    for (statement, step) in [(COPY, "stage/events"), (PUBLISH, "publish")] {
        let world = held_up_at(statement, STEP_DEADLINE - SLACK);
        world.mischief.aim("Poll", &Arc::new(Aim::new(Kill::Silent, u32::MAX)));
        let ended = world.run(json!({})).await;
        assert_eq!(ended.error.as_deref(), Some("Sandbox.Timedout"), "{step}: {:?}", ended.cause);
        world.mischief.aim("Poll", &Arc::new(Aim::new(Kill::Silent, 0)));
        nothing_is_left_and_the_next_run_loads(&world).await;
    }
}
