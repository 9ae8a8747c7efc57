//! Where the buckets are and how often everything is listed, as the template says.

use jiff::SignedDuration;
use segue_buckets::Landing;
use segue_contract::{ErrorName, Failure};
use segue_function::{optional_setting, setting};

/// The function's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bucket where files land.
    pub landing: Landing,
    /// The bucket where runs keep their files.
    pub work_bucket: String,
    /// The warehouse, whose ledger a listing was compared with: workgroup or cluster, and database.
    pub warehouse: String,
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
        let named = ["WORKGROUP_NAME", "CLUSTER_IDENTIFIER"].map(optional_setting);
        let warehouse = named.into_iter().flatten().next().unwrap_or_default();
        Ok(Self {
            landing: Landing::from_environment()?,
            work_bucket: setting("WORK_BUCKET")?,
            warehouse: format!("{warehouse}/{}", setting("DATABASE")?),
            listing_interval: SignedDuration::from_hours(hours.into()),
        })
    }

    /// What a complete listing compares: the URIs of the prefixes, and the warehouse.
    pub fn listed(&self) -> Vec<String> {
        let mut listed = self.landing.prefixes();
        listed.push(self.warehouse.clone());
        listed
    }
}
