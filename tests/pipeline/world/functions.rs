//! The functions and state machines, deployed as the template deploys them.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use segue_contract::pipeline::Deployment;
use segue_contract::{ErrorName, Failure};
use segue_warehouse::{Deadlines, Target, Warehouse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use workflow_local::{FunctionError, Region, Status};

use super::data_api::data_api;
use super::faults::{Kill, Mischief};
use super::objects::Objects;
use super::s3::s3;
use super::{LANDING_BUCKET, WORK_BUCKET};

/// The load state machine.
pub const LOAD: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:load";
const STATEMENT: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:statement";
/// As `segue-function` has it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(40);
/// As the template has them.
pub const STEP_DEADLINE: Duration = Duration::from_secs(21_600);
pub const RUN_DEADLINE: Duration = Duration::from_secs(86_400);
/// How often EventBridge invokes a function again that failed.
const EVENT_ATTEMPTS: u32 = 185;

/// Deploys functions and state machines.
pub fn deploy(
    region: &Region,
    engine: &redshift_local::Engine,
    objects: &Arc<Objects>,
    mischief: &Arc<Mischief>,
) {
    let warehouse = warehouse(engine);
    let s3 = s3_client(objects, mischief);
    let deployment = Deployment {
        work_bucket: WORK_BUCKET.into(),
        copy_role_arn: "arn:aws:iam::123456789012:role/copy".into(),
        staging_retention_days: super::STAGING_RETENTION_DAYS,
    };
    let sources = json!({"songs": {"prefix": "song_data/"}, "events": {"prefix": "log_data/"}});
    let settings = segue_plan::Settings::new(
        LANDING_BUCKET.into(),
        WORK_BUCKET.into(),
        "8",
        &sources.to_string(),
    )
    .expect("settings");
    let work_bucket = WORK_BUCKET.to_owned();
    let add = Add { region, mischief };
    let context = segue_plan::Context { s3: s3.clone(), warehouse: warehouse.clone(), settings };
    add.function("Plan", context, |context, request| async move {
        segue_plan::handle(&context, request).await
    });
    let compact = segue_compact::Settings {
        work_bucket: WORK_BUCKET.into(),
        connections_max: segue_compact::Settings::CONNECTIONS_MAX,
    };
    let context = segue_compact::Context::new(s3_config(objects, mischief), compact);
    add.function("Compact", context, |context, request| async move {
        segue_compact::handle(&context, request).await
    });
    let context =
        segue_submit::Context { warehouse: warehouse.clone(), deployment: deployment.clone() };
    add.function("Submit", context, |context, request| async move {
        segue_submit::handle(&context, request).await
    });
    let context = segue_poll::Context {
        warehouse: warehouse.clone(),
        deployment: deployment.clone(),
        deadlines: Deadlines { step: STEP_DEADLINE, run: RUN_DEADLINE },
    };
    add.function("Poll", context, |context, request| async move {
        segue_poll::handle(&context, request).await
    });
    let context = segue_check::Context { warehouse: warehouse.clone(), deployment, s3: s3.clone() };
    add.function("Check", context, |context, request| async move {
        segue_check::handle(&context, request).await
    });
    let context = segue_report::Context { s3, work_bucket };
    add.function("Report", context, |context, request| async move {
        segue_report::handle(&context, request).await
    });
    cancel_what_nobody_waits_for(region, warehouse);
    state_machines(region);
}

fn state_machines(region: &Region) {
    let names = ["Plan", "Compact", "Submit", "Poll", "Check", "Report"];
    let functions: Vec<(String, String)> =
        names.iter().map(|name| (format!("{name}FunctionArn"), arn(name))).collect();
    let mut substitutions: Vec<(&str, &str)> =
        functions.iter().map(|(name, arn)| (name.as_str(), arn.as_str())).collect();
    substitutions.push(("StatementStateMachineArn", STATEMENT));
    let definitions = [
        (STATEMENT, include_str!("../../../statemachine/statement.asl.json")),
        (LOAD, include_str!("../../../statemachine/load.asl.json")),
    ];
    for (machine, definition) in definitions {
        region.add_state_machine(machine, definition, &substitutions).expect("a definition");
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:123456789012:function:{name}")
}

struct Add<'a> {
    region: &'a Region,
    mischief: &'a Arc<Mischief>,
}

impl Add<'_> {
    /// Adds a function: its request is read, and its failure told, as `segue-function` does.
    fn function<Context, Request, Response, Answer>(
        &self,
        name: &str,
        context: Context,
        handle: impl Fn(Arc<Context>, Request) -> Answer + Copy + Send + Sync + 'static,
    ) where
        Context: Send + Sync + 'static,
        Request: DeserializeOwned + Send + 'static,
        Response: Serialize,
        Answer: Future<Output = Result<Response, Failure>> + Send + 'static,
    {
        let context = Arc::new(context);
        let mischief = Arc::clone(self.mischief);
        self.region.add_function(&arn(name), move |payload: Value| {
            let (context, kill) = (Arc::clone(&context), mischief.kill());
            let work = async move {
                let request = serde_json::from_value(payload).map_err(|error| {
                    let message = format!("the request cannot be read: {error}");
                    failed(&Failure::new(ErrorName::InvalidInput, message))
                })?;
                let answer = handle(context, request).await.map_err(|failure| failed(&failure))?;
                Ok(serde_json::to_value(answer).expect("an answer is JSON"))
            };
            killed(kill, work)
        });
    }
}

