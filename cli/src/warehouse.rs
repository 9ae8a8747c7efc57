//! SQL through the Redshift Data API: one statement, its rows, and how to show them.

mod refused;

pub use refused::Rejected;

use std::{
    collections::HashMap,
    io,
    time::{Duration, Instant},
};

use aws_sdk_redshiftdata::{
    Client,
    types::{ColumnMetadata, Field, StatusString},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::{
    aws::{self, AwsClients},
    display,
    errors::{Outcome, Problem},
    print,
    stack::Stack,
};

/// The longest that the API lets a call wait for a statement.
const LONG_POLL_SECONDS: i32 = 30;
/// The pause before the next poll of a statement, if the endpoint did not wait.
const PAUSE: Duration = Duration::from_secs(1);

/// A database that answers SQL.
pub struct Warehouse {
    client: Client,
    database: String,
    workgroup: Option<String>,
    cluster: Option<String>,
    secret: Option<String>,
}

/// The rows of a statement, in order.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// A value as it is shown; numbers stay exactly as the warehouse wrote them.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Boolean(bool),
    Number(String),
    Text(String),
}

impl Warehouse {
    /// The warehouse of a stack.
    pub fn of(clients: &AwsClients, stack: &Stack) -> Outcome<Self> {
        Ok(Self {
            client: clients.redshift(),
            database: stack.database()?.to_owned(),
            workgroup: stack.workgroup().map(str::to_owned),
            cluster: stack.cluster().map(str::to_owned),
            secret: stack.secret().map(str::to_owned),
        })
    }

    /// Runs one statement and waits; a statement without a result set has no rows.
    ///
    /// # Errors
    /// The warehouse's own message; an interruption, after the statement was cancelled.
    pub async fn query(&self, sql: &str) -> Outcome<Rows> {
        let id = self.submit(sql).await?;
        let has_rows = tokio::select! {
            finished = self.wait(&id) => finished?,
            _ = tokio::signal::ctrl_c() => {
                // If even cancelling fails, there is nothing more to do.
                let _ = self.client.cancel_statement().id(&id).send().await;
                return Err(Problem::interrupted("interrupted; the statement was cancelled"));
            }
        };
        if has_rows { self.fetch(&id).await } else { Ok(Rows::none()) }
    }

    /// Runs statements as one transaction; their results are not read.
    ///
    /// # Errors
    /// The warehouse's own message.
    pub async fn transact(&self, statements: Vec<String>) -> Outcome {
        let id = self.begin(statements).await?;
        self.wait(&id).await.map(|_| ())
    }

    /// Submits statements as one transaction.
    async fn begin(&self, statements: Vec<String>) -> Outcome<String> {
        let answer = self
            .client
            .batch_execute_statement()
            .database(&self.database)
            .set_workgroup_name(self.workgroup.clone())
            .set_cluster_identifier(self.cluster.clone())
            .set_secret_arn(self.secret.clone())
            .set_sqls(Some(statements))
            .send()
            .await
            .map_err(|error| aws::problem("send the statements to the warehouse", error))?;
        answer.id.ok_or_else(|| Problem::failed("the warehouse returned no ID for the statements"))
    }

    async fn submit(&self, sql: &str) -> Outcome<String> {
        let answer = self
            .client
            .execute_statement()
            .database(&self.database)
            .set_workgroup_name(self.workgroup.clone())
            .set_cluster_identifier(self.cluster.clone())
            .set_secret_arn(self.secret.clone())
            .sql(sql)
            .send()
            .await
            .map_err(|error| aws::problem("send the statement to the warehouse", error))?;
        answer.id.ok_or_else(|| Problem::failed("the warehouse returned no statement ID"))
    }

    async fn wait(&self, id: &str) -> Outcome<bool> {
        loop {
            let asked_at = Instant::now();
            let statement = self
                .client
                .describe_statement()
                .id(id)
                .wait_time_seconds(LONG_POLL_SECONDS)
                .send()
                .await
                .map_err(|error| aws::problem("read the status of the statement", error))?;
            match statement.status {
                Some(StatusString::Finished) => {
                    return Ok(statement.has_result_set.unwrap_or_default());
                }
                Some(StatusString::Failed) => {
                    let message = statement.error.unwrap_or_else(|| "no reason given".to_owned());
                    return Err(Problem::failed(message.trim_start_matches("ERROR: ")));
                }
                Some(StatusString::Aborted) => {
                    return Err(Problem::failed("somebody else cancelled the statement"));
                }
                // An endpoint that does not wait must not be polled without a pause.
                _ if asked_at.elapsed() < PAUSE => tokio::time::sleep(PAUSE).await,
                _ => {}
            }
        }
    }

