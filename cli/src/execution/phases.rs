//! The phases of a run, read from its history: each with its own duration, how far it is, and after
//! which error it is tried again.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_sfn::types::HistoryEvent;
use indicatif::HumanCount;
use serde::Serialize;

use super::{
    cause,
    forecast::{self, Piece},
    planned::{Planned, Source},
};
use crate::{display, ui};

/// The state whose output says what there is to do.
pub const PLAN: &str = "Plan";
/// The states that work on pieces of it.
const COMPACT: &str = "Compact";
/// The state that copies.
pub const STAGE: &str = "Stage";
/// Bytes of a cause that are shown when something is tried again.
const CAUSE_CHARACTERS_MAX: usize = 160;

/// A phase that has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Its name: the state's.
    pub phase: String,
    /// How long it took.
    pub seconds: f64,
    /// Whether the run went on after it.
    pub succeeded: bool,
}

/// What an event says that is worth a line.
#[derive(Debug)]
pub enum News {
    /// A phase has ended.
    Ended(Ended),
    /// A part of a phase has ended.
    Part(String),
    /// A phase is tried again.
    Retried {
        /// Its name.
        phase: String,
        /// Which attempt this is, from 2.
        attempt: u32,
        /// Why.
        reason: String,
    },
}

/// What a run has done so far.
#[derive(Debug, Default)]
pub struct Phases {
    /// What there is to do, once it is known.
    pub planned: Option<Planned>,
    /// Rows and bytes that the warehouse has loaded of each source so far, if it says so.
    pub copied: BTreeMap<String, (u64, u64)>,
    /// After which error the execution that the current phase waits for is about to try again, and
    /// for which time.
    pub nested_failure: Option<(u32, String)>,
    current: Option<Phase>,
}

/// A state of the load that does work, while it is entered.
#[derive(Debug)]
struct Phase {
    name: String,
    entered: Duration,
    /// Of a Map: when each iteration was begun and done.
    iterations: Option<Vec<Iteration>>,
    attempts: u32,
    /// Why the last attempt failed, until the next one begins; empty where the history does not say.
    failed_with: Option<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Iteration {
    started: Option<Duration>,
    ended: Option<Duration>,
}

impl Ended {
    /// `✓ Create tables             0.3 s`
    pub fn line(&self) -> String {
        let mark = if self.succeeded { '✓' } else { '✗' };
        format!("{mark} {:<16} {:>12}", self.phase, took(self.seconds))
    }
}

/// `0.3 s`, `4 min 05 s`.
fn took(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds).unwrap_or_default() {
        short if short < Duration::from_secs(1) => format!("{seconds:.1} s"),
        long => ui::seconds(long),
    }
}

impl News {
    /// One line.
    pub fn line(&self) -> String {
        match self {
            News::Ended(phase) => phase.line(),
            News::Part(line) => line.clone(),
            News::Retried { phase, attempt, reason } => {
                format!("  {phase}: attempt {attempt}, after {reason}")
            }
        }
    }
}

impl Phases {
    /// Takes the next event, at this time since the run's start; news if there are any.
    pub fn take(&mut self, event: &HistoryEvent, at: Duration) -> Option<News> {
        let kind = event.r#type.as_str();
        if kind.ends_with("StateEntered") {
            return self.enter(event, at);
        }
        let phase = self.current.as_mut()?;
        match kind {
            "MapStateStarted" => {
                let length = event.map_state_started_event_details.as_ref()?.length;
                let length = usize::try_from(length).ok()?;
                phase.iterations = Some(vec![Iteration::default(); length]);
            }
            "MapIterationStarted" => {
                let index = event.map_iteration_started_event_details.as_ref()?.index;
                phase.iteration(index)?.started = Some(at);
            }
            "MapIterationSucceeded" => {
                let index = event.map_iteration_succeeded_event_details.as_ref()?.index;
                phase.iteration(index)?.ended = Some(at);
                return self.part(usize::try_from(index).ok()?);
            }
            "MapStateFailed" => phase.failed_with = Some(String::new()),
            "TaskFailed" if phase.iterations.is_none() => {
                let details = event.task_failed_event_details.as_ref()?;
                phase.failed_with = Some(reason(details.error(), details.cause()));
            }
            "TaskTimedOut" if phase.iterations.is_none() => {
                let details = event.task_timed_out_event_details.as_ref()?;
                phase.failed_with = Some(reason(details.error(), details.cause()));
            }
            "TaskScheduled" => {
                let reason = phase.failed_with.take_if(|reason| !reason.is_empty())?;
                phase.attempts += 1;
                let (phase, attempt) = (phase.name.clone(), phase.attempts);
                return Some(News::Retried { phase, attempt, reason });
            }
            _ if kind.ends_with("StateExited") => {
                let details = event.state_exited_event_details.as_ref()?;
                let ended = self.current.take_if(|phase| phase.name == details.name)?;
                return Some(News::Ended(ended.ended(at)));
            }
            _ => {}
        }
        None
    }

