//! Commands to paste into a shell.

use minijinja::{Value, context};
use segue_contract::ErrorName;
use segue_contract::visible::is_command;

use crate::{LOCAL_STACK, Report};

/// The most files to set aside by a command.
const SKIPPED_MAX: usize = 3;

/// The stack as options of a command, after a blank; nothing if it is not known.
pub fn target(report: &Report) -> String {
    match report.stack.as_deref() {
        Some(LOCAL_STACK) => " --local".to_owned(),
        Some(stack) => format!(" --stack {stack}"),
        None => String::new(),
    }
}

/// What helps next, each with its purpose. None of a run whose name is not plain: such a name could
/// be anything.
pub fn list(report: &Report) -> Vec<Value> {
    if report.run.folder() != report.run.id {
        return Vec::new();
    }
    let (run, target) = (&report.run.id, target(report));
    let command = |purpose: &str, text: String| context! { purpose, text };
    let query = |sql: String| format!("segue query{target} \"{sql}\"");
    let mut commands = Vec::new();
    match &report.failure {
        None => {
            let sql = format!("select source, uri from ops.loaded_objects where run_id = '{run}'");
            commands.push(command("The files that it loaded:", query(sql)));
        }
        Some(failure) => {
            commands.extend(
                after(report, &failure.error, &target)
                    .into_iter()
                    .map(|(purpose, text)| command(purpose, text)),
            );
            let again = format!("segue run{target}");
            commands.push(command("Load again, once the cause is gone:", again));
        }
    }
    if report.rejected > 0 && report.failure.is_none() {
        let sql = format!("select * from ops.rejected_rows where run_id = '{run}'");
        commands.push(command("Every record that it skipped:", query(sql)));
    }
    if report.set_aside > 0 {
        commands.push(command("All files that are set aside:", format!("segue skip{target}")));
    }
    commands.push(command("The run in the terminal:", format!("segue show {run}{target}")));
    if report.failure.is_some() {
        commands.push(command("What the functions logged:", format!("segue logs {run}{target}")));
    }
    commands.push(command("This page again:", format!("segue report {run}{target} --open")));
    commands
}

/// What helps after this error.
fn after(report: &Report, error: &str, target: &str) -> Vec<(&'static str, String)> {
    let is = |name: ErrorName| error == name.to_string();
    let mut commands = Vec::new();
    if is(ErrorName::LoadRejected) {
        let all = format!("segue doctor{target} --noload");
        commands.push(("Name every record that cannot be loaded, in all files:", all));
        let uris = report.records.iter().map(|record| record.uri.as_str());
        let mut uris: Vec<&str> = uris.filter(|uri| is_plain(uri)).collect();
        uris.dedup();
        if let Some(uri) = uris.first().filter(|_| uris.len() == 1) {
            let skip = format!("segue skip{target} {}", quoted(uri));
            commands.push(("Load all others, without this file until it changes:", skip));
        } else if !uris.is_empty() {
            let uris: Vec<String> = uris.iter().take(SKIPPED_MAX).map(|uri| quoted(uri)).collect();
            let skip = format!("segue skip{target} {}", uris.join(" "));
            commands.push(("Load all others, without these files until they change:", skip));
        }
    }
    if is(ErrorName::QualityCheckFailed)
        && let Ok(schema) = report.run.staging_schema()
    {
        let sql = format!(
            "select table_name from information_schema.tables where table_schema = '{schema}'"
        );
        let query = format!("segue query{target} \"{sql}\"");
        commands.push(("The tables with what was staged, for a look at the rows:", query));
    }
    if is(ErrorName::InvalidConfiguration) || is(ErrorName::SourceUnreadable) {
        commands.push(("Find what is missing or not allowed:", format!("segue doctor{target}")));
    }
    if report.failure.is_some() && report.phases.iter().any(|phase| phase.name == "Publish") {
        let run = &report.run.id;
        let query =
            format!("segue query{target} \"select * from ops.runs where run_id = '{run}'\"");
        commands.push(("Whether it was published after all:", query));
    }
    commands
}

/// Whether a name is what it looks like when it is pasted.
fn is_plain(uri: &str) -> bool {
    !uri.chars().any(is_command)
}

/// One argument of a shell, whatever it contains.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
