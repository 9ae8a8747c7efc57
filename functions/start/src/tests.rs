use aws_sdk_sfn::operation::list_executions::ListExecutionsOutput;
use aws_sdk_sfn::operation::start_execution::{StartExecutionError, StartExecutionOutput};
use aws_sdk_sfn::types::ExecutionListItem;
use aws_sdk_sfn::types::error::ExecutionAlreadyExists;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

use super::*;

fn running(count: usize) -> Rule {
    mock!(aws_sdk_sfn::Client::list_executions).then_output(move || {
        let item = || {
            ExecutionListItem::builder()
                .execution_arn("arn:e")
                .state_machine_arn("arn:m")
                .name("e")
                .status(ExecutionStatus::Running)
                .start_date(aws_sdk_sfn::primitives::DateTime::from_secs(0))
                .build()
                .expect("complete")
        };
        let items = (0..count).map(|_| item()).collect();
        ListExecutionsOutput::builder().set_executions(Some(items)).build().expect("complete")
    })
}

/// An execution that started this many seconds before it was asked for.
fn starting(seconds_ago: i64) -> Rule {
    mock!(aws_sdk_sfn::Client::start_execution)
        .match_requests(|request| request.input() == Some("{}"))
        .then_output(move || {
            let started = Timestamp::now().as_second() - seconds_ago;
            StartExecutionOutput::builder()
                .execution_arn("arn:e")
                .start_date(aws_sdk_sfn::primitives::DateTime::from_secs(started))
                .build()
                .expect("complete")
        })
}

fn keeping() -> Rule {
    mock!(aws_sdk_sqs::Client::send_message)
        .match_requests(|request| {
            request.delay_seconds() == Some(7)
                && request.message_body().is_some_and(|body| body.contains(WAKE_UP))
        })
        .then_output(|| SendMessageOutput::builder().build())
}

async fn answer(step_functions: &[&Rule], sqs: &Rule, bodies: &[&str]) -> Vec<String> {
    let context = Context {
        step_functions: mock_client!(aws_sdk_sfn, RuleMode::Sequential, step_functions),
        sqs: mock_client!(aws_sdk_sqs, RuleMode::Sequential, &[sqs]),
        state_machine_arn: "arn:m".into(),
        queue_url: "http://queue".into(),
        wake_up_seconds: 7,
    };
    let records = bodies.iter().enumerate();
    let records = records
        .map(|(index, body)| Message { message_id: index.to_string(), body: (*body).into() })
        .collect();
    let event = Messages { records };
    let response = handle(&context, event).await.expect("answers");
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

const CREATED: &str = r#"{"detail-type": "Object Created", "detail": {"object": {"key": "a"}}}"#;

#[tokio::test]
async fn many_messages_start_one_run() {
    let (none, start, keep) = (running(0), starting(0), keeping());
    assert!(answer(&[&none, &start], &keep, &[CREATED, CREATED, CREATED]).await.is_empty());
    assert_eq!((start.num_calls(), keep.num_calls()), (1, 0));
}

#[tokio::test]
async fn while_a_run_is_in_flight_one_wake_up_stays() {
    let (one, keep) = (running(1), keeping());
    assert!(answer(&[&one], &keep, &[CREATED, CREATED]).await.is_empty());
    assert_eq!(keep.num_calls(), 1);
}

#[tokio::test]
async fn who_comes_second_keeps_a_wake_up() {
    let taken = mock!(aws_sdk_sfn::Client::start_execution).then_error(|| {
        let exists = ExecutionAlreadyExists::builder();
        let code = aws_sdk_sfn::error::ErrorMetadata::builder().code("ExecutionAlreadyExists");
        StartExecutionError::ExecutionAlreadyExists(exists.meta(code.build()).build())
    });
    let (none, keep) = (running(0), keeping());
    assert!(answer(&[&none, &taken], &keep, &[CREATED]).await.is_empty());
    assert_eq!(keep.num_calls(), 1);
}

#[tokio::test]
async fn an_execution_that_was_already_under_way_may_have_planned_without_the_file() {
    let (none, older, keep) = (running(0), starting(20), keeping());
    assert!(answer(&[&none, &older], &keep, &[CREATED]).await.is_empty());
    assert_eq!(keep.num_calls(), 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_handed_back_alone() {
    let (none, start, keep) = (running(0), starting(0), keeping());
    let failed = answer(&[&none, &start], &keep, &["no json", CREATED, "{}"]).await;
    assert_eq!(failed, ["0", "2"]);
    assert_eq!(start.num_calls(), 1);
}

#[tokio::test]
async fn messages_that_cannot_be_read_start_nothing() {
    let (none, keep) = (running(0), keeping());
    assert_eq!(answer(&[&none], &keep, &["[]"]).await, ["0"]);
    assert_eq!((none.num_calls(), keep.num_calls()), (0, 0));
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_to_who_deployed_it() {
    let denied = mock!(aws_sdk_sfn::Client::start_execution).then_error(|| {
        let meta = aws_sdk_sfn::error::ErrorMetadata::builder().code("AccessDeniedException");
        StartExecutionError::generic(meta.message("not authorized").build())
    });
    let context = Context {
        step_functions: mock_client!(aws_sdk_sfn, RuleMode::Sequential, &[&running(0), &denied]),
        sqs: mock_client!(aws_sdk_sqs, RuleMode::Sequential, &[&keeping()]),
        state_machine_arn: "arn:m".into(),
        queue_url: "http://queue".into(),
        wake_up_seconds: 7,
    };
    let records = vec![Message { message_id: "0".into(), body: CREATED.into() }];
    let failure = handle(&context, Messages { records }).await.expect_err("denied");
    assert_eq!(failure.name, ErrorName::InvalidConfiguration);
    assert!(failure.message.contains("expected the permission states:StartExecution"), "{failure}");
}

#[test]
fn all_who_start_at_once_use_one_name() {
    let name = |second| execution_name(Timestamp::from_second(second).expect("a time"));
    assert_eq!(name(1_541_105_830), name(1_541_105_839));
    assert_ne!(name(1_541_105_830), name(1_541_105_850));
    assert_eq!(name(0), "s3-19700101T000000Z");
}
