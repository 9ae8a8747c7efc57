//! `ListDatabases`, `ListSchemas`, `ListTables` and `DescribeTable`.

use serde_json::{Value as Json, json};

use super::error::ApiError;
use super::requests::Described;
use crate::dialect::{ColumnType, literal};
use crate::engine::{Engine, Value};

/// Entries of one page, unless the request says fewer.
const RESULTS_MAX: usize = 1_000;

/// Answers from the system views.
pub(crate) async fn answer(
    engine: &Engine,
    operation: &str,
    request: &Described,
) -> Result<Json, ApiError> {
    engine.statements.check_connection(&request.connection)?;
    let connected = request.connected_database.as_ref();
    if connected.is_some_and(|name| Some(name) != request.connection.database.as_ref()) {
        let text = "ConnectedDatabase other than Database is not supported by the local warehouse";
        return Err(ApiError::validation(text));
    }
    let like = |column: &str, pattern: &Option<String>| match pattern {
        Some(pattern) => format!(" and {column} like {}", literal(&pattern.replace('\\', "\\\\"))),
        None => String::new(),
    };
    let (member, sql) = match operation {
        "ListDatabases" => ("Databases", "select datname from pg_database".to_owned()),
        "ListSchemas" => (
            "Schemas",
            format!(
                "select schema_name from svv_all_schemas where 1 = 1{} order by schema_name",
                like("schema_name", &request.schema_pattern)
            ),
        ),
        "ListTables" => (
            "Tables",
            format!(
                "select table_schema, table_name, table_type from svv_tables where 1 = 1{}{} \
                 order by table_schema, table_name",
                like("table_schema", &request.schema_pattern),
                like("table_name", &request.table_pattern)
            ),
        ),
        _ => ("ColumnList", columns_of(request)),
    };
    let rows =
        engine.query(&sql).await.map_err(|error| ApiError::validation(error.to_string()))?.rows;
    if let Some(table) = &request.table
        && operation == "DescribeTable"
        && rows.is_empty()
    {
        return Err(ApiError::validation(format!("Table {table} does not exist.")));
    }
    let start: usize = match &request.next_token {
        None => 0,
        Some(token) => token.parse().map_err(|_| ApiError::validation("NextToken is not valid"))?,
    };
    let most = request.max_results.filter(|most| *most > 0).unwrap_or(RESULTS_MAX);
    let total = rows.len();
    let entries: Vec<Json> =
        rows.into_iter().skip(start).take(most).map(|row| entry(operation, row)).collect();
    let end = start + entries.len();
    let mut answer = json!({ member: entries });
    if end < total {
        answer["NextToken"] = json!(end.to_string());
    }
    if operation == "DescribeTable" && request.table.is_some() {
        answer["TableName"] = json!(request.table);
    }
    Ok(answer)
}

/// The columns of a table; without a schema or a table, of all that there are.
fn columns_of(request: &Described) -> String {
    let is = |column: &str, name: &Option<String>| match name {
        Some(name) => format!(" and {column} = {}", literal(name)),
        None => String::new(),
    };
    format!(
        "select column_name, data_type, is_nullable, column_default, character_maximum_length, \
         numeric_precision, numeric_scale, table_schema, table_name from svv_columns \
         where 1 = 1{}{} order by table_schema, table_name, ordinal_position",
        is("table_schema", &request.schema),
        is("table_name", &request.table)
    )
}

/// The short name of a type, such as `varchar`.
fn type_name(shown: &str) -> Option<&'static str> {
    ColumnType::from_display(shown).ok().map(|kind| kind.udt())
}

fn entry(operation: &str, row: Vec<Value>) -> Json {
    let text = |index: usize| match row.get(index) {
        Some(Value::Text(text)) => json!(text),
        _ => Json::Null,
    };
    let number = |index: usize| match row.get(index) {
        Some(Value::Long(number)) => *number,
        _ => 0,
    };
    match operation {
        "ListDatabases" | "ListSchemas" => text(0),
        "ListTables" => {
            let kind = if text(2) == json!("VIEW") { "VIEW" } else { "TABLE" };
            json!({ "schema": text(0), "name": text(1), "type": kind })
        }
        _ => json!({
            "name": text(0),
            "label": text(0),
            "typeName": text(1).as_str().and_then(type_name),
            "nullable": i32::from(text(2) == json!("YES")),
            "columnDefault": text(3),
            "length": number(4).max(number(5)),
            "precision": number(5).max(number(4)),
            "scale": number(6),
            "schemaName": text(7),
            "tableName": text(8),
            "isCaseSensitive": false,
            "isCurrency": false,
            "isSigned": number(5) > 0,
        }),
    }
}
