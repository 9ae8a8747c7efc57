//! One execution of the load state machine, as every function sees it.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::quoting::Identifier;
use crate::rejects::MAX_REJECTS;
use crate::{ErrorName, Failure, pipeline};

/// The most bytes of a run's name in its staging schema: people read the schema's name.
const SCHEMA_NAME_BYTES_MAX: usize = 60;
/// The prefix of the names of staging schemas.
pub const STAGING_PREFIX: &str = "staging_";
/// The most bytes of a run's ID: the limit of Step Functions for an execution's name.
const RUN_ID_BYTES_MAX: usize = 80;
/// The most bytes of the name of what starts a run.
const TRIGGER_BYTES_MAX: usize = 64;
/// The prefix of the folders of runs with invalid names; a digest follows.
const REFUSED_PREFIX: &str = "refused-";
const REFUSED_DIGEST_CHARACTERS: usize = 16;

/// One execution, and its input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    /// The execution's name.
    pub id: String,
    /// When the execution started, RFC 3339.
    pub started_at: String,
    /// How often the execution has been redriven.
    #[serde(default)]
    pub redrive_count: u32,
    /// The execution's input.
    #[serde(default, deserialize_with = "named_fields")]
    pub input: RunInput,
}

/// The input of a run. `{}` loads whatever is new from every source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunInput {
    /// Only these sources; all if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    /// Forget what was published and load every file again, in one visible change.
    #[serde(default)]
    pub rebuild: bool,
    /// Whether small objects are merged before the COPY.
    #[serde(default, skip_serializing_if = "Compact::is_auto")]
    pub compact: Compact,
    /// By source, how many records may be skipped without failing the run; the deployment has the
    /// defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub max_rejects: BTreeMap<String, u64>,
    /// How many objects that cannot be loaded may be set aside whole; the deployment has the
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rejected_objects: Option<u64>,
    /// Publish even when a source brings far fewer rows for its bytes than in earlier runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_drop: bool,
    /// Look only at what has arrived since earlier runs, instead of listing everything. Runs that
    /// S3's events start have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub arrivals: bool,
    /// What started the run, for people: `schedule`, or the name of a caller. Nothing depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// The parent's id, which Step Functions' own integrations add to an input.
    #[serde(default, rename = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", skip_serializing)]
    pub started_by: Option<String>,
}

/// Accepts fields only by name: derived code would also accept an array, by position.
fn named_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RunInput, D::Error> {
    let fields = Map::deserialize(deserializer)?;
    RunInput::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}

/// Whether a run merges small objects before the COPY.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Compact {
    /// If it pays off, see [`crate::compaction`].
    #[default]
    Auto,
    /// Every source.
    Always,
    /// No source.
    Never,
}

