//! Documented Redshift statements with their documented results, file by file.
//!
//! A file of `tests/corpus` is one warehouse and its statements in order: `> ` begins a statement,
//! `| ` goes on with it, and what follows is the result: one line a row with fields between ` | `,
//! `ok` when there are no rows to see, `error ` and a part of the message when it must fail.

use redshift_local::{Engine, Options, Value};

struct Case {
    line: usize,
    sql: String,
    expected: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(sql) = line.strip_prefix("> ") {
            cases.push(Case { line: number + 1, sql: sql.to_owned(), expected: Vec::new() });
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
    let engine = Engine::open(Options::default()).expect("an empty warehouse opens");
    let mut wrong = Vec::new();
    let cases = cases(text);
    for case in &cases {
        let found = outcome(&engine, &case.sql).await;
        if !agrees(&found, &case.expected) {
            wrong.push(format!(
                "{name}:{}\n  {}\n  expected: {:?}\n  found:    {found:?}",
                case.line, case.sql, case.expected
            ));
        }
    }
    (cases.len(), wrong)
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_statements_give_their_documented_results() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let mut total = 0;
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        let (count, found) = mismatches(&name, &text).await;
        total += count;
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{} of {total} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(total >= 150, "the corpus has only {total} statements");
}
