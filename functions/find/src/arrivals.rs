//! What has arrived since earlier runs, by the inbox that `start` keeps.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use segue_buckets::{Collect, Object, Source, get};
use segue_contract::arrivals::{
    ARRIVALS_MAX, Arrivals, INBOX_FILES_MAX, INBOX_PREFIX, RECONCILED_KEY, Reconciled,
};
use segue_contract::data_files::SkipReason;
use segue_contract::{Failure, Run, layout};
use segue_function::s3_failure;
use serde::de::DeserializeOwned;

use crate::candidates::List;
use crate::{Context, place};

/// Requests to S3 at once.
const REQUESTS_AT_ONCE_MAX: usize = 32;

/// The inbox as a run finds it.
pub struct Inbox {
    /// The keys of its files.
    pub files: Vec<String>,
    /// The keys of the objects that have arrived; `None` if they cannot stand for everything.
    keys: Option<BTreeSet<String>>,
}

impl Inbox {
    /// Reads the inbox, for a run that started at this time. Its files are listed before anything
    /// else is: what arrives from then on stays for the next run.
    ///
    /// # Errors
    /// `SourceUnreadable` when the work bucket cannot be read.
    pub async fn read(context: &Context, started_at: &str) -> Result<Self, Failure> {
        let files = files(context).await?;
        if files.len() > INBOX_FILES_MAX || is_listing_due(context, started_at).await? {
            return Ok(Self { files, keys: None });
        }
        let keys = keys(context, files.clone()).await?;
        Ok(Self { files, keys })
    }

    /// The keys to look at; `None` if everything must be listed.
    pub fn keys(&self) -> Option<&BTreeSet<String>> {
        self.keys.as_ref()
    }
}

/// The keys that these files name; `None` if they cannot stand for everything, or are too many.
async fn keys(context: &Context, files: Vec<String>) -> Result<Option<BTreeSet<String>>, Failure> {
    let mut arrivals = stream::iter(files)
        .map(|key| async move { read_json::<Arrivals>(context, &key).await })
        .buffer_unordered(REQUESTS_AT_ONCE_MAX);
    let (mut keys, landing) = (BTreeSet::new(), &context.settings.landing);
    while let Some(file) = arrivals.try_next().await? {
        let Read::Content(Arrivals { keys: more, is_unnamed }) = file else {
            // Removed after another run had looked at it, or not to be understood.
            if matches!(file, Read::Unknown) {
                return Ok(None);
            }
            continue;
        };
        // Other JSONPaths concern objects that were loaded before.
        let has_paths = more.iter().any(|key| landing.has_paths_at(key));
        keys.extend(more);
        if is_unnamed || has_paths || keys.len() > ARRIVALS_MAX {
            return Ok(None);
        }
    }
    Ok(Some(keys))
}

async fn files(context: &Context) -> Result<Vec<String>, Failure> {
    let bucket = &context.settings.work_bucket;
    let mut pages =
        context.s3.list_objects_v2().bucket(bucket).prefix(INBOX_PREFIX).into_paginator().send();
    let mut files = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            let what = format!("{} cannot be listed", layout::uri(bucket, INBOX_PREFIX));
            s3_failure(what, "s3:ListBucket", &error)
        })?;
        files.extend(page.contents.unwrap_or_default().into_iter().filter_map(|file| file.key));
    }
    Ok(files)
}

/// Whether it is too long ago that everything under today's prefixes was listed and loaded, or has
/// never happened.
async fn is_listing_due(context: &Context, started_at: &str) -> Result<bool, Failure> {
    let settings = &context.settings;
    let last = match read_json::<Reconciled>(context, RECONCILED_KEY).await? {
        Read::Content(last) => Some(last).filter(|last| last.listed == settings.listed()),
        Read::Nothing | Read::Unknown => None,
    };
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let passed = time(started_at).zip(last.and_then(|last| time(&last.started_at)));
    let passed = passed.map(|(now, last)| now.duration_since(last));
    Ok(passed.is_none_or(|passed| passed >= settings.listing_interval))
}

/// A small file of the work bucket.
enum Read<T> {
    Content(T),
    Nothing,
    /// Another version of Segue has written it: everything is listed instead.
    Unknown,
}

async fn read_json<T: DeserializeOwned>(context: &Context, key: &str) -> Result<Read<T>, Failure> {
    let bucket = &context.settings.work_bucket;
    let Some(bytes) = get(&context.s3, bucket, key).await? else { return Ok(Read::Nothing) };
    Ok(serde_json::from_slice(&bytes).map_or_else(
        |error| {
            tracing::warn!(key, %error, "not understood");
            Read::Unknown
        },
        Read::Content,
    ))
}

/// Looks at the objects of a source that have arrived.
///
/// # Errors
/// `SourceUnreadable` when a bucket cannot be read or written.
pub async fn look_at<'a>(
    context: &'a Context,
    run: &'a Run,
    source: &'a Source,
    keys: &BTreeSet<String>,
) -> Result<List<'a>, Failure> {
    let place = place(context, source);
    let mut of_source = keys.clone();
    of_source.retain(|key| key.starts_with(&source.prefix));
    let mut looked = stream::iter(of_source)
        .map(|key| async move {
            let found = place.look_at(&key).await?;
            Ok::<_, Failure>((key, found))
        })
        .buffered(REQUESTS_AT_ONCE_MAX);
    let mut list = List::new(context, run, source, 0);
    while let Some((key, found)) = looked.try_next().await? {
        match found {
            Some((object, judged)) => list.add(object, judged),
            None => {
                let uri = layout::uri(place.bucket, &key);
                list.add(Object { uri, ..Object::default() }, Err(SkipReason::Gone));
            }
        }
        list.end_page().await?;
    }
    Ok(list)
}
