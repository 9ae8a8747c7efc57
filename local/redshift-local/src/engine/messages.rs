//! The engine's errors, in Redshift's words.

use super::error::SqlError;
use crate::dialect::TableName;

/// What the statement named, to say a relation's name as it was written.
pub(crate) fn redshift(error: &duckdb::Error, named: &[TableName]) -> SqlError {
    let text = match error {
        duckdb::Error::DuckDBFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    };
    if text.contains("INTERRUPT") || text.contains("Interrupted") {
        return SqlError::Cancelled;
    }
    let first = text.lines().next().unwrap_or_default();
    let message = catalog(first, named)
        .or_else(|| binder(first))
        .or_else(|| data(first))
        .or_else(|| transaction(&text))
        .unwrap_or_else(|| plain(first));
    SqlError::new(message)
}

/// What the engine says where no rule knows Redshift's words: our own functions' errors as they
/// are, of all else only what was asked for.
fn plain(text: &str) -> String {
    if text.contains("invalid perl operator") {
        return SqlError::unsupported("look-around in a regular expression").text();
    }
    if let Some(own) = text.strip_prefix("Invalid Input Error: ")
        && !own.contains("rs_")
        && !own.contains("DuckDB")
    {
        return own.to_owned();
    }
    let kind = text.split_once(" Error: ").map_or("", |(kind, _)| kind);
    let what = match kind {
        "Conversion" => return "invalid input syntax for the type of the column".to_owned(),
        "Out of Range" => return "Value out of range for the type".to_owned(),
        "Parser" => "this syntax",
        "Binder" => "this combination of names and types",
        _ => "this statement",
    };
    tracing::warn!(text, "an error of the engine without words of Redshift");
    SqlError::unsupported(what).text()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = &text[text.find(start)? + start.len()..];
    Some(&rest[..rest.find(end)?])
}

fn catalog(text: &str, named: &[TableName]) -> Option<String> {
    if text.contains("because schema") || text.starts_with("Catalog Error: Schema with name") {
        let schema = between(text, "because schema \"", "\"")
            .or_else(|| between(text, "Schema with name \"", "\""))
            .or_else(|| between(text, "Schema with name ", " "))?;
        return Some(if text.contains("already exists") {
            format!("Schema \"{schema}\" already exists")
        } else {
            format!("schema \"{schema}\" does not exist")
        });
    }
    if let Some(name) = between(text, "Table with name ", " ").map(|name| name.trim_matches('"')) {
        if text.contains("already exists") {
            return Some(format!("Relation \"{name}\" already exists"));
        }
        if ["stl_", "stv_", "svl_", "svv_", "svcs_", "sys_"]
            .iter()
            .any(|kind| name.starts_with(kind))
        {
            return Some(format!("system view {name} is not supported by the local warehouse"));
        }
        let written = named.iter().find(|table| table.name == name);
        let name = written.map_or_else(|| name.to_owned(), ToString::to_string);
        return Some(format!("relation \"{name}\" does not exist"));
    }
    if let Some(name) = between(text, "View with name ", " ") {
        return Some(format!("view \"{}\" does not exist", name.trim_matches('"')));
    }
    if let Some(name) = between(text, "Function with name ", " ") {
        return Some(format!("function {}() does not exist", unprefixed(name)));
    }
    if text.contains("Cannot drop schema") || text.contains("Cannot drop entry") {
        let name = between(text, "\"", "\"").unwrap_or_default();
        return Some(format!("cannot drop schema {name} because other objects depend on it"));
    }
    None
}

fn unprefixed(name: &str) -> &str {
    let name = name.trim_matches('"');
    name.strip_prefix("rs_").unwrap_or(name)
}

