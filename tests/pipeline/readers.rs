//! Who may do what in the warehouse: the functions with only the README's grants, and people who
//! read.

use redshift_local::Caller;
use serde_json::{Value, json};

use crate::model::Source;
use crate::world::World;

const SONG: &str = r#"{"num_songs": 1, "artist_id": "A", "artist_name": "N", "song_id": "S", "title": "T", "duration": 1.5, "year": 0}"#;
const EVENT: &str = r#"{"page": "NextSong", "ts": 1541100000000, "sessionId": 1, "itemInSession": 0, "userId": "7", "level": "free", "song": "T", "artist": "N", "length": 1.5}"#;

/// A statement's outcome for this caller: its error, or `None`.
async fn error_of(world: &World, access_key: &str, sql: &str) -> Option<String> {
    let caller = Caller::of_access_key(access_key);
    let request =
        json!({"Database": "dev", "WorkgroupName": "workgroup", "Sql": sql, "WaitTimeSeconds": 30});
    let call =
        |operation: &'static str, request: Value| world.engine.call_as(&caller, operation, request);
    let id = call("ExecuteStatement", request).await.expect("submitted")["Id"].clone();
    let ended = call("DescribeStatement", json!({"Id": id, "WaitTimeSeconds": 30})).await;
    ended.expect("described")["Error"].as_str().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn the_functions_need_one_grant_and_readers_read_mart_alone_also_after_a_rebuild() {
    let world = World::of_role("role.functions", "readers");
    world.put(Source::Songs, "a.json", SONG);
    world.put(Source::Events, "a.json", EVENT);
    let refused = world.run(json!({})).await;
    let cause = refused.cause.expect("no right to create schemas");
    assert!(cause.contains("permission denied for database dev"), "{cause}");

    let setup = "grant create on database dev to \"IAMR:functions\"; create role readers; \
                 create user \"IAM:analyst\" password disable; grant role readers to \"IAM:analyst\"";
    world.engine.query(setup).await.expect("the administrator's statements");
    world.load().await;
    let rebuilt = world.run(json!({"rebuild": true})).await;
    assert!(rebuilt.error.is_none(), "{:?}", rebuilt.cause);
    assert_eq!(world.rows("select song_id from mart.songplays").await.len(), 1);

    for table in ["songplays", "users", "songs", "artists", "time"] {
        let sql = format!("select count(*) from mart.{table}");
        assert_eq!(error_of(&world, "user.analyst", &sql).await, None, "{table}");
    }
    for (sql, error) in [
        ("select count(*) from ops.loaded_objects", "permission denied for schema ops"),
        ("delete from mart.songplays", "permission denied for relation songplays"),
    ] {
        let found = error_of(&world, "user.analyst", sql).await;
        assert_eq!(found, Some(format!("ERROR: {error}")), "{sql}");
    }
    let denied = world.plan_as("user.analyst").await.expect("no right to read the ledger");
    let (_, grants) = denied.split_once("the owner for: ").expect("the grants that are missing");
    world.engine.query(grants).await.expect("the administrator's statements");
    assert_eq!(world.plan_as("user.analyst").await, None);
    let stranger = error_of(&world, "user.stranger", "select count(*) from mart.users").await;
    assert_eq!(stranger.as_deref(), Some("ERROR: permission denied for schema mart"));
}

#[tokio::test(start_paused = true)]
async fn a_migration_needs_no_other_right_and_takes_none_from_readers() {
    let world = World::of_role("role.functions", "readers");
    let setup = "create user \"IAMR:functions\" password disable; create role readers; \
                 grant create on database dev to \"IAMR:functions\"; \
                 create user \"IAM:analyst\" password disable; grant role readers to \"IAM:analyst\"";
    world.engine.query(setup).await.expect("the administrator's statements");
    let earlier = concat!(
        include_str!("migrations/before_0001.sql"),
        "grant usage on schema mart to role readers; ",
        "grant select on all tables in schema mart to role readers; ",
        "insert into ops.runs values ('old', 'songs', 1, 1, 1, getdate())",
    );
    for sql in earlier.split(';').filter(|sql| !sql.trim().is_empty()) {
        assert_eq!(error_of(&world, "role.functions", sql).await, None, "{sql}");
    }
    world.put(Source::Songs, "a.json", SONG);
    let migrated = world.load().await;
    assert!(migrated.states().contains(&"Migrate"), "{:?}", migrated.states());
    let sql = "select count(run_id) from mart.songs";
    assert_eq!(error_of(&world, "user.analyst", sql).await, None);
}
