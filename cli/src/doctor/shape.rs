//! The table that a source is staged in, and whether paths fit it: JSONPaths map by position.

use std::collections::BTreeSet;

use segue_documents::Records;
use segue_records::Path;

use super::finding::Finding;
use crate::errors::{Outcome, Problem};
use segue_contract::{
    Run, RunInput,
    jsonpaths::JsonPaths,
    messages::{Compression, Step},
    pipeline::{self, Column},
};

/// A staging table, as its DDL has it.
#[derive(Debug)]
pub struct Table {
    /// In the order of the table.
    pub columns: Vec<Column>,
}

/// The keys of a record that fill the columns of a source.
#[derive(Debug)]
pub struct Mapping {
    /// The table that records are staged in.
    pub table: Table,
    /// The path to the value of each column, in the order of the table.
    pub paths: Vec<Path>,
    /// The allowed kinds of records.
    pub records: Records,
}

impl Mapping {
    /// By a JSONPaths file, or by the columns' own names.
    pub fn new(table: Table, jsonpaths: Option<&JsonPaths>) -> Self {
        let paths = match jsonpaths {
            Some(found) => found.paths.iter().map(|path| Path::parse(path)).collect(),
            None => table.columns.iter().map(|column| Path::of_column(&column.name)).collect(),
        };
        let records = match jsonpaths.is_some_and(JsonPaths::are_of_arrays) {
            true => Records::ObjectsAndArrays,
            false => Records::Objects,
        };
        Self { table, paths, records }
    }
}

/// A placeholder, for SQL that is rendered outside a run.
pub fn step(id: &str, name: &str, compression: Compression) -> Step {
    let run = Run {
        id: id.to_owned(),
        started_at: String::new(),
        redrive_count: 0,
        input: RunInput::default(),
    };
    Step { compression, ..Step::first(run, name) }
}

impl Table {
    /// The staging table of a source.
    pub fn of(source: &str) -> Outcome<Self> {
        let columns = pipeline::columns(source);
        match columns.is_empty() {
            true => Err(Problem::failed(format!("sql/create/staging.sql has no staging_{source}"))),
            false => Ok(Self { columns }),
        }
    }

    /// Whether each path of a JSONPaths file is in the position of its column.
    pub fn paths_fit(&self, whose: &str, paths: &JsonPaths) -> Finding {
        let advice = "fix the file, or remove it to use Segue's own: one path for each column, in \
                      the order of sql/create/staging.sql";
        let paths = &paths.paths;
        let expected = self.columns.len();
        if paths.len() != expected {
            let found = format!("{whose}: expected {expected} paths, found {}", paths.len());
            return Finding::bad("paths", found, advice);
        }
        let names: BTreeSet<&str> =
            self.columns.iter().map(|column| column.name.as_str()).collect();
        let others =
            paths.iter().zip(&self.columns).enumerate().filter_map(|(index, (path, column))| {
                let path_is = Path::parse(path);
                let key =
                    if path_is.is_plain() { snake_case(path_is.key()) } else { String::new() };
                (key != column.name).then_some((
                    index + 1,
                    path,
                    column,
                    names.contains(key.as_str()),
                ))
            });
        let mut others: Vec<_> = others.collect();
        // A path with another column's name shows what went wrong better than one without.
        others.sort_by_key(|(.., is_misplaced)| !is_misplaced);
        match others.first() {
            None => Finding::good(
                "paths",
                format!("{expected} in {whose}, in the order of the columns"),
            ),
            Some((position, path, column, true)) => Finding::warning(
                "paths",
                format!(
                    "{whose}: path {position} is {path}, and column {position} is {}",
                    column.name
                ),
                advice,
            ),
            Some((position, path, column, false)) => Finding::warning(
                "paths",
                format!("{whose}: path {position}, {path}, fills column {}", column.name),
                "check that this is intended: paths map by position, not by name",
            ),
        }
    }
}

/// `firstName` → `first_name`.
fn snake_case(key: &str) -> String {
    let mut name = String::new();
    for character in key.chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(character.to_lowercase());
    }
    name
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn table(source: &str) -> Table {
        Table::of(source).expect("a table")
    }

    /// The source with Segue's own mapping.
    pub fn mapping(source: &str) -> Mapping {
        let own = pipeline::jsonpaths(source).map(|own| read(&own));
        Mapping::new(table(source), own.as_ref())
    }

    fn read(text: &str) -> JsonPaths {
        JsonPaths::read(text.as_bytes()).expect("paths")
    }

    #[test]
    fn our_own_paths_are_in_the_order_of_the_columns() {
        let own = pipeline::jsonpaths("events").expect("events have paths");
        let finding = table("events").paths_fit("ours", &read(&own));
        assert_eq!(finding.found, "18 in ours, in the order of the columns");
    }

    #[test]
    fn paths_that_do_not_fit_are_named() {
        let own = pipeline::jsonpaths("events").expect("events have paths");
        let swapped = own.replace("firstName", "x").replace("lastName", "firstName");
        let swapped = swapped.replace("['x']", "['lastName']");
        let renamed = own.replace("userAgent", "browser");
        let short = r#"{"jsonpaths": ["$.artist"]}"#;
        let found: Vec<String> = [swapped.as_str(), renamed.as_str(), short]
            .iter()
            .map(|text| table("events").paths_fit("theirs", &read(text)))
            .map(|finding| format!("{}: {}", finding.verdict, finding.found))
            .collect();
        insta::assert_snapshot!(found.join("\n"), @r#"
        warning: theirs: path 3 is $['lastName'], and column 3 is first_name
        warning: theirs: path 17, $['browser'], fills column user_agent
        BAD: theirs: expected 18 paths, found 1
        "#);
    }
}