fn failed(failure: &Failure) -> FunctionError {
    FunctionError::Failed {
        error_type: failure.name.to_string(),
        error_message: failure.to_string(),
    }
}

/// Does the work, or as much of it as is done when the function is killed.
async fn killed(
    kill: Option<Kill>,
    work: impl Future<Output = Result<Value, FunctionError>>,
) -> Result<Value, FunctionError> {
    let service =
        |error: &str| FunctionError::Service { error: error.into(), cause: "killed".into() };
    match kill {
        None => work.await,
        Some(Kill::Before) => Err(service("Lambda.TooManyRequestsException")),
        Some(Kill::AtEnd) => {
            let _ = work.await;
            Err(service("Lambda.Unknown"))
        }
        Some(Kill::After(wakes_max)) => {
            let (mut work, mut wakes) = (pin!(work), 0);
            std::future::poll_fn(|context| {
                wakes += 1;
                match work.as_mut().poll(context) {
                    Poll::Ready(answer) => Poll::Ready(answer),
                    Poll::Pending if wakes < wakes_max => Poll::Pending,
                    Poll::Pending => Poll::Ready(Err(FunctionError::Failed {
                        error_type: "Runtime.ExitError".into(),
                        error_message: "Error: Runtime exited with error: signal: killed".into(),
                    })),
                }
            })
            .await
        }
    }
}

/// The rule that invokes `cancel` when an execution was stopped or took too long.
fn cancel_what_nobody_waits_for(region: &Region, warehouse: Warehouse) {
    let context =
        Arc::new(segue_cancel::Context { warehouse, load_state_machine_arn: LOAD.into() });
    region.on_end(move |change| {
        if !matches!(change.ended.status, Status::Aborted | Status::TimedOut) {
            return;
        }
        let event = json!({"detail": {
            "stateMachineArn": change.state_machine_arn,
            "name": change.name,
            "status": change.ended.status,
            "input": change.input.to_string(),
        }});
        let context = Arc::clone(&context);
        tokio::spawn(async move {
            for _ in 0..EVENT_ATTEMPTS {
                let event = serde_json::from_value(event.clone()).expect("an event");
                if segue_cancel::handle(&context, event).await.is_ok() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        });
    });
}

fn warehouse(engine: &redshift_local::Engine) -> Warehouse {
    let config = aws_sdk_redshiftdata::Config::builder()
        .behavior_version(aws_sdk_redshiftdata::config::BehaviorVersion::latest())
        .region(aws_sdk_redshiftdata::config::Region::from_static("us-east-1"))
        .credentials_provider(aws_sdk_redshiftdata::config::Credentials::new(
            "id", "key", None, None, "test",
        ))
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts())
        .http_client(data_api(engine.clone()))
        .build();
    let target = Target::new("dev".into(), Some("workgroup".into()), None, None);
    Warehouse::new(aws_sdk_redshiftdata::Client::from_conf(config), target.expect("one target"))
}

fn s3_client(objects: &Arc<Objects>, mischief: &Arc<Mischief>) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(s3_config(objects, mischief).build())
}

fn s3_config(objects: &Arc<Objects>, mischief: &Arc<Mischief>) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::from_static("us-east-1"))
        .credentials_provider(aws_sdk_s3::config::Credentials::new("id", "key", None, None, "test"))
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts())
        .endpoint_url("http://s3.test")
        .force_path_style(true)
        .http_client(s3(Arc::clone(objects), Arc::clone(mischief)))
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build()
}
