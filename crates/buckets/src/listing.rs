//! The objects under a prefix: listed in several ranges of keys in parallel, returned in key order.
//!
//! S3 lists a thousand keys per call, one call after the other; ten million would take half an
//! hour. Folders show where to split the keys, so that ranges can be listed at the same time.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::types::{Object as Listed, OptionalObjectAttributes};
use futures::stream::{self, StreamExt, TryStreamExt};
use segue_contract::data_files::{self, SkipReason};
use segue_contract::{Failure, layout};
use segue_function::s3_failure;

/// One object as it was listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// `s3://bucket/key`.
    pub uri: String,
    /// Its ETag, without quotes.
    pub etag: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last written, in seconds since 1970; 0 if that is unknown or not kept.
    pub written_second: i64,
}

/// Ranges that are listed at once.
const LISTS_AT_ONCE_MAX: usize = 16;
/// The most ranges of a listing.
const RANGES_MAX: usize = 64;
/// Levels of folders that are searched for places to split.
const FOLDER_LEVELS_MAX: usize = 3;

/// Where objects are listed.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The client of the bucket.
    pub s3: &'a Client,
    /// The bucket.
    pub bucket: &'a str,
    /// The prefix of the keys.
    pub prefix: &'a str,
    /// The key of the JSONPaths file of the source, which is never data.
    pub paths_key: Option<&'a str>,
}

/// A range of keys: after one, and before another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Range {
    after: Option<String>,
    before: Option<String>,
}

/// What collects the objects of one range of keys.
pub trait Collect {
    /// Takes an object: data, or skipped for a reason.
    fn add(&mut self, object: Object, judged: Result<(), SkipReason>);

    /// Follows every page: here a collection is written that must not fill the memory.
    ///
    /// # Errors
    /// `SourceUnreadable` if it cannot be written.
    fn end_page(&mut self) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(Ok(()))
    }
}

/// Lists every object of a place. `begin` makes the collection of each range, by its number; they
/// are returned in key order.
///
/// # Errors
/// `SourceUnreadable` when the bucket cannot be listed, and as [`Collect::end_page`].
pub async fn list<Collection: Collect>(
    place: Place<'_>,
    begin: impl Fn(usize) -> Collection,
) -> Result<Vec<Collection>, Failure> {
    let begin = &begin;
    stream::iter(ranges(cuts(place).await?).into_iter().enumerate())
        .map(|(number, range)| async move {
            let mut collection = begin(number);
            place.list_range(range, &mut collection).await?;
            Ok(collection)
        })
        .buffered(LISTS_AT_ONCE_MAX)
        .try_collect()
        .await
}

/// The folders at which the keys can be split: those of the first levels, until there are enough.
/// Only the first page of each folder is read, because any split is correct.
async fn cuts(place: Place<'_>) -> Result<Vec<String>, Failure> {
    let mut cuts = Vec::new();
    let mut level = vec![place.prefix.to_owned()];
    for _ in 0..FOLDER_LEVELS_MAX {
        let folders: Vec<Vec<String>> = stream::iter(level)
            .map(|folder| place.folders(folder))
            .buffered(LISTS_AT_ONCE_MAX)
            .try_collect()
            .await?;
        level = folders.concat();
        cuts.extend(level.iter().cloned());
        if level.is_empty() || cuts.len() >= LISTS_AT_ONCE_MAX {
            break;
        }
    }
    cuts.sort_unstable();
    Ok(cuts)
}

/// Ranges that cover all keys once, in order; an even selection if there are too many places to
/// split.
fn ranges(cuts: Vec<String>) -> Vec<Range> {
    let step = cuts.len().div_ceil(RANGES_MAX - 1).max(1);
    let mut ranges = vec![Range::default()];
    for cut in cuts.into_iter().step_by(step) {
        if let Some(last) = ranges.last_mut() {
            last.before = Some(cut.clone());
        }
        ranges.push(Range { after: Some(cut), before: None });
    }
    ranges
}

