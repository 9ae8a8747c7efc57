//! The functions and state machines, deployed as the template deploys them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use segue_buckets::Landing;
use segue_contract::Failure;
use segue_contract::pipeline::Deployment;
use segue_warehouse::Deadlines;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use workflow_local::{FunctionError, Region, Status};

use super::wire::Wire;
use super::{Kind, LANDING_BUCKET, WORK_BUCKET};

/// The load state machine.
pub const LOAD: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:load";
const STATEMENT: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:statement";
/// The functions that the machines call.
pub const FUNCTIONS: [&str; 7] = ["Find", "Plan", "Compact", "Submit", "Poll", "Check", "Report"];
/// As in the template.
pub const STEP_DEADLINE: Duration = Duration::from_secs(21_600);
pub const LISTING_INTERVAL: SignedDuration = SignedDuration::from_hours(24);
pub const RUN_DEADLINE: Duration = Duration::from_secs(86_400);
/// How often EventBridge retries a failed function.
const EVENT_ATTEMPTS: u32 = 185;

/// Deploys functions and state machines.
pub fn deploy(region: &Region, wire: Wire, sources: &Value, slices: &str, kind: Kind) {
    let deployment = Deployment {
        work_bucket: WORK_BUCKET.into(),
        copy_role_arn: "arn:aws:iam::123456789012:role/copy".into(),
        staging_retention_days: super::STAGING_RETENTION_DAYS,
        reader_role: kind.reader_role.map(str::to_owned),
        warnings_fail: kind.warnings_fail,
        ..Deployment::default()
    };
    let add = Add { region, wire: &wire };
    let settings = find_settings(sources);
    let context =
        move |wire: &Wire| segue_find::Context { s3: wire.s3(), settings: settings.clone() };
    add.function("Find", context, |context, request| async move {
        segue_find::handle(&context, request).await
    });
    let settings = plan_settings(sources, slices);
    let context = move |wire: &Wire| segue_plan::Context {
        s3: wire.s3(),
        warehouse: wire.warehouse(),
        step_functions: wire.step_functions(),
        settings: settings.clone(),
    };
    add.function("Plan", context, |context, request| async move {
        segue_plan::handle(&context, request).await
    });
    let context = |wire: &Wire| segue_compact::Context::new(wire.s3_config(), compact_settings());
    add.function("Compact", context, |context, request| async move {
        segue_compact::handle(&context, request).await
    });
    let adds = deployment.clone();
    let context = move |wire: &Wire| segue_submit::Context {
        warehouse: wire.warehouse(),
        deployment: adds.clone(),
    };
    add.function("Submit", context, |context, request| async move {
        segue_submit::handle(&context, request).await
    });
    let adds = deployment.clone();
    let context = move |wire: &Wire| segue_poll::Context {
        warehouse: wire.warehouse(),
        deployment: adds.clone(),
        deadlines: Deadlines { step: STEP_DEADLINE, run: RUN_DEADLINE },
    };
    add.function("Poll", context, |context, request| async move {
        segue_poll::handle(&context, request).await
    });
    let context = move |wire: &Wire| segue_check::Context {
        warehouse: wire.warehouse(),
        deployment: deployment.clone(),
        s3: wire.s3(),
    };
    add.function("Check", context, |context, request| async move {
        segue_check::handle(&context, request).await
    });
    let context = |wire: &Wire| segue_report::Context {
        s3: wire.s3(),
        work_bucket: WORK_BUCKET.into(),
        stack: None,
    };
    add.function("Report", context, |context, request| async move {
        segue_report::handle(&context, request).await
    });
    limit_times(region);
    cancel_what_nobody_waits_for(region, wire);
    state_machines(region);
}

/// Functions take no longer than the template allows.
fn limit_times(region: &Region) {
    let template: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(include_str!("../../../template.yaml")).expect("YAML");
    let shared = &template["Globals"]["Function"]["Timeout"];
    for name in FUNCTIONS {
        let own = &template["Resources"][format!("{name}Function")]["Properties"]["Timeout"];
        let seconds = own.as_u64().or(shared.as_u64()).expect("a timeout");
        region.limit_time(&arn(name), Duration::from_secs(seconds));
    }
}

/// The settings of the plan function.
pub fn plan_settings(sources: &Value, slices: &str) -> segue_plan::Settings {
    segue_plan::Settings::new(landing(sources), WORK_BUCKET.into(), slices).expect("settings")
}

fn find_settings(sources: &Value) -> segue_find::Settings {
    segue_find::Settings {
        landing: landing(sources),
        work_bucket: WORK_BUCKET.into(),
        warehouse: "warehouse/dev".into(),
        listing_interval: LISTING_INTERVAL,
    }
}

fn landing(sources: &Value) -> Landing {
    Landing::new(LANDING_BUCKET.into(), &sources.to_string()).expect("sources")
}

