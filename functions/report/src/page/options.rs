//! How the run was started.

use minijinja::{Value, context};
use segue_contract::{Compact, RunInput};

use crate::Report;
use segue_page::format::{moment, thousands};

/// The trigger, the times and every option that is not the default.
pub fn list(report: &Report) -> Vec<Value> {
    let mut options = vec![
        option("trigger", trigger(report)),
        option("started", moment(report.started_at.clone())),
        option("ended", moment(report.finished_at.clone())),
    ];
    match &report.input {
        Some(input) => options.extend(chosen(input)),
        None => options.extend(report.options.clone().map(|text| option("input", text))),
    }
    if let Some(paths) = report.plan.as_ref().map(|plan| &plan.paths) {
        let named = paths.iter().map(|paths| option_of_paths(&paths.source, &paths.digest));
        options.extend(named);
    }
    options
}

fn trigger(report: &Report) -> &str {
    match report.trigger.as_deref() {
        None => "unknown: the input cannot be read",
        Some("arrival") => "files that arrived",
        Some("schedule") => "the schedule",
        Some("manual") => "a person",
        Some(name) => name,
    }
}

fn option(name: &str, value: impl Into<Value>) -> Value {
    context! { name, value => value.into() }
}

fn option_of_paths(source: &str, digest: &str) -> Value {
    let digest: String = digest.chars().take(12).collect();
    option(&format!("JSONPaths of {source}"), digest)
}

fn chosen(input: &RunInput) -> Vec<Value> {
    let mut chosen = Vec::new();
    let sources = input.sources.as_ref().map(|sources| sources.join(", "));
    chosen.push(option("sources", sources.unwrap_or_else(|| "all".to_owned())));
    if input.rebuild {
        chosen.push(option("rebuild", "yes: everything was forgotten and loaded again"));
    }
    chosen.push(option(
        "merging small files",
        match input.compact {
            Compact::Auto => "if it pays off",
            Compact::Always => "always",
            Compact::Never => "never",
        },
    ));
    for (source, most) in &input.max_rejects {
        chosen.push(option(&format!("records of {source} to skip, at most"), thousands(*most)));
    }
    if let Some(most) = input.max_rejected_objects {
        chosen.push(option("files to set aside, at most", thousands(most)));
    }
    if let Some(parent) = &input.started_by {
        chosen.push(option("started by the execution", parent.as_str()));
    }
    if input.allow_drop {
        chosen.push(option("far fewer rows than usual", "allowed"));
    }
    chosen
}