    /// Enters a state. One within a Map is a part of its phase; choices and passes take no time, and
    /// naming them would only hide the others.
    fn enter(&mut self, event: &HistoryEvent, at: Duration) -> Option<News> {
        let within = |phase: &Phase| phase.iterations.is_some() && phase.failed_with.is_none();
        if self.current.as_ref().is_some_and(within) {
            return None;
        }
        self.nested_failure = None;
        let ended = self.broken_off(at).map(News::Ended);
        let iterations = match event.r#type.as_str() {
            "TaskStateEntered" => None,
            "MapStateEntered" => Some(Vec::new()),
            _ => return ended,
        };
        let name = event.state_entered_event_details.as_ref()?.name.clone();
        let phase = Phase { name, entered: at, iterations, attempts: 1, failed_with: None };
        self.current = Some(phase);
        ended
    }

    /// The name of the phase that is under way, and for how long it has been.
    pub fn current(&self, at: Duration) -> Option<(&str, Duration)> {
        let phase = self.current.as_ref()?;
        Some((&phase.name, at.saturating_sub(phase.entered)))
    }

    /// The phase that is under way, with all that is known about it.
    pub fn under_way(&self, at: Duration) -> Option<String> {
        let (name, so_far) = self.current(at)?;
        let mut line = format!("{name} {}", took(so_far.as_secs_f64()));
        let phase = self.current.as_ref()?;
        match (&phase.iterations, name) {
            (Some(iterations), STAGE) => line.push_str(&self.copying(iterations)),
            (Some(iterations), _) => line.push_str(&self.merging(name, iterations, so_far, at)),
            (None, _) => {}
        }
        if let Some((attempt, reason)) = self.failure().or_else(|| self.nested_failure.clone()) {
            line.push_str(&format!(", waiting for attempt {attempt} after {reason}"));
        }
        Some(line)
    }

    /// The next attempt of the current phase and why it is needed, while it waits for that.
    pub fn failure(&self) -> Option<(u32, String)> {
        let phase = self.current.as_ref()?;
        let reason = phase.failed_with.clone().filter(|reason| !reason.is_empty())?;
        Some((phase.attempts + 1, reason))
    }

    /// `, about 40 s left: 9 of 24 batches, 18,787 of 50,101 files, 5.1 MB of 13.6 MB, 261 files/s`
    fn merging(
        &self,
        name: &str,
        iterations: &[Iteration],
        so_far: Duration,
        at: Duration,
    ) -> String {
        if iterations.is_empty() {
            return String::new();
        }
        let done = iterations.iter().filter(|one| one.ended.is_some()).count();
        let planned = self.planned.as_ref().filter(|_| name == COMPACT).map(Planned::batches);
        let sizes = planned.filter(|batches| batches.len() == iterations.len());
        let expected =
            |index: usize| sizes.as_ref().map_or(1.0, |sizes| sizes[index].seconds_to_merge());
        let pieces = iterations.iter().enumerate().map(|(index, one)| Piece {
            expected: expected(index),
            started: one.started,
            ended: one.ended,
        });
        let left = forecast::left(&pieces.collect::<Vec<_>>(), at);
        let mut text = String::new();
        // Without sizes, only those that are done say how long one takes.
        if let Some(left) = left.filter(|_| sizes.is_some() || done > 0) {
            text.push_str(&format!(", about {} left", ui::about(left)));
        }
        text.push_str(&format!(": {done} of {} batches", iterations.len()));
        if let Some(sizes) = &sizes {
            text.push_str(&progress(sizes, iterations, so_far));
        }
        text
    }

    /// `: events 210,000 rows, 96.0 MB; songs`: what is still being copied.
    fn copying(&self, iterations: &[Iteration]) -> String {
        let Some(planned) = &self.planned else { return String::new() };
        let loads = planned.loads();
        let under_way = loads.iter().zip(iterations).filter(|(load, iteration)| {
            !load.source.is_empty() && iteration.started.is_some() && iteration.ended.is_none()
        });
        let described = under_way.map(|(load, _)| match self.copied.get(&load.source) {
            Some((rows, bytes)) => {
                let rows = ui::count(*rows, "row");
                let (copied, all) = (display::bytes(*bytes), display::bytes(load.bytes));
                format!("{} {rows}, {copied} of {all}", load.source)
            }
            None => format!("{} {}", load.source, size(load)),
        });
        let described: Vec<String> = described.collect();
        if described.is_empty() { String::new() } else { format!(": {}", described.join("; ")) }
    }

    /// A source that has been copied.
    fn part(&self, index: usize) -> Option<News> {
        let phase = self.current.as_ref().filter(|phase| phase.name == STAGE)?;
        let load = self.planned.as_ref()?.loads().into_iter().nth(index)?;
        let Iteration { started, ended } = *phase.iterations.as_ref()?.get(index)?;
        if load.source.is_empty() {
            return None;
        }
        let seconds = ended?.saturating_sub(started?).as_secs_f64();
        let mut line = format!("  ✓ {:<14} {:>12}  {}", load.source, took(seconds), size(&load));
        if let Some((rows, _)) = self.copied.get(&load.source) {
            line.push_str(&format!(", {}", ui::count(*rows, "row")));
        }
        if seconds >= 1.0 {
            line.push_str(&format!(", {}/s", display::bytes((load.bytes as f64 / seconds) as u64)));
        }
        Some(News::Part(line))
    }

    /// The phase in which the run ended, if it ended in the middle of one.
    pub fn broken_off(&mut self, at: Duration) -> Option<Ended> {
        self.current.take().map(|phase| Ended { succeeded: false, ..phase.ended(at) })
    }
}