fn binder(text: &str) -> Option<String> {
    if let Some(column) = between(text, "Referenced column \"", "\"")
        .or_else(|| between(text, "does not have a column named \"", "\""))
        .or_else(|| between(text, "does not have a column with name \"", "\""))
        .or_else(|| between(text, "does not contain a column named \"", "\""))
    {
        return Some(format!("column \"{column}\" does not exist"));
    }
    if let Some(table) = between(text, "Referenced table \"", "\"") {
        return Some(format!("relation \"{table}\" does not exist"));
    }
    if let Some(column) = between(text, "Ambiguous reference to column name \"", "\"") {
        return Some(format!("column reference \"{column}\" is ambiguous"));
    }
    if let Some(column) = between(text, "column \"", "\" must appear in the GROUP BY clause") {
        return Some(format!(
            "column \"{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
        ));
    }
    if let Some(call) = between(text, "given name and argument types '", "'") {
        let call = unprefixed(call).to_lowercase().replace("string_literal", "\"unknown\"");
        return Some(format!("function {} does not exist", call.replace("_literal", "")));
    }
    if let Some(rest) = text.strip_prefix("Binder Error: Macro ") {
        let rest = rest.trim_start_matches('"');
        let name = unprefixed(rest.split(['"', '(']).next().unwrap_or(rest));
        return Some(format!("function {name}() does not exist"));
    }
    if text.contains("has ")
        && text.contains("columns but")
        && text.contains("values were supplied")
    {
        let words: Vec<&str> = text.split_whitespace().collect();
        let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
        if let [columns, values, ..] = numbers.as_slice() {
            return Some(if values > columns {
                "INSERT has more expressions than target columns".to_owned()
            } else {
                "INSERT has more target columns than expressions".to_owned()
            });
        }
    }
    if let Some((clause, _)) = text.split_once(" term out of range") {
        let clause = clause.rsplit(": ").next().unwrap_or_default().replace(" BY", "");
        return Some(format!("{clause} BY position is not in select list"));
    }
    if text.contains("GROUP BY clause cannot contain aggregates") {
        return Some("aggregates not allowed in GROUP BY clause".to_owned());
    }
    if text.contains("aggregates cannot") || text.contains("cannot contain aggregates") {
        return Some("aggregates not allowed in WHERE clause".to_owned());
    }
    None
}

fn data(text: &str) -> Option<String> {
    if let Some(column) = text.strip_prefix("Constraint Error: NOT NULL constraint failed: ") {
        let column = column.rsplit('.').next().unwrap_or(column).trim();
        return Some(format!("Cannot insert a NULL value into column {column}"));
    }
    if text.contains("CHECK constraint failed") {
        let bytes = between(text, " <= ", ")").unwrap_or("?");
        let kind = if text.contains("rtrim(") { "character" } else { "character varying" };
        return Some(format!("value too long for type {kind}({bytes})"));
    }
    if let Some(value) = between(text, "Could not convert string \"", "\" to DECIMAL") {
        return Some(format!("invalid input syntax for type numeric: \"{value}\""));
    }
    if let Some(value) = between(text, "Could not convert string '", "' to ") {
        let kind = text.rsplit("' to ").next().unwrap_or_default().trim_end_matches('\n');
        return Some(match kind {
            "INT16" | "INT32" | "INT64" => format!("invalid input syntax for integer: \"{value}\""),
            "DOUBLE" | "FLOAT" => {
                format!("invalid input syntax for type double precision: \"{value}\"")
            }
            "BOOL" => format!("invalid input syntax for type boolean: \"{value}\""),
            kind if kind.starts_with("DECIMAL") => {
                format!("invalid input syntax for type numeric: \"{value}\"")
            }
            kind => format!("invalid input syntax for type {}: \"{value}\"", kind.to_lowercase()),
        });
    }
    if text.contains("Could not convert") && text.contains("DECIMAL")
        || text.contains("Could not cast value") && text.contains("DECIMAL")
        || text.contains("Casting value") && text.contains("DECIMAL")
    {
        return Some("Numeric data overflow (result precision)".to_owned());
    }
    if let Some((_, why)) = text.split_once("cannot take ") {
        return Some(format!("cannot take {why}"));
    }
    if text.contains("out of range for the destination type")
        || text.starts_with("Out of Range Error")
        || text.contains("Overflow in")
    {
        let words = [
            ("DECIMAL", "Numeric data overflow (result precision)"),
            ("INT16", "smallint out of range"),
            ("INT64", "bigint out of range"),
            ("INT", "integer out of range"),
            ("", "Value out of range for the type"),
        ];
        // A cast names the type that it came from first.
        let kind = text.rsplit("destination type ").next().unwrap_or(text);
        return words.iter().find(|(word, _)| kind.contains(word)).map(|(_, say)| (*say).into());
    }
    if let Some(value) = between(text, "field value out of range: \"", "\"") {
        return Some(format!("date/time field value out of range: \"{value}\""));
    }
    if let Some(value) = between(text, "invalid date field format: \"", "\"") {
        return Some(format!("invalid input syntax for type date: \"{value}\""));
    }
    if let Some(value) = between(text, "invalid timestamp field format: \"", "\"") {
        return Some(format!("invalid input syntax for type timestamp: \"{value}\""));
    }
    if text.contains("More than one row returned by a subquery") {
        return Some("more than one row returned by a subquery used as an expression".to_owned());
    }
    None
}

fn transaction(text: &str) -> Option<String> {
    let conflict = text.contains("TransactionContext Error")
        && text.to_lowercase().contains("conflict")
        || text.contains("write-write conflict");
    conflict.then(|| serializable(0, 0, 0, 0))
}

/// Error 1023.
pub(crate) fn serializable(table: u64, other: u64, own: u64, process: u64) -> String {
    format!(
        "1023 DETAIL: Serializable isolation violation on table - {table}, transactions forming \
         the cycle are: {other}, {own} (pid:{process})"
    )
}
