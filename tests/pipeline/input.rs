//! Inputs that no run takes: refused by name before anything is touched, and reported like any failure.

use serde_json::json;

use crate::model::Source;
use crate::world::World;

const EVENT: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830796, "userId": "9"}"#;

#[tokio::test(start_paused = true)]
async fn an_input_that_cannot_be_read_is_refused_by_name_and_touches_nothing() {
    let world = World::new();
    world.put(Source::Events, "a.json", EVENT);
    let inputs = [
        (json!({"rebuld": true}), "rebuld"),
        (json!({"rebuild": "yes"}), "boolean"),
        (json!({"sources": "songs"}), "sequence"),
        (json!({"compact": "sometimes"}), "sometimes"),
        (json!({"maxRejects": {"events": -1}}), "-1"),
        (json!({"maxRejects": {"plays": 1}}), "plays"),
    ];
    for (input, named) in inputs {
        let ended = world.run(input.clone()).await;
        let cause = ended.cause.unwrap_or_default();
        assert_eq!(ended.error.as_deref(), Some("InvalidInput"), "{input}: {cause}");
        assert!(cause.contains(named), "{input}: {cause}");
        assert!(world.ledger().await.is_empty(), "{input}");
    }
    assert_eq!(world.load().await.output["status"], "loaded");
}
