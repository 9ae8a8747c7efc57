//! What looks wrong but stops no run: in its output and its report.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::model::Source;
use crate::world::{Kind, Mischief, WORK_BUCKET, World};

/// A world that has loaded a folder of files: `log_data` and `song_data`.
async fn loaded(case: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases").join(case);
    if !folder.is_dir() {
        println!("{} is absent and skipped", folder.display());
        return None;
    }
    let world = World::new();
    for (source, name) in [(Source::Events, "log_data"), (Source::Songs, "song_data")] {
        for entry in fs::read_dir(folder.join(name)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("UTF-8");
            world.put(source, &path.file_name().expect("a name").to_string_lossy(), &text);
        }
    }
    Some(world.load().await.output)
}

#[tokio::test(start_paused = true)]
async fn keys_in_another_case_are_warned_of_by_the_columns_that_stay_null() {
    let Some(output) = loaded("optional-keys-spelt-otherwise/data").await else { return };
    let warnings = output["warnings"].to_string();
    for column in ["artist", "level", "song", "user_id"] {
        assert!(warnings.contains(&format!("column_name {column}")), "{column}: {warnings}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_without_a_play_are_warned_of() {
    let world = World::new();
    let event = r#"{"page": "nextsong", "sessionId": 1, "itemInSession": 0, "ts": 1541105831796}"#;
    world.put(Source::Events, "a.json", event);
    let output = world.load().await.output;
    insta::assert_snapshot!(output["warnings"][0].as_str().unwrap_or_default(), @"none of these events is a play; a play is an event whose page is exactly NextSong: events 1, plays 0, a_page nextsong, another_page nextsong");
}

#[tokio::test(start_paused = true)]
async fn implausible_times_and_reused_sessions_are_warned_of() {
    let world = World::new();
    let play = |user: u32, ts: u64| {
        format!(
            "{{\"page\": \"NextSong\", \"sessionId\": 1, \"itemInSession\": 0, \"ts\": {ts}, \
             \"userId\": \"{user}\", \"level\": \"free\", \"song\": \"s\", \"artist\": \"a\"}}\n"
        )
    };
    // Seconds instead of milliseconds.
    world.put(Source::Events, "a.json", &(play(1, 1_541_105_830) + &play(2, 1_541_105_830_796)));
    let ended = world.load().await;
    let warnings = ended.output["warnings"].as_array().expect("warnings").clone();
    let joined: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
    insta::assert_snapshot!(joined.join("\n"), @r"
    events are dated before 2000 or over a day ahead; `ts` is in milliseconds since 1970: events 1, earliest 1970-01-18 20:05:05.83, latest 1970-01-18 20:05:05.83
    one session and item belong to plays of several users or days; only one is published: plays 1, a_session 1, another_session 1
    ");
    let report = ended.output["report"].as_str().expect("a report");
    let key = report.trim_start_matches(&format!("s3://{WORK_BUCKET}/"));
    let page = world.objects.get(WORK_BUCKET, key).expect("a page");
    assert!(String::from_utf8_lossy(&page.body).contains("warning:</strong>"));
}

#[tokio::test(start_paused = true)]
async fn ordinary_events_are_not_warned_of() {
    let world = World::new();
    let play = r#"{"page": "NextSong", "sessionId": 1, "itemInSession": 0, "ts": 1541105831796, "userId": "7", "level": "free", "song": "T", "artist": "N"}"#;
    world.put(Source::Events, "a.json", play);
    assert_eq!(world.load().await.output.get("warnings"), None);
    let home =
        play.replace("NextSong", "Home").replace("\"itemInSession\": 0", "\"itemInSession\": 1");
    world.put(Source::Events, "b.json", &home);
    assert_eq!(world.run(json!({})).await.output.get("warnings"), None);
}

#[tokio::test(start_paused = true)]
async fn a_warning_fails_a_run_where_the_stack_says_so() {
    let kind = Kind { warnings_fail: true, ..Kind::default() };
    let world = World::of(kind, Mischief::none());
    let event = r#"{"page": "nextsong", "sessionId": 1, "itemInSession": 0, "ts": 1541105831796}"#;
    world.put(Source::Events, "a.json", event);
    let ended = world.run(json!({})).await;
    assert_eq!(ended.error.as_deref(), Some("QualityCheckFailed"));
    let cause = ended.cause.unwrap_or_default();
    assert!(cause.contains("none of these events is a play"), "{cause}");
    assert!(world.ledger().await.is_empty());
}
