//! Where the files of each source land, as the template says.

use std::collections::BTreeMap;

use segue_contract::rejects::MAX_REJECTS;
use segue_contract::{ErrorName, Failure, layout, pipeline};
use segue_function::{Elsewhere, setting};
use serde::Deserialize;

/// The landing bucket and its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// The bucket where files land.
    pub bucket: String,
    /// Whether it is in another region: its objects are then always merged, because a COPY reads
    /// objects and manifest from one region, and the manifest is in ours.
    pub is_elsewhere: bool,
    sources: Vec<Source>,
}

/// Where the files of one source land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The source's name; `sql/stage/<name>.sql` loads it.
    pub name: &'static str,
    /// The prefix of the keys of its objects.
    pub prefix: String,
    /// The key of a JSONPaths file that replaces Segue's own, if it exists.
    pub jsonpaths_key: Option<String>,
    /// The default number of records that a run may skip.
    pub max_rejects: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    prefix: String,
    #[serde(default)]
    json_paths_key: Option<String>,
    #[serde(default)]
    max_rejects: u64,
}

impl Landing {
    /// Reads `LANDING_BUCKET`, `LANDING_REGION` and `SOURCES`.
    ///
    /// # Errors
    /// `InvalidConfiguration` when one is missing or cannot be read.
    pub fn from_environment() -> Result<Self, Failure> {
        let landing = Self::new(setting("LANDING_BUCKET")?, &setting("SOURCES")?)?;
        Ok(Self { is_elsewhere: Elsewhere::from_environment().is_some(), ..landing })
    }

    /// Takes the settings; `sources` is JSON: name → `{"prefix": …, "jsonPathsKey": …,
    /// "maxRejects": …}`.
    ///
    /// # Errors
    /// `InvalidConfiguration` when `sources` cannot be read or does not name exactly the pipeline's.
    pub fn new(bucket: String, sources: &str) -> Result<Self, Failure> {
        let invalid = |reason: String| Failure::new(ErrorName::InvalidConfiguration, reason);
        let places: BTreeMap<String, Settings> = serde_json::from_str(sources)
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
        let sources = known
            .into_iter()
            .zip(places.into_values())
            .map(|(name, place)| Source {
                name,
                prefix: place.prefix,
                jsonpaths_key: place.json_paths_key.filter(|key| !key.is_empty()),
                max_rejects: place.max_rejects,
            })
            .collect();
        Ok(Self { bucket, is_elsewhere: false, sources })
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

    /// The sources, in the order of their names.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The URIs of the prefixes, in the order of the sources' names.
    pub fn prefixes(&self) -> Vec<String> {
        self.sources.iter().map(|source| layout::uri(&self.bucket, &source.prefix)).collect()
    }

    /// Whether a key is that of a JSONPaths file.
    pub fn has_paths_at(&self, key: &str) -> bool {
        self.sources.iter().any(|source| source.jsonpaths_key.as_deref() == Some(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landing(sources: &str) -> Result<Landing, Failure> {
        Landing::new("landing".into(), sources)
    }

    #[test]
    fn every_source_has_its_place() {
        let landing = landing(
            r#"{"songs": {"prefix": "song_data/"}, "events": {"prefix": "log_data/", "jsonPathsKey": ""}}"#,
        )
        .expect("complete");
        assert_eq!(landing.source("songs").expect("known").prefix, "song_data/");
        assert_eq!(landing.source("events").expect("known").jsonpaths_key, None);
        assert_eq!(landing.prefixes(), ["s3://landing/log_data/", "s3://landing/song_data/"]);
    }

    #[test]
    fn a_source_without_a_place_or_with_a_wrong_one_is_a_configuration_error() {
        let too_many =
            r#"{"songs": {"prefix": "s/", "maxRejects": 100000}, "events": {"prefix": "e/"}}"#;
        let part = r#"{"songs": {"prefix": "s/"}}"#;
        for sources in [part, "[]", r#"{"songs": {"prefx": "s/"}}"#, too_many] {
            let failure = landing(sources).expect_err(sources);
            assert_eq!(failure.name, ErrorName::InvalidConfiguration, "{sources}");
        }
    }
}
