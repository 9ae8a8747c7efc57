//! Answers about statements.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value as Json, json};

use super::caller::Caller;
use super::error::ApiError;
use super::requests::ListStatements;
use crate::clock::epoch_seconds;
use crate::statements::{Age, Part, Statement, Statements, Status};

/// Statements of one list page, unless the request says fewer.
const LIST_RESULTS_MAX: usize = 100;

/// Leaves out what is not there, as the service does.
fn members(pairs: impl IntoIterator<Item = (&'static str, Option<Json>)>) -> Json {
    let present = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Json::Object(present.collect::<Map<_, _>>())
}

/// The answer to a submit.
pub(crate) fn submitted(statement: &Statement) -> Json {
    let state = statement.state();
    let request = &statement.request;
    let connection = &request.connection;
    members([
        ("Id", Some(json!(statement.id))),
        ("CreatedAt", Some(json!(epoch_seconds(statement.created)))),
        ("ClusterIdentifier", connection.cluster_identifier.as_ref().map(|name| json!(name))),
        ("WorkgroupName", connection.workgroup_name.as_ref().map(|name| json!(name))),
        ("Database", Some(json!(connection.database))),
        ("DbUser", connection.db_user.as_ref().map(|name| json!(name))),
        ("DbGroups", Some(json!([]))),
        ("SecretArn", connection.secret_arn.as_ref().map(|name| json!(name))),
        ("SessionId", statement.session_id.as_ref().map(|id| json!(id))),
        ("Status", Some(json!(state.status.name()))),
        ("HasResultSet", Some(json!(state.has_result()))),
        ("RedshiftPid", Some(json!(state.process))),
    ])
}

/// The answer to `DescribeStatement`, of the whole or of one part.
pub(crate) fn describe(statement: &Statement, part: Option<usize>) -> Result<Json, ApiError> {
    let state = statement.state();
    let request = &statement.request;
    let connection = &request.connection;
    if let Some(number) = part {
        let part = state.parts.get(number - 1).filter(|_| statement.batch);
        let part = part.ok_or_else(|| {
            ApiError::not_found(format!("Query {}:{number} does not exist.", statement.id))
        })?;
        return Ok(describe_part(statement, number, part));
    }
    let single = (!statement.batch).then(|| &state.parts[0]);
    let parts: Vec<Json> = match statement.batch {
        true => {
            let parts = state.parts.iter().enumerate();
            parts.map(|(index, part)| describe_part(statement, index + 1, part)).collect()
        }
        false => Vec::new(),
    };
    let parameters = request.parameters.as_ref().filter(|list| !list.is_empty());
    let text = statement.texts.first().filter(|_| !statement.batch);
    let mode = request.execution_mode.as_deref().unwrap_or("TRANSACTION");
    Ok(members([
        ("Id", Some(json!(statement.id))),
        ("Status", Some(json!(state.status.name()))),
        ("CreatedAt", Some(json!(epoch_seconds(statement.created)))),
        ("UpdatedAt", Some(json!(epoch_seconds(state.updated)))),
        ("ClusterIdentifier", connection.cluster_identifier.as_ref().map(|name| json!(name))),
        ("WorkgroupName", connection.workgroup_name.as_ref().map(|name| json!(name))),
        ("Database", Some(json!(connection.database))),
        ("DbUser", connection.db_user.as_ref().map(|name| json!(name))),
        ("SecretArn", connection.secret_arn.as_ref().map(|name| json!(name))),
        ("SessionId", statement.session_id.as_ref().map(|id| json!(id))),
        ("Error", state.error.as_ref().map(|error| json!(error))),
        ("Duration", Some(json!(state.duration))),
        ("ExecutionMode", statement.batch.then(|| json!(mode))),
        ("HasResultSet", Some(json!(state.has_result()))),
        ("QueryParameters", parameters.map(|list| json!(list))),
        ("QueryString", text.map(|text| json!(text))),
        ("RedshiftPid", Some(json!(state.process))),
        ("RedshiftQueryId", Some(json!(single.map_or(0, |part| part.query_id)))),
        ("RedshiftQueryUuid", single.and_then(|part| query_uuid(part.query_id))),
        ("ResultFormat", Some(json!(statement.format()))),
        ("ResultRows", Some(json!(single.map_or(-1, |part| part.rows)))),
        ("ResultSize", Some(json!(single.map_or(-1, |part| part.size)))),
        ("SubStatements", statement.batch.then(|| json!(parts))),
    ]))
}

/// As `SYS_QUERY_HISTORY.query_uuid` has it; none before the statement has run.
fn query_uuid(query_id: i64) -> Option<Json> {
    (query_id > 0).then(|| json!(format!("00000000-0000-4000-8000-{query_id:012x}")))
}

fn describe_part(statement: &Statement, number: usize, part: &Part) -> Json {
    members([
        ("Id", Some(json!(format!("{}:{number}", statement.id)))),
        ("Status", Some(json!(part.status.name()))),
        ("CreatedAt", Some(json!(epoch_seconds(statement.created)))),
        ("UpdatedAt", Some(json!(epoch_seconds(part.updated)))),
        ("Error", part.error.as_ref().map(|error| json!(error))),
        ("Duration", Some(json!(part.duration))),
        ("HasResultSet", Some(json!(part.has_result))),
        ("QueryString", statement.texts.get(number - 1).map(|text| json!(text))),
        ("RedshiftQueryId", Some(json!(part.query_id))),
        ("RedshiftQueryUuid", query_uuid(part.query_id)),
        ("ResultRows", Some(json!(part.rows))),
        ("ResultSize", Some(json!(part.size))),
    ])
}

/// The answer to `ListStatements`.
pub(crate) fn list(
    statements: &Statements,
    caller: &Caller,
    request: &ListStatements,
) -> Result<Json, ApiError> {
    let filter = match request.status.as_deref() {
        // By default only those that are finished are shown.
        None => Some(Status::Finished),
        Some("ALL") => None,
        Some(name) => Some(Status::from_name(name).ok_or_else(|| {
            ApiError::validation(format!("Value '{name}' at 'status' is not a status"))
        })?),
    };
    let most = request.max_results.unwrap_or(LIST_RESULTS_MAX);
    if most > LIST_RESULTS_MAX {
        return Err(ApiError::validation(format!(
            "Value '{most}' at 'maxResults' failed to satisfy constraint: Member must be at most {LIST_RESULTS_MAX}"
        )));
    }
    let most = if most == 0 { LIST_RESULTS_MAX } else { most };
    let before = request.next_token.as_deref().map(age).transpose()?;
    let same = |wanted: &Option<String>, found: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| Some(wanted) == found.as_ref())
    };
    let wanted = |statement: &Statement| {
        let name = statement.request.statement_name.as_deref().unwrap_or_default();
        let connection = &statement.request.connection;
        name.starts_with(request.statement_name.as_deref().unwrap_or_default())
            && same(&request.database, &connection.database)
            && same(&request.workgroup_name, &connection.workgroup_name)
            && same(&request.cluster_identifier, &connection.cluster_identifier)
            && statement.request.caller.as_deref() == caller.database_user()
            && filter.is_none_or(|status| statement.lock().status == status)
    };
    let (page, more) = statements.page(before, most, wanted);
    let next = page.last().filter(|_| more).map(|last| json!(token(last)));
    let page: Vec<Json> = page.iter().map(|statement| listed(statement)).collect();
    Ok(members([("Statements", Some(json!(page))), ("NextToken", next)]))
}

