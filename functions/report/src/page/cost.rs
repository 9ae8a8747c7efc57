//! What the run cost, next to what was expected.

use minijinja::{Value, context};
use segue_contract::cost::Figures;

use crate::Report;
use segue_page::format::{duration, thousands};

/// What figures cost together.
pub fn sum(figures: &Figures) -> f64 {
    figures.cost + figures.warehouse_cost
}

/// `0.05 USD`; small amounts with two digits that say something.
pub fn money(amount: f64, currency: &str) -> String {
    match amount {
        0.0 => format!("0 {currency}"),
        ..0.0001 => format!("< 0.0001 {currency}"),
        ..0.01 => format!("{amount:.4} {currency}"),
        _ => format!("{amount:.2} {currency}"),
    }
}

/// Both totals; nothing for a failed run, which may have stopped anywhere.
pub fn total(report: &Report) -> Option<Value> {
    let cost = report.cost.as_ref()?;
    let shown = |figures| money(sum(figures), &cost.currency);
    Some(context! { expected => shown(&cost.expected), real => shown(&cost.real) })
}

/// One of the figures, as text.
type Shown<'a> = &'a dyn Fn(&Figures) -> String;

/// The rows of the table.
pub fn figures(report: &Report) -> Vec<Value> {
    let Some(cost) = &report.cost else { return Vec::new() };
    let money = |amount: f64| money(amount, &cost.currency);
    let rows: [(&str, Shown<'_>); 9] = [
        ("files read", &|one| thousands(one.objects)),
        ("parts merged from them", &|one| thousands(one.parts)),
        ("S3 requests that read", &|one| thousands(one.gets)),
        ("S3 requests that write or list", &|one| thousands(one.puts_and_lists)),
        ("merging, in gigabyte-seconds", &|one| format!("{:.1}", one.merging_gigabyte_seconds)),
        ("longest COPY", &|one| seconds(one.copy_seconds)),
        ("S3 and merging", &|one| money(one.cost)),
        ("time billed by Redshift Serverless", &|one| seconds(one.warehouse_seconds)),
        ("warehouse", &|one| money(one.warehouse_cost)),
    ];
    let row = |(name, shown): (&str, Shown<'_>)| {
        context! { name, expected => shown(&cost.expected), real => shown(&cost.real) }
    };
    rows.into_iter().map(row).collect()
}

#[allow(clippy::cast_possible_truncation, reason = "milliseconds of a run are few")]
fn seconds(seconds: f64) -> String {
    duration((seconds * 1_000.0).round() as i64)
}
