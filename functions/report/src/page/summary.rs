//! How the run ended, in one sentence and a few numbers.

use minijinja::{Value, context};
use segue_contract::ErrorName;

use super::cost;
use crate::Report;
use crate::phases::LOOKUP;
use segue_page::format::{bytes, count, duration, thousands};

/// What comes before the advice in a failure's cause.
const HINT_MARK: &str = "\nhint: ";

/// The class that colours a status.
pub fn tone(status: &str) -> &'static str {
    match status {
        "loaded" => "good",
        "failed" => "bad",
        _ => "warn",
    }
}

/// `Loaded 30 files with 8,056 rows in 3.5 s.`
pub fn sentence(report: &Report) -> String {
    let took = duration(report.duration_seconds * 1_000);
    let Some(failure) = &report.failure else {
        let files = report.plan.as_ref().map(|plan| plan.objects).unwrap_or_default();
        let (files, rows) = (count(files, "file"), count(report.rows(), "row"));
        let mut sentence = format!("Loaded {files} with {rows} in {took}");
        let left_out =
            [(report.rejected, "record", "skipped"), (report.set_aside, "file", "set aside")];
        for (number, thing, what) in left_out.into_iter().filter(|(number, ..)| *number > 0) {
            let verb = if number == 1 { "was" } else { "were" };
            sentence.push_str(&format!("; {} {verb} {what}", count(number, thing)));
        }
        return sentence + ".";
    };
    let place = match report.phases.iter().find(|phase| phase.has_failed) {
        Some(phase) => format!(" in “{}”", phase.name),
        None => String::new(),
    };
    let reason = reason(&failure.error);
    let published = if is_in_doubt(report) { "" } else { " Nothing was published." };
    format!("Failed{place} after {took}: {reason}.{published}")
}

/// What an error's name means.
fn reason(name: &str) -> String {
    let known = ErrorName::ALL.into_iter().find(|known| known.to_string() == name);
    let words = match known {
        Some(ErrorName::LoadRejected) => "records cannot be loaded",
        Some(ErrorName::QualityCheckFailed) => "a check found offenders",
        Some(ErrorName::SourceUnreadable) => "files cannot be read",
        Some(ErrorName::InvalidInput) => "the input of the run is invalid",
        Some(ErrorName::InvalidConfiguration) => "a setting of the stack is missing or wrong",
        Some(ErrorName::StatementFailed) => "a statement is wrong, or lacks a permission",
        Some(ErrorName::StatementAborted) => "somebody cancelled the statement",
        Some(ErrorName::DeadlineExceeded) => "it took too long",
        Some(ErrorName::ResultExpired) => "a statement or its result has expired",
        Some(ErrorName::WarehouseBusy) => "the warehouse was too busy for too long",
        Some(ErrorName::WarehouseUnreachable) => "the warehouse could not be reached",
        Some(ErrorName::TransactionConflict) => "other transactions won every attempt",
        Some(ErrorName::StatementInterrupted) => "the warehouse dropped every attempt",
        Some(ErrorName::LoadUnconfirmed) => "the warehouse does not show what a COPY did",
        None => return format!("the error {name}"),
    };
    words.to_owned()
}

/// Whether a transaction may have been committed after the run gave up on it.
fn is_in_doubt(report: &Report) -> bool {
    report.failure.is_some() && report.phases.iter().any(|phase| phase.name == LOOKUP)
}

/// The failure in its parts; `None` if there is none.
pub fn failure(report: &Report) -> Option<Value> {
    let failure = report.failure.as_ref()?;
    let (cause, hint) = match failure.cause.split_once(HINT_MARK) {
        Some((cause, hint)) => (cause, Some(hint)),
        None => (failure.cause.as_str(), None),
    };
    let published = match is_in_doubt(report) {
        false => "Nothing was published: the star schema is as it was before this run.",
        true => {
            "Nothing is half-published. Whether the transaction was committed after all, ops.runs \
             says: if this run is there, it is published completely."
        }
    };
    Some(context! { name => failure.error.as_str(), cause, hint, published })
}

/// The numbers that matter; a failed run has only those that it got to.
pub fn tiles(report: &Report) -> Vec<Value> {
    let tile = |name: &str, value: String| context! { name, value };
    let mut tiles = vec![tile("took", duration(report.duration_seconds * 1_000))];
    if let Some(plan) = &report.plan {
        tiles.push(tile("files to load", thousands(plan.objects)));
        tiles.push(tile("size", bytes(plan.bytes)));
    }
    if report.checked.is_some() {
        tiles.push(tile("rows staged", thousands(report.rows())));
    }
    if !report.changes.is_empty() {
        let inserted = report.changes.iter().map(|table| table.inserted).sum();
        let updated = report.changes.iter().map(|table| table.updated).sum();
        tiles.push(tile("rows inserted", thousands(inserted)));
        tiles.push(tile("rows updated", thousands(updated)));
    }
    if report.rejected > 0 {
        tiles.push(tile("records skipped", thousands(report.rejected)));
    }
    if report.set_aside > 0 {
        tiles.push(tile("files set aside", thousands(report.set_aside)));
    }
    if let Some(cost) = &report.cost {
        tiles.push(tile("cost, about", cost::money(cost::sum(&cost.real), &cost.currency)));
    }
    tiles
}
