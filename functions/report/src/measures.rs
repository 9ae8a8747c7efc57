//! The metrics of a run, from its report.

use segue_contract::messages::StatementState;
use segue_contract::metrics::Metric;
use segue_function::metrics::{Subject, emit};

use crate::Report;

/// The step that publishes.
const PUBLISH: &str = "publish";
/// The prefix of the steps that copy files.
const STAGE: &str = "stage/";

/// Writes the metrics of the run, and those of each of its statements.
pub fn write(report: &Report) {
    emit(Subject { run_id: Some(&report.run_id), step: None }, &of_run(report));
    for (step, seconds) in of_statements(report) {
        let subject = Subject { run_id: Some(&report.run_id), step: Some(step) };
        emit(subject, &[(Metric::StatementSeconds, seconds)]);
    }
}

/// The metrics of the run. A failed run has loaded nothing, and has only its duration.
fn of_run(report: &Report) -> Vec<(Metric, f64)> {
    let mut values = vec![(Metric::RunSeconds, float(report.duration_seconds.unsigned_abs()))];
    if report.failure.is_some() {
        return values;
    }
    if let Some(plan) = &report.plan {
        values.push((Metric::ObjectsLoaded, float(plan.objects)));
        values.push((Metric::BytesLoaded, float(plan.bytes)));
    }
    values.push((Metric::RowsStaged, float(rows(report, |step| step.starts_with(STAGE)))));
    values.push((Metric::RowsPublished, float(rows(report, |step| step == PUBLISH))));
    values.push((Metric::RowsRejected, float(report.rejected)));
    values
}

/// The steps that succeeded, and how long each ran in the warehouse.
fn of_statements(report: &Report) -> impl Iterator<Item = (&str, f64)> {
    report.statements.iter().filter_map(|statement| match statement {
        StatementState::Finished { step, duration_ms, .. } => {
            Some((step.as_str(), float(*duration_ms) / 1000.0))
        }
        StatementState::Running { .. } => None,
    })
}

/// Rows that the statements of these steps counted.
fn rows(report: &Report, is_counted: impl Fn(&str) -> bool) -> u64 {
    let files = report.statements.iter().flat_map(|statement| match statement {
        StatementState::Finished { step, files, .. } if is_counted(step) => files.as_slice(),
        _ => &[],
    });
    files.filter_map(|file| file.rows).sum()
}

/// CloudWatch's numbers are floating-point, so rounding is harmless.
#[allow(clippy::cast_precision_loss, reason = "a metric is a floating-point number")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use segue_contract::messages::{Caught, ReportRequest};

    use super::*;
    use crate::tests::{rejecting, report, request};

    #[test]
    fn a_run_is_measured_by_what_it_loaded_and_how_long_it_took() {
        let report = report(ReportRequest { checked: Some(rejecting(3)), ..request() });
        let expected = [
            (Metric::RunSeconds, 42.0),
            (Metric::ObjectsLoaded, 2.0),
            (Metric::BytesLoaded, 10.0),
            (Metric::RowsStaged, 14_896.0),
            (Metric::RowsPublished, 0.0),
            (Metric::RowsRejected, 3.0),
        ];
        assert_eq!(of_run(&report), expected);
        assert_eq!(of_statements(&report).collect::<Vec<_>>(), [("stage/songs", 0.005)]);
    }

    #[test]
    fn a_run_that_failed_has_loaded_nothing() {
        let failure = Caught { error: "LoadRejected".into(), cause: "line 3".into() };
        let report = report(ReportRequest { failure: Some(failure), ..request() });
        assert_eq!(of_run(&report), [(Metric::RunSeconds, 42.0)]);
    }
}
