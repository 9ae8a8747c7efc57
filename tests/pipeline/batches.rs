//! How the load state machine handles the results of merging a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use segue_contract::ErrorName;
use serde_json::json;
use workflow_local::{Ended, FunctionError};

use crate::model::Source;
use crate::world::{World, arn};

/// A run whose every merge fails with this name, and how often it was tried.
async fn merges_fail(name: ErrorName) -> (Ended, u32) {
    let world = World::new();
    world.put(Source::Songs, "a.json", r#"{"song_id": "SO1", "artist_id": "AR1"}"#);
    let tried = Arc::new(AtomicU32::new(0));
    let tries = Arc::clone(&tried);
    world.region.add_function(&arn("Compact"), move |_| {
        tries.fetch_add(1, Ordering::Relaxed);
        let error_type = name.to_string();
        async move { Err(FunctionError::Failed { error_type, error_message: "why".into() }) }
    });
    let ended = world.run(json!({"compact": "always"})).await;
    assert_eq!(ended.error, Some(name.to_string()), "{:?}", ended.cause);
    assert!(world.ledger().await.is_empty());
    (ended, tried.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_s3_held_up_is_merged_once_more_and_then_named() {
    let (ended, tried) = merges_fail(ErrorName::SourceUnreadable).await;
    assert_eq!(tried, 2);
    assert!(ended.cause.is_some_and(|cause| cause.contains("why")));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_must_act_on_is_not_merged_again() {
    for name in [ErrorName::LoadRejected, ErrorName::InvalidConfiguration] {
        assert_eq!(merges_fail(name).await.1, 1, "{name}");
    }
}
