use std::time::{Duration, SystemTime};

use aws_sdk_redshiftdata::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_redshiftdata::operation::batch_execute_statement::BatchExecuteStatementOutput;
use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementError;
use aws_sdk_redshiftdata::operation::describe_statement::DescribeStatementOutput;
use aws_sdk_redshiftdata::types::error::ActiveWaitingRequestsExceededException;
use aws_sdk_redshiftdata::types::{StatementStatusString, StatusString, SubStatementData};
use aws_sdk_redshiftdata::{Client, Config};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock};
use segue_contract::messages::{Compression, FileOutcome, StatementState, Step};
use segue_contract::pipeline::Statement;
use segue_contract::{ErrorName, Failure, Run, RunInput};

use super::{Target, Warehouse, age};

pub(crate) fn warehouse(rules: &[&Rule]) -> Warehouse {
    let mut interceptor = MockResponseInterceptor::new().rule_mode(RuleMode::Sequential);
    for rule in rules {
        interceptor = interceptor.with_rule(rule);
    }
    warehouse_of(interceptor)
}

fn warehouse_of(interceptor: MockResponseInterceptor) -> Warehouse {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(create_mock_http_client())
        .interceptor(interceptor)
        .build();
    let target = Target::new("dev".into(), Some("wg".into()), None, None).expect("one target");
    Warehouse::new(Client::from_conf(config), target)
}

/// The same, by rules in any order.
pub(crate) fn warehouse_with_any(rules: &[Rule]) -> Warehouse {
    let any = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny);
    let interceptor = rules.iter().fold(any, |all, rule| all.with_rule(rule));
    warehouse_of(interceptor)
}

fn step() -> Step {
    Step {
        run: Run {
            id: "r".into(),
            started_at: "2018-11-01T00:00:00Z".into(),
            redrive_count: 0,
            input: RunInput::default(),
        },
        step: "publish".into(),
        attempt: 1,
        compression: Compression::None,
        max_rejects: 0,
        has_rejects: false,
        paths: Vec::new(),
        abandoned: Vec::new(),
        sources: None,
        bounds: None,
        candidates: 0,
        is_complete: false,
        uri_hashes: None,
        missing: Vec::new(),
    }
}

fn statements() -> Vec<Statement> {
    ["publish/10_lock", "publish/30_songs", "publish/30_songs"]
        .map(|file| Statement { file: file.into(), sql: "select 1".into() })
        .to_vec()
}

fn part(status: StatementStatusString, rows: i64, error: Option<&str>) -> SubStatementData {
    SubStatementData::builder()
        .id("s:1")
        .status(status)
        .result_rows(rows)
        .duration(2_000_000)
        .set_error(error.map(Into::into))
        .build()
        .expect("has an id")
}

fn described(status: StatusString, parts: Vec<SubStatementData>) -> Rule {
    mock!(Client::describe_statement).then_output(move || {
        DescribeStatementOutput::builder()
            .id("s")
            .status(status.clone())
            .duration(7_000_000)
            .set_sub_statements(Some(parts.clone()))
            .build()
            .expect("has an id")
    })
}

async fn state(warehouse: &Warehouse) -> Result<StatementState, Failure> {
    warehouse.state(&step(), &statements(), "s", Duration::from_secs(20), SystemTime::now()).await
}

#[tokio::test]
async fn every_retry_of_an_attempt_carries_the_same_token_and_name() {
    let submitted = mock!(Client::batch_execute_statement)
        .match_requests(|request| {
            let token = step().run.client_token("publish", 1);
            request.client_token() == Some(token.as_str())
                && request.statement_name() == Some("segue/r/publish/1")
                && request.sqls().len() == 3
        })
        .then_output(|| {
            BatchExecuteStatementOutput::builder()
                .id("s")
                .status(StatementStatusString::Started)
                .build()
        });
    let state = warehouse(&[&submitted]).submit(&step(), &statements()).await.expect("submits");
    // The answer came at once, though it was asked to wait.
    assert_eq!(state, StatementState::Running { statement_id: "s".into(), wait_seconds: 2 });
}

