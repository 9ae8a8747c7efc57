//! The requests and answers of the Redshift Data API.

mod answers;
mod caller;
mod error;
mod metadata;
mod requests;
mod results;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

pub use caller::Caller;
pub use error::ApiError;
pub(crate) use requests::{Connection, Execute};

use crate::engine::Engine;
use crate::faults::Fault;
use requests::{ById, Described, ListStatements};

/// The version of the protocol's content.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Answers one request.
pub(crate) async fn answer(
    engine: &Engine,
    caller: &Caller,
    operation: &str,
    request: Json,
) -> Result<Json, ApiError> {
    let fault = engine.statements.faults.next(operation);
    match fault {
        Some(Fault::Throttle) => return Err(ApiError::throttled()),
        Some(Fault::WrappedThrottle) => return Err(ApiError::wrapped_throttle()),
        Some(Fault::InternalError) => return Err(ApiError::internal()),
        Some(Fault::ConnectionFailure) => return Err(ApiError::no_connection()),
        Some(Fault::TooManyStatements) => return Err(ApiError::too_many_statements(0)),
        Some(Fault::ResultExpired) => {
            return Err(ApiError::not_found("The query result has expired."));
        }
        _ => {}
    }
    let answer = dispatch(engine, caller, operation, request).await;
    match fault {
        Some(Fault::DroppedAnswer) => Err(ApiError::dropped()),
        _ => answer,
    }
}

async fn dispatch(
    engine: &Engine,
    caller: &Caller,
    operation: &str,
    request: Json,
) -> Result<Json, ApiError> {
    match operation {
        "ExecuteStatement" => execute(engine, caller, read(request)?, false).await,
        "BatchExecuteStatement" => execute(engine, caller, read(request)?, true).await,
        "DescribeStatement" => {
            let request: ById = read(request)?;
            let (id, part) = split(&request.id)?;
            let statement = engine.statements.get(id, caller)?;
            statement.wait(wait(engine, request.wait_time_seconds)?, &engine.warehouse).await?;
            answers::describe(&statement, part)
        }
        "CancelStatement" => {
            let request: ById = read(request)?;
            let (id, _) = split(&request.id)?;
            engine.statements.cancel(id, caller)?;
            Ok(json!({ "Status": true }))
        }
        "GetStatementResult" | "GetStatementResultV2" => {
            let request: ById = read(request)?;
            let (id, part) = split(&request.id)?;
            let statement = engine.statements.get(id, caller)?;
            statement.wait(wait(engine, request.wait_time_seconds)?, &engine.warehouse).await?;
            let second = operation.ends_with("V2");
            results::page(&statement, part, request.next_token.as_deref(), second)
        }
        "ListStatements" => {
            let request: ListStatements = read(request)?;
            answers::list(&engine.statements, caller, &request)
        }
        "ListDatabases" | "ListSchemas" | "ListTables" | "DescribeTable" => {
            let request: Described = read(request)?;
            metadata::answer(engine, operation, &request).await
        }
        other => Err(ApiError::unknown_operation(other)),
    }
}

async fn execute(
    engine: &Engine,
    caller: &Caller,
    mut request: Execute,
    batch: bool,
) -> Result<Json, ApiError> {
    request.caller = caller.database_user().map(str::to_owned);
    let wait = wait(engine, request.wait_time_seconds)?;
    let statement = engine.statements.submit(request, batch)?;
    statement.wait(wait, &engine.warehouse).await?;
    Ok(answers::submitted(&statement))
}

fn read<T: DeserializeOwned>(request: Json) -> Result<T, ApiError> {
    serde_json::from_value(request)
        .map_err(|error| ApiError::validation(format!("The request is not valid: {error}")))
}

/// The id of a statement, and the number of one of its parts.
fn split(id: &str) -> Result<(&str, Option<usize>), ApiError> {
    match id.split_once(':') {
        None => Ok((id, None)),
        Some((id, part)) => match part.parse() {
            Ok(part @ 1..) => Ok((id, Some(part))),
            _ => Err(ApiError::validation(format!("id {id}:{part} is not valid"))),
        },
    }
}

fn wait(engine: &Engine, seconds: Option<i64>) -> Result<Duration, ApiError> {
    match seconds {
        None => Ok(Duration::ZERO),
        Some(1..=30) if engine.warehouse.ignores_waits => Ok(Duration::ZERO),
        Some(seconds @ 1..=30) => Ok(Duration::from_secs(seconds.unsigned_abs())),
        Some(seconds) => Err(ApiError::validation(format!(
            "1 validation error detected: Value '{seconds}' at 'waitTimeSeconds' failed to satisfy \
             constraint: Member must be between 1 and 30"
        ))),
    }
}
