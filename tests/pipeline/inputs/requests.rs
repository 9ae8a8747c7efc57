//! Invalid inputs and names of executions.

use super::trial::{Trial, ending};
use crate::world::WORK_BUCKET;

/// Inputs of an execution that no run can carry out, or that are empty.
const INPUTS: [&str; 13] = [
    r#"{"rebuld": true}"#,
    r#"{"rebuild": "yes"}"#,
    r#"{"rebuild": true, "sources": ["songs"]}"#,
    r#"{"sources": "songs"}"#,
    r#"{"sources": []}"#,
    r#"{"sources": ["song"]}"#,
    r#"{"sources": ["songs'; drop table mart.songs; --"]}"#,
    r#"{"compact": "sometimes"}"#,
    r#"{"maxRejects": {"events": -1}}"#,
    r#"{"maxRejects": {"events": 100000}}"#,
    r#"{"maxRejects": {"plays": 1}}"#,
    r#"{"maxRejects": {"events": 1, "'; drop table mart.songs; --": 1}}"#,
    "[]",
];

/// Invalid names of executions.
const NAMES: [&str; 7] = [
    "'; drop table mart.songs; --",
    "with spaces",
    "ünïcode",
    "../../up",
    "{{ staging }}",
    "percent%20",
    "line\nbreak",
];

#[tokio::test(start_paused = true)]
async fn an_input_or_name_that_cannot_be_carried_out_is_refused_by_name() {
    let trial = Trial::new("never").await;
    let before = trial.world.ledger().await;
    let inputs = INPUTS.iter().enumerate().map(|(n, input)| (format!("asked-{n}"), *input));
    let names = NAMES.iter().map(|name| ((*name).to_owned(), "{}"));
    let mut endings = String::new();
    for (name, input) in inputs.chain(names) {
        let asked = serde_json::from_str(input).expect("an execution's input is JSON");
        let ended = trial.world.end(&trial.world.start_as(&name, asked)).await;
        assert_eq!(ended.error.as_deref(), Some("InvalidInput"), "{name}: {ended:?}");
        endings.push_str(&format!("{name:?}, asked {input}\n"));
        endings.push_str(&ending("run", &name, &ended));
    }
    trial.compare("refused").await;
    assert_eq!(trial.world.ledger().await, before);
    trial.end().await;
    insta::assert_snapshot!(endings);
}

#[tokio::test(start_paused = true)]
async fn a_refused_name_is_not_part_of_a_key() {
    let trial = Trial::new("never").await;
    let count = || trial.world.objects.under(WORK_BUCKET, "").len();
    for name in NAMES {
        let before = count();
        let ended = trial.world.end(&trial.world.start_as(name, serde_json::json!({}))).await;
        let cause = ended.cause.unwrap_or_default();
        let (_, report) = cause.split_once("\nreport: s3://work/").expect("a report");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        assert!(report.bytes().all(is_plain) && !report.contains(".."), "{report}");
        assert!(trial.world.objects.get(WORK_BUCKET, report).is_some(), "{report}");
        assert_eq!(count(), before + 3, "{name}: a report of each kind, and a line about the run");
    }
}
