use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_sfn::operation::list_executions::ListExecutionsOutput;
use aws_sdk_sfn::operation::start_execution::{StartExecutionError, StartExecutionOutput};
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::ExecutionListItem;
use aws_sdk_sfn::types::error::ExecutionAlreadyExists;
use aws_sdk_sqs::operation::send_message::SendMessageOutput;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

use segue_contract::arrivals::RECONCILED_KEY;

use super::*;

/// When the function is called, in seconds.
const NOW: i64 = 1_541_105_830;
const WAKE_UP_SECONDS: i64 = 7;

const CREATED: &str = r#"{"detail-type": "Object Created", "detail": {"object": {"key": "a"}}}"#;
const NOTIFIED: &str = r#"{"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3",
    "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "a"}}}]}"#;
const TEST_EVENT: &str = r#"{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}"#;

/// An execution with this status that started and ended this many seconds ago.
fn execution(name: &str, status: ExecutionStatus, started: i64, stopped: i64) -> ExecutionListItem {
    let ended = status != ExecutionStatus::Running;
    ExecutionListItem::builder()
        .execution_arn("arn:e")
        .state_machine_arn("arn:m")
        .name(name)
        .status(status)
        .start_date(DateTime::from_secs(NOW - started))
        .set_stop_date(ended.then(|| DateTime::from_secs(NOW - stopped)))
        .build()
        .expect("complete")
}

/// A list of executions, of all or of those in flight.
fn listing(is_running: bool, executions: Vec<ExecutionListItem>) -> Rule {
    mock!(aws_sdk_sfn::Client::list_executions)
        .match_requests(move |request| request.status_filter().is_some() == is_running)
        .then_output(move || {
            let executions = executions.clone();
            ListExecutionsOutput::builder().set_executions(Some(executions)).build().expect("list")
        })
}

fn nothing_runs() -> Rule {
    listing(true, vec![])
}

fn recently(executions: Vec<ExecutionListItem>) -> Rule {
    listing(false, executions)
}

/// An execution that started this many seconds before it was asked for.
fn starting(seconds_ago: i64) -> Rule {
    mock!(aws_sdk_sfn::Client::start_execution)
        .match_requests(|request| request.input() == Some(INPUT))
        .then_output(move || {
            StartExecutionOutput::builder()
                .execution_arn("arn:e")
                .start_date(DateTime::from_secs(NOW - seconds_ago))
                .build()
                .expect("complete")
        })
}

/// A queue that takes one wake-up with this delay.
fn keeping(delay_seconds: i32) -> Rule {
    mock!(aws_sdk_sqs::Client::send_message)
        .match_requests(move |request| {
            request.delay_seconds() == Some(delay_seconds)
                && request.message_body().is_some_and(|body| body.contains("Wake-up"))
        })
        .then_output(|| SendMessageOutput::builder().build())
}

/// A work bucket that takes everything and has nothing.
fn empty_bucket() -> [Rule; 3] {
    let missing = || {
        let meta = aws_sdk_s3::error::ErrorMetadata::builder().code("NoSuchKey").build();
        GetObjectError::generic(meta)
    };
    [
        mock!(aws_sdk_s3::Client::put_object).then_output(|| PutObjectOutput::builder().build()),
        mock!(aws_sdk_s3::Client::get_object).then_error(missing),
        mock!(aws_sdk_s3::Client::delete_objects)
            .then_output(|| DeleteObjectsOutput::builder().build()),
    ]
}

async fn handled(
    step_functions: &[&Rule],
    sqs: &Rule,
    bodies: &[&str],
) -> Result<Response, Failure> {
    handled_with(&empty_bucket(), step_functions, sqs, bodies).await
}

async fn handled_with(
    bucket: &[Rule; 3],
    step_functions: &[&Rule],
    sqs: &Rule,
    bodies: &[&str],
) -> Result<Response, Failure> {
    let bucket: Vec<&Rule> = bucket.iter().collect();
    let context = Context {
        s3: mock_client!(aws_sdk_s3, RuleMode::MatchAny, &bucket),
        work_bucket: "work".into(),
        step_functions: mock_client!(aws_sdk_sfn, RuleMode::Sequential, step_functions),
        sqs: mock_client!(aws_sdk_sqs, RuleMode::Sequential, &[sqs]),
        state_machine_arn: "arn:m".into(),
        queue_url: "http://queue".into(),
        wake_up_seconds: WAKE_UP_SECONDS,
        run_interval_minutes: 0,
    };
    let message = |(index, body): (usize, &&str)| Message {
        message_id: index.to_string(),
        body: (*body).into(),
    };
    let event = Messages { records: bodies.iter().enumerate().map(message).collect() };
    handle_at(&context, event, || Timestamp::from_second(NOW).expect("a time")).await
}