fn compact_settings() -> segue_compact::Settings {
    segue_compact::Settings {
        work_bucket: WORK_BUCKET.into(),
        connections_max: segue_compact::Settings::CONNECTIONS_MAX,
    }
}

fn state_machines(region: &Region) {
    let functions: Vec<(String, String)> =
        FUNCTIONS.iter().map(|name| (format!("{name}FunctionArn"), arn(name))).collect();
    let mut substitutions: Vec<(&str, &str)> =
        functions.iter().map(|(name, arn)| (name.as_str(), arn.as_str())).collect();
    substitutions.push(("StatementStateMachineArn", STATEMENT));
    substitutions.push(("MaxRejectedObjects", "0"));
    substitutions.push(("Partition", "aws"));
    let definitions = [
        (STATEMENT, include_str!("../../../statemachine/statement.asl.json")),
        (LOAD, include_str!("../../../statemachine/load.asl.json")),
    ];
    for (machine, definition) in definitions {
        region.add_state_machine(machine, definition, &substitutions).expect("a definition");
    }
}

/// The ARN of a function.
pub fn arn(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:123456789012:function:{name}")
}

struct Add<'a> {
    region: &'a Region,
    wire: &'a Wire,
}

impl Add<'_> {
    /// Adds a function.
    fn function<Context, Request, Response, Answer>(
        &self,
        name: &'static str,
        context: impl Fn(&Wire) -> Context + Send + Sync + 'static,
        handle: impl Fn(Arc<Context>, Request) -> Answer + Copy + Send + Sync + 'static,
    ) where
        Context: Send + Sync + 'static,
        Request: DeserializeOwned + Send + 'static,
        Response: Serialize + 'static,
        Answer: Future<Output = Result<Response, Failure>> + Send + 'static,
    {
        let invoke = invoked(name, self.wire.clone(), context, handle);
        self.region.add_function(&arn(name), invoke);
    }
}

/// A function as Lambda invokes it: its request is parsed, and its failure reported, as
/// `segue-function` does. Its clients are built once; an invocation that may be killed has its own,
/// to distinguish its requests from those of others.
fn invoked<Context, Request, Response, Answer>(
    name: &'static str,
    wire: Wire,
    context: impl Fn(&Wire) -> Context + Send + Sync + 'static,
    handle: impl Fn(Arc<Context>, Request) -> Answer + Copy + Send + Sync + 'static,
) -> impl Fn(Value) -> BoxFuture<'static, Result<Value, FunctionError>> + Send + Sync + 'static
where
    Context: Send + Sync + 'static,
    Request: DeserializeOwned + Send + 'static,
    Response: Serialize + 'static,
    Answer: Future<Output = Result<Response, Failure>> + Send + 'static,
{
    let shared = Arc::new(context(&wire));
    move |payload: Value| {
        let doom = wire.mischief.doom(name);
        let context = match &doom {
            None => Arc::clone(&shared),
            Some(doom) => Arc::new(context(&Wire { doom: Some(Arc::clone(doom)), ..wire.clone() })),
        };
        let work = async move {
            let request = segue_function::request(payload).map_err(|error| failed(&error))?;
            let answer = handle(context, request).await.map_err(|failure| failed(&failure))?;
            Ok(serde_json::to_value(answer).expect("an answer is JSON"))
        };
        Box::pin(async move {
            match doom {
                None => work.await,
                Some(doom) => doom.carry_out(work).await,
            }
        })
    }
}

fn failed(failure: &Failure) -> FunctionError {
    FunctionError::Failed {
        error_type: failure.name.to_string(),
        error_message: failure.to_string(),
    }
}

/// The rules that invoke `cancel` when an execution was stopped or took too long, and when a step
/// failed.
fn cancel_what_nobody_waits_for(region: &Region, wire: Wire) {
    let context = |wire: &Wire| segue_cancel::Context {
        warehouse: wire.warehouse(),
        load_state_machine_arn: LOAD.into(),
    };
    let invoke = invoked("Cancel", wire, context, |context, event| async move {
        segue_cancel::handle(&context, event).await
    });
    let invoke = Arc::new(invoke);
    region.on_end(move |change| {
        let may_have_left_statements = match change.ended.status {
            Status::Succeeded => false,
            Status::Failed => change.state_machine_arn == STATEMENT,
            Status::Aborted | Status::TimedOut => true,
        };
        if !may_have_left_statements {
            return;
        }
        let event = json!({"detail": {
            "stateMachineArn": change.state_machine_arn,
            "name": change.name,
            "status": change.ended.status,
            "input": change.input.to_string(),
            "stopDate": change.stopped.as_millisecond(),
        }});
        let invoke = Arc::clone(&invoke);
        tokio::spawn(async move {
            for _ in 0..EVENT_ATTEMPTS {
                if invoke(event.clone()).await.is_ok() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        });
    });
}
