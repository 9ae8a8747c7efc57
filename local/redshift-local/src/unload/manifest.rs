//! The manifest of the files that were written.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::engine::{Column, UnloadedFile};

#[derive(Serialize)]
struct Manifest<'a> {
    entries: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Json>,
}

#[derive(Serialize)]
struct Entry<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct Meta {
    content_length: u64,
    record_count: u64,
}

impl Meta {
    fn of(files: &[UnloadedFile]) -> Self {
        let content_length = files.iter().map(|file| file.bytes).sum();
        Self { content_length, record_count: files.iter().map(|file| file.lines).sum() }
    }
}

/// The text of a manifest; with the columns it is verbose.
pub(super) fn text(files: &[UnloadedFile], columns: Option<&[Column]>) -> String {
    let verbose = columns.is_some();
    let entry = |file: &'_ UnloadedFile| -> Option<Meta> {
        verbose.then(|| Meta::of(std::slice::from_ref(file)))
    };
    let entries = files.iter().map(|file| Entry { url: &file.url, meta: entry(file) });
    let elements = columns.map(|columns| columns.iter().map(element).collect::<Vec<Json>>());
    let manifest = Manifest {
        entries: entries.collect(),
        schema: elements.map(|elements| json!({ "elements": elements })),
        meta: verbose.then(|| Meta::of(files)),
        author: verbose.then(|| json!({ "name": "Amazon Redshift", "version": "1.0.0" })),
    };
    serde_json::to_string_pretty(&manifest).unwrap_or_default()
}

/// One column: its name, its type, and the dimensions of text and numbers.
fn element(column: &Column) -> Json {
    let base = match column.type_name.as_str() {
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "bool" => "boolean",
        "varchar" => "character varying",
        "bpchar" => "character",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        "varbyte" => "binary varying",
        other => other,
    };
    let kind = match column.type_name.as_str() {
        "varchar" | "bpchar" => json!({ "base": base, "max_length": column.precision }),
        "numeric" => {
            json!({ "base": base, "precision": column.precision, "scale": column.scale })
        }
        _ => json!({ "base": base }),
    };
    json!({ "name": column.name, "type": kind })
}
