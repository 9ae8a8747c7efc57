//! What AWS checks when a state machine is created, beyond the shapes of its states.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Catcher, Definition, Retrier, State};
use crate::error::DefinitionError;
use crate::template::Template;

/// The most characters of a state's name.
const NAME_CHARACTERS_MAX: usize = 80;
/// The bound of `MaxDelaySeconds`, in seconds.
const MAX_DELAY_SECONDS_LIMIT: u64 = 31_622_400;
/// The most concurrent iterations of an inline map.
const CONCURRENCY_MAX: usize = 40;

/// Checks that the definition can be run.
pub(crate) fn validate(definition: &Definition) -> Result<(), DefinitionError> {
    if definition.timeout_seconds == Some(0) {
        return Err(DefinitionError("expected a positive TimeoutSeconds, found 0".into()));
    }
    scope(&definition.start_at, &definition.states, &BTreeSet::new())
}

/// One scope: the states of a machine, or of a map's iteration.
fn scope(
    start_at: &str,
    states: &BTreeMap<String, State>,
    outer: &BTreeSet<&str>,
) -> Result<(), DefinitionError> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start_at];
    while let Some(name) = waiting.pop() {
        let state = states
            .get(name)
            .ok_or_else(|| DefinitionError(format!("expected a state {name:?}, found none")))?;
        if reached.insert(name) {
            waiting.extend(state.followers());
        }
    }
    if let Some(lost) = states.keys().find(|name| !reached.contains(name.as_str())) {
        return Err(DefinitionError(format!("the state {lost:?} is never reached")));
    }
    let mut assigned = outer.clone();
    for (name, state) in states {
        for variable in assignments(name, state)? {
            // "A variable assigned in an inner scope cannot have the same name as one assigned in
            // an outer scope."
            if outer.contains(variable) {
                return Err(at(name, format!("${variable} is assigned in an outer scope too")));
            }
            assigned.insert(variable);
        }
    }
    for (name, state) in states {
        self::state(name, state, &assigned)?;
    }
    Ok(())
}

fn at(state: &str, reason: impl std::fmt::Display) -> DefinitionError {
    DefinitionError(format!("{state:?}: {reason}"))
}

/// The variables that a state sets.
fn assignments<'a>(name: &str, state: &'a State) -> Result<Vec<&'a str>, DefinitionError> {
    let caught = |catch: &'a [Catcher]| catch.iter().map(|catcher| catcher.assign.as_ref());
    let templates: Vec<Option<&Template>> = match state {
        State::Pass(pass) => vec![pass.assign.as_ref()],
        State::Wait(wait) => vec![wait.assign.as_ref()],
        State::Task(task) => {
            std::iter::once(task.assign.as_ref()).chain(caught(&task.catch)).collect()
        }
        State::Map(map) => std::iter::once(map.assign.as_ref()).chain(caught(&map.catch)).collect(),
        State::Choice(choice) => std::iter::once(choice.assign.as_ref())
            .chain(choice.choices.iter().map(|rule| rule.assign.as_ref()))
            .collect(),
        State::Succeed(_) | State::Fail(_) => Vec::new(),
    };
    let mut variables = Vec::new();
    for template in templates.into_iter().flatten() {
        let names = template.assigned().ok_or_else(|| at(name, "Assign is no object"))?;
        if names.contains(&"states") {
            return Err(at(name, "$states is reserved"));
        }
        variables.extend(names);
    }
    Ok(variables)
}

fn state(name: &str, state: &State, assigned: &BTreeSet<&str>) -> Result<(), DefinitionError> {
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX {
        return Err(at(name, format!("expected a name of at most {NAME_CHARACTERS_MAX}")));
    }
    match state {
        State::Pass(pass) => {
            transition(name, &pass.next, pass.end)?;
            unavailable(
                name,
                &[&pass.assign, &pass.output],
                &["$states.result", "$states.errorOutput"],
            )
        }
        State::Wait(wait) => {
            transition(name, &wait.next, wait.end)?;
            unavailable(
                name,
                &[&wait.assign, &wait.output],
                &["$states.result", "$states.errorOutput"],
            )
        }
        State::Task(task) => {
            transition(name, &task.next, task.end)?;
            unavailable(name, &[&task.assign, &task.output], &["$states.errorOutput"])?;
            if task.arguments.mentions("$states.result") {
                return Err(at(name, "$states.result is not known to Arguments"));
            }
            errors(name, &task.retry, &task.catch)
        }
        State::Map(map) => {
            transition(name, &map.next, map.end)?;
            unavailable(name, &[&map.assign, &map.output], &["$states.errorOutput"])?;
            if map.max_concurrency.is_some_and(|at_once| at_once > CONCURRENCY_MAX) {
                return Err(at(
                    name,
                    format!("an inline map runs {CONCURRENCY_MAX} at once at most"),
                ));
            }
            errors(name, &map.retry, &map.catch)?;
            scope(&map.item_processor.start_at, &map.item_processor.states, assigned)
        }
        State::Choice(choice) if choice.choices.is_empty() => Err(at(name, "expected a choice")),
        State::Choice(_) | State::Succeed(_) | State::Fail(_) => Ok(()),
    }
}

fn transition(name: &str, next: &Option<String>, end: Option<bool>) -> Result<(), DefinitionError> {
    if next.is_some() == (end == Some(true)) {
        return Err(at(name, "expected either Next or End"));
    }
    Ok(())
}

/// "`$states.result` or `$states.errorOutput` in fields and states where they are not accessible
/// will be caught at creation."
fn unavailable(
    name: &str,
    templates: &[&Option<Template>],
    unknown: &[&str],
) -> Result<(), DefinitionError> {
    let mut given = templates.iter().filter_map(|template| template.as_ref());
    let found = given.find_map(|template| unknown.iter().find(|part| template.mentions(part)));
    found.map_or(Ok(()), |part| Err(at(name, format!("{part} is not known here"))))
}

fn errors(name: &str, retry: &[Retrier], catch: &[Catcher]) -> Result<(), DefinitionError> {
    alone_and_last(name, &retry.iter().map(|retrier| &retrier.error_equals).collect::<Vec<_>>())?;
    alone_and_last(name, &catch.iter().map(|catcher| &catcher.error_equals).collect::<Vec<_>>())?;
    for retrier in retry {
        if retrier.interval_seconds == 0 || retrier.backoff_rate < 1.0 {
            return Err(at(name, "expected IntervalSeconds of 1 and BackoffRate of 1.0 at least"));
        }
        if let Some(seconds) = retrier.max_delay_seconds
            && (seconds <= retrier.interval_seconds || seconds >= MAX_DELAY_SECONDS_LIMIT)
        {
            return Err(at(name, "expected MaxDelaySeconds above IntervalSeconds"));
        }
    }
    for catcher in catch {
        unavailable(name, &[&catcher.assign, &catcher.output], &["$states.result"])?;
    }
    Ok(())
}

/// "`States.ALL` must appear alone in an `ErrorEquals` list, and in the last one."
fn alone_and_last(name: &str, lists: &[&Vec<String>]) -> Result<(), DefinitionError> {
    for (index, list) in lists.iter().enumerate() {
        let all = list.iter().any(|error| error == "States.ALL");
        if list.is_empty() || all && (list.len() > 1 || index + 1 < lists.len()) {
            return Err(at(name, "expected States.ALL alone, and in the last list"));
        }
    }
    Ok(())
}
