//! What every function does before its handler: structured logs, AWS clients built once, typed
//! requests, and errors under the names that the state machines match.

mod buckets;
mod denied;
pub mod metrics;

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use segue_contract::metrics::Metric;
use segue_contract::{ErrorName, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::{Instrument, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use metrics::{Subject, emit};

pub use buckets::{Elsewhere, s3_config};
pub use denied::{denied, reason, root, s3_failure};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt of a call may take: longer than the longest long poll.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(40);

/// The AWS configuration of a function or of the command line: one TLS stack, bounded calls, and
/// endpoints from the environment where there are any.
pub async fn aws_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
        .load()
        .await
}

/// Reads a setting that the template gives the function.
///
/// # Errors
/// `InvalidConfiguration` when it is missing or empty.
pub fn setting(name: &str) -> Result<String, Failure> {
    optional_setting(name).ok_or_else(|| {
        Failure::new(
            ErrorName::InvalidConfiguration,
            format!("expected the environment variable {name}, found none"),
        )
        .hint("deploy the stack from its template, which sets it")
    })
}

/// Reads an optional setting; empty is the same as missing.
pub fn optional_setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Serves requests until the environment is shut down.
///
/// The context (clients and settings) is built once. If it cannot be built, every request fails
/// with the reason, because a function that dies at start-up says nothing helpful.
///
/// # Errors
/// Only when the Lambda runtime itself ends.
pub async fn serve<Context, Request, Response, Answer>(
    context: Result<Context, Failure>,
    handle: impl Fn(&'static Context, Request) -> Answer,
) -> Result<(), lambda_runtime::Error>
where
    Context: Sync + 'static,
    Request: DeserializeOwned,
    Response: Serialize,
    Answer: Future<Output = Result<Response, Failure>>,
{
    log(std::io::stdout).init();
    // Lives as long as the process, which ends with the environment.
    let context: &'static Result<Context, Failure> = Box::leak(Box::new(context));
    let handle = &handle;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let run_id = run_id(&event.payload).map(str::to_owned);
        let span = tracing::info_span!("request", run_id);
        let answer = async move {
            let answer = match (context, request(event.payload)) {
                // Boxed: the nested futures of some handlers are too deep for the compiler.
                (Ok(context), Ok(request)) => Box::pin(handle(context, request)).await,
                (Err(failure), _) => Err(failure.clone()),
                (_, Err(failure)) => Err(failure),
            };
            answer.map_err(|failure| diagnostic(failure, run_id.as_deref()))
        };
        answer.instrument(span)
    }))
    .await
}

/// The log of a function: a JSON object per line, whose `span` names the run.
///
/// `LOG_LEVEL` sets the level, optionally by target (`info,segue_compact=debug`); the default shows
/// what is worth knowing about every run.
pub fn log<Writer>(writer: Writer) -> impl Subscriber + Send + Sync
where
    Writer: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer);
    // Not `EnvFilter`: its regular expressions would make up a tenth of a function.
    let wanted: Option<Targets> = optional_setting("LOG_LEVEL").and_then(|it| it.parse().ok());
    let wanted = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    tracing_subscriber::registry().with(lines).with(wanted)
}

/// The run that a request is about, as far as it can be seen before the request is parsed.
fn run_id(payload: &Value) -> Option<&str> {
    ["/run/id", "/step/run/id"].iter().find_map(|place| payload.pointer(place)?.as_str())
}

/// Reads a request.
///
/// # Errors
/// `InvalidInput`, naming the field.
pub fn request<Request: DeserializeOwned>(payload: Value) -> Result<Request, Failure> {
    serde_json::from_value(payload).map_err(|error| {
        Failure::new(ErrorName::InvalidInput, format!("the request cannot be read: {error}"))
            .hint("a run takes {}, or some of `sources`, `rebuild`, `compact`, `maxRejects` and `allowDrop`")
    })
}

/// The one place where a failure becomes what Lambda reports.
fn diagnostic(failure: Failure, run_id: Option<&str>) -> Diagnostic {
    tracing::error!(error = %failure.name, message = %failure.message, hint = failure.hint);
    if failure.name == ErrorName::WarehouseBusy {
        emit(Subject { run_id, step: None }, &[(Metric::WarehouseRefusals, 1.0)]);
    }
    Diagnostic { error_type: failure.name.to_string(), error_message: failure.to_string() }
}

/// Says why an S3 call failed, for people.
pub fn unreadable(what: impl Display, reason: impl Display) -> Failure {
    Failure::new(ErrorName::SourceUnreadable, format!("{what}: {reason}"))
}

#[cfg(test)]
mod tests {
    use segue_contract::messages::PlanRequest;

    use super::*;

    #[test]
    fn a_request_that_cannot_be_read_names_the_field() {
        let payload = serde_json::json!({
            "run": {"id": "r", "startedAt": "t", "input": {"rebuld": true}},
            "subtractStatementId": "s",
        });
        let failure = request::<PlanRequest>(payload).expect_err("misspelt");
        assert_eq!(failure.name, ErrorName::InvalidInput);
        assert!(failure.message.contains("`rebuld`"), "{failure}");
        assert!(failure.message.contains("`rebuild`"), "{failure}");
    }

    #[test]
    fn the_run_is_known_before_a_request_is_read() {
        let run = serde_json::json!({"id": "r"});
        assert_eq!(run_id(&serde_json::json!({"run": run, "misspelt": 1})), Some("r"));
        assert_eq!(run_id(&serde_json::json!({"step": {"run": run}})), Some("r"));
        assert_eq!(run_id(&serde_json::json!({"Records": []})), None);
    }

    #[test]
    fn lambda_reports_the_name_that_the_state_machine_matches() {
        let diagnostic =
            diagnostic(Failure::new(ErrorName::WarehouseBusy, "full").hint("wait"), Some("r"));
        assert_eq!(diagnostic.error_type, "WarehouseBusy");
        assert_eq!(diagnostic.error_message, "full\nhint: wait");
    }

    #[test]
    fn a_missing_setting_is_a_configuration_error() {
        let failure = setting("SEGUE_NO_SUCH_SETTING").expect_err("missing");
        assert_eq!(failure.name, ErrorName::InvalidConfiguration);
    }
}