/// The messages to deliver again.
async fn again(step_functions: &[&Rule], sqs: &Rule, bodies: &[&str]) -> Vec<String> {
    let response = handled(step_functions, sqs, bodies).await.expect("answers");
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn many_messages_start_one_run() {
    let (none, recent, start) = (nothing_runs(), recently(vec![]), starting(0));
    let keep = keeping(7);
    let bodies = [CREATED, NOTIFIED, CREATED];
    assert!(again(&[&recent, &none, &start], &keep, &bodies).await.is_empty());
    assert_eq!((start.num_calls(), keep.num_calls()), (1, 1), "a wake-up looks after the run");
}

#[tokio::test]
async fn a_notification_of_s3_itself_starts_a_run() {
    let (none, recent, start) = (nothing_runs(), recently(vec![]), starting(0));
    assert!(again(&[&recent, &none, &start], &keeping(7), &[NOTIFIED]).await.is_empty());
    assert_eq!(start.num_calls(), 1);
}

#[tokio::test]
async fn the_test_message_of_notifications_is_dropped_and_starts_nothing() {
    let (none, keep) = (nothing_runs(), keeping(7));
    assert!(again(&[&none], &keep, &[TEST_EVENT]).await.is_empty());
    assert_eq!((none.num_calls(), keep.num_calls()), (0, 0));
}

#[tokio::test]
async fn while_a_run_is_in_flight_one_wake_up_stays() {
    let run = execution("s3-a", ExecutionStatus::Running, 60, 0);
    let (recent, keep) = (recently(vec![run]), keeping(7));
    assert!(again(&[&recent], &keep, &[CREATED, CREATED]).await.is_empty());
    assert_eq!(keep.num_calls(), 1);
}

#[tokio::test]
async fn a_run_that_began_before_the_recent_ones_is_in_flight_too() {
    let run = execution("by-hand", ExecutionStatus::Running, 90_000, 0);
    let (recent, running, keep) = (recently(vec![]), listing(true, vec![run]), keeping(7));
    assert!(again(&[&recent, &running], &keep, &[CREATED]).await.is_empty());
    assert_eq!(keep.num_calls(), 1);
}

#[tokio::test]
async fn after_a_failure_a_wake_up_stays_until_the_next_run_may_start() {
    for status in [ExecutionStatus::Failed, ExecutionStatus::Aborted, ExecutionStatus::TimedOut] {
        let run = execution("s3-a", status, 50, 20);
        let (recent, keep) = (recently(vec![run]), keeping(40));
        assert!(again(&[&recent], &keep, &[CREATED]).await.is_empty());
        assert_eq!(keep.num_calls(), 1);
    }
}

#[tokio::test]
async fn a_wait_that_sqs_does_not_allow_takes_several_wake_ups() {
    let run = |age| execution("s3-a", ExecutionStatus::Failed, age, age);
    let runs = (0..7).map(run).collect();
    let (recent, keep) = (recently(runs), keeping(900));
    assert!(again(&[&recent], &keep, &[CREATED]).await.is_empty());
    assert_eq!(keep.num_calls(), 1);
}

#[tokio::test]
async fn what_a_later_run_has_loaded_is_forgotten() {
    let landed = Timestamp::from_second(NOW - 100).expect("a time");
    let run = execution("s3-a", ExecutionStatus::Succeeded, 60, 10);
    let (recent, keep) = (recently(vec![run]), keeping(7));
    let wake_up = messages::wake_up(landed);
    assert!(again(&[&recent], &keep, &[&wake_up]).await.is_empty());
    assert_eq!((recent.num_calls(), keep.num_calls()), (1, 0));
}

#[tokio::test]
async fn the_wake_up_of_a_run_is_dropped_when_that_run_has_succeeded() {
    let wake_up = messages::wake_up(runs::looked_at_by(&DateTime::from_secs(NOW - 60)));
    for (status, kept) in [(ExecutionStatus::Succeeded, 0), (ExecutionStatus::Failed, 1)] {
        let run = execution("s3-a", status, 60, 10);
        let (recent, keep) = (recently(vec![run]), keeping(50));
        assert!(again(&[&recent], &keep, &[&wake_up]).await.is_empty());
        assert_eq!(keep.num_calls(), kept);
    }
}

#[tokio::test]
async fn the_second_invocation_keeps_a_wake_up() {
    let taken = mock!(aws_sdk_sfn::Client::start_execution).then_error(|| {
        let exists = ExecutionAlreadyExists::builder();
        let code = aws_sdk_sfn::error::ErrorMetadata::builder().code("ExecutionAlreadyExists");
        StartExecutionError::ExecutionAlreadyExists(exists.meta(code.build()).build())
    });
    let (none, recent, keep) = (nothing_runs(), recently(vec![]), keeping(7));
    assert!(again(&[&recent, &none, &taken], &keep, &[CREATED]).await.is_empty());
    assert_eq!(keep.num_calls(), 1);
}

#[tokio::test]
async fn an_execution_that_was_already_under_way_may_have_read_the_inbox_without_the_file() {
    let (none, recent, older, keep) = (nothing_runs(), recently(vec![]), starting(20), keeping(7));
    assert!(again(&[&recent, &none, &older], &keep, &[CREATED]).await.is_empty());
    assert_eq!(keep.num_calls(), 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_handed_back_alone() {
    let (none, recent, start) = (nothing_runs(), recently(vec![]), starting(0));
    let bodies = ["no json", CREATED, "{}"];
    let failed = again(&[&recent, &none, &start], &keeping(7), &bodies).await;
    assert_eq!(failed, ["0", "2"]);
    assert_eq!(start.num_calls(), 1);
}

#[tokio::test]
async fn messages_that_cannot_be_read_start_nothing() {
    let (none, keep) = (nothing_runs(), keeping(7));
    assert_eq!(again(&[&none], &keep, &["[]"]).await, ["0"]);
    assert_eq!((none.num_calls(), keep.num_calls()), (0, 0));
}

#[tokio::test]
async fn a_missing_permission_of_the_function_is_named() {
    let denied = mock!(aws_sdk_sfn::Client::start_execution).then_error(|| {
        let meta = aws_sdk_sfn::error::ErrorMetadata::builder().code("AccessDeniedException");
        StartExecutionError::generic(meta.message("not authorized").build())
    });
    let (none, recent) = (nothing_runs(), recently(vec![]));
    let failure = handled(&[&recent, &none, &denied], &keeping(7), &[CREATED]).await;
    let failure = failure.expect_err("denied");
    assert_eq!(failure.name, ErrorName::InvalidConfiguration);
    assert!(failure.message.contains("expected the permission states:StartExecution"), "{failure}");
}

#[tokio::test]
async fn what_arrived_is_kept_before_anything_starts() {
    let denied = || {
        let meta = aws_sdk_s3::error::ErrorMetadata::builder().code("AccessDenied").build();
        PutObjectError::generic(meta)
    };
    let [_, get, delete] = empty_bucket();
    let bucket = [mock!(aws_sdk_s3::Client::put_object).then_error(denied), get, delete];
    let recent = recently(vec![]);
    let failure = handled_with(&bucket, &[&recent], &keeping(7), &[CREATED]).await;
    let failure = failure.expect_err("the messages are delivered again");
    assert!(failure.message.contains("s3:PutObject"), "{failure}");
    assert_eq!(recent.num_calls(), 0);
}

#[tokio::test]
async fn the_inbox_has_the_keys_under_a_name_that_follows_from_the_messages() {
    let kept = || {
        mock!(aws_sdk_s3::Client::put_object)
            .match_requests(|request| {
                let body = request.body().bytes().unwrap_or_default();
                let arrivals: Arrivals = serde_json::from_slice(body).expect("an inbox file");
                request.key().is_some_and(|key| key.starts_with("inbox/"))
                    && arrivals == Arrivals { keys: vec!["a".into(), "a".into()], is_unnamed: true }
            })
            .then_output(|| PutObjectOutput::builder().build())
    };
    let [_, get, delete] = empty_bucket();
    let bucket = [kept(), get, delete];
    let (none, recent, start) = (nothing_runs(), recently(vec![]), starting(0));
    let unnamed = r#"{"detail-type": "Object Created"}"#;
    let bodies = [CREATED, unnamed, NOTIFIED, TEST_EVENT];
    let handled = handled_with(&bucket, &[&recent, &none, &start], &keeping(7), &bodies).await;
    handled.expect("handled");
    assert_eq!((bucket[0].num_calls(), start.num_calls()), (1, 1));
}

#[tokio::test]
async fn what_a_run_has_looked_at_is_removed_once_it_has_succeeded_and_a_listing_remembered() {
    for (status, removed) in [(ExecutionStatus::Succeeded, 2), (ExecutionStatus::Failed, 0)] {
        let looked_at =
            r#"{"files": ["inbox/1.json", "inbox/2.json"], "listed": ["s3://l/log_data/"]}"#;
        let bucket = [
            mock!(aws_sdk_s3::Client::put_object)
                .match_requests(|request| request.key() == Some(RECONCILED_KEY))
                .then_output(|| PutObjectOutput::builder().build()),
            mock!(aws_sdk_s3::Client::get_object)
                .match_requests(|request| request.key() == Some("runs/s3-a/arrivals.json"))
                .then_output(|| {
                    GetObjectOutput::builder().body(looked_at.as_bytes().to_vec().into()).build()
                }),
            mock!(aws_sdk_s3::Client::delete_objects)
                .then_output(|| DeleteObjectsOutput::builder().build()),
        ];
        let run = execution("s3-a", status, 60, 10);
        let (recent, keep) = (recently(vec![run]), keeping(50));
        let wake_up = messages::wake_up(Timestamp::from_second(NOW - 100).expect("a time"));
        handled_with(&bucket, &[&recent], &keep, &[&wake_up]).await.expect("handled");
        assert_eq!(bucket[2].num_calls(), removed, "its files, and the list of them");
        assert_eq!(bucket[0].num_calls(), removed / 2, "a complete listing");
    }
}
