//! Where the buckets are and how often everything is listed, as the template says.

use jiff::SignedDuration;
use segue_buckets::Landing;
use segue_contract::{ErrorName, Failure};
use segue_function::setting;

/// The function's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bucket where files land.
    pub landing: Landing,
    /// The bucket where runs keep their files.
    pub work_bucket: String,
    /// A run of arrivals lists everything if this much time has passed since one last did.
    pub listing_interval: SignedDuration,
}

impl Settings {
    /// Reads `WORK_BUCKET`, `LISTING_INTERVAL_HOURS` and what [`Landing`] reads.
    ///
    /// # Errors
    /// `InvalidConfiguration` when one is missing or cannot be read.
    pub fn from_environment() -> Result<Self, Failure> {
        let hours = setting("LISTING_INTERVAL_HOURS")?;
        let hours: u32 = hours.parse().map_err(|_| {
            let reason = format!(
                "expected the setting LISTING_INTERVAL_HOURS to be a whole number, found {hours:?}"
            );
            Failure::new(ErrorName::InvalidConfiguration, reason)
        })?;
        Ok(Self {
            landing: Landing::from_environment()?,
            work_bucket: setting("WORK_BUCKET")?,
            listing_interval: SignedDuration::from_hours(hours.into()),
        })
    }
}
