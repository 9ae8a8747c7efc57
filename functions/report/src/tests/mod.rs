mod golden;
mod html;

use jiff::Timestamp;
use segue_contract::messages::{
    Caught, Checked, CompactedSource, FileOutcome, Plan, RejectedRows, ReportRequest, StagedRows,
    StatementState, Variants,
};
use segue_contract::{ErrorName, Run, RunInput};

use crate::{BadRecord, Report, SetAsideFile};

pub fn request() -> ReportRequest {
    ReportRequest {
        run: Run {
            id: "r".into(),
            started_at: "2018-11-01T00:00:00.000Z".into(),
            redrive_count: 0,
            input: RunInput::default(),
        },
        failure: None,
        plan: Some(Plan { objects: 2, bytes: 10, ..Plan::default() }),
        compacted: Vec::new(),
        loaded: vec![StatementState::Finished {
            statement_id: "s".into(),
            step: "stage/songs".into(),
            duration_ms: 5,
            files: vec![FileOutcome { file: "stage/songs".into(), rows: None, duration_ms: 5 }],
            ended_at: None,
            variants: Vec::new(),
            pending: None,
            changes: Vec::new(),
        }],
        transformed: None,
        checked: Some(Checked { staged: staged(), ..Checked::default() }),
        published: None,
        set_aside: 0,
        phases: Vec::new(),
        entered_at: None,
        options: None,
    }
}

fn staged() -> Vec<StagedRows> {
    vec![StagedRows { counted: "songs".into(), rows: 14_896 }]
}

/// Checks that passed, with this many records of songs skipped.
pub fn rejecting(rows: u64) -> Checked {
    let rejected = RejectedRows {
        source: "songs".into(),
        rows,
        max_rejects: 10,
        first: vec!["s3://landing/a.json line 3, column year: <b>Invalid digit</b>".into()],
    };
    Checked { rejected: vec![rejected], staged: staged(), ..Checked::default() }
}

pub fn report(request: ReportRequest) -> Report {
    let now = "2018-11-01T00:00:42Z".parse().expect("a time");
    Report::new(request, now).expect("complete")
}

#[test]
fn a_report_says_what_the_run_did() {
    insta::assert_json_snapshot!(report(request()));
}

#[test]
fn a_start_that_is_not_a_time_is_refused() {
    let mut request = request();
    request.run.started_at = "yesterday".into();
    let failure = Report::new(request, Timestamp::UNIX_EPOCH).expect_err("no time");
    assert_eq!(failure.name, ErrorName::InvalidInput);
}

#[test]
fn the_document_names_every_field_of_a_report() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let document = std::fs::read_to_string(path).expect("a document");
    let (_, section) = document.split_once("## A report").expect("a section");
    for (name, report, _) in golden::all() {
        let json = serde_json::to_value(&report).expect("JSON");
        for field in json.as_object().expect("an object").keys() {
            assert!(section.contains(&format!("`{field}`")), "{name} has the field {field}");
        }
    }
}
