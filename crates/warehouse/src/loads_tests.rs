use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_redshiftdata::Client;
use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::operation::execute_statement::ExecuteStatementOutput;
use aws_sdk_redshiftdata::operation::get_statement_result::GetStatementResultOutput;
use aws_sdk_redshiftdata::types::{Field, StatementStatusString, StatusString, SubStatementData};
use aws_smithy_mocks::{Rule, mock};
use tokio::time::Instant;

use super::*;
use crate::tests::warehouse;

/// A COPY's batch, whose parts have these numbers.
fn described(numbers: &'static [i64]) -> Rule {
    mock!(Client::describe_statement).then_output(move || {
        let part = |number: &i64| {
            let part = SubStatementData::builder().id(format!("s:{number}"));
            part.redshift_query_id(*number).build().expect("has an id")
        };
        DescribeStatementOutput::builder()
            .id("s")
            .status(StatusString::Finished)
            .created_at(DateTime::from_secs(1_541_030_400))
            .updated_at(DateTime::from_secs(1_541_030_460))
            .set_sub_statements(Some(numbers.iter().map(part).collect()))
            .build()
            .expect("has an id")
    })
}

fn result(rows: Vec<Vec<Field>>) -> Rule {
    mock!(Client::get_statement_result).then_output(move || {
        GetStatementResultOutput::builder()
            .set_records(Some(rows.clone()))
            .build()
            .expect("has records")
    })
}

fn asked(status: StatementStatusString) -> Rule {
    mock!(Client::execute_statement).then_output(move || {
        ExecuteStatementOutput::builder().id("q").status(status.clone()).build()
    })
}

fn longs(numbers: &[i64]) -> Vec<Field> {
    numbers.iter().map(|number| Field::LongValue(*number)).collect()
}

fn shown(query_id: i64, status: &str, rows: i64, errors: i64) -> Vec<Field> {
    let status = Field::StringValue(status.into());
    vec![Field::LongValue(query_id), status, Field::LongValue(rows), Field::LongValue(errors)]
}

/// A COPY of 71 rows whose number the Data API gives as 8.
async fn copied(row: &[i64]) -> Result<Copied, Failure> {
    warehouse(&[&described(&[8, 9]), &result(vec![longs(row)])]).copied("s").await
}

async fn history(rows: Vec<Vec<Field>>) -> Result<LoadHistory, Failure> {
    let copied = copied(&[71, 8, 7]).await.expect("counted");
    let rules = [&asked(StatementStatusString::Finished), &result(rows)];
    warehouse(&rules).load_history(&copied, "staging_songs").await
}

#[tokio::test]
async fn a_copy_is_what_its_session_says_of_it() {
    let copied_rows = copied(&[71, 8, 7]).await.expect("counted");
    assert_eq!(copied_rows.rows, Some(71));
    assert_eq!(copied_rows.place.process_id, 7);
    assert_eq!(copied_rows.place.earliest.to_string(), "2018-10-31T23:59:00Z");
    assert_eq!(copied_rows.place.latest.to_string(), "2018-11-01T00:02:00Z");
    let unknown = copied(&[0, -1, 7]).await.expect("counted");
    assert_eq!((unknown.rows, unknown.numbers), (None, vec![8, 9]), "0 and -1 say nothing");
    for wrong in [&[71, 8][..], &[]] {
        assert_eq!(copied(wrong).await.expect_err("no count").name, ErrorName::StatementFailed);
    }
}

#[tokio::test]
async fn a_copy_is_found_by_its_number_or_alone_by_its_process() {
    let load = |query_id| Ok(LoadHistory { query_id, rows: 71, errors: 2 });
    assert_eq!(history(vec![shown(8, "completed", 71, 2)]).await, load(8));
    // A cluster's SYS views have other numbers than the Data API.
    assert_eq!(history(vec![shown(512, "completed", 71, 2)]).await, load(512));
    let of_another = shown(512, "completed", 71, 0);
    assert_eq!(history(vec![of_another.clone(), shown(8, "completed", 71, 2)]).await, load(8));
    let unclear = history(vec![of_another.clone(), of_another]).await;
    assert_eq!(unclear.expect_err("which?").name, ErrorName::LoadUnconfirmed);
}

