//! The timeline: a bar for each phase and, below it, for each of its statements that matters. Simple
//! SVG in a table: a table is read aloud and fits a phone, and style sheets colour it, which no
//! plotting library's picture does.

use minijinja::{Value, context};
use segue_contract::messages::{FileOutcome, StatementState};

use crate::Report;
use crate::phases::Phase;
use segue_page::format::{count, duration};

/// A statement matters if it takes at least this share of the run, in percent.
const SHARE_MIN: i64 = 2;
/// The most statements of a phase to show.
const PARTS_MAX: usize = 6;
/// The least width of a bar, in percent: it must be visible.
const WIDTH_MIN: f64 = 0.4;

/// A bar, in milliseconds since the run started.
struct Bar<'a> {
    name: &'a str,
    start: i64,
    took: i64,
    is_part: bool,
    has_failed: bool,
    note: Option<String>,
}

/// The bars, from top to bottom.
pub fn bars(report: &Report) -> Vec<Value> {
    let whole = report.phases.last().map_or(0, |last| last.start_ms + last.duration_ms);
    let whole = whole.max(report.duration_seconds * 1_000).max(1);
    let mut bars = Vec::new();
    for phase in &report.phases {
        bars.push(of_phase(phase, report).value(whole));
        bars.extend(parts(phase, report, whole).into_iter().map(|part| part.value(whole)));
    }
    bars
}

fn of_phase<'a>(phase: &'a Phase, report: &Report) -> Bar<'a> {
    let parts: u64 = report.compacted.iter().map(|source| source.batches).sum();
    let mut notes = Vec::new();
    if phase.has_failed {
        notes.push("failed".to_owned());
    }
    if phase.name == "Compact" && parts > 0 {
        notes.push(count(parts, "part"));
    }
    if phase.retries > 0 {
        notes.push(if phase.retries == 1 {
            "tried again once".to_owned()
        } else {
            format!("tried again {} times", phase.retries)
        });
    }
    Bar {
        name: &phase.name,
        start: phase.start_ms,
        took: phase.duration_ms,
        is_part: false,
        has_failed: phase.has_failed,
        note: (!notes.is_empty()).then(|| notes.join(", ")),
    }
}

/// The statements of a phase that matter. The files of a step run one after the other, in one
/// transaction; steps of one phase run side by side.
fn parts<'a>(phase: &Phase, report: &'a Report, whole: i64) -> Vec<Bar<'a>> {
    let mut parts = Vec::new();
    for statement in &report.statements {
        let StatementState::Finished { step, duration_ms, files, ended_at, .. } = statement else {
            continue;
        };
        if phase_of(step) != phase.name {
            continue;
        }
        let took = milliseconds(*duration_ms);
        let ended = ended_at.as_deref().and_then(|at| report.since_start(at));
        let start = ended.map_or(phase.start_ms, |ended| ended - took).max(phase.start_ms);
        match files.as_slice() {
            [] | [_] => parts.push(Bar::of_part(step, start, took)),
            files => parts.extend(one_after_the_other(files, start)),
        }
    }
    parts.retain(|part| part.took * 100 >= whole * SHARE_MIN || phase.name == STAGE);
    let mut longest: Vec<i64> = parts.iter().map(|part| part.took).collect();
    longest.sort_unstable_by(|one, other| other.cmp(one));
    let least = longest.get(PARTS_MAX - 1).copied().unwrap_or_default();
    parts.retain(|part| part.took >= least);
    parts.sort_by_key(|part| part.start);
    parts
}

/// The phase that copies files: all of its steps are shown.
const STAGE: &str = "Stage";

fn phase_of(step: &str) -> &str {
    match step {
        "transform" => "Transform",
        "publish" => "Publish",
        // The list of objects is copied side by side with the sources.
        _ => STAGE,
    }
}

fn one_after_the_other(files: &[FileOutcome], start: i64) -> impl Iterator<Item = Bar<'_>> {
    files.iter().scan(start, |at, file| {
        let took = milliseconds(file.duration_ms);
        let bar = Bar::of_part(&file.file, *at, took);
        *at += took;
        Some(bar)
    })
}

fn milliseconds(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl<'a> Bar<'a> {
    fn of_part(name: &'a str, start: i64, took: i64) -> Self {
        Self { name, start, took, is_part: true, has_failed: false, note: None }
    }

    /// What the template shows; `whole` is what a full bar stands for.
    #[allow(clippy::cast_precision_loss, reason = "a bar has a few hundred pixels")]
    fn value(&self, whole: i64) -> Value {
        let percent = |part: i64| (part as f64 * 100.0 / whole as f64).clamp(0.0, 100.0);
        let x = percent(self.start).min(100.0 - WIDTH_MIN);
        let width = percent(self.took).clamp(WIDTH_MIN, 100.0 - x);
        let failed = if self.has_failed { ", failed" } else { "" };
        let (start, end) = (duration(self.start), duration(self.start + self.took));
        context! {
            name => self.name, note => self.note.as_deref(), is_part => self.is_part,
            has_failed => self.has_failed, duration_ms => self.took,
            x => format!("{x:.2}"), width => format!("{width:.2}"),
            label => format!("{}: from {start} to {end}{failed}", self.name),
        }
    }
}
