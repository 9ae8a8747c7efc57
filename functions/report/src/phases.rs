//! The phases of a run: the states that it entered, each with its own time.

use jiff::Timestamp;
use segue_contract::messages::ReportRequest;
use serde::Serialize;

/// The state that follows a publication of unknown outcome.
pub const LOOKUP: &str = "Look up outcome";

/// A phase of a run, which includes its waits and retries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// The state of the load state machine.
    pub name: String,
    /// When it began, in milliseconds since the run started.
    pub start_ms: i64,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// How often its state was tried again after an error.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
    /// Whether the run failed in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_failed: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The phases, in their order: each ended when the next one was entered, and the last when the
/// report was asked for. What has no time that can be read is left out: nothing depends on it.
pub fn of(request: &ReportRequest, started: Timestamp, now: Timestamp) -> Vec<Phase> {
    let since = |at: Timestamp| at.as_millisecond() - started.as_millisecond();
    let read = |time: &str| time.parse::<Timestamp>().ok().map(since);
    let end = request.entered_at.as_deref().and_then(read).unwrap_or_else(|| since(now));
    let entered: Vec<_> = request
        .phases
        .iter()
        .filter_map(|state| Some((state, read(&state.entered_time)?)))
        .collect();
    let ends = entered.iter().skip(1).map(|(_, at)| *at).chain([end]);
    let phases = entered.iter().zip(ends).map(|((state, at), end)| Phase {
        name: state.name.clone(),
        start_ms: *at,
        duration_ms: (end - at).max(0),
        retries: state.retry_count,
        has_failed: false,
    });
    let mut phases: Vec<Phase> = phases.collect();
    // Looking whether a failed transaction was committed after all is not what failed.
    if let Some(last) = phases.iter_mut().rfind(|phase| phase.name != LOOKUP) {
        last.has_failed = request.failure.is_some();
    }
    phases
}
