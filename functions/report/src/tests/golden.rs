//! Runs as they end in practice, with texts of people who mean harm.

use segue_contract::Compact;
use segue_contract::findings::Finding;
use segue_contract::messages::{Batch, Changes, Entered, FileOutcome, Merged, PlannedSource, Step};
use segue_contract::pipeline::{self, CHECK_HEADER, Deployment, WARNS_HEADER};

use super::*;
use crate::recent::Recent;

/// Text that must never be anything else: markup, an entity, an attribute's end, and characters that
/// control, reverse or hide.
pub const HOSTILE: &str =
    "<script>alert(1)</script>\"'&amp;</style>{{ 7 * 7 }}\u{202e}gnp.exe\u{1b}[2J\u{0}\u{9b}";

/// Each golden run: its name, the report, and the last runs.
pub fn all() -> Vec<(&'static str, Report, Vec<Recent>)> {
    vec![
        ("rejects", rejects(), recent("loaded-with-rejects")),
        ("failed_check", failed_check(), recent("failed")),
        ("failed_copy", failed_copy(), recent("failed")),
        ("merged", merged(), recent("loaded")),
        ("first_small_run", report(request()), Vec::new()),
        ("before_planning", before_planning(), recent("failed")),
    ]
}

fn report_of(request: ReportRequest, seconds: i64) -> Report {
    let start: Timestamp = request.run.started_at.parse().expect("a time");
    let end = Timestamp::from_second(start.as_second() + seconds).expect("a time");
    let report = Report::new(request, end).expect("complete");
    Report { stack: Some("segue-dev".into()), ..report }
}

fn at(seconds: f64) -> String {
    let start: Timestamp = "2018-11-30T05:00:00Z".parse().expect("a time");
    let milliseconds = start.as_millisecond() + (seconds * 1_000.0) as i64;
    Timestamp::from_millisecond(milliseconds).expect("a time").to_string()
}

fn run(id: &str, input: RunInput) -> Run {
    Run { id: id.into(), started_at: at(0.0), redrive_count: 0, input }
}

fn entered(phases: &[(&str, f64)]) -> Vec<Entered> {
    let entered = |(name, seconds): &(&str, f64)| Entered {
        name: (*name).into(),
        entered_time: at(*seconds),
        retry_count: u64::from(*name == "Check"),
    };
    phases.iter().map(entered).collect()
}

/// The phases of a run up to publishing, each beginning at its second.
const PHASES: [(&str, f64); 11] = [
    ("Create tables", 0.2),
    ("Find", 1.4),
    ("Subtract", 2.9),
    ("Plan", 5.3),
    ("Create staging", 6.0),
    ("Compact", 7.1),
    ("Stage", 31.0),
    ("Transform", 44.5),
    ("Find offenders", 52.2),
    ("Check", 54.6),
    ("Publish", 56.0),
];

fn planned(source: &str, prefix: &str, objects: u64, bytes: u64) -> PlannedSource {
    PlannedSource {
        source: source.into(),
        prefix: format!("s3://landing-eu-west-1/{prefix}"),
        listed: objects + 71,
        objects,
        changed: 1,
        bytes,
        max_rejects: 10,
        set_aside: 0,
        skipped: Vec::new(),
        loaded_by_other_paths: 0,
    }
}

fn plan() -> Plan {
    Plan {
        objects: 50_031,
        bytes: 17_355_598,
        sources: vec![
            planned("events", "log_data/", 30, 3_755_598),
            planned("songs", "song_data/", 50_001, 13_600_000),
        ],
        slices: 8,
        ..Plan::default()
    }
}

fn statement(step: &str, ended: f64, files: &[(&str, u64)]) -> StatementState {
    let outcome = |(file, duration_ms): &(&str, u64)| FileOutcome {
        file: format!("{}{file}", if file.contains('/') { "" } else { "publish/" }),
        rows: Some(duration_ms / 7),
        duration_ms: *duration_ms,
    };
    StatementState::Finished {
        statement_id: "s".into(),
        step: step.into(),
        duration_ms: files.iter().map(|(_, took)| took).sum(),
        files: files.iter().map(outcome).collect(),
        ended_at: Some(at(ended)),
        variants: Vec::new(),
        pending: None,
        changes: Vec::new(),
    }
}

