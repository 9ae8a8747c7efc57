//! The inbox: what S3 says has arrived, kept in the work bucket until a run has looked at it.
//!
//! An arrival is only a name. A run looks at the object itself, so arrivals may be doubled, late or
//! out of order. Nothing depends on them but the time at which an object is found: runs that list
//! everything find whatever no arrival named.

use serde::{Deserialize, Serialize};

/// The prefix of the inbox in the work bucket.
pub const INBOX_PREFIX: &str = "inbox/";
/// When everything was last listed and loaded.
pub const RECONCILED_KEY: &str = "reconciled.json";
/// The most files of the inbox that a run looks at one by one; with more, listing everything costs
/// less.
pub const INBOX_FILES_MAX: usize = 1_000;
/// The most objects that a run looks at one by one; with more, listing everything costs less.
pub const ARRIVALS_MAX: usize = 20_000;

/// One file of the inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Arrivals {
    /// The keys of the objects.
    pub keys: Vec<String>,
    /// Whether something arrived that no key names: everything must be listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unnamed: bool,
}

/// What a run has looked at. Once it has succeeded, nobody needs these files of the inbox any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookedAt {
    /// The keys of the files, in the work bucket.
    pub files: Vec<String>,
    /// If the run has listed everything: what that was, the URIs of the prefixes and the warehouse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Vec<String>>,
}

/// The last run that listed everything and succeeded, by [`RECONCILED_KEY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reconciled {
    /// When it started, RFC 3339.
    pub started_at: String,
    /// What it listed, as [`LookedAt::listed`]: of anything else, nothing was found yet.
    pub listed: Vec<String>,
}

/// The key of a file of the inbox.
pub fn inbox_key(digest: &str) -> String {
    format!("{INBOX_PREFIX}{digest}.json")
}
