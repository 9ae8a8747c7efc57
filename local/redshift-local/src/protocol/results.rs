//! Pages of results.

use serde_json::{Value as Json, json};

use super::error::ApiError;
use crate::engine::{Column, QueryResult, Value};
use crate::statements::{Statement, Status};

/// What one page carries at most, in bytes of its records.
const PAGE_BYTES_MAX: usize = 1_000_000;

/// The answer to `GetStatementResult`, or to its second version.
pub(crate) fn page(
    statement: &Statement,
    part: Option<usize>,
    token: Option<&str>,
    second: bool,
) -> Result<Json, ApiError> {
    if statement.batch && part.is_none() {
        return Err(ApiError::validation(
            "Query results for a batch are available only for its sub-statements; use the sub-statement's id.",
        ));
    }
    let csv = statement.format() == "CSV";
    if csv != second {
        let (asked, right) =
            if second { ("CSV", "GetStatementResult") } else { ("JSON", "GetStatementResultV2") };
        return Err(ApiError::validation(format!(
            "The result is not in the {asked} format; use {right}."
        )));
    }
    let state = statement.state();
    let part = state.parts.get(part.unwrap_or(1) - 1);
    let part = part.ok_or_else(|| ApiError::not_found("Query does not exist."))?;
    match part.status {
        Status::Finished => {}
        Status::Failed | Status::Aborted => return Err(no_result()),
        status => {
            return Err(ApiError::validation(format!(
                "Query is not finished; its status is {}.",
                status.name()
            )));
        }
    }
    let result = part.result.as_ref().ok_or_else(|| match part.has_result {
        true => ApiError::not_found("The query result has expired."),
        false => no_result(),
    })?;
    let start: usize = match token {
        None => 0,
        Some(token) => token.parse().map_err(|_| ApiError::validation("NextToken is not valid"))?,
    };
    Ok(if csv { csv_page(result, start) } else { json_page(result, start) })
}

fn no_result() -> ApiError {
    ApiError::not_found(
        "Query does not have result. Please check query status with DescribeStatement.",
    )
}

fn json_page(result: &QueryResult, start: usize) -> Json {
    let mut records = Vec::new();
    let mut bytes = 0;
    for row in result.rows.iter().skip(start) {
        let record: Vec<Json> = row.iter().map(field).collect();
        let length: usize = row.iter().map(length).sum();
        if bytes + length > PAGE_BYTES_MAX && !records.is_empty() {
            break;
        }
        bytes += length;
        records.push(Json::Array(record));
    }
    let end = start + records.len();
    let mut page = header(result, end);
    page["Records"] = Json::Array(records);
    page
}

fn csv_page(result: &QueryResult, start: usize) -> Json {
    let mut text = String::new();
    let mut end = start;
    if start == 0 {
        let names: Vec<String> = result.columns.iter().map(|column| csv(&column.name)).collect();
        text = names.join(",") + "\r\n";
    }
    for row in result.rows.iter().skip(start) {
        let fields: Vec<String> = row.iter().map(|value| csv(&plain(value))).collect();
        text += &(fields.join(",") + "\r\n");
        end += 1;
        if text.len() > PAGE_BYTES_MAX {
            break;
        }
    }
    let mut page = header(result, end);
    page["Records"] = json!([{ "CSVRecords": text }]);
    page["ResultFormat"] = json!("CSV");
    page
}

fn header(result: &QueryResult, end: usize) -> Json {
    let columns: Vec<Json> = result.columns.iter().map(metadata).collect();
    let mut page = json!({ "ColumnMetadata": columns, "TotalNumRows": result.rows.len() });
    if end < result.rows.len() {
        page["NextToken"] = json!(end.to_string());
    }
    page
}

pub(super) fn metadata(column: &Column) -> Json {
    let number = ["int2", "int4", "int8", "numeric", "float4", "float8"];
    let text = ["varchar", "bpchar", "super"];
    json!({
        "name": column.name,
        "label": column.name,
        "typeName": column.type_name,
        "precision": column.precision,
        "scale": column.scale,
        "length": 0,
        "nullable": i32::from(!column.not_null),
        "isCaseSensitive": text.contains(&column.type_name.as_str()),
        "isCurrency": false,
        "isSigned": number.contains(&column.type_name.as_str()),
        "schemaName": "",
        "tableName": column.table,
        "columnDefault": null,
    })
}

fn field(value: &Value) -> Json {
    match value {
        Value::Null => json!({ "isNull": true }),
        Value::Boolean(value) => json!({ "booleanValue": value }),
        Value::Long(value) => json!({ "longValue": value }),
        Value::Double(value) if value.is_finite() => json!({ "doubleValue": value }),
        Value::Double(value) if value.is_nan() => json!({ "doubleValue": "NaN" }),
        Value::Double(value) if *value > 0.0 => json!({ "doubleValue": "Infinity" }),
        Value::Double(_) => json!({ "doubleValue": "-Infinity" }),
        Value::Text(value) => json!({ "stringValue": value }),
        Value::Bytes(value) => json!({ "stringValue": hex::encode(value) }),
    }
}

/// About what a field takes on the wire, in bytes.
fn length(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 20,
        Value::Bytes(bytes) => bytes.len() * 2 + 20,
        _ => 24,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Text(value) => value.clone(),
        Value::Bytes(value) => hex::encode(value),
    }
}

fn csv(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
