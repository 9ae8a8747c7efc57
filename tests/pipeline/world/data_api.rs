//! The Data API behind the SDK's client, without a socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use redshift_local::{Caller, Engine};
use serde_json::{Value, json};

use super::kill::{Doom, unless_killed};
use super::s3::{client, response};

/// A client's connection to the engine.
pub fn data_api(
    engine: Engine,
    requests: Arc<AtomicU32>,
    doom: Option<Arc<Doom>>,
) -> SharedHttpClient {
    let engine = Arc::new(engine);
    client(move |request| {
        requests.fetch_add(1, Ordering::Relaxed);
        let (engine, doom) = (Arc::clone(&engine), doom.clone());
        // A separate task: the service keeps working when the client hangs up.
        let work = async move {
            let answer = tokio::spawn(async move { answer(&engine, &request).await }).await;
            answer.map_err(|error| ConnectorError::other(error.into(), None))?
        };
        unless_killed(doom, work)
    })
}

async fn answer(engine: &Engine, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.strip_prefix("RedshiftData.").unwrap_or_default();
    let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())
        .map_err(|error| ConnectorError::user(error.into()))?;
    let caller = Caller::of_authorization(request.headers().get("authorization"));
    match engine.call_as(&caller, operation, body).await {
        Ok(answer) => Ok(response(200, "application/x-amz-json-1.1", answer.to_string())),
        Err(error) if error.status == 0 => {
            Err(ConnectorError::io("the connection closed before an answer".into()))
        }
        Err(error) => {
            let body = json!({"__type": error.code, "Message": error.message});
            Ok(response(error.status, "application/x-amz-json-1.1", body.to_string()))
        }
    }
}