impl Phase {
    fn iteration(&mut self, index: i32) -> Option<&mut Iteration> {
        self.iterations.as_mut()?.get_mut(usize::try_from(index).ok()?)
    }

    fn ended(self, at: Duration) -> Ended {
        let took = at.saturating_sub(self.entered);
        // More digits are noise of the conversion.
        let seconds = (took.as_secs_f64() * 1_000.0).round() / 1_000.0;
        Ended { phase: self.name, seconds, succeeded: self.failed_with.is_none() }
    }
}

/// `LoadUnconfirmed: the system views do not show yet …`
fn reason(error: Option<&str>, cause: Option<&str>) -> String {
    let message = cause.map(|cause| cause::explain(cause).message).unwrap_or_default();
    let line: String =
        message.lines().next().unwrap_or_default().chars().take(CAUSE_CHARACTERS_MAX).collect();
    match (error.unwrap_or("an error"), line.as_str()) {
        (error, "") => error.to_owned(),
        (error, line) => format!("{error}: {line}"),
    }
}

/// What of the batches is merged, and how fast.
fn progress(sizes: &[Source], iterations: &[Iteration], so_far: Duration) -> String {
    let mut done = Source::default();
    let mut all = Source::default();
    for (size, iteration) in sizes.iter().zip(iterations) {
        all.objects += size.objects;
        all.bytes += size.bytes;
        if iteration.ended.is_some() {
            done.objects += size.objects;
            done.bytes += size.bytes;
        }
    }
    let mut text = format!(
        ", {} of {}, {} of {}",
        HumanCount(done.objects),
        ui::count(all.objects, "file"),
        display::bytes(done.bytes),
        display::bytes(all.bytes)
    );
    let rate = done.objects as f64 / so_far.as_secs_f64();
    if rate.is_normal() {
        text.push_str(&format!(", {} files/s", HumanCount(rate.round() as u64)));
    }
    text
}

