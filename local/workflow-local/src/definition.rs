//! The shapes of a definition. Reading a definition rejects any other field.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::template::Template;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Definition {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    #[serde(rename = "QueryLanguage")]
    pub _query_language: QueryLanguage,
    pub start_at: String,
    pub timeout_seconds: Option<u64>,
    pub states: BTreeMap<String, State>,
}

/// AWS's default, JSONPath, is not supported here, so this field is required.
#[derive(Debug, Deserialize)]
pub(crate) enum QueryLanguage {
    #[serde(rename = "JSONata")]
    Jsonata,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "Type")]
pub(crate) enum State {
    Pass(Pass),
    Task(Task),
    Choice(Choice),
    Wait(Wait),
    Map(Map),
    Succeed(Succeed),
    Fail(Fail),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Pass {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    pub assign: Option<Template>,
    pub output: Option<Template>,
    pub next: Option<String>,
    pub end: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Task {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    pub resource: Resource,
    pub arguments: Template,
    pub assign: Option<Template>,
    pub output: Option<Template>,
    pub timeout_seconds: Option<Template>,
    #[serde(default)]
    pub retry: Vec<Retrier>,
    #[serde(default)]
    pub catch: Vec<Catcher>,
    pub next: Option<String>,
    pub end: Option<bool>,
}

/// What a task may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Resource {
    #[serde(rename = "arn:aws:states:::lambda:invoke")]
    Function,
    #[serde(rename = "arn:aws:states:::states:startExecution.sync:2")]
    Execution,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Choice {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    pub choices: Vec<Rule>,
    pub default: Option<String>,
    pub assign: Option<Template>,
    pub output: Option<Template>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Rule {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    pub condition: Template,
    pub assign: Option<Template>,
    pub output: Option<Template>,
    pub next: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Wait {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    pub seconds: Template,
    pub assign: Option<Template>,
    pub output: Option<Template>,
    pub next: Option<String>,
    pub end: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Map {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    pub items: Template,
    pub item_selector: Option<Template>,
    pub max_concurrency: Option<usize>,
    pub item_processor: ItemProcessor,
    pub assign: Option<Template>,
    pub output: Option<Template>,
    #[serde(default)]
    pub retry: Vec<Retrier>,
    #[serde(default)]
    pub catch: Vec<Catcher>,
    pub next: Option<String>,
    pub end: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ItemProcessor {
    #[serde(rename = "ProcessorConfig")]
    pub _processor_config: ProcessorConfig,
    pub start_at: String,
    pub states: BTreeMap<String, State>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ProcessorConfig {
    #[serde(rename = "Mode")]
    pub _mode: Mode,
}

/// The other mode, distributed, runs child executions with its own rules.
#[derive(Debug, Deserialize)]
pub(crate) enum Mode {
    #[serde(rename = "INLINE")]
    Inline,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Succeed {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    pub output: Option<Template>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Fail {
    #[serde(rename = "Comment")]
    pub _comment: Option<String>,
    pub error: Template,
    pub cause: Template,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Retrier {
    pub error_equals: Vec<String>,
    #[serde(default = "one")]
    pub interval_seconds: u64,
    #[serde(default = "two")]
    pub backoff_rate: f64,
    pub max_delay_seconds: Option<u64>,
    #[serde(default = "three")]
    pub max_attempts: u32,
    #[serde(default)]
    pub jitter_strategy: Jitter,
}

/// Whether to wait the whole delay, or any time up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Jitter {
    Full,
    #[default]
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Catcher {
    pub error_equals: Vec<String>,
    pub assign: Option<Template>,
    pub output: Option<Template>,
    pub next: String,
}

fn one() -> u64 {
    1
}

fn two() -> f64 {
    2.0
}

fn three() -> u32 {
    3
}

impl State {
    /// The states that may follow.
    pub(crate) fn followers(&self) -> Vec<&str> {
        match self {
            Self::Pass(pass) => pass.next.as_deref().into_iter().collect(),
            Self::Wait(wait) => wait.next.as_deref().into_iter().collect(),
            Self::Task(task) => followers(task.next.as_deref(), &task.catch),
            Self::Map(map) => followers(map.next.as_deref(), &map.catch),
            Self::Choice(choice) => {
                let rules = choice.choices.iter().map(|rule| rule.next.as_str());
                rules.chain(choice.default.as_deref()).collect()
            }
            Self::Succeed(_) | Self::Fail(_) => Vec::new(),
        }
    }
}

fn followers<'a>(next: Option<&'a str>, catch: &'a [Catcher]) -> Vec<&'a str> {
    next.into_iter().chain(catch.iter().map(|catcher| catcher.next.as_str())).collect()
}