fn loaded() -> Vec<StatementState> {
    vec![
        statement("stage/events", 40.0, &[("stage/events", 7_900)]),
        statement("stage/songs", 44.0, &[("stage/songs", 12_100)]),
        statement("plan/objects", 33.0, &[("plan/objects", 900)]),
    ]
}

fn complete(id: &str) -> ReportRequest {
    let mut published = statement(
        "publish",
        70.0,
        &[("30_songs", 2_100), ("40_artists", 900), ("50_users", 400), ("70_songplays", 8_700)],
    );
    if let StatementState::Finished { changes, variants, .. } = &mut published {
        let change =
            |table: &str, inserted, updated| Changes { table: table.into(), inserted, updated };
        *changes = vec![
            change("artists", 9_981, 3),
            change("songplays", 6_820, 12),
            change("songs", 49_998, 3),
            change("time", 6_813, 0),
            change("users", 96, 7),
        ];
        *variants =
            vec![Variants { table: "songs".into(), within_run: 2, beside_published: 1_234 }];
    }
    let rows = |counted: &str, rows| StagedRows { counted: counted.into(), rows };
    ReportRequest {
        run: run(id, RunInput { arrivals: true, ..RunInput::default() }),
        plan: Some(plan()),
        loaded: loaded(),
        transformed: Some(statement(
            "transform",
            52.0,
            &[("transform/10_songs", 2_000), ("transform/50_songplays", 4_100)],
        )),
        checked: Some(Checked {
            healthy: healthy(),
            staged: vec![rows("events", 8_056), rows("songs", 50_001)],
            ..Checked::default()
        }),
        published: Some(published),
        phases: entered(&[&PHASES[..], &[("Clean up", 70.4)]].concat()),
        entered_at: Some(at(71.0)),
        ..request()
    }
}

/// Every check that the pipeline has.
fn healthy() -> Vec<String> {
    let step = Step::first(run("r", RunInput::default()), "check");
    let statements = pipeline::render(&step, &Deployment::default()).expect("renders");
    let checks = statements.into_iter().filter(|one| {
        [CHECK_HEADER, WARNS_HEADER].iter().any(|header| one.sentence(header).is_some())
    });
    checks.map(|one| one.file).collect()
}

/// (a) A run that skipped records and set a file aside.
fn rejects() -> Report {
    let mut request = complete("0c9f2a6e-4d0b-4a7e-9d0a-6f6f0a5f7a11");
    if let Some(checked) = &mut request.checked {
        checked.rejected = vec![RejectedRows {
            source: "events".into(),
            rows: 2,
            max_rejects: 10,
            first: Vec::new(),
        }];
        checked.healthy.pop();
        checked.warnings = vec![format!("a column is (nearly) always null: column_name {HOSTILE}")];
    }
    request.run.input = RunInput {
        compact: Compact::Always,
        max_rejects: [("events".to_owned(), 10)].into(),
        max_rejected_objects: Some(2),
        ..RunInput::default()
    };
    request.set_aside = 1;
    let mut report = report_of(request, 72);
    report.rejects_uri = Some("s3://work/runs/r/rejects/".into());
    report.records = vec![
        BadRecord {
            column: Some("ts".into()),
            ..BadRecord::new(
                "s3://landing-eu-west-1/log_data/2018-11-03-events.json".into(),
                17,
                "Invalid digit, Value 'y', Pos 0, Type: Long; ts is \"yesterday\" (error 1207)"
                    .into(),
                Some(
                    r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 2, "ts": "yesterday", "userId": "9"}"#,
                ),
            )
        },
        BadRecord::new(
            format!("s3://landing-eu-west-1/log_data/{HOSTILE}.json"),
            3,
            format!("expected `}}`, found {HOSTILE}"),
            Some(&format!("{HOSTILE}{}", "x".repeat(100_000))),
        ),
    ];
    report.set_aside_files = vec![SetAsideFile {
        uri: format!("s3://landing-eu-west-1/song_data/{HOSTILE}"),
        reason: format!("line 1: an array of objects; {HOSTILE}"),
    }];
    report
}

