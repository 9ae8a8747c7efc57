//! Where the buckets and sources are, as the template says.

use std::collections::BTreeMap;

use segue_contract::rejects::MAX_REJECTS;
use segue_contract::{ErrorName, Failure, pipeline};
use segue_function::{Elsewhere, setting};
use serde::Deserialize;

/// The function's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bucket where files land.
    pub landing_bucket: String,
    /// The bucket where runs keep their files.
    pub work_bucket: String,
    /// Slices of the warehouse, which read the objects of a COPY in parallel.
    pub slices: u64,
    /// Whether the landing bucket is in another region: its objects are then always merged, because
    /// a COPY reads objects and manifest from one region, and the manifest is in ours.
    pub is_landing_elsewhere: bool,
    sources: Vec<Source>,
}

/// The most slices of a warehouse: 128 nodes of 16.
const SLICES_MAX: u64 = 2_048;

/// Where the files of one source land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The source's name; `sql/stage/<name>.sql` loads it.
    pub name: String,
    /// The prefix of the keys of its objects.
    pub prefix: String,
    /// The key of a JSONPaths file that replaces Segue's own, if it exists.
    pub jsonpaths_key: Option<String>,
    /// The default number of records that a run may skip.
    pub max_rejects: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Place {
    prefix: String,
    #[serde(default)]
    json_paths_key: Option<String>,
    #[serde(default)]
    max_rejects: u64,
}

impl Settings {
    /// Reads `LANDING_BUCKET`, `LANDING_REGION`, `WORK_BUCKET`, `SLICES` and `SOURCES`.
    ///
    /// # Errors
    /// `InvalidConfiguration` when one is missing or cannot be read.
    pub fn from_environment() -> Result<Self, Failure> {
        let (landing, work) = (setting("LANDING_BUCKET")?, setting("WORK_BUCKET")?);
        let settings = Self::new(landing, work, &setting("SLICES")?, &setting("SOURCES")?)?;
        Ok(Self { is_landing_elsewhere: Elsewhere::from_environment().is_some(), ..settings })
    }

    /// Takes the settings; `sources` is JSON: name → `{"prefix": …, "jsonPathsKey": …,
    /// "maxRejects": …}`.
    ///
    /// # Errors
    /// `InvalidConfiguration` when `sources` cannot be read or does not name exactly the pipeline's.
    pub fn new(
        landing_bucket: String,
        work_bucket: String,
        slices: &str,
        sources: &str,
    ) -> Result<Self, Failure> {
        let invalid = |reason: String| Failure::new(ErrorName::InvalidConfiguration, reason);
        let slices = slices.parse().ok().filter(|number| (1..=SLICES_MAX).contains(number));
        let slices = slices.ok_or_else(|| {
            invalid(format!("expected the setting SLICES to be a number from 1 to {SLICES_MAX}"))
        })?;
        let places: BTreeMap<String, Place> = serde_json::from_str(sources)
            .map_err(|error| invalid(format!("the setting SOURCES cannot be read: {error}")))?;
        let known = pipeline::sources();
        if !places.keys().map(String::as_str).eq(known.iter().copied()) {
            let named: Vec<&str> = places.keys().map(String::as_str).collect();
            return Err(invalid(format!(
                "expected the setting SOURCES to name {}, as the files in sql/stage do, found {}",
                known.join(", "),
                named.join(", ")
            )));
        }
        if let Some((name, place)) =
            places.iter().find(|(_, place)| place.max_rejects > MAX_REJECTS)
        {
            return Err(invalid(format!(
                "expected maxRejects of {name} in the setting SOURCES to be at most {MAX_REJECTS}, \
                 found {}",
                place.max_rejects
            )));
        }
        let sources = places
            .into_iter()
            .map(|(name, place)| Source {
                name,
                prefix: place.prefix,
                jsonpaths_key: place.json_paths_key.filter(|key| !key.is_empty()),
                max_rejects: place.max_rejects,
            })
            .collect();
        let is_landing_elsewhere = false;
        Ok(Self { landing_bucket, work_bucket, slices, is_landing_elsewhere, sources })
    }

    /// The source of this name.
    ///
    /// # Errors
    /// `InvalidConfiguration` if it has no prefix.
    pub fn source(&self, name: &str) -> Result<&Source, Failure> {
        self.sources.iter().find(|source| source.name == name).ok_or_else(|| {
            Failure::new(
                ErrorName::InvalidConfiguration,
                format!("expected a prefix for the source {name}, found none"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(sources: &str) -> Result<Settings, Failure> {
        Settings::new("landing".into(), "work".into(), "8", sources)
    }

    #[test]
    fn every_source_has_its_place() {
        let settings = settings(
            r#"{"songs": {"prefix": "song_data/"}, "events": {"prefix": "log_data/", "jsonPathsKey": ""}}"#,
        )
        .expect("complete");
        assert_eq!(settings.source("songs").expect("known").prefix, "song_data/");
        assert_eq!(settings.source("events").expect("known").jsonpaths_key, None);
    }

    #[test]
    fn slices_are_a_number() {
        let sources = r#"{"songs": {"prefix": "s/"}, "events": {"prefix": "e/"}}"#;
        for slices in ["", "0", "many", "-1", "4096"] {
            let failure = Settings::new("landing".into(), "work".into(), slices, sources);
            assert!(failure.expect_err(slices).message.contains("SLICES"));
        }
    }

    #[test]
    fn a_source_without_a_place_or_with_a_wrong_one_is_a_configuration_error() {
        let too_many =
            r#"{"songs": {"prefix": "s/", "maxRejects": 100000}, "events": {"prefix": "e/"}}"#;
        let part = r#"{"songs": {"prefix": "s/"}}"#;
        for sources in [part, "[]", r#"{"songs": {"prefx": "s/"}}"#, too_many] {
            let failure = settings(sources).expect_err(sources);
            assert_eq!(failure.name, ErrorName::InvalidConfiguration, "{sources}");
        }
    }
}