/// Where a page ended: statements that come meanwhile do not move what comes next.
fn token(last: &Statement) -> String {
    let since = last.created.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}.{}", since.as_nanos(), last.id)
}

fn age(token: &str) -> Result<Age, ApiError> {
    let parts = token.split_once('.');
    let age = parts.and_then(|(created, id)| {
        let created = Duration::from_nanos(created.parse().ok()?);
        Some((SystemTime::UNIX_EPOCH + created, id.to_owned()))
    });
    age.ok_or_else(|| ApiError::validation("NextToken is not valid"))
}

fn listed(statement: &Statement) -> Json {
    let state = statement.lock();
    let request = &statement.request;
    let parameters = request.parameters.as_ref().filter(|list| !list.is_empty());
    members([
        ("Id", Some(json!(statement.id))),
        ("StatementName", request.statement_name.as_ref().map(|name| json!(name))),
        ("Status", Some(json!(state.status.name()))),
        ("CreatedAt", Some(json!(epoch_seconds(statement.created)))),
        ("UpdatedAt", Some(json!(epoch_seconds(state.updated)))),
        ("IsBatchStatement", Some(json!(statement.batch))),
        ("QueryString", Some(json!(statement.texts.first()))),
        ("QueryStrings", statement.batch.then(|| json!(statement.texts))),
        ("QueryParameters", parameters.map(|list| json!(list))),
        ("ResultFormat", Some(json!(statement.format()))),
        ("SecretArn", request.connection.secret_arn.as_ref().map(|name| json!(name))),
        ("SessionId", statement.session_id.as_ref().map(|id| json!(id))),
    ])
}
