//! Where the buckets are, and how many files the warehouse reads at once, as the template says.

use segue_buckets::{Landing, Source};
use segue_contract::{ErrorName, Failure};
use segue_function::setting;

/// The function's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bucket where files land.
    pub landing: Landing,
    /// The bucket where runs keep their files.
    pub work_bucket: String,
    /// Slices of the warehouse, which read the objects of a COPY in parallel.
    pub slices: u64,
}

/// The most slices of a warehouse: 128 nodes of 16.
const SLICES_MAX: u64 = 2_048;

impl Settings {
    /// Reads `WORK_BUCKET`, `SLICES` and what [`Landing`] reads.
    ///
    /// # Errors
    /// `InvalidConfiguration` when one is missing or cannot be read.
    pub fn from_environment() -> Result<Self, Failure> {
        Self::new(Landing::from_environment()?, setting("WORK_BUCKET")?, &setting("SLICES")?)
    }

    /// Takes the settings.
    ///
    /// # Errors
    /// `InvalidConfiguration` when `slices` is not the number of slices of a warehouse.
    pub fn new(landing: Landing, work_bucket: String, slices: &str) -> Result<Self, Failure> {
        let number = slices.parse().ok().filter(|number| (1..=SLICES_MAX).contains(number));
        let slices = number.ok_or_else(|| {
            let reason =
                format!("expected the setting SLICES to be a number from 1 to {SLICES_MAX}");
            Failure::new(ErrorName::InvalidConfiguration, reason)
        })?;
        Ok(Self { landing, work_bucket, slices })
    }

    /// The source of this name.
    ///
    /// # Errors
    /// As [`Landing::source`].
    pub fn source(&self, name: &str) -> Result<&Source, Failure> {
        self.landing.source(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_a_number() {
        let sources = r#"{"songs": {"prefix": "s/"}, "events": {"prefix": "e/"}}"#;
        for slices in ["", "0", "many", "-1", "4096"] {
            let landing = Landing::new("landing".into(), sources).expect("complete");
            let failure = Settings::new(landing, "work".into(), slices);
            assert!(failure.expect_err(slices).message.contains("SLICES"));
        }
    }
}
