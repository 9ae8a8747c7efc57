use segue_contract::messages::{FileOutcome, Merged, RejectedRows, StagedRows, Variants};
use segue_contract::{Run, RunInput};

use super::*;

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
            variants: Vec::new(),
            pending: None,
        }],
        transformed: None,
        checked: Some(Checked { staged: staged(), ..Checked::default() }),
        published: None,
        set_aside: 0,
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
fn the_page_shows_what_was_merged() {
    let merged = Merged { objects: 385_252, documents: 385_252, ..Merged::default() };
    let compacted = vec![CompactedSource { source: "songs".into(), batches: 40, merged }];
    let page = page::render(&report(ReportRequest { compacted, ..request() })).expect("renders");
    assert!(page.contains("Merged before the COPY") && page.contains("385,252"), "{page}");
    assert!(page.contains("Expected and actual") && page.contains("<td>actual</td>"), "{page}");
}

#[test]
fn a_run_that_skipped_records_says_which_and_where_they_are() {
    let mut report = report(ReportRequest { checked: Some(rejecting(3)), ..request() });
    assert_eq!((report.status, report.rejected()), ("loaded-with-rejects", 3));
    report.rejects_uri = Some("s3://work/runs/r/rejects/".into());
    let page = page::render(&report).expect("renders");
    for part in [
        "<h2>Skipped</h2>",
        "line 3, column year: &lt;b&gt;",
        "s3:&#x2f;&#x2f;work&#x2f;runs&#x2f;r&#x2f;rejects&#x2f;",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn the_page_shows_text_from_files_as_text() {
    let failure =
        Caught { error: "LoadRejected".into(), cause: "<script>alert(1)</script>".into() };
    let page = page::render(&report(ReportRequest { failure: Some(failure), ..request() }));
    let page = page.expect("renders");
    assert!(page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains("<script>"), "{page}");
    assert!(page.contains("14,896"), "{page}");
}

#[test]
fn a_start_that_is_not_a_time_is_refused() {
    let mut request = request();
    request.run.started_at = "yesterday".into();
    let failure = Report::new(request, Timestamp::UNIX_EPOCH).expect_err("no time");
    assert_eq!(failure.name, ErrorName::InvalidInput);
}

#[test]
fn the_page_counts_keys_with_records_that_differ() {
    let songs = Variants { table: "songs".into(), within_run: 2, beside_published: 1_234 };
    let published = Some(StatementState::Finished {
        statement_id: "s".into(),
        step: "publish".into(),
        duration_ms: 5,
        files: Vec::new(),
        variants: vec![songs],
        pending: None,
    });
    let page = page::render(&report(ReportRequest { published, ..request() })).expect("renders");
    assert!(page.contains("Records that differ") && page.contains("1,234"), "{page}");
}
