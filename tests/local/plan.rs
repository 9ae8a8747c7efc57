//! A plan says what the next run does, and leaves everything as it was.

use serde_json::Value;

use crate::services::Services;
use crate::stack::{Stack, data, part, song};

fn steps(plan: &Value) -> Vec<&str> {
    let steps = plan["steps"].as_array().expect("an array").iter();
    steps.map(|step| step["step"].as_str().expect("a name")).collect()
}

fn unloaded(plan: &Value) -> Vec<(bool, &str)> {
    let objects = plan["unloaded"].as_array().expect("an array").iter();
    let named = objects.map(|object| {
        let key = object["uri"].as_str().expect("a URI").rsplit('/').next().expect("a name");
        (object["changed"].as_bool().expect("a boolean"), key)
    });
    named.collect()
}

#[test]
fn a_plan_names_what_the_next_run_loads_and_touches_nothing() {
    let stack = Stack::empty();
    let cloud = Services::of(&stack);
    cloud.silence_bucket();
    let folder = stack.folder();
    let some = |name: &str| name.starts_with("TRAAA") || name.contains("-01-");
    let part = part(&data(folder), folder, &some);
    let plan = |stack: &Stack| stack.json(&["plan", "--local", "--json", "--objects", "1000"]);

    stack.done(&["local", "up", "--data", part.to_str().expect("UTF-8")]);
    let first = plan(&stack);
    assert_eq!(first["status"], "new", "{first}");
    let objects = first["objects"].as_u64().expect("a number") as usize;
    assert_eq!(unloaded(&first).len(), objects);
    assert!(unloaded(&first).iter().all(|(changed, _)| !changed));
    assert!(stack.statuses().is_empty(), "a plan is no run");
    let tables = "select count(*) as counted from information_schema.tables \
                  where table_schema in ('mart', 'ops')";
    assert_eq!(stack.count(tables), 0, "a plan creates nothing");
    let expected = [
        "create",
        "plan/subtract",
        "create/staging",
        "stage/events",
        "stage/songs",
        "plan/objects",
        "transform",
        "check",
        "publish",
        "sweep/own",
    ];
    assert_eq!(steps(&first), expected);

    stack.load(&part);
    let loaded = stack.count("select count(*) as counted from ops.loaded_objects");
    assert_eq!(loaded as usize, objects, "the run has loaded what was planned");
    let second = plan(&stack);
    assert_eq!(second["status"], "up-to-date");
    assert_eq!(steps(&second), ["create", "plan/subtract"]);

    let ((key, body), (other_key, other_body)) = (song(1), song(2));
    cloud.put([(key.clone(), body)]);
    stack.done(&["run", "--local"]);
    cloud.put([(key, other_body.clone()), (other_key, other_body)]);
    let third = plan(&stack);
    assert_eq!(unloaded(&third), [(true, "TR000001.json"), (false, "TR000002.json")]);
    let shown = stack.done(&["plan", "--local", "--sql"]);
    let shown = String::from_utf8(shown).expect("UTF-8");
    for expected in ["TR000002.json", "copy staging_preview.staging_songs", "merge into mart.songs"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("copy staging_preview.staging_events"), "{shown}");
}

/// One command follows the run that another has started.
#[test]
fn a_second_run_command_attaches_to_the_run_in_flight() {
    let stack = Stack::new();
    // Each object costs the warehouse time, so that the run is still in flight.
    let up = ["local", "up", "--slices", "1", "--object-latency-ms", "2000"];
    stack.done(&up);
    let cloud = Services::of(&stack);
    cloud.silence_bucket();
    let folder = stack.folder();
    let some = |name: &str| name.starts_with("TRAAA") || name.contains("-01-");
    let part = part(&data(folder), folder, &some);
    stack.done(&[&up[..], &["--data", part.to_str().expect("UTF-8")]].concat());
    let started = stack.json(&["run", "--local", "--json", "--no-follow"]);
    assert_eq!(started["status"], "running");
    let attached = stack.json(&["run", "--local", "--json"]);
    assert_eq!(attached["executionArn"], started["executionArn"]);
    assert_eq!(attached["status"], "loaded");
    assert_eq!(stack.statuses(), ["loaded"]);
}