#[tokio::test]
async fn a_finished_batch_has_the_rows_of_each_file() {
    let done = |rows: i64| part(StatementStatusString::Finished, rows, None);
    let rule = described(StatusString::Finished, vec![done(-1), done(3), done(4)]);
    let file = |file: &str, rows, duration_ms| FileOutcome { file: file.into(), rows, duration_ms };
    assert_eq!(
        state(&warehouse(&[&rule])).await.expect("finished"),
        StatementState::Finished {
            statement_id: "s".into(),
            step: "publish".into(),
            duration_ms: 7,
            files: vec![file("publish/10_lock", None, 2), file("publish/30_songs", Some(7), 4)],
            ended_at: None,
            variants: Vec::new(),
            pending: None,
            changes: Vec::new(),
        }
    );
}

#[tokio::test]
async fn a_file_that_copies_has_no_rows_whatever_the_data_api_says() {
    let done = |rows: i64| part(StatementStatusString::Finished, rows, None);
    let rule = described(StatusString::Finished, vec![done(71), done(0), done(1)]);
    let statements = ["-- Whatever was there.\ndelete from t", "copy t", "select 1"]
        .map(|sql| Statement { file: "stage/songs".into(), sql: sql.into() });
    let now = SystemTime::now();
    let state = warehouse(&[&rule]).state(&step(), &statements, "s", Duration::ZERO, now).await;
    let Ok(StatementState::Finished { files, .. }) = state else { panic!("{state:?}") };
    assert_eq!(files.iter().map(|file| file.rows).collect::<Vec<_>>(), [None]);
}

#[tokio::test]
async fn a_lock_adds_nothing_to_what_is_read_under_it() {
    let done = |rows: i64| part(StatementStatusString::Finished, rows, None);
    let statements = ["lock table ops.publish_lock", "select 1"]
        .map(|sql| Statement { file: "publish/outcome".into(), sql: sql.into() });
    for (select, expected) in [(0, Some(0)), (2, Some(2)), (-1, None)] {
        let rule = described(StatusString::Finished, vec![done(1), done(select)]);
        let now = SystemTime::now();
        let state = warehouse(&[&rule]).state(&step(), &statements, "s", Duration::ZERO, now).await;
        let Ok(StatementState::Finished { files, .. }) = state else { panic!("{state:?}") };
        assert_eq!(files.iter().map(|file| file.rows).collect::<Vec<_>>(), [expected]);
    }
}

#[tokio::test]
async fn a_failed_batch_names_the_file_and_statement() {
    let rule = described(
        StatusString::Failed,
        vec![
            part(StatementStatusString::Finished, 0, None),
            part(StatementStatusString::Finished, 0, None),
            part(StatementStatusString::Failed, -1, Some("ERROR: permission denied")),
        ],
    );
    let failure = state(&warehouse(&[&rule])).await.expect_err("failed");
    insta::assert_snapshot!(format!("{}: {failure}", failure.name));
}

#[tokio::test]
async fn an_aborted_statement_is_an_error_and_not_waited_for() {
    let failure = state(&warehouse(&[&described(StatusString::Aborted, vec![])])).await;
    assert_eq!(failure.expect_err("aborted").name, ErrorName::StatementAborted);
}

#[tokio::test]
async fn too_many_waiters_lead_to_a_look_without_waiting() {
    let crowded = mock!(Client::describe_statement).then_error(|| {
        DescribeStatementError::ActiveWaitingRequestsExceededException(
            ActiveWaitingRequestsExceededException::builder().build(),
        )
    });
    let running = described(StatusString::Started, vec![]);
    let state = state(&warehouse(&[&crowded, &running])).await.expect("still looks");
    // Nobody has waited: the machine must not ask again at once.
    assert_eq!(state, StatementState::Running { statement_id: "s".into(), wait_seconds: 2 });
}

#[test]
fn a_statement_without_a_time_is_young() {
    let statement = DescribeStatementOutput::builder().id("s").build().expect("has an id");
    assert_eq!(age(&statement, SystemTime::now()), Duration::ZERO);
}

#[test]
fn a_target_is_one_warehouse() {
    let target = |workgroup: Option<&str>, cluster: Option<&str>| {
        Target::new("dev".into(), workgroup.map(Into::into), cluster.map(Into::into), None)
    };
    assert!(target(Some("w"), None).is_ok() && target(None, Some("c")).is_ok());
    for (workgroup, cluster) in [(None, None), (Some("w"), Some("c"))] {
        let failure = target(workgroup, cluster).expect_err("not one");
        assert_eq!(failure.name, ErrorName::InvalidConfiguration);
    }
}
