//! Merges one batch of objects into one part, setting broken records aside.
//!
//! Objects are read many at a time and written in their order, so the same batch always makes the
//! same part. Nothing is held in memory as a whole: neither an object, nor the part, nor its lists;
//! memory stays below 200 MB for any batch.

mod fetch;
mod limiter;
mod list;
mod merge;
mod output;
mod places;
mod records;
mod upload;

use std::time::Instant;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, retry::RetryConfig};
use segue_contract::messages::{CompactRequest, Compacted, Merged};
use segue_contract::{ErrorName, Failure, pipeline};
use segue_function::{Elsewhere, s3_config, setting};

use crate::output::Output;

/// The attempts of a write.
const WRITE_ATTEMPTS_MAX: u32 = 6;

/// The most records of a batch to set aside, unless more are allowed: a batch with more is
/// something else altogether.
const REJECTS_MAX: u64 = 10_000;

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// Reads objects, without the SDK's retries: the function does its own.
    pub(crate) reading: Client,
    /// Reads lists and writes parts.
    pub(crate) writing: Client,
    pub(crate) settings: Settings,
}

/// The function's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bucket where runs keep their files.
    pub work_bucket: String,
    /// The most objects to read at once.
    pub connections_max: usize,
}

impl Settings {
    /// Objects to read at once: at 20 ms each, about 3,000 a second, as many as one processor can
    /// handle.
    pub const CONNECTIONS_MAX: usize = 64;
}

impl Context {
    /// Builds the clients from the function's environment.
    ///
    /// # Errors
    /// `InvalidConfiguration` when `WORK_BUCKET` is missing.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, Failure> {
        let work_bucket = setting("WORK_BUCKET")?;
        let settings = Settings { work_bucket, connections_max: Settings::CONNECTIONS_MAX };
        Ok(Self::new(s3_config(config, Elsewhere::from_environment()), settings))
    }

    /// Builds the clients from a configuration of S3.
    pub fn new(config: Builder, settings: Settings) -> Self {
        let reading = config.clone().retry_config(RetryConfig::disabled()).build();
        let retries = RetryConfig::standard().with_max_attempts(WRITE_ATTEMPTS_MAX);
        let writing = config.retry_config(retries).build();
        Self { reading: Client::from_conf(reading), writing: Client::from_conf(writing), settings }
    }
}

/// Merges one batch.
///
/// Safe to run again: it writes the same keys, and the same bytes while the objects are the same.
/// Too many rejects are not an error of a batch: all batches are read, so that the run can name
/// what is broken in any of them. Such a batch has no part. An object that is gone is skipped; one
/// that has changed is merged as it is now. The list of objects says what was read, and so does the
/// ledger.
///
/// # Errors
/// `SourceUnreadable` if a bucket does not answer for long, or denies access;
/// `InvalidInput` for a batch that is not in the plan.
#[tracing::instrument(skip_all, fields(
    run_id = %request.run.id, source = %request.source, batch = request.batch,
))]
pub async fn handle(context: &Context, request: CompactRequest) -> Result<Compacted, Failure> {
    request.run.validate()?;
    if !pipeline::sources().contains(&request.source.as_str()) {
        let known = pipeline::sources().join(", ");
        let found = &request.source;
        let reason = format!("expected a source among {known}, found {found:?}");
        return Err(Failure::new(ErrorName::InvalidInput, reason));
    }
    let begin = Instant::now();
    let mut output = Output::new(context, &request)?;
    match merge::merge(context, &request, &mut output).await {
        Ok(mut merged) => {
            merged.milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(
                objects = merged.objects,
                documents = merged.documents,
                bytes_read = merged.bytes_read,
                bytes_written = merged.bytes_written,
                "merged"
            );
            Ok(Compacted { source: request.source, batch: request.batch, merged })
        }
        Err(failure) => {
            output.abort().await;
            Err(failure)
        }
    }
}

/// The number of rejects after which reading stops.
fn rejects_end(request: &CompactRequest) -> u64 {
    REJECTS_MAX.max(request.max_rejects.saturating_add(1))
}

/// Whether the batch cannot be loaded because too many records were set aside.
fn is_rejected(request: &CompactRequest, merged: &Merged) -> bool {
    merged.refused > 0 || merged.rejected > request.max_rejects
}
