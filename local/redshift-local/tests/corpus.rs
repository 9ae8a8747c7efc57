//! Documented Redshift statements with their documented results, file by file.
//!
//! A file of `tests/corpus` is one warehouse and its statements in order: `> ` begins a statement,
//! `| ` continues it, and what follows is the result: one line a row with fields between ` | `,
//! `ok` when there are no rows to see, `error ` and a part of the message when it must fail.
//! `< ` puts an object into the bucket, its text as JSON has it. The statements of `session.txt` come
//! through the Data API, on one kept session.
//! `# page: NAME` says on which page of the Developer Guide the statements after it rest; the
//! README's table is drawn from them (`REDSHIFT_README=write cargo test --test corpus`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redshift_local::{Engine, MemoryObjects, Objects, Options, Value};
use serde_json::{Value as Json, json};

struct Case {
    line: usize,
    page: Option<String>,
    sql: String,
    /// Objects to put before the statement.
    objects: Vec<(String, String)>,
    expected: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut objects = Vec::new();
    let mut page = None;
    for (number, line) in text.lines().enumerate() {
        if let Some(sql) = line.strip_prefix("> ") {
            let objects = std::mem::take(&mut objects);
            let (line, sql, page) = (number + 1, sql.to_owned(), page.clone());
            cases.push(Case { line, page, sql, objects, expected: Vec::new() });
        } else if let Some(name) = line.strip_prefix("# page: ") {
            page = Some(name.to_owned());
        } else if let Some(object) = line.strip_prefix("< ") {
            let (key, text) = object.split_once(' ').expect("a key and a text");
            let text = serde_json::from_str(text).expect("the text is a JSON string");
            objects.push((key.to_owned(), text));
        } else if let Some(more) = line.strip_prefix("| ") {
            let case = cases.last_mut().expect("a statement begins with `> `");
            case.sql += "\n";
            case.sql += more;
        } else if !line.is_empty() && !line.starts_with('#') {
            cases.last_mut().expect("a statement comes first").expected.push(line.to_owned());
        }
    }
    cases
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Text(value) => value.clone(),
        Value::Bytes(value) => format!("{value:02x?}"),
    }
}

async fn outcome(engine: &Engine, sql: &str) -> Vec<String> {
    match engine.query(sql).await {
        Err(error) => vec![format!("error {error}")],
        Ok(result) if result.columns.is_empty() => vec!["ok".to_owned()],
        Ok(result) => {
            let row = |row: &Vec<Value>| row.iter().map(shown).collect::<Vec<_>>().join(" | ");
            result.rows.iter().map(row).collect()
        }
    }
}

/// The same through the Data API, on one kept session.
struct Kept {
    engine: Engine,
    session: Option<String>,
}

impl Kept {
    async fn outcome(&mut self, sql: &str) -> Vec<String> {
        let mut request = match &self.session {
            Some(id) => json!({ "SessionId": id }),
            None => json!({
                "ClusterIdentifier": "local", "Database": "dev", "SessionKeepAliveSeconds": 600,
            }),
        };
        request["Sql"] = json!(sql);
        request["WaitTimeSeconds"] = json!(30);
        let submitted = self.engine.call("ExecuteStatement", request).await.expect("accepted");
        self.session = submitted["SessionId"].as_str().map(str::to_owned);
        let id = json!({ "Id": submitted["Id"], "WaitTimeSeconds": 30 });
        let described = self.engine.call("DescribeStatement", id.clone()).await.expect("known");
        if described["Status"] != "FINISHED" {
            let error = described["Error"].as_str().unwrap_or_default();
            return vec![format!("error {error}")];
        }
        if described["HasResultSet"] == json!(false) {
            return vec!["ok".to_owned()];
        }
        let id = json!({ "Id": submitted["Id"] });
        let result = self.engine.call("GetStatementResult", id).await.expect("a result");
        let shown = |field: &Json| match field.as_object().and_then(|field| field.iter().next()) {
            Some((kind, _)) if kind == "isNull" => "null".to_owned(),
            Some((_, Json::String(text))) => text.clone(),
            Some((_, value)) => value.to_string(),
            None => String::new(),
        };
        let rows = result["Records"].as_array().cloned().unwrap_or_default();
        let row = |row: &Json| {
            let fields = row.as_array().cloned().unwrap_or_default();
            fields.iter().map(shown).collect::<Vec<_>>().join(" | ")
        };
        rows.iter().map(row).collect()
    }
}