/// `30 files, 3.8 MB`
fn size(source: &Source) -> String {
    format!("{}, {}", ui::count(source.objects, "file"), display::bytes(source.bytes))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::primitives::DateTime;
    use aws_sdk_sfn::types::{
        HistoryEventType as Type, MapIterationEventDetails, MapStateStartedEventDetails,
        StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails,
        builders::HistoryEventBuilder,
    };

    use super::*;

    fn event(kind: Type) -> HistoryEventBuilder {
        HistoryEvent::builder().r#type(kind).id(1).timestamp(DateTime::from_secs(0))
    }

    fn entered(kind: Type, name: &str) -> HistoryEventBuilder {
        let details = StateEnteredEventDetails::builder().name(name).build().expect("a name");
        event(kind).state_entered_event_details(details)
    }

    fn exited(kind: Type, name: &str) -> HistoryEventBuilder {
        let details = StateExitedEventDetails::builder().name(name).build().expect("a name");
        event(kind).state_exited_event_details(details)
    }

    fn failed(error: &str) -> HistoryEventBuilder {
        let details = TaskFailedEventDetails::builder()
            .resource_type("lambda")
            .resource("invoke")
            .error(error)
            .build()
            .expect("complete");
        event(Type::TaskFailed).task_failed_event_details(details)
    }

    /// What is shown of events that come a second apart.
    fn shown(phases: &mut Phases, events: Vec<HistoryEventBuilder>) -> Vec<String> {
        let mut lines = Vec::new();
        for (second, event) in (1..).zip(events) {
            let at = Duration::from_secs(second);
            let news = phases.take(&event.build().expect("an event"), at);
            lines.extend(news.map(|news| news.line()));
            lines.extend(phases.under_way(at));
        }
        lines
    }

    #[test]
    fn a_phase_is_named_with_its_own_duration_and_what_it_is_tried_again_after() {
        let mut phases = Phases::default();
        let lines = shown(
            &mut phases,
            vec![
                entered(Type::PassStateEntered, "Begin"),
                entered(Type::TaskStateEntered, "Check"),
                failed("LoadUnconfirmed"),
                event(Type::TaskScheduled),
                exited(Type::TaskStateExited, "Check"),
                entered(Type::ChoiceStateEntered, "Anything new?"),
                entered(Type::TaskStateEntered, "Publish"),
            ],
        );
        insta::assert_snapshot!(lines.join("\n"), @"
        Check 0.0 s
        Check 1.0 s, waiting for attempt 2 after LoadUnconfirmed
          Check: attempt 2, after LoadUnconfirmed
        Check 2.0 s
        ✓ Check                   3.0 s
        Publish 0.0 s
        ");
        let ended = phases.broken_off(Duration::from_secs(600)).expect("a phase");
        assert_eq!(ended.line(), "✗ Publish            9 min 53 s");
        assert_eq!(phases.broken_off(Duration::from_secs(600)), None);
    }

    fn iteration(kind: Type, index: i32) -> HistoryEventBuilder {
        let details = MapIterationEventDetails::builder().name("Compact").index(index).build();
        match kind {
            Type::MapIterationStarted => event(kind).map_iteration_started_event_details(details),
            _ => event(kind).map_iteration_succeeded_event_details(details),
        }
    }

    fn map(name: &str, length: i32) -> [HistoryEventBuilder; 2] {
        let started = MapStateStartedEventDetails::builder().length(length).build();
        [
            entered(Type::MapStateEntered, name),
            event(Type::MapStateStarted).map_state_started_event_details(started),
        ]
    }

    fn planned(batches: usize) -> Phases {
        let batch = serde_json::json!({"source": "songs", "batch": 0});
        let output = serde_json::json!({"Payload": {
            "sources": [
                {"source": "events", "objects": 30, "bytes": 96_000_000},
                {"source": "songs", "objects": 40_000, "bytes": 10_880_000},
            ],
            "batches": vec![batch; batches],
            "loads": [{"step": "stage/events"}, {"step": "stage/songs"}, {"step": "plan/objects"}],
        }});
        Phases { planned: Planned::read(&output.to_string()), ..Phases::default() }
    }

    #[test]
    fn merging_says_how_far_it_is_how_fast_and_what_is_left() {
        use Type::{MapIterationStarted as Begun, MapIterationSucceeded as Done};
        let mut events = map("Compact", 4).to_vec();
        events.extend([
            iteration(Begun, 0),
            iteration(Begun, 1),
            entered(Type::TaskStateEntered, "Compact batch"),
            exited(Type::TaskStateExited, "Compact batch"),
            iteration(Done, 1),
            iteration(Begun, 2),
            iteration(Done, 0),
            exited(Type::MapStateExited, "Compact"),
        ]);
        let lines = shown(&mut planned(4), events);
        insta::assert_snapshot!(lines.join("\n"), @"
        Compact 0.0 s
        Compact 1.0 s: 0 of 4 batches, 0 of 40,000 files, 0 B of 10.9 MB
        Compact 2.0 s, about 20 s left: 0 of 4 batches, 0 of 40,000 files, 0 B of 10.9 MB
        Compact 3.0 s, about 10 s left: 0 of 4 batches, 0 of 40,000 files, 0 B of 10.9 MB
        Compact 4.0 s, about 9 s left: 0 of 4 batches, 0 of 40,000 files, 0 B of 10.9 MB
        Compact 5.0 s, about 8 s left: 0 of 4 batches, 0 of 40,000 files, 0 B of 10.9 MB
        Compact 6.0 s, about 6 s left: 1 of 4 batches, 10,000 of 40,000 files, 2.7 MB of 10.9 MB, 1,667 files/s
        Compact 7.0 s, about 3 s left: 1 of 4 batches, 10,000 of 40,000 files, 2.7 MB of 10.9 MB, 1,429 files/s
        Compact 8.0 s, about 8 s left: 2 of 4 batches, 20,000 of 40,000 files, 5.4 MB of 10.9 MB, 2,500 files/s
        ✓ Compact                 9.0 s
        ");
    }

    #[test]
    fn copying_names_what_is_under_way_and_each_source_that_is_done() {
        use Type::{MapIterationStarted as Begun, MapIterationSucceeded as Done};
        let mut events = map(STAGE, 3).to_vec();
        events.extend([
            iteration(Begun, 0),
            iteration(Begun, 1),
            iteration(Begun, 2),
            iteration(Done, 2),
            iteration(Done, 0),
        ]);
        let mut phases = planned(0);
        phases.copied.insert("events".to_owned(), (210_000, 48_000_000));
        insta::assert_snapshot!(shown(&mut phases, events).join("\n"), @"
        Stage 0.0 s
        Stage 1.0 s
        Stage 2.0 s: events 210,000 rows, 48.0 MB of 96.0 MB
        Stage 3.0 s: events 210,000 rows, 48.0 MB of 96.0 MB; songs 40,000 files, 10.9 MB
        Stage 4.0 s: events 210,000 rows, 48.0 MB of 96.0 MB; songs 40,000 files, 10.9 MB
        Stage 5.0 s: events 210,000 rows, 48.0 MB of 96.0 MB; songs 40,000 files, 10.9 MB
          ✓ events                4.0 s  30 files, 96.0 MB, 210,000 rows, 24.0 MB/s
        Stage 6.0 s: songs 40,000 files, 10.9 MB
        ");
    }
}
