//! Buckets in memory: what COPY reads and UNLOAD writes, and the backend of the S3 endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use futures::future::{BoxFuture, ready};
use md5::{Digest, Md5};
use redshift_local::{ObjectError, ObjectReader, ObjectStore, ObjectSummary};

use super::body;
use super::faults::{Mischief, Trouble};
use super::s3::{INTERNAL_ERROR, SLOW_DOWN};

/// An object.
#[derive(Debug, Clone)]
pub struct Object {
    pub body: Bytes,
    pub etag: String,
}

/// What happens to an object: new content, or deletion.
type Change = ((String, String), Option<Vec<u8>>);

/// All buckets: they exist without being created, until deleted.
#[derive(Debug, Default)]
pub struct Objects {
    /// Requests of the functions.
    pub requests: AtomicU32,
    objects: Mutex<BTreeMap<(String, String), Object>>,
    deleted: Mutex<BTreeSet<String>>,
    /// Archived objects.
    archived: Mutex<BTreeSet<(String, String)>>,
    /// What happens as soon as a key is written.
    upcoming: Mutex<BTreeMap<String, Change>>,
}

impl Objects {
    /// Puts an object, replacing what was under its key; its ETag is the MD5 of its content.
    pub fn put(&self, bucket: &str, key: &str, body: Vec<u8>) -> String {
        let etag = hex::encode(Md5::digest(&body));
        let object = Object { body: body.into(), etag: etag.clone() };
        self.lock().insert((bucket.to_owned(), key.to_owned()), object);
        let change = self.upcoming().remove(key);
        match change {
            Some(((bucket, key), Some(body))) => _ = self.put(&bucket, &key, body),
            Some(((bucket, key), None)) => self.remove(&bucket, &key),
            None => {}
        }
        etag
    }

    /// As soon as `written` is written, somebody replaces the object under another key, or removes
    /// it.
    pub fn once_written(&self, written: &str, bucket: &str, key: &str, body: Option<Vec<u8>>) {
        let change = ((bucket.to_owned(), key.to_owned()), body);
        self.upcoming().insert(written.to_owned(), change);
    }

    /// An object, if it exists.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Object> {
        self.lock().get(&(bucket.to_owned(), key.to_owned())).cloned()
    }

    /// Removes an object.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.lock().remove(&(bucket.to_owned(), key.to_owned()));
    }

    /// Moves an object into an archive, from where it cannot be read.
    pub fn archive(&self, bucket: &str, key: &str) {
        let place = (bucket.to_owned(), key.to_owned());
        self.archived.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
    }

    /// Whether an object is in an archive.
    pub fn is_archived(&self, bucket: &str, key: &str) -> bool {
        let archived = self.archived.lock().unwrap_or_else(PoisonError::into_inner);
        archived.contains(&(bucket.to_owned(), key.to_owned()))
    }

    /// Deletes a bucket with everything in it.
    pub fn delete_bucket(&self, bucket: &str) {
        self.lock().retain(|(name, _), _| name != bucket);
        self.deleted().insert(bucket.to_owned());
    }

    /// Whether a bucket exists.
    pub fn has_bucket(&self, bucket: &str) -> bool {
        !self.deleted().contains(bucket)
    }

    /// The objects whose keys begin with a prefix, in order.
    pub fn under(&self, bucket: &str, prefix: &str) -> Vec<(String, Object)> {
        let objects = self.lock();
        let found = objects
            .iter()
            .filter(|((name, key), _)| name == bucket && key.starts_with(prefix))
            .map(|((_, key), object)| (key.clone(), object.clone()));
        found.collect()
    }

    fn deleted(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upcoming(&self) -> MutexGuard<'_, BTreeMap<String, Change>> {
        self.upcoming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buckets as the warehouse's COPY reads them and its UNLOAD writes them.
pub struct Copied {
    pub objects: Arc<Objects>,
    pub mischief: Arc<Mischief>,
}

impl ObjectStore for Copied {
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> BoxFuture<'_, Result<Vec<ObjectSummary>, ObjectError>> {
        let found = self.objects.under(bucket, prefix).into_iter();
        let summaries =
            found.map(|(key, object)| ObjectSummary { key, bytes: object.body.len() as u64 });
        Box::pin(ready(Ok(summaries.collect())))
    }

    fn open(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<ObjectReader, ObjectError>> {
        let refused = |status: u16, (code, message): (&str, &str)| {
            Err(ObjectError { code: code.into(), message: message.into(), status })
        };
        let found = self.objects.get(bucket, key).map(|object| object.body);
        Box::pin(ready(match (self.mischief.copy(), found) {
            (Some(Trouble::Throttled), _) => refused(503, SLOW_DOWN),
            (Some(Trouble::Refused), _) => refused(500, INTERNAL_ERROR),
            (_, None) => refused(404, ("NoSuchKey", "The specified key does not exist.")),
            (Some(Trouble::AnswerLost | Trouble::AnswerBroken), Some(body)) => {
                let half = body.slice(..body.len() / 2).reader();
                Ok(Box::new(half.chain(Broken)) as ObjectReader)
            }
            (_, Some(body)) => Ok(Box::new(body.reader()) as ObjectReader),
        }))
    }

    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'_, Result<(), ObjectError>> {
        let refused = |status: u16, (code, message): (&str, &str)| {
            Err(ObjectError { code: code.into(), message: message.into(), status })
        };
        if !self.objects.has_bucket(bucket) {
            let missing = ("NoSuchBucket", "The specified bucket does not exist");
            return Box::pin(ready(refused(404, missing)));
        }
        let trouble = self.mischief.copy();
        if !matches!(trouble, Some(Trouble::Throttled | Trouble::Refused)) {
            self.objects.put(bucket, key, body.to_vec());
        }
        Box::pin(ready(match trouble {
            None | Some(Trouble::AnswerSlow) => Ok(()),
            Some(Trouble::Throttled) => refused(503, SLOW_DOWN),
            // Also when the object is written and only the answer is lost.
            Some(_) => refused(500, INTERNAL_ERROR),
        }))
    }

    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<(), ObjectError>> {
        self.objects.remove(bucket, key);
        Box::pin(ready(Ok(())))
    }
}

/// The end of a connection that breaks.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(body::reset())
    }
}