impl Place<'_> {
    /// Looks at one key: the object as a listing would find it now, or nothing. Listing needs no
    /// right to read the object, and says the same of it as a complete listing.
    ///
    /// # Errors
    /// `SourceUnreadable` when the bucket cannot be listed.
    pub async fn look_at(
        &self,
        key: &str,
    ) -> Result<Option<(Object, Result<(), SkipReason>)>, Failure> {
        let request = self.s3.list_objects_v2().bucket(self.bucket).prefix(key).max_keys(1);
        let request = request.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
        let page = request.send().await.map_err(|error| self.unlisted(&error))?;
        // The key itself comes before all longer ones.
        let found = page.contents.unwrap_or_default().into_iter().next();
        Ok(found.filter(|object| object.key.as_deref() == Some(key)).map(|object| {
            let judged = judge(self.prefix, self.paths_key, &object);
            (self.object(key, object), judged)
        }))
    }

    async fn folders(&self, prefix: String) -> Result<Vec<String>, Failure> {
        let page = self.s3.list_objects_v2().bucket(self.bucket).prefix(&prefix).delimiter("/");
        let page = page.send().await;
        let page = page.map_err(|error| self.unlisted(&error))?;
        let folders = page.common_prefixes.unwrap_or_default();
        Ok(folders.into_iter().filter_map(|folder| folder.prefix).collect())
    }

    /// A range ends with the key of the split, and the next begins after it, so every object is
    /// found once.
    async fn list_range(&self, range: Range, collection: &mut impl Collect) -> Result<(), Failure> {
        let mut token = None;
        loop {
            let page = self.page(&range, token).await?;
            for object in page.contents.unwrap_or_default() {
                let Some(key) = object.key.clone() else { continue };
                if range.before.as_ref().is_some_and(|before| key > *before) {
                    return collection.end_page().await;
                }
                let judged = judge(self.prefix, self.paths_key, &object);
                collection.add(self.object(&key, object), judged);
            }
            collection.end_page().await?;
            match page.next_continuation_token {
                Some(next) => token = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn object(&self, key: &str, listed: Listed) -> Object {
        let Listed { e_tag, size, last_modified, .. } = listed;
        Object {
            uri: layout::uri(self.bucket, key),
            etag: e_tag.unwrap_or_default().trim_matches('"').to_owned(),
            bytes: size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            written_second: last_modified.map_or(0, |written| written.secs()),
        }
    }

    async fn page(
        &self,
        range: &Range,
        token: Option<String>,
    ) -> Result<ListObjectsV2Output, Failure> {
        let request = self.s3.list_objects_v2().bucket(self.bucket).prefix(self.prefix);
        let request = request.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
        let request = match token {
            Some(token) => request.continuation_token(token),
            None => request.set_start_after(range.after.clone()),
        };
        request.send().await.map_err(|error| self.unlisted(&error))
    }

    fn unlisted<R: std::fmt::Debug + Send + Sync + 'static>(
        &self,
        error: &aws_sdk_s3::error::SdkError<ListObjectsV2Error, R>,
    ) -> Failure {
        let place = format!("{} cannot be listed", layout::uri(self.bucket, self.prefix));
        s3_failure(place, "s3:ListBucket", error)
    }
}

/// Whether an object of a listing that asked for `RestoreStatus` is data.
///
/// # Errors
/// Why it is not.
pub fn judge(prefix: &str, paths_key: Option<&str>, object: &Listed) -> Result<(), SkipReason> {
    let key = object.key.as_deref().unwrap_or_default();
    if paths_key == Some(key) {
        return Err(SkipReason::JsonPaths);
    }
    let bytes = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    let class = object.storage_class.as_ref().map(|class| class.as_str());
    let is_restored = object.restore_status.as_ref().is_some_and(|status| {
        status.is_restore_in_progress != Some(true) && status.restore_expiry_date.is_some()
    });
    let name = key.strip_prefix(prefix).unwrap_or(key);
    data_files::in_listing(name, bytes, class, is_restored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_key_once_and_stay_few() {
        assert_eq!(ranges(Vec::new()), [Range::default()]);
        let cuts: Vec<String> = (0..1_000).map(|number| format!("p/{number:04}/")).collect();
        let ranges = ranges(cuts);
        assert!(ranges.len() <= RANGES_MAX, "{}", ranges.len());
        assert_eq!(ranges[0].after, None);
        assert_eq!(ranges.last().expect("one").before, None);
        assert!(ranges.windows(2).all(|pair| pair[0].before == pair[1].after));
    }
}
