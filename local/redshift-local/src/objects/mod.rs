//! Where COPY finds its objects and UNLOAD puts them: an S3 endpoint, or a store in the same process.

mod memory;
mod s3;

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

pub use memory::MemoryObjects;
pub(crate) use s3::S3Objects;

/// The bytes of one object, read by a blocking thread.
pub type ObjectReader = Box<dyn Read + Send>;

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSummary {
    /// The object's key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why an object could not be read or written; the words are S3's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ObjectError {
    /// S3's error code, such as `NoSuchKey` or `AccessDenied`.
    pub code: String,
    /// S3's message.
    pub message: String,
    /// The HTTP status, such as 404.
    pub status: u16,
}

/// Reads and writes objects by bucket and key.
pub trait ObjectStore: Send + Sync + 'static {
    /// All objects of `bucket` whose key begins with `prefix`, in key order.
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> BoxFuture<'_, Result<Vec<ObjectSummary>, ObjectError>>;

    /// Opens one object.
    fn open(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<ObjectReader, ObjectError>>;

    /// Writes one object whole, replacing what is under its key.
    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'_, Result<(), ObjectError>>;

    /// Deletes one object; a missing one is not an error.
    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<(), ObjectError>>;
}

/// The objects of COPY and UNLOAD.
#[derive(Clone, Default)]
pub enum Objects {
    /// No store: every COPY and every UNLOAD fails and says so.
    #[default]
    None,
    /// An S3 endpoint, such as `http://127.0.0.1:4566`, addressed path-style.
    Endpoint(String),
    /// A store in this process.
    Store(Arc<dyn ObjectStore>),
}