    async fn fetch(&self, id: &str) -> Outcome<Rows> {
        let mut pages = self.client.get_statement_result().id(id).into_paginator().send();
        let mut columns: Vec<ColumnMetadata> = Vec::new();
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| aws::problem("read the result", error))?;
            if columns.is_empty() {
                columns = page.column_metadata.unwrap_or_default();
            }
            for record in page.records {
                rows.push(record.into_iter().zip(&columns).map(Cell::read).collect());
            }
        }
        let columns = columns.into_iter().map(|column| column.name.unwrap_or_default()).collect();
        Ok(Rows { columns, rows })
    }
}

impl Cell {
    fn read((field, column): (Field, &ColumnMetadata)) -> Self {
        match field {
            Field::BooleanValue(value) => Cell::Boolean(value),
            Field::LongValue(value) => Cell::Number(value.to_string()),
            Field::DoubleValue(value) => match serde_json::Number::from_f64(value) {
                Some(number) => Cell::Number(number.to_string()),
                None => Cell::Text(value.to_string()),
            },
            Field::StringValue(text) => {
                let decimal = matches!(column.type_name(), Some("numeric" | "decimal"));
                if decimal && serde_json::from_str::<serde_json::Number>(&text).is_ok() {
                    Cell::Number(text)
                } else {
                    Cell::Text(text)
                }
            }
            Field::BlobValue(bytes) => Cell::Text(hex::encode(bytes)),
            _ => Cell::Null,
        }
    }

    fn text(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Boolean(value) => value.to_string(),
            Cell::Number(text) | Cell::Text(text) => text.clone(),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Null => serializer.serialize_unit(),
            Cell::Boolean(value) => serializer.serialize_bool(*value),
            Cell::Text(text) => serializer.serialize_str(text),
            // Through a 64-bit float a long decimal would lose digits.
            Cell::Number(digits) => RawValue::from_string(digits.clone())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
        }
    }
}

/// One row as an object, its keys in the order of the columns.
struct Record<'a> {
    columns: &'a [String],
    cells: &'a [Cell],
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        for (column, cell) in self.columns.iter().zip(self.cells) {
            map.serialize_entry(column, cell)?;
        }
        map.end()
    }
}

impl Rows {
    /// The first column of the first row.
    pub fn first_text(&self) -> Option<String> {
        self.rows.first()?.first().map(Cell::text)
    }

    /// Every row as text.
    pub fn texts(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.rows.iter().map(|cells| cells.iter().map(Cell::text).collect())
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    fn none() -> Self {
        Self { columns: Vec::new(), rows: Vec::new() }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there is anything to show as a table.
    pub fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    /// An array of objects, one per line. Columns with the same name become `name`, `name_2` and so
    /// on: most readers keep only one of equal keys.
    pub fn write_json(&self, mut out: impl io::Write) -> io::Result<()> {
        let columns = unique(&self.columns);
        out.write_all(b"[")?;
        for (index, cells) in self.rows.iter().enumerate() {
            out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
            let record = serde_json::to_string(&Record { columns: &columns, cells })?;
            out.write_all(display::json(&record).as_bytes())?;
        }
        out.write_all(if self.rows.is_empty() { b"]\n" } else { b"\n]\n" })
    }

    /// Comma-separated values under a header line, as PostgreSQL writes them: a null is an empty field,
    /// an empty text is `""`. For a terminal, `shown` makes every text visible.
    pub fn write_csv(&self, mut out: impl io::Write, shown: fn(&str) -> String) -> io::Result<()> {
        if !self.has_columns() {
            return Ok(());
        }
        let line = |fields: Vec<String>| fields.join(",") + "\n";
        let header = self.columns.iter().map(|name| csv_field(&shown(name))).collect();
        out.write_all(line(header).as_bytes())?;
        for cells in &self.rows {
            let fields = cells.iter().map(|cell| match cell {
                Cell::Null => String::new(),
                cell => csv_field(&shown(&cell.text())),
            });
            out.write_all(line(fields.collect()).as_bytes())?;
        }
        Ok(())
    }

    /// A table for people, which is a table in Markdown too.
    pub fn write_table(&self, mut out: impl io::Write) -> io::Result<()> {
        let numeric = |index: &usize| {
            let number = |cells: &Vec<Cell>| matches!(cells[*index], Cell::Number(_) | Cell::Null);
            !self.rows.is_empty() && self.rows.iter().all(number)
        };
        let headers: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let numbers: Vec<usize> = (0..headers.len()).filter(numeric).collect();
        let rows = self.rows.iter().map(|cells| cells.iter().map(Cell::text).collect::<Vec<_>>());
        let table = print::table(&headers, rows, &numbers);
        writeln!(out, "{table}")
    }

    /// The first two columns as names and whole numbers.
    pub fn into_counts(self) -> HashMap<String, u64> {
        let pair = |cells: Vec<Cell>| match cells.as_slice() {
            [name, number] => Some((name.text(), number.text().parse().ok()?)),
            _ => None,
        };
        self.rows.into_iter().filter_map(pair).collect()
    }

    /// The first two columns as texts.
    pub fn into_pairs(self) -> impl Iterator<Item = (String, String)> {
        self.rows.into_iter().filter_map(|cells| match cells.as_slice() {
            [one, other] => Some((one.text(), other.text())),
            _ => None,
        })
    }

    /// The first column as text.
    pub fn first_column(&self) -> impl Iterator<Item = String> + '_ {
        self.rows.iter().filter_map(|cells| cells.first().map(Cell::text))
    }
}

/// The columns' names, made unique.
fn unique(columns: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let numbered = (2..).map(|number| format!("{column}_{number}"));
        let is_free = |name: &String| !names.contains(name);
        // A numbered name must not collide with a column's own name.
        let is_nobodys = |name: &String| is_free(name) && !columns.contains(name);
        let name = match is_free(column) {
            true => Some(column.clone()),
            false => numbered.into_iter().find(is_nobodys),
        };
        names.extend(name);
    }
    names
}

