//! The steps of a run in their order, read from the definition of the load state machine, the only
//! place that has it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::errors::{Outcome, Problem};

const DEFINITION: &str = include_str!("../../../statemachine/load.asl.json");
/// The function that the command line replaces: everything before it always runs.
const PLAN: &str = "${PlanFunctionArn}";
/// The most states to follow, in case the definition has a cycle.
const STATES_MAX: usize = 100;

/// What a state runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// One step, by its name.
    Step(String),
    /// The step that subtracts what is known from what was found.
    Subtract(String),
    /// One step, if earlier runs left schemas to drop.
    Sweep(String),
    /// The steps that the plan names: one COPY each.
    Loads,
}

/// The order of a run that finds something to load.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// What every run does before it knows whether there is anything.
    pub before_plan: Vec<Stage>,
    /// What it does if there is.
    pub after_plan: Vec<Stage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Machine {
    start_at: String,
    states: HashMap<String, State>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    next: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    arguments: Option<Arguments>,
    item_processor: Option<Machine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Choice {
    next: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Arguments {
    function_name: Option<String>,
    input: Option<Input>,
}

#[derive(Deserialize)]
struct Input {
    step: String,
    abandoned: Option<String>,
    candidates: Option<String>,
}

impl State {
    fn stage(&self) -> Option<Stage> {
        if let Some(inner) = &self.item_processor {
            let starts_steps = |state: &State| state.input().is_some();
            return inner.states.values().any(starts_steps).then_some(Stage::Loads);
        }
        let Input { step, abandoned, candidates } = self.input()?;
        Some(match (abandoned, candidates) {
            (Some(_), _) => Stage::Sweep(step.clone()),
            (None, Some(_)) => Stage::Subtract(step.clone()),
            (None, None) => Stage::Step(step.clone()),
        })
    }

    fn input(&self) -> Option<&Input> {
        self.arguments.as_ref()?.input.as_ref()
    }

    fn is_plan(&self) -> bool {
        let function = self.arguments.as_ref().and_then(|one| one.function_name.as_deref());
        function == Some(PLAN)
    }

    /// The first choice is the one with something to do.
    fn next(&self) -> Option<&str> {
        let chosen = self.choices.first().map(|choice| &choice.next);
        chosen.or(self.next.as_ref()).map(String::as_str)
    }
}

impl Order {
    /// Follows the definition from its start to its end.
    pub fn of_a_run() -> Outcome<Self> {
        let machine: Machine = serde_json::from_str(DEFINITION).map_err(|error| {
            Problem::failed(format!("load.asl.json cannot be followed: {error}"))
        })?;
        let (mut order, mut is_planned) = (Self::default(), false);
        let mut name = Some(machine.start_at.as_str());
        for _ in 0..STATES_MAX {
            let Some(state) = name.and_then(|name| machine.states.get(name)) else { break };
            is_planned |= state.is_plan();
            let stages = if is_planned { &mut order.after_plan } else { &mut order.before_plan };
            stages.extend(state.stage());
            name = state.next();
        }
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use segue_contract::pipeline;

    use super::*;

    #[test]
    fn every_step_of_the_pipeline_has_its_place_in_the_order() {
        let order = Order::of_a_run().expect("a definition");
        let named = |name: &str| Stage::Step(name.to_owned());
        assert_eq!(
            order.before_plan,
            [named("create"), Stage::Subtract("plan/subtract".to_owned())]
        );
        assert_eq!(
            order.after_plan,
            [
                Stage::Sweep("sweep/staging".to_owned()),
                named("create/staging"),
                Stage::Loads,
                named("transform"),
                named("check"),
                named("publish"),
                named("sweep/own"),
            ]
        );
        let stages = order.before_plan.iter().chain(&order.after_plan);
        let placed: BTreeSet<String> = stages
            .filter_map(|stage| match stage {
                Stage::Step(name) | Stage::Subtract(name) | Stage::Sweep(name) => {
                    Some(name.clone())
                }
                Stage::Loads => None,
            })
            .collect();
        // The plan names the loads, and the warehouse the migrations; a diagnosis, a preview and a
        // rehearsal are no steps of a run, an outcome is looked up only when it is in doubt, and files
        // are set aside only by a run that fails.
        let elsewhere = [
            "stage/",
            "migrate/",
            "plan/objects",
            "plan/set_aside",
            "diagnose/",
            "preview/",
            "rehearse/",
            "publish/outcome",
        ];
        let steps = pipeline::steps().into_iter();
        let expected = steps.filter(|step| !elsewhere.iter().any(|begin| step.starts_with(begin)));
        assert_eq!(placed, expected.collect());
    }
}
