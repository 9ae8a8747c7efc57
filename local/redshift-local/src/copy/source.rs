//! Which objects a COPY reads.

use std::io::{self, Read};

use serde::Deserialize;

use crate::dialect::Copy;
use crate::engine::{SqlError, Warehouse};
use crate::objects::{ObjectError, ObjectStore};

/// Objects of one COPY.
const OBJECTS_MAX: usize = 2_000_000;
/// The largest manifest or JSONPaths file, in bytes.
const MANIFEST_BYTES_MAX: u64 = 500_000_000;

/// One object, or a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

impl Source {
    /// Takes `s3://bucket/key` apart.
    pub(crate) fn parse(url: &str) -> Result<Self, SqlError> {
        let path = url.strip_prefix("s3://").unwrap_or_default();
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        if bucket.is_empty() {
            return Err(SqlError::new(format!("Invalid S3 URI: {url}")));
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    pub(crate) fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

#[derive(Deserialize)]
struct Manifest {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    url: String,
    #[serde(default)]
    mandatory: bool,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    content_length: Option<u64>,
}

/// Lists the objects; those that a manifest calls mandatory must be there when they are read.
pub(super) async fn sources(
    store: &dyn ObjectStore,
    copy: &Copy,
) -> Result<Vec<(Source, bool)>, SqlError> {
    let location = Source::parse(&copy.source)?;
    let found = match copy.manifest {
        true => of_manifest(store, &location).await?,
        false => of_prefix(store, &location).await?,
    };
    if found.len() > OBJECTS_MAX {
        return Err(SqlError::new(format!(
            "COPY of {} objects; the local warehouse reads at most {OBJECTS_MAX}",
            found.len()
        )));
    }
    Ok(found)
}

async fn of_prefix(
    store: &dyn ObjectStore,
    location: &Source,
) -> Result<Vec<(Source, bool)>, SqlError> {
    let listed = store.list(&location.bucket, &location.key).await;
    let listed = listed.map_err(|error| service_error(&error))?;
    let objects: Vec<(Source, bool)> = listed
        .into_iter()
        // A folder's own marker is no data.
        .filter(|object| !(object.bytes == 0 && object.key.ends_with('/')))
        .map(|object| (Source { bucket: location.bucket.clone(), key: object.key }, true))
        .collect();
    if objects.is_empty() {
        return Err(SqlError::new(format!(
            "The specified S3 prefix '{}' does not exist",
            location.key
        )));
    }
    Ok(objects)
}

async fn of_manifest(
    store: &dyn ObjectStore,
    location: &Source,
) -> Result<Vec<(Source, bool)>, SqlError> {
    let text = read_small(store, location).await?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| {
        SqlError::new(format!(
            "Problem reading manifest file - {}: invalid manifest: {error}",
            location.url()
        ))
    })?;
    if manifest.entries.is_empty() {
        return Err(SqlError::new(format!(
            "Problem reading manifest file - {}: the manifest has no entries",
            location.url()
        )));
    }
    let mut found = Vec::with_capacity(manifest.entries.len());
    for entry in manifest.entries {
        let source = Source::parse(&entry.url)?;
        if source.key.is_empty() {
            return Err(SqlError::new(format!(
                "Manifest parameter requires full path of an S3 object: {}",
                entry.url
            )));
        }
        // The length is a hint of columnar formats; for text it is not compared.
        let _ = entry.meta.and_then(|meta| meta.content_length);
        found.push((source, entry.mandatory));
    }
    Ok(found)
}

/// Reads an object that is no data: a manifest, a JSONPaths file.
pub(super) async fn read_small(
    store: &dyn ObjectStore,
    source: &Source,
) -> Result<Vec<u8>, SqlError> {
    let reader = store.open(&source.bucket, &source.key).await;
    let reader = reader.map_err(|error| match error.status {
        404 => SqlError::new(format!(
            "Problem reading manifest file - S3ServiceException:{},Status 404,Error {},Rid -,ExtRid -,CanRetry 1",
            error.message, error.code
        )),
        _ => service_error(&error),
    })?;
    let read = tokio::task::spawn_blocking(move || {
        let mut text = Vec::new();
        reader.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).map(|_| text)
    });
    match read.await {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(SqlError::new(
            connection_error(&source.url(), &error)
                .unwrap_or_else(|| format!("Problem reading {}: {error}", source.url())),
        )),
        Err(error) => Err(SqlError::new(format!("Problem reading {}: {error}", source.url()))),
    }
}

/// S3's own error, in Redshift's words.
pub(crate) fn service_error(error: &ObjectError) -> SqlError {
    SqlError::new(format!(
        "S3ServiceException:{},Status {},Error {},Rid -,ExtRid -,CanRetry 1",
        error.message, error.status, error.code
    ))
}

/// What Redshift says when the connection broke on which an object was read; none when the error is
/// another.
pub(super) fn connection_error(url: &str, error: &io::Error) -> Option<String> {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset};
    [ConnectionAborted, ConnectionReset].contains(&error.kind()).then(|| {
        format!(
            "S3CurlException: {error}, CurlError 56, multiCurlError 0, CanRetry 1, UrlFile: {url}"
        )
    })
}

/// The store, or an error if there is none.
pub(crate) fn store(warehouse: &Warehouse) -> Result<&dyn ObjectStore, SqlError> {
    warehouse.objects.as_deref().ok_or_else(|| {
        SqlError::new(
            "COPY and UNLOAD need an S3 endpoint; start the local warehouse with --s3-endpoint",
        )
    })
}