/// (b) A check found offenders.
fn failed_check() -> Report {
    let finding = Finding {
        file: "check/20_references_are_kept".into(),
        offenders: 2,
        healthy: "every row to publish refers to rows that this run prepares, or to none.".into(),
        sample: vec![format!("session_id 7, user_id {HOSTILE}"), "session_id 8, no user_id".into()],
    };
    let cause = format!(
        "{finding}\nhint: nothing was published; fix the files or the check, then start the run again"
    );
    let failure = Caught { error: "QualityCheckFailed".into(), cause };
    let request = ReportRequest {
        failure: Some(failure),
        checked: None,
        published: None,
        phases: entered(&PHASES[..10]),
        entered_at: Some(at(55.9)),
        options: Some("{}".into()),
        ..complete("nightly-2018-11-30")
    };
    report_of(request, 56)
}

/// (c) A COPY rejected its input.
fn failed_copy() -> Report {
    let uri = "s3://landing-eu-west-1/song_data/A/B/it's $HOME.json";
    let reason = "String length exceeds DDL length; title is 312 bytes, the column holds 256";
    let failure = Caught {
        error: "LoadRejected".into(),
        cause: format!(
            "sql/stage/songs.sql: one value was rejected and nothing was loaded:\n  {uri} line 4, \
             column title varchar(256): {reason}: \"{HOSTILE}\"\nhint: fix or remove the file, then \
             start the run again; it loads whatever is not loaded yet"
        ),
    };
    let request = ReportRequest {
        failure: Some(failure),
        loaded: Vec::new(),
        transformed: None,
        checked: None,
        published: None,
        phases: entered(&PHASES[..7]),
        entered_at: Some(at(44.0)),
        options: Some(r#"{"arrivals": true}"#.into()),
        ..complete("s3-20181130T050000Z")
    };
    let mut report = report_of(request, 44);
    let record = BadRecord::new(uri.into(), 4, reason.into(), Some(HOSTILE));
    report.records = vec![BadRecord { column: Some("title".into()), ..record }];
    report
}

/// (d) Many small files were merged first.
fn merged() -> Report {
    let mut request = complete("backfill-7");
    let merged = Merged {
        objects: 50_001,
        documents: 50_001,
        bytes_read: 13_600_000,
        bytes_written: 2_400_000,
        milliseconds: 194_719,
        ..Merged::default()
    };
    request.compacted = vec![CompactedSource { source: "songs".into(), batches: 40, merged }];
    if let Some(plan) = &mut request.plan {
        let batch = |batch| Batch { source: "songs".into(), batch, max_rejects: 0 };
        plan.batches = (0..40).map(batch).collect();
    }
    report_of(request, 72)
}

/// (f) The run failed before it knew anything; its input may be the cause.
fn before_planning() -> Report {
    let failure = Caught {
        error: "InvalidInput".into(),
        cause: format!(
            "expected sources among events, songs, found {HOSTILE:?}\nhint: fix `sources`"
        ),
    };
    let request = ReportRequest {
        run: run(HOSTILE, RunInput::default()),
        failure: Some(failure),
        plan: None,
        loaded: Vec::new(),
        checked: None,
        phases: entered(&PHASES[..1]),
        entered_at: Some(at(1.0)),
        options: Some(format!("{{\"sources\": [\"{HOSTILE}\"]}}")),
        ..request()
    };
    report_of(request, 1)
}

fn recent(status: &str) -> Vec<Recent> {
    let line = |run_id: &str, status: &str, hours: f64| Recent {
        run_id: run_id.into(),
        status: status.into(),
        error: (status == "failed").then(|| "LoadRejected".into()),
        started_at: at(-3_600.0 * hours),
        duration_seconds: 71,
        files: 50_031,
        rows: 58_057,
    };
    vec![
        line("the-newest", status, 0.0),
        line("s3-20181130T040000Z", "loaded", 1.0),
        line(HOSTILE, "failed", 2.0),
        line("s3-20181130T020000Z", "loaded-with-rejects", 3.0),
    ]
}
