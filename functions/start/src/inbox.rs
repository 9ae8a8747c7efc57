//! The inbox in the work bucket: what has arrived, until a run that has looked at it has succeeded.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures::stream::{self, StreamExt, TryStreamExt};
use segue_buckets::{get, put};
use segue_contract::arrivals::{Arrivals, LookedAt, RECONCILED_KEY, Reconciled, inbox_key};
use segue_contract::{Failure, layout};
use segue_function::{s3_failure, unreadable};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Context;
use crate::runs::Run;

/// The most objects that S3 deletes in one call.
const DELETED_AT_ONCE_MAX: usize = 1_000;
/// Such calls at once.
const CALLS_AT_ONCE_MAX: usize = 8;

/// Keeps what some messages name; returns whether there was anything.
///
/// The place follows from the messages' ids: a message that is delivered again replaces what it wrote
/// before, while another message about the same object has a place of its own, and so outlives a run
/// that has looked at the first.
///
/// # Errors
/// `SourceUnreadable` if the work bucket cannot be written.
pub(crate) async fn keep(
    context: &Context,
    message_ids: &[String],
    arrivals: Arrivals,
) -> Result<bool, Failure> {
    if message_ids.is_empty() {
        return Ok(false);
    }
    let mut hasher = Sha256::new();
    message_ids.iter().for_each(|id| hasher.update(format!("{} {id}\n", id.len())));
    let key = inbox_key(&hex::encode(hasher.finalize()));
    write(context, &key, &arrivals).await?;
    tracing::info!(key, objects = arrivals.keys.len(), "kept");
    Ok(true)
}

/// Removes what the recent runs have looked at and loaded, and remembers the last complete listing.
///
/// # Errors
/// `SourceUnreadable` if the work bucket cannot be read or written: the next call removes the rest.
pub(crate) async fn forget(context: &Context, recent: &[Run]) -> Result<(), Failure> {
    let bucket = &context.work_bucket;
    for run in recent.iter().filter(|run| run.has_settled(recent)) {
        let key = layout::looked_at_key_of(&run.id);
        let Some(bytes) = get(&context.s3, bucket, &key).await? else { continue };
        let looked_at: LookedAt = match serde_json::from_slice(&bytes) {
            Ok(looked_at) => looked_at,
            Err(error) => {
                tracing::warn!(key, %error, "not understood: its files stay for a later run");
                continue;
            }
        };
        let chunks: Vec<_> =
            looked_at.files.chunks(DELETED_AT_ONCE_MAX).map(<[_]>::to_vec).collect();
        stream::iter(chunks)
            .map(|files| async move { delete(context, &files).await })
            .buffer_unordered(CALLS_AT_ONCE_MAX)
            .try_collect::<()>()
            .await?;
        if let Some(listed) = looked_at.listed {
            let reconciled = Reconciled { started_at: run.started.to_string(), listed };
            write(context, RECONCILED_KEY, &reconciled).await?;
        }
        // Last: whatever failed before is tried again.
        delete(context, std::slice::from_ref(&key)).await?;
        tracing::info!(run_id = run.id, files = looked_at.files.len(), "forgotten");
    }
    Ok(())
}

async fn write(context: &Context, key: &str, content: &impl Serialize) -> Result<(), Failure> {
    let what = || format!("{} cannot be written", layout::uri(&context.work_bucket, key));
    let body = serde_json::to_vec(content).map_err(|error| unreadable(what(), error))?;
    put(&context.s3, &context.work_bucket, key, body).await
}

async fn delete(context: &Context, keys: &[String]) -> Result<(), Failure> {
    let bucket = &context.work_bucket;
    let failed = |error: &dyn std::error::Error| {
        unreadable(format!("objects of {bucket} cannot be deleted"), error.to_string())
    };
    let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
    let objects = objects.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
    let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
    let delete = delete.map_err(|error| failed(&error))?;
    let deleted = context.s3.delete_objects().bucket(bucket).delete(delete).send().await;
    let deleted = deleted.map_err(|error| {
        s3_failure(format!("objects of {bucket} cannot be deleted"), "s3:DeleteObject", &error)
    })?;
    match deleted.errors().first() {
        None => Ok(()),
        Some(error) => {
            let reason = error.message().or(error.code()).unwrap_or("S3 does not say why");
            let what = format!("{bucket}/{} cannot be deleted", error.key().unwrap_or_default());
            Err(unreadable(what, reason))
        }
    }
}
