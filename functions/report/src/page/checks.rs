//! What each check found, in its own sentence.

use minijinja::{Value, context};
use segue_contract::findings::Finding;
use segue_contract::messages::Step;
use segue_contract::pipeline::{self, CHECK_HEADER, Deployment, WARNS_HEADER};
use segue_contract::{ErrorName, Run};

use crate::Report;

/// The outcomes: failed ones, warnings, then those that passed. None if the run did not get there.
pub fn outcomes(report: &Report) -> Vec<Value> {
    let mut outcomes = Vec::new();
    let failure = report.failure.as_ref();
    let failed =
        failure.filter(|failure| failure.error == ErrorName::QualityCheckFailed.to_string());
    let findings = failed.map(|failure| Finding::all(&failure.cause)).unwrap_or_default();
    for Finding { file, offenders, healthy, sample } in &findings {
        let rows = if *offenders == 1 { "row shows" } else { "rows show" };
        outcomes.push(context! {
            tone => "bad", mark => "✗", outcome => "failed",
            sentence => format!("expected: {healthy} {offenders} {rows} otherwise."),
            file, sample => sample.join("\n"),
        });
    }
    for warning in report.checked.iter().flat_map(|checked| &checked.warnings) {
        outcomes.push(context! {
            tone => "warn", mark => "!", outcome => "warning", sentence => warning,
        });
    }
    let has_failed = |file: &str| findings.iter().any(|finding| finding.file == *file);
    for (file, sentence, warns) in known(&report.run) {
        // A failed run says which checks failed, but not what only warned.
        let passed = match (&report.checked, failed) {
            (Some(checked), _) => checked.healthy.contains(&file),
            (None, Some(_)) => !warns && !has_failed(&file),
            (None, None) => false,
        };
        if passed {
            // Warnings are written as what looks wrong.
            let outcome = if warns { "not seen" } else { "passed" };
            outcomes.push(context! { tone => "good", mark => "✓", outcome, sentence, file });
        }
    }
    outcomes
}

/// Every check: its file, its sentence, and whether its rows only warn.
fn known(run: &Run) -> Vec<(String, String, bool)> {
    let step = Step::first(run.clone(), "check");
    let statements = pipeline::render(&step, &Deployment::default()).unwrap_or_default();
    let known = statements.into_iter().filter_map(|statement| {
        let (sentence, warns) = match statement.sentence(CHECK_HEADER) {
            Some(sentence) => (sentence, false),
            None => (statement.sentence(WARNS_HEADER)?, true),
        };
        Some((statement.file, sentence.replace('`', ""), warns))
    });
    known.collect()
}
