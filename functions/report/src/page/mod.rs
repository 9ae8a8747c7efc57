//! The report as a page for people: one file, no scripts, nothing loaded from elsewhere. Each section
//! has its own template, and Rust of its own where a template would have to think.

mod checks;
mod commands;
mod cost;
mod options;
mod summary;
mod timeline;

use std::collections::BTreeMap;

use minijinja::context;
use minijinja::value::Serde;
use segue_contract::data_files::{Skipped, loaded_by_other_paths};
use segue_contract::messages::{FileOutcome, StatementState};
use segue_contract::{ErrorName, Failure};
use segue_page::{DATA_MARKER, STYLE, policy};

use crate::Report;
use crate::recent::Recent;

/// The sections, in the order of the page, and the page around them.
const TEMPLATES: [(&str, &str); 12] = [
    ("page.html", include_str!("page.html")),
    ("summary.html", include_str!("summary.html")),
    ("failure.html", include_str!("failure.html")),
    ("timeline.html", include_str!("timeline.html")),
    ("changes.html", include_str!("changes.html")),
    ("records.html", include_str!("records.html")),
    ("files.html", include_str!("files.html")),
    ("checks.html", include_str!("checks.html")),
    ("cost.html", include_str!("cost.html")),
    ("options.html", include_str!("options.html")),
    ("commands.html", include_str!("commands.html")),
    ("recent.html", include_str!("recent.html")),
];

/// Renders the page, with the last runs of the stack.
///
/// # Errors
/// `InvalidConfiguration` when a template is wrong.
pub fn render(report: &Report, recent: &[Recent]) -> Result<String, Failure> {
    let wrong = |error: minijinja::Error| {
        Failure::new(
            ErrorName::InvalidConfiguration,
            format!("the page: {error:#}, {:?}", std::error::Error::source(&error)),
        )
    };
    let mut environment = segue_page::environment(&TEMPLATES).map_err(wrong)?;
    environment.add_filter("tone", |status: String| summary::tone(&status));
    let page = environment.get_template(TEMPLATES[0].0).map_err(wrong)?;
    let values = context! {
        report => Serde(report),
        style => STYLE,
        policy => policy(),
        data_marker => DATA_MARKER,
        recent => Serde(recent),
        tone => summary::tone(report.status),
        sentence => summary::sentence(report),
        tiles => summary::tiles(report),
        failure => summary::failure(report),
        timeline => timeline::bars(report),
        statements => Serde(statements(report)),
        staged => Serde(staged(report)),
        notes => notes(report),
        checks => checks::outcomes(report),
        total => cost::total(report),
        figures => cost::figures(report),
        options => options::list(report),
        commands => commands::list(report),
    };
    page.render(values).map_err(wrong)
}

/// What each SQL file did, in the order of the run.
fn statements(report: &Report) -> Vec<&FileOutcome> {
    let files = report.statements.iter().flat_map(|statement| match statement {
        StatementState::Finished { files, .. } => files.as_slice(),
        StatementState::Running { .. } => &[],
    });
    files.collect()
}

/// Rows staged by source.
fn staged(report: &Report) -> BTreeMap<&str, u64> {
    let staged = report.checked.iter().flat_map(|checked| &checked.staged);
    staged.map(|rows| (rows.counted.as_str(), rows.rows)).collect()
}

/// Notes below the table of files: what was skipped, and what other paths have loaded.
fn notes(report: &Report) -> Vec<String> {
    let Some(plan) = &report.plan else { return Vec::new() };
    let skipped = plan.sources.iter().flat_map(|source| &source.skipped).map(Skipped::line);
    let other = plan.sources.iter().map(|source| source.loaded_by_other_paths).sum();
    let again = format!("segue run{} --rebuild", commands::target(report));
    skipped.chain(loaded_by_other_paths(other, &again)).collect()
}