fn agrees(found: &[String], expected: &[String]) -> bool {
    match expected {
        [only] if only.starts_with("error ") => {
            found.len() == 1
                && found[0].starts_with("error ")
                && found[0].to_lowercase().contains(&only[6..].to_lowercase())
        }
        expected => found == expected,
    }
}

async fn mismatches(name: &str, text: &str) -> (usize, Vec<String>) {
    let store = Arc::new(MemoryObjects::default());
    let options = Options {
        objects: Objects::Store(store.clone()),
        system_view_lag: Duration::ZERO,
        ..Options::default()
    };
    let engine = Engine::open(options).expect("an empty warehouse opens");
    let mut kept = Kept { engine: engine.clone(), session: None };
    let mut wrong = Vec::new();
    let cases = cases(text);
    for case in &cases {
        for (key, text) in &case.objects {
            store.put("bucket", key, text.clone());
        }
        let found = match name {
            "session.txt" => kept.outcome(&case.sql).await,
            _ => outcome(&engine, &case.sql).await,
        };
        if !agrees(&found, &case.expected) {
            wrong.push(format!(
                "{name}:{}\n  {}\n  expected: {:?}\n  found:    {found:?}",
                case.line, case.sql, case.expected
            ));
        }
    }
    (cases.len(), wrong)
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_statements_give_their_documented_results() {
    let mut total = 0;
    let mut wrong = Vec::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("readable");
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        let (count, found) = mismatches(&name, &text).await;
        total += count;
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{} of {total} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(total >= 500, "the corpus has only {total} statements");
}

/// What the corpus holds of one page.
#[derive(Default)]
struct Row {
    right: usize,
    refused: usize,
    not_here: BTreeSet<String>,
}

fn table() -> String {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("readable");
        for case in cases(&text) {
            let Some(page) = case.page else { continue };
            let row = rows.entry(page).or_default();
            match case.expected.first().and_then(|line| line.strip_prefix("error")) {
                None => row.right += 1,
                Some(message) => match message.split_once(" is not supported") {
                    Some((what, "")) => {
                        row.not_here.insert(what.trim().replace('|', "\\|"));
                    }
                    _ => row.refused += 1,
                },
            }
        }
    }
    let mut text = "| page of the Developer Guide | right | refused as Redshift does | not here: \
                    refused by name |\n|---|---|---|---|\n"
        .to_owned();
    for (page, row) in rows {
        let not_here: Vec<_> = row.not_here.into_iter().collect();
        let (right, refused) = (row.right, row.refused);
        text += &format!("| {page} | {right} | {refused} | {} |\n", not_here.join(", "));
    }
    text
}

#[test]
fn the_readme_says_what_is_right_and_what_is_refused() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README is there");
    let (start, end) = ("<!-- corpus -->\n", "<!-- end of corpus -->");
    let (before, rest) = readme.split_once(start).expect("the README marks the table's start");
    let (_, after) = rest.split_once(end).expect("the README marks the table's end");
    let expected = format!("{before}{start}{}{end}{after}", table());
    if std::env::var("REDSHIFT_README").is_ok_and(|value| value == "write") {
        std::fs::write(&path, &expected).expect("the README can be written");
    } else {
        assert!(
            readme == expected,
            "the README's table is not the corpus's: run the test with REDSHIFT_README=write"
        );
    }
}