impl Compact {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

impl Run {
    /// Checks that this run can be carried out.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be part of a key, an unknown or missing source, more
    /// rejects than a COPY tolerates, or a rebuild of only some sources.
    pub fn validate(&self) -> Result<(), Failure> {
        if !self.has_plain_name() {
            return Err(Failure::new(
                ErrorName::InvalidInput,
                format!(
                    "expected an execution name of letters, digits, '-', '_' and '.', not of dots \
                     alone, found {:?}",
                    self.id
                ),
            )
            .hint("start the state machine with another name, or without one"));
        }
        let known = pipeline::sources();
        let named = self.input.sources.iter().flatten().chain(self.input.max_rejects.keys());
        if let Some(unknown) = named.into_iter().find(|source| !known.contains(&source.as_str())) {
            return Err(Failure::new(
                ErrorName::InvalidInput,
                format!("expected sources among {}, found {unknown:?}", known.join(", ")),
            )
            .hint("fix `sources` or `maxRejects` in the run's input"));
        }
        let too_many = |(_, count): &(&String, &u64)| **count > MAX_REJECTS;
        if let Some((source, count)) = self.input.max_rejects.iter().find(too_many) {
            return Err(Failure::new(
                ErrorName::InvalidInput,
                format!("expected at most {MAX_REJECTS} rejects of {source}, found {count}"),
            )
            .hint("a COPY allows no more; if a whole file is bad, move it out of the prefix"));
        }
        if self.input.arrivals && (self.input.rebuild || self.input.sources.is_some()) {
            return Err(Failure::new(
                ErrorName::InvalidInput,
                "expected `arrivals` without `rebuild` and `sources`, found them together",
            )
            .hint("omit `arrivals`: the run then lists everything"));
        }
        let is_name = |name: &String| name.len() <= TRIGGER_BYTES_MAX && is_plain(name);
        if let Some(name) = self.input.trigger.as_ref().filter(|name| !is_name(name)) {
            return Err(Failure::new(
                ErrorName::InvalidInput,
                format!(
                    "expected `trigger` to be at most {TRIGGER_BYTES_MAX} letters, digits, '-', '_' \
                     and '.', found {name:?}"
                ),
            )
            .hint("give what starts the run a short name, or omit `trigger`"));
        }
        let Some(sources) = &self.input.sources else { return Ok(()) };
        if sources.is_empty() {
            return Err(Failure::new(
                ErrorName::InvalidInput,
                "expected at least one source, found an empty list",
            )
            .hint("omit `sources` to load all of them"));
        }
        if self.input.rebuild && known.iter().any(|name| !sources.iter().any(|s| s == name)) {
            return Err(Failure::new(
                ErrorName::InvalidInput,
                format!("expected a rebuild of every source, found only {}", sources.join(", ")),
            )
            .hint("a rebuild empties the star schema: omit `sources`"));
        }
        Ok(())
    }

    /// Whether the name can be part of keys, statements' names and paths; `.` and `..` cannot.
    fn has_plain_name(&self) -> bool {
        let is_dots = self.id.bytes().all(|byte| byte == b'.');
        !is_dots && self.id.len() <= RUN_ID_BYTES_MAX && is_plain(&self.id)
    }

    /// The run's folder in the work bucket: its name, or a digest of an invalid name.
    pub fn folder(&self) -> String {
        if self.has_plain_name() {
            return self.id.clone();
        }
        format!("{REFUSED_PREFIX}{}", &digest(&[&self.id])[..REFUSED_DIGEST_CHARACTERS])
    }

    /// The sources that this run loads, in the order of their names.
    pub fn sources(&self) -> Vec<&'static str> {
        let wanted = |name: &&str| match &self.input.sources {
            Some(sources) => sources.iter().any(|source| source == name),
            None => true,
        };
        pipeline::sources().into_iter().filter(wanted).collect()
    }

    /// The run's own staging schema: `staging_<run>`, with a digest if the run's name is not a
    /// plain identifier, so that two runs never share one.
    ///
    /// # Errors
    /// Never for a validated run.
    pub fn staging_schema(&self) -> Result<Identifier, Failure> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if self.id.len() <= SCHEMA_NAME_BYTES_MAX && self.id.bytes().all(plain) {
            return Identifier::new(format!("{STAGING_PREFIX}{}", self.id));
        }
        let readable: String = self
            .id
            .bytes()
            .take(SCHEMA_NAME_BYTES_MAX)
            .map(|byte| byte.to_ascii_lowercase())
            .map(|byte| if plain(byte) { char::from(byte) } else { '_' })
            .collect();
        Identifier::new(format!("{STAGING_PREFIX}{readable}_{}", &digest(&[&self.id])[..8]))
    }

    /// The client token of one attempt at one step: the same for every retry of the attempt, so
    /// that the Data API submits it once; different for every other attempt, redrive and run, even
    /// if a run's name is reused. 64 characters, the most that the Data API accepts.
    pub fn client_token(&self, step: &str, attempt: u32) -> String {
        let redrive = self.redrive_count.to_string();
        digest(&[&self.id, &self.started_at, &redrive, step, &attempt.to_string()])
    }

    /// The name under which a step's statement is listed: `segue/<run>/<step>/<attempt>`.
    pub fn statement_name(&self, step: &str, attempt: u32) -> String {
        format!("{}{step}/{attempt}", self.statement_name_prefix())
    }

    /// The prefix of the names of all statements of this run.
    pub fn statement_name_prefix(&self) -> String {
        format!("segue/{}/", self.id)
    }
}

