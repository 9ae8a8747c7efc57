//! The report as a page for people: one file, no scripts, nothing loaded from elsewhere.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use segue_contract::data_files::{Skipped, loaded_by_other_paths};
use segue_contract::messages::StatementState;
use segue_contract::{ErrorName, Failure};

use crate::Report;

const TEMPLATE: &str = include_str!("page.html");

/// Renders the page.
///
/// # Errors
/// `InvalidConfiguration` when the template is wrong.
pub fn render(report: &Report) -> Result<String, Failure> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    // Content of files may be anything: it is text here, never markup.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("thousands", thousands);
    environment
        .render_str(
            TEMPLATE,
            context! { report => Serde(report), files => files(report), notes => notes(report) },
        )
        .map_err(|error| Failure::new(ErrorName::InvalidConfiguration, format!("{error:#}")))
}

/// Notes below the table of files: what was skipped, and what other paths have loaded.
fn notes(report: &Report) -> Vec<String> {
    let Some(plan) = &report.plan else { return Vec::new() };
    let skipped = plan.sources.iter().flat_map(|source| &source.skipped).map(Skipped::line);
    let other = plan.sources.iter().map(|source| source.loaded_by_other_paths).sum();
    skipped.chain(loaded_by_other_paths(other, "segue run --rebuild")).collect()
}

/// What each SQL file did, with its share of the longest for the width of a bar.
fn files(report: &Report) -> Vec<Value> {
    let files = report.statements.iter().flat_map(|statement| match statement {
        StatementState::Finished { files, .. } => files.as_slice(),
        StatementState::Running { .. } => &[],
    });
    let longest = files.clone().map(|file| file.duration_ms).max().unwrap_or_default().max(1);
    files
        .map(|file| {
            context! {
                name => file.file.as_str(), rows => file.rows, duration_ms => file.duration_ms,
                percent => file.duration_ms * 100 / longest,
            }
        })
        .collect()
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
