//! Objects kept in memory, for tests without an S3 endpoint.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use futures::future::{BoxFuture, ready};

use super::{ObjectError, ObjectReader, ObjectStore, ObjectSummary};

/// Buckets in memory; a bucket is there as soon as an object is put into it.
#[derive(Default)]
pub struct MemoryObjects {
    objects: Mutex<BTreeMap<(String, String), Bytes>>,
}

impl MemoryObjects {
    /// Puts an object, replacing what stood under its key.
    pub fn put(&self, bucket: &str, key: &str, body: impl Into<Bytes>) {
        self.lock().insert((bucket.to_owned(), key.to_owned()), body.into());
    }

    /// The content of an object, if it exists.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.lock().get(&(bucket.to_owned(), key.to_owned())).cloned()
    }

    /// Removes an object; a missing one is not an error.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.lock().remove(&(bucket.to_owned(), key.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missing(&self, bucket: &str) -> ObjectError {
        let known = self.lock().keys().any(|(name, _)| name == bucket);
        let (code, message) = if known {
            ("NoSuchKey", "The specified key does not exist.")
        } else {
            ("NoSuchBucket", "The specified bucket does not exist")
        };
        ObjectError { code: code.to_owned(), message: message.to_owned(), status: 404 }
    }
}

impl ObjectStore for MemoryObjects {
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> BoxFuture<'_, Result<Vec<ObjectSummary>, ObjectError>> {
        let found: Vec<ObjectSummary> = self
            .lock()
            .iter()
            .filter(|((name, key), _)| name == bucket && key.starts_with(prefix))
            .map(|((_, key), body)| ObjectSummary { key: key.clone(), bytes: body.len() as u64 })
            .collect();
        let missing = self.missing(bucket);
        let empty_bucket = found.is_empty() && missing.code == "NoSuchBucket";
        Box::pin(ready(if empty_bucket { Err(missing) } else { Ok(found) }))
    }

    fn open(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<ObjectReader, ObjectError>> {
        let body = self.lock().get(&(bucket.to_owned(), key.to_owned())).cloned();
        let opened = match body {
            Some(body) => Ok(Box::new(body.reader()) as ObjectReader),
            None => Err(self.missing(bucket)),
        };
        Box::pin(ready(opened))
    }

    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'_, Result<(), ObjectError>> {
        self.put(bucket, key, body);
        Box::pin(ready(Ok(())))
    }

    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<(), ObjectError>> {
        self.remove(bucket, key);
        Box::pin(ready(Ok(())))
    }
}