#[tokio::test]
async fn what_the_views_do_not_show_yet_is_not_taken_for_nothing() {
    let cases = [
        (vec![], "0 COPYs of process 7"),
        (vec![shown(8, "running", 0, 0)], "one that is \"running\""),
        (vec![shown(8, "completed", 70, 0)], "one of 70 rows, although its session counted 71"),
    ];
    for (rows, found) in cases {
        let failure = history(rows).await.expect_err(found);
        assert_eq!(failure.name, ErrorName::LoadUnconfirmed);
        assert!(failure.message.contains("COPY into staging_songs"), "{failure}");
        assert!(failure.message.ends_with(found), "{failure}");
    }
}

#[tokio::test]
async fn as_many_records_are_skipped_as_the_history_counts() {
    let row = || {
        let text = |text: &str| Field::StringValue(text.into());
        let file = [text("s3://l/a.json"), Field::LongValue(3), text("year"), text("int2")];
        let rest = [text("0"), Field::LongValue(1207), text("Invalid digit"), Field::LongValue(1)];
        file.into_iter().chain(rest).collect::<Vec<_>>()
    };
    let copied = copied(&[71, 8, 7]).await.expect("counted");
    for (errors, rows, good) in [(1, 1, true), (2, 1, false), (1, 0, false), (1, 2, false)] {
        let history = LoadHistory { query_id: 8, rows: 71, errors };
        let rules = [
            asked(StatementStatusString::Finished),
            result(std::iter::repeat_with(row).take(rows).collect()),
        ];
        let rules: Vec<&Rule> = rules.iter().collect();
        let refused = warehouse(&rules).refused(&copied, &history, 100).await;
        match refused {
            Ok(refused) => assert!(good && refused[0].line == 3, "{errors} {rows}"),
            Err(failure) => {
                assert!(!good, "{failure}");
                assert_eq!(failure.name, ErrorName::LoadUnconfirmed);
            }
        }
    }
    let none = LoadHistory { query_id: 8, rows: 71, errors: 0 };
    assert_eq!(warehouse(&[]).refused(&copied, &none, 100).await, Ok(Vec::new()));
}

/// Descriptions of a query that never ends, counted.
fn running(calls: &Arc<AtomicU32>) -> Rule {
    let calls = Arc::clone(calls);
    mock!(Client::describe_statement)
        .sequence()
        .output(move || {
            calls.fetch_add(1, Ordering::SeqCst);
            DescribeStatementOutput::builder()
                .id("q")
                .status(StatusString::Started)
                .build()
                .expect("has an id")
        })
        .repeatedly()
        .build()
}

#[tokio::test(start_paused = true)]
async fn a_question_is_polled_with_pauses_and_cancelled_when_it_takes_too_long() {
    use aws_sdk_redshiftdata::operation::cancel_statement::CancelStatementOutput;
    let copied = copied(&[71, 8, 7]).await.expect("counted");
    let calls = Arc::default();
    let cancelled = mock!(Client::cancel_statement)
        .match_requests(|request| request.id() == Some("q"))
        .then_output(|| CancelStatementOutput::builder().status(true).build());
    let rules = [asked(StatementStatusString::Submitted), running(&calls), cancelled];
    let begun = Instant::now();
    let failure = crate::tests::warehouse_with_any(&rules)
        .load_history(&copied, "staging_songs")
        .await
        .expect_err("no answer");
    assert_eq!(failure.name, ErrorName::WarehouseBusy);
    assert!(begun.elapsed() >= ANSWER_MAX, "{:?}", begun.elapsed());
    assert!(calls.load(Ordering::SeqCst) < 30, "the endpoint ignores waits: {calls:?}");
    assert_eq!(rules[2].num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_takes_a_while_is_answered() {
    let copied = copied(&[71, 8, 7]).await.expect("counted");
    let status = |status: StatusString| {
        mock!(Client::describe_statement).then_output(move || {
            let described = DescribeStatementOutput::builder().id("q").status(status.clone());
            described.build().expect("has an id")
        })
    };
    let rules = [
        asked(StatementStatusString::Picked),
        status(StatusString::Started),
        status(StatusString::Finished),
        result(vec![shown(8, "completed", 71, 0)]),
    ];
    let rules: Vec<&Rule> = rules.iter().collect();
    let history = warehouse(&rules).load_history(&copied, "staging_songs").await;
    assert_eq!(history.map(|history| history.query_id), Ok(8));
}
