//! The doctor finds nothing wrong with a good stack, and names everything that is wrong with a bad
//! one.

use serde_json::Value;

use crate::stack::{STACK, Stack, data};

/// Check and source of every finding with this verdict.
fn of_verdict(findings: &Value, verdict: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = findings.as_array().expect("findings").iter();
    let such = findings.filter(|finding| finding["verdict"] == verdict);
    such.map(|finding| (text(&finding["check"]), text(&finding["source"]))).collect()
}

#[test]
fn the_doctor_passes_a_good_stack_and_names_what_is_wrong_with_another() {
    let stack = Stack::new();
    let data = data(stack.folder());
    stack.load(&data);
    let mart = stack.mart();
    let findings = stack.json(&["doctor", "--local", "--noload", "--json"]);
    assert_eq!(of_verdict(&findings, "bad"), [], "{findings}");
    let good = of_verdict(&findings, "good");
    for check in ["files", "paths", "widths", "copy"] {
        assert!(good.contains(&(check.to_owned(), "events".to_owned())), "{check}: {findings}");
    }

    let cloud = stack.cloud();
    let landing = &cloud.outputs(STACK)["LandingBucketName"];
    let paths = include_str!("../../sql/stage/events.jsonpaths.json");
    let swapped = paths
        .replace("firstName", "the other name")
        .replace("lastName", "firstName")
        .replace("the other name", "lastName");
    cloud.put(landing, "log_json_path.json", swapped);
    let song = serde_json::json!({
        "num_songs": 1, "artist_id": "A", "artist_name": "N", "song_id": "S", "duration": 1.5,
        "title": "é".repeat(513),
    });
    cloud.put(landing, "song_data/0/long.json", song.to_string());
    let output = stack.segue(&["doctor", "--local", "--noload", "--json"]);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{messages}");
    let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let named = |pairs: [(&str, &str); 2]| {
        pairs.map(|(check, source)| (check.to_owned(), source.to_owned()))
    };
    let expected = named([("widths", "songs"), ("copy", "songs")]);
    assert_eq!(of_verdict(&findings, "bad"), expected, "{findings}");
    let warned = of_verdict(&findings, "warning");
    assert!(warned.contains(&("paths".to_owned(), "events".to_owned())), "{findings}");
    let text = findings.to_string();
    for named in ["path 3 is $['lastName']", "title: 1026 bytes of 1024", "song_data/0/long.json"] {
        assert!(text.contains(named), "{named}: {text}");
    }
    assert_eq!(stack.mart(), mart, "looking changes nothing");
    let left = stack.query(
        "select count(*) as schemas from information_schema.schemata \
         where schema_name like 'staging_doctor%'",
    );
    assert_eq!(left[0]["schemas"], 0);
}
