//! The last runs: each run leaves a line about itself, and every report shows the newest.

use aws_sdk_s3::Client;
use futures::future::join_all;
use jiff::Timestamp;
use segue_contract::{Failure, layout};
use segue_function::{s3_failure, unreadable};
use serde::{Deserialize, Serialize};

use crate::{Report, put};

/// How many runs a report shows.
const SHOWN_MAX: i32 = 10;

/// A run, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recent {
    /// Its name.
    pub run_id: String,
    /// How it ended, as [`Report::status`].
    pub status: String,
    /// The error of a run that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it started, RFC 3339.
    pub started_at: String,
    /// How long it took, in seconds.
    pub duration_seconds: i64,
    /// Files to load.
    pub files: u64,
    /// Rows that were staged.
    pub rows: u64,
}

impl Recent {
    fn of(report: &Report) -> Self {
        Self {
            run_id: report.run.id.clone(),
            status: report.status.into(),
            error: report.failure.as_ref().map(|failure| failure.error.clone()),
            started_at: report.started_at.clone(),
            duration_seconds: report.duration_seconds,
            files: report.plan.as_ref().map(|plan| plan.objects).unwrap_or_default(),
            rows: report.rows(),
        }
    }
}

/// Adds the run's line, and reads those of the newest runs, this one included. Two runs that end
/// together both leave theirs. A report without this list is better than none: what goes wrong is
/// only logged.
pub async fn add(s3: &Client, bucket: &str, report: &Report) -> Vec<Recent> {
    match added(s3, bucket, report).await {
        Ok(recent) => recent,
        Err(error) => {
            tracing::warn!(%error, "the report does not show the last runs");
            Vec::new()
        }
    }
}

async fn added(s3: &Client, bucket: &str, report: &Report) -> Result<Vec<Recent>, Failure> {
    let own = Recent::of(report);
    let line = serde_json::to_string(&own).map_err(|error| unreadable("a run's line", error))?;
    let started: Timestamp = report.started_at.parse().unwrap_or_default();
    let key = layout::recent_key(&report.run, started.as_millisecond());
    put(s3, bucket, &key, "application/json", line).await?;
    let listed = s3.list_objects_v2().bucket(bucket).prefix(layout::RECENT_PREFIX);
    let listed = listed.max_keys(SHOWN_MAX).send().await.map_err(|error| {
        let what = format!("{} cannot be listed", layout::uri(bucket, layout::RECENT_PREFIX));
        s3_failure(what, "s3:ListBucket", &error)
    })?;
    let keys = listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
    let lines = keys.map(|key| read(s3, bucket, key));
    Ok(join_all(lines).await.into_iter().flatten().collect())
}

async fn read(s3: &Client, bucket: &str, key: String) -> Option<Recent> {
    let object = s3.get_object().bucket(bucket).key(&key).send().await.ok()?;
    serde_json::from_slice(&object.body.collect().await.ok()?.into_bytes()).ok()
}
