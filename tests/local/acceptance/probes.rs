//! Questions that only a real warehouse can answer, each next to what the code assumes.
//!
//! The code handles every answer (docs/aws-assumptions.md); this shows which one holds today.

use std::fmt;
use std::time::{Duration, Instant};

use super::place::{Batch, Place};

/// How long a system view may take to show a COPY.
const SHOWN_WITHIN: Duration = Duration::from_secs(180);
const SCHEMA: &str = "segue_acceptance";

/// One answer.
pub struct Answer {
    row: &'static str,
    question: &'static str,
    assumed: &'static str,
    found: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, question, assumed, found } = self;
        write!(formatter, "{row}  {question}\n      assumed: {assumed}\n      found:   {found}")
    }
}

/// Runs all probes in a schema that is dropped afterwards.
pub fn all(place: &Place) -> Vec<Answer> {
    run(place, &[&format!("drop schema if exists {SCHEMA} cascade")]);
    run(
        place,
        &[
            &format!("create schema {SCHEMA}"),
            &format!("create table {SCHEMA}.target (k integer, v varchar(20))"),
        ],
    );
    let answers = copies(place).into_iter().chain(merges(place)).chain([migrates(place)]).collect();
    run(place, &[&format!("drop schema {SCHEMA} cascade")]);
    answers
}

fn run(place: &Place, statements: &[&str]) -> Batch {
    let batch = place.batch(statements);
    assert!(batch.error.is_none(), "{statements:?}: {:?}", batch.error);
    batch
}

/// What is known about a COPY that loads two of three records.
fn copies(place: &Place) -> [Answer; 4] {
    let key = "runs/acceptance/records.json";
    place.put_beside(
        key,
        "{\"k\":1,\"v\":\"a\"}\n{\"k\":\"two\",\"v\":\"b\"}\n{\"k\":3,\"v\":\"c\"}\n",
    );
    let copy = format!(
        "copy {SCHEMA}.target from 's3://{}/{key}' iam_role '{}' format as json 'auto' maxerror 10",
        place.work_bucket, place.copy_role
    );
    let batch = run(place, &[&copy, "select pg_last_copy_count()", "select pg_backend_pid()"]);
    let (result_rows, query_id) = batch.counts[0];
    let counted = one(place, &format!("{}:2", batch.id));
    assert_eq!(counted, "2", "pg_last_copy_count() counts what was loaded");
    let session = one(place, &format!("{}:3", batch.id));

    let begun = Instant::now();
    // The view shows a COPY while it still runs, too, and counts nothing yet.
    let history = format!(
        "select query_id, loaded_rows, error_count from sys_load_history \
         where session_id = {session} and trim(status) = 'completed'"
    );
    let load = shown(place, &history);
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(load[1..], ["2", "1"], "loaded and refused");
    let errors =
        format!("select line_number from sys_load_error_detail where query_id = {}", load[0]);
    assert_eq!(shown(place, &errors), ["2"], "the line of the refused record");
    [
        Answer {
            row: "D1",
            question: "ResultRows of a COPY that loads two records",
            assumed: "0; never used",
            found: result_rows.to_string(),
        },
        Answer {
            row: "D1",
            question: "pg_last_copy_count() in the COPY's transaction",
            assumed: "2",
            found: counted,
        },
        Answer {
            row: "D2",
            question: "Is RedshiftQueryId the id of the SYS views?",
            assumed: "on a workgroup, not on a cluster; never used",
            found: format!("{query_id} next to {}", load[0]),
        },
        Answer {
            row: "D3",
            question: "Seconds until sys_load_history shows a COPY",
            assumed: "some; a missing row is waited for",
            found: format!("{seconds:.1}"),
        },
    ]
}

/// The one row of a system view, which may show it late.
fn shown(place: &Place, sql: &str) -> Vec<String> {
    let begun = Instant::now();
    loop {
        match place.rows(sql).as_mut_slice() {
            [] => {
                assert!(begun.elapsed() < SHOWN_WITHIN, "still no row: {sql}");
                std::thread::sleep(Duration::from_millis(250));
            }
            [row] => return row.iter_mut().map(|value| value.take().unwrap_or_default()).collect(),
            rows => panic!("expected one row, found {}: {sql}", rows.len()),
        }
    }
}

/// The names that a MERGE accepts for the columns of its target.
fn merges(place: &Place) -> [Answer; 2] {
    run(
        place,
        &[
            &format!("create table {SCHEMA}.source (k integer, v varchar(20))"),
            &format!("insert into {SCHEMA}.source values (1, 'new')"),
        ],
    );
    let merge = |target: &str| {
        let sql = format!(
            "merge into {SCHEMA}.target using {SCHEMA}.source as loaded on {target}.k = loaded.k \
             when matched then update set v = loaded.v \
             when not matched then insert (k, v) values (loaded.k, loaded.v)"
        );
        place.batch(&[&sql]).error.map_or("taken".to_owned(), |error| format!("refused: {error}"))
    };
    let full = merge(&format!("{SCHEMA}.target"));
    assert_eq!(full, "taken", "the pipeline's MERGE statements name columns in full");
    [
        Answer {
            row: "S1",
            question: "Columns of a MERGE's target, named in full",
            assumed: "taken",
            found: full,
        },
        Answer {
            row: "S1",
            question: "The same by the bare name of the table",
            assumed: "unknown; never used",
            found: merge("target"),
        },
    ]
}

/// What a migration does to a table, in one transaction.
fn migrates(place: &Place) -> Answer {
    const URI: &str = "s3://b/é";
    let hash = format!("strtol(substring(md5('{URI}'), 1, 15), 16)");
    let batch = place.batch(&[
        &format!("create table {SCHEMA}.next (h bigint not null, k integer, v varchar(20))"),
        &format!("insert into {SCHEMA}.next select {hash}, k, v from {SCHEMA}.target"),
        &format!("drop table {SCHEMA}.target"),
        &format!("alter table {SCHEMA}.next rename to target"),
        &format!("alter table {SCHEMA}.target add column added varchar(80)"),
        &format!(
            "select count(*) from information_schema.columns where table_schema = '{SCHEMA}' \
             and table_name = 'target' and column_name = 'added'"
        ),
        &format!("select {hash}"),
    ]);
    let found = match batch.error {
        Some(error) => format!("refused: {error}"),
        None => {
            let found = one(place, &format!("{}:7", batch.id));
            assert_eq!(found, segue_contract::uri_hash(URI).to_string(), "the ledger's hash");
            format!("taken; {} column added", one(place, &format!("{}:6", batch.id)))
        }
    };
    let question = "A table copied, dropped, replaced and given a column in one transaction";
    Answer { row: "S12", question, assumed: "taken; 1 column added", found }
}

fn one(place: &Place, id: &str) -> String {
    let row = place.result(id).pop().expect("a row");
    row.into_iter().next().flatten().expect("a value")
}