/// Whether a text has only letters, digits, `-`, `_` and `.`.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// SHA-256 over the parts, each with its length, in hexadecimal.
fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(id: &str) -> Run {
        Run {
            id: id.into(),
            started_at: "2018-11-01T00:00:00Z".into(),
            redrive_count: 0,
            input: RunInput::default(),
        }
    }

    #[test]
    fn a_plain_name_is_the_schema_and_others_get_a_digest() {
        assert_eq!(run("daily_7").staging_schema().expect("plain").to_string(), "staging_daily_7");
        let dashed = run("a-B").staging_schema().expect("made plain").to_string();
        assert!(dashed.starts_with("staging_a_b_"), "{dashed}");
        assert_ne!(dashed, run("A-b").staging_schema().expect("made plain").to_string());
    }

    #[test]
    fn a_misspelt_input_names_what_is_known() {
        let error = serde_json::from_str::<RunInput>(r#"{"rebuld": true}"#).expect_err("unknown");
        assert!(error.to_string().contains("expected"), "{error}");
    }

    #[test]
    fn an_input_has_names_and_is_no_array() {
        let read = |input: &str| {
            let run = format!("{{\"id\": \"r\", \"startedAt\": \"t\", \"input\": {input}}}");
            serde_json::from_str::<Run>(&run).map(|run| run.input.rebuild)
        };
        assert!(read(r#"{"rebuild": true}"#).expect("an input"));
        for input in ["[]", r#"[["songs"], true]"#, "true", "null", r#""all""#] {
            let error = read(input).expect_err(input).to_string();
            assert!(error.contains("expected a map"), "{input}: {error}");
        }
    }

    #[test]
    fn a_refused_name_has_a_folder_that_it_does_not_decide() {
        assert_eq!(run("daily-7").folder(), "daily-7");
        for id in ["", "..", "../up", "with spaces", "'; drop table", &"x".repeat(81)] {
            let folder = run(id).folder();
            let digest = folder.strip_prefix("refused-").expect("a digest");
            assert!(digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        assert_ne!(run("a b").folder(), run("a c").folder());
    }

    #[test]
    fn inputs_that_cannot_be_carried_out_are_refused() {
        let with = |input| Run { input, ..run("r") };
        let sources = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
        let unknown = with(RunInput { sources: sources(&["song"]), ..RunInput::default() });
        let none = with(RunInput { sources: sources(&[]), ..RunInput::default() });
        let part =
            with(RunInput { sources: sources(&["songs"]), rebuild: true, ..RunInput::default() });
        let rejects = |source: &str, count| RunInput {
            max_rejects: BTreeMap::from([(source.to_owned(), count)]),
            ..RunInput::default()
        };
        assert!(with(rejects("songs", MAX_REJECTS)).validate().is_ok());
        let many = with(rejects("songs", MAX_REJECTS + 1));
        let of_nothing = with(rejects("song", 1));
        let trigger = |name: &str| RunInput { trigger: Some(name.into()), ..RunInput::default() };
        assert!(with(trigger("schedule")).validate().is_ok());
        let named = with(trigger("my \u{1b}[2J"));
        let messages: Vec<String> =
            [unknown, none, part, run("a b"), run(""), run(".."), many, of_nothing, named]
                .iter()
                .map(|run| run.validate().expect_err("refused").to_string())
                .collect();
        insta::assert_snapshot!(messages.join("\n\n"));
    }

    proptest! {
        #[test]
        fn every_valid_run_has_a_schema(id in "[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}") {
            prop_assert!(run(&id).validate().is_ok());
            prop_assert!(run(&id).staging_schema().is_ok());
        }

        #[test]
        fn different_attempts_have_different_tokens(
            step in "[a-z/]{1,20}", other in "[a-z/]{1,20}", first in 1u32..9, second in 1u32..9,
        ) {
            let (a, b) = (run("r").client_token(&step, first), run("r").client_token(&other, second));
            prop_assert_eq!(a.len(), 64);
            prop_assert_eq!(a == b, step == other && first == second);
        }
    }
}
