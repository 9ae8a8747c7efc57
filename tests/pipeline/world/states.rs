//! Step Functions behind the SDK's client, without a socket: the calls of functions.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde_json::{Value, json};
use workflow_local::{Region, StartError, Summary, WeakRegion};

use super::s3::{client, response};

const KIND: &str = "application/x-amz-json-1.0";

/// A client that reaches the region.
pub fn step_functions(region: WeakRegion) -> aws_sdk_sfn::Client {
    use aws_sdk_sfn::config::{BehaviorVersion, Config, Credentials, Region};
    let http = client(move |request| {
        let answer = answer(&region.region(), &request);
        async move { Ok(answer) }
    });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .http_client(http);
    aws_sdk_sfn::Client::from_conf(config.build())
}

fn answer(region: &Region, request: &HttpRequest) -> HttpResponse {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.strip_prefix("AWSStepFunctions.").unwrap_or_default();
    let body = request.body().bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(body).expect("JSON");
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let answered = match operation {
        "ListExecutions" => Ok(list(region, &body)),
        "StartExecution" => start(region, text("stateMachineArn"), text("name"), text("input")),
        "DescribeExecution" => describe(region, text("executionArn")),
        other => panic!("Step Functions is asked for {other}, which nobody expected"),
    };
    match answered {
        Ok(answer) => response(200, KIND, answer.to_string()),
        Err((error, message)) => {
            response(400, KIND, json!({"__type": error, "message": message}).to_string())
        }
    }
}

type Answer = Result<Value, (&'static str, String)>;

fn list(region: &Region, request: &Value) -> Value {
    let machine = request["stateMachineArn"].as_str().unwrap_or_default();
    let most = request["maxResults"].as_u64().map_or(usize::MAX, |most| most as usize);
    let filter = request["statusFilter"].as_str();
    let is_asked = |summary: &Summary| filter.is_none_or(|status| self::status(summary) == status);
    let newest = if filter.is_some() { usize::MAX } else { most };
    let all = region.newest_executions(machine, newest).into_iter();
    let executions: Vec<Value> = all.filter(is_asked).take(most).map(|one| item(&one)).collect();
    json!({"executions": executions})
}

fn start(region: &Region, machine: &str, name: &str, input: &str) -> Answer {
    let input = serde_json::from_str(input).expect("an input");
    match region.start(machine, name, input) {
        Ok(execution) => {
            let started = region.execution(&execution.arn).expect("it was started").started;
            Ok(json!({"executionArn": execution.arn, "startDate": seconds(started)}))
        }
        Err(error @ StartError::ExecutionAlreadyExists(_)) => {
            Err(("ExecutionAlreadyExists", error.to_string()))
        }
        Err(error) => Err(("StateMachineDoesNotExist", error.to_string())),
    }
}

fn describe(region: &Region, arn: &str) -> Answer {
    let found = region.execution(arn).map(|summary| item(&summary));
    found.ok_or_else(|| ("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'")))
}

fn item(summary: &Summary) -> Value {
    let mut item = json!({
        "executionArn": summary.arn,
        "stateMachineArn": summary.state_machine_arn,
        "name": summary.name,
        "status": status(summary),
        "startDate": seconds(summary.started),
    });
    if let Some((_, stopped)) = summary.ended {
        item["stopDate"] = seconds(stopped);
    }
    item
}

fn status(summary: &Summary) -> String {
    match summary.ended {
        None => "RUNNING".to_owned(),
        Some((status, _)) => json!(status).as_str().unwrap_or_default().to_owned(),
    }
}

fn seconds(at: Timestamp) -> Value {
    json!(at.as_duration().as_secs_f64())
}