/// A CSV field, quoted if it would otherwise be misread.
fn csv_field(text: &str) -> String {
    let is_plain = !text.is_empty() && !text.contains(['"', ',', '\n', '\r']);
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(field: Field, type_name: &str) -> Cell {
        Cell::read((field, &ColumnMetadata::builder().type_name(type_name).build()))
    }

    fn rows() -> Rows {
        let decimal = Field::StringValue("12345678901234567890.10".to_owned());
        Rows {
            columns: ["n", "amount", "name", "paid", "none"].map(str::to_owned).into(),
            rows: vec![vec![
                cell(Field::LongValue(7), "int8"),
                cell(decimal, "numeric"),
                cell(Field::StringValue("Björk, \"live\"".to_owned()), "varchar"),
                cell(Field::BooleanValue(true), "bool"),
                cell(Field::IsNull(true), "varchar"),
            ]],
        }
    }

    fn text(write: impl Fn(&Rows, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&rows(), &mut out).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn json_keeps_numbers_as_numbers_and_every_digit() {
        insta::assert_snapshot!(text(|rows, out| rows.write_json(out)), @r#"
        [
        {"n":7,"amount":12345678901234567890.10,"name":"Björk, \"live\"","paid":true,"none":null}
        ]
        "#);
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        insta::assert_snapshot!(text(|rows, out| rows.write_csv(out, str::to_owned)), @r#"
        n,amount,name,paid,none
        7,12345678901234567890.10,"Björk, ""live""",true,
        "#);
    }

    #[test]
    fn no_column_is_lost_under_the_name_of_another() {
        let names = |columns: &[&str]| {
            unique(&columns.iter().map(|one| one.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(names(&["a", "a", "A", "a"]), ["a", "a_2", "A", "a_3"]);
        assert_eq!(names(&["a", "a", "a_2", "a_2"]), ["a", "a_3", "a_2", "a_2_2"]);
        assert_eq!(names(&["?column?", "?column?"]), ["?column?", "?column?_2"]);
    }

    #[test]
    fn null_and_empty_text_differ_in_csv() {
        let rows = Rows {
            columns: vec!["a".into(), "b".into()],
            rows: vec![vec![Cell::Null, Cell::Text(String::new())]],
        };
        let mut out = Vec::new();
        rows.write_csv(&mut out, str::to_owned).expect("memory takes everything");
        assert_eq!(String::from_utf8(out).expect("text"), "a,b\n,\"\"\n");
    }

    #[test]
    fn a_text_column_of_digits_stays_text() {
        let digits = cell(Field::StringValue("007".to_owned()), "varchar");
        assert_eq!(digits, Cell::Text("007".to_owned()));
    }

    #[test]
    fn tables_are_markdown() {
        insta::assert_snapshot!(text(|rows, out| rows.write_table(out)), @r#"
        | n |                  amount | name          | paid | none |
        |---|-------------------------|---------------|------|------|
        | 7 | 12345678901234567890.10 | Björk, "live" | true |      |
        "#);
    }
}
