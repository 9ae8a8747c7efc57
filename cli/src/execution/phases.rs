//! The phases of a run, read from its history: each with its own duration, how far a Map is, and
//! which error a phase is tried again after.

use std::time::Duration;

use aws_sdk_sfn::types::HistoryEvent;
use serde::Serialize;

use crate::ui;

/// Before this share of a Map is done, its rate says too little about the time left.
const FORECAST_SHARE_MIN: f64 = 0.1;

/// A state of the load that does work, while it is entered.
#[derive(Debug)]
struct Phase {
    name: String,
    entered: Duration,
    /// Of a Map: how many iterations are done, and how many there are.
    iterations: Option<(u64, u64)>,
    /// The error of the last attempt until the next one begins; empty where the history names none.
    failed_with: Option<String>,
}

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

impl Ended {
    /// `✓ Create tables             0.3 s`
    pub fn line(&self) -> String {
        let mark = if self.succeeded { '✓' } else { '✗' };
        let took = ui::seconds(Duration::try_from_secs_f64(self.seconds).unwrap_or_default());
        format!("{mark} {:<16} {took:>12}", self.phase)
    }
}

/// What an event says that is worth a line.
#[derive(Debug)]
pub enum News {
    /// A phase has ended.
    Ended(Ended),
    /// A phase is tried again after this error.
    Retried {
        /// Its name.
        phase: String,
        /// The error's name.
        error: String,
    },
}

impl News {
    /// One line.
    pub fn line(&self) -> String {
        match self {
            News::Ended(phase) => phase.line(),
            News::Retried { phase, error } => format!("  {phase}: trying again after {error}"),
        }
    }
}

/// What a run has done so far.
#[derive(Debug, Default)]
pub struct Phases {
    current: Option<Phase>,
}

impl Phases {
    /// Takes the next event, at this time since the run's start; a line when there is news.
    pub fn take(&mut self, event: &HistoryEvent, at: Duration) -> Option<News> {
        let kind = event.r#type.as_str();
        if kind.ends_with("StateEntered") {
            return self.enter(event, at);
        }
        let phase = self.current.as_mut()?;
        match kind {
            "MapStateStarted" => {
                let length = event.map_state_started_event_details.as_ref()?.length;
                phase.iterations = Some((0, u64::try_from(length).ok()?));
            }
            "MapIterationSucceeded" => phase.iterations.as_mut()?.0 += 1,
            "MapStateFailed" => phase.failed_with = Some(String::new()),
            "TaskFailed" if phase.iterations.is_none() => {
                let error = event.task_failed_event_details.as_ref()?.error.clone();
                phase.failed_with = Some(error.unwrap_or_default());
            }
            "TaskScheduled" => {
                let error = phase.failed_with.take_if(|error| !error.is_empty())?;
                return Some(News::Retried { phase: phase.name.clone(), error });
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
        let ended = self.broken_off(at).map(News::Ended);
        let iterations = match event.r#type.as_str() {
            "TaskStateEntered" => None,
            "MapStateEntered" => Some((0, 0)),
            _ => return ended,
        };
        let details = event.state_entered_event_details.as_ref()?;
        let name = details.name.clone();
        self.current = Some(Phase { name, entered: at, iterations, failed_with: None });
        ended
    }

    /// The phase that is under way, for a spinner or a log that must not fall silent.
    pub fn under_way(&self, at: Duration) -> Option<String> {
        let phase = self.current.as_ref()?;
        let so_far = at.saturating_sub(phase.entered);
        let mut line = format!("{} {}", phase.name, ui::seconds(so_far));
        if let Some((done, all)) = phase.iterations.filter(|(_, all)| *all > 1) {
            line.push_str(&format!(", {done} of {all}"));
            let share = done as f64 / all as f64;
            if (FORECAST_SHARE_MIN..1.0).contains(&share) {
                let left = ui::seconds(so_far.mul_f64((1.0 - share) / share));
                line.push_str(&format!(", about {left} left"));
            }
        }
        Some(line)
    }

    /// The phase in which the run ended, if it ended in the middle of one.
    pub fn broken_off(&mut self, at: Duration) -> Option<Ended> {
        self.current.take().map(|phase| Ended { succeeded: false, ..phase.ended(at) })
    }
}

impl Phase {
    fn ended(self, at: Duration) -> Ended {
        let took = at.saturating_sub(self.entered);
        // More digits are noise of the conversion.
        let seconds = (took.as_secs_f64() * 1_000.0).round() / 1_000.0;
        Ended { phase: self.name, seconds, succeeded: self.failed_with.is_none() }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::primitives::DateTime;
    use aws_sdk_sfn::types::{
        HistoryEventType as Type, MapStateStartedEventDetails, StateEnteredEventDetails,
        StateExitedEventDetails, TaskFailedEventDetails, builders::HistoryEventBuilder,
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
        insta::assert_snapshot!(lines.join("\n"), @r"
        Check 0 ms
        Check 1.0 s
          Check: trying again after LoadUnconfirmed
        Check 2.0 s
        ✓ Check                   3.0 s
        Publish 0 ms
        ");
        let ended = phases.broken_off(Duration::from_secs(600)).expect("a phase");
        assert_eq!(ended.line(), "✗ Publish            9 min 53 s");
        assert_eq!(phases.broken_off(Duration::from_secs(600)), None);
    }

    #[test]
    fn a_map_says_how_far_it_is_and_what_is_left() {
        let started = MapStateStartedEventDetails::builder().length(4).build();
        let inner = || entered(Type::TaskStateEntered, "Compact batch");
        let lines = shown(
            &mut Phases::default(),
            vec![
                entered(Type::MapStateEntered, "Compact"),
                event(Type::MapStateStarted).map_state_started_event_details(started),
                inner(),
                inner(),
                exited(Type::TaskStateExited, "Compact batch"),
                event(Type::MapIterationSucceeded),
                event(Type::MapIterationSucceeded),
                exited(Type::MapStateExited, "Compact"),
            ],
        );
        insta::assert_snapshot!(lines.join("\n"), @r"
        Compact 0 ms
        Compact 1.0 s, 0 of 4
        Compact 2.0 s, 0 of 4
        Compact 3.0 s, 0 of 4
        Compact 4.0 s, 0 of 4
        Compact 5.0 s, 1 of 4, about 15.0 s left
        Compact 6.0 s, 2 of 4, about 6.0 s left
        ✓ Compact                 7.0 s
        ");
    }
}
