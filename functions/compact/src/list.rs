//! The list of a batch, as the plan has written it.

use std::io::{BufRead, BufReader};

use aws_sdk_s3::Client;
use bytes::Buf;
use flate2::read::GzDecoder;
use segue_contract::{Failure, layout};
use segue_function::{s3_failure, unreadable};
use serde::Deserialize;

/// The most compressed bytes of a list: a hundred times those of a batch of the largest run.
const LIST_BYTES_MAX: i64 = 64 << 20;

/// One object of a batch, as it was listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// `s3://bucket/key`.
    pub uri: String,
    /// Its ETag, without quotes.
    pub etag: String,
}

/// Reads a list. It stays compressed: its lines are decompressed when needed.
///
/// # Errors
/// `SourceUnreadable` when the list cannot be read, or is too long.
pub async fn read(
    s3: &Client,
    bucket: &str,
    key: &str,
) -> Result<impl Iterator<Item = Result<Listed, Failure>> + Send + use<>, Failure> {
    let uri = layout::uri(bucket, key);
    let what = format!("{uri} cannot be read");
    let object = s3.get_object().bucket(bucket).key(key).send().await;
    let object = object.map_err(|error| s3_failure(&what, "s3:GetObject", &error))?;
    if object.content_length.is_some_and(|length| length > LIST_BYTES_MAX) {
        return Err(unreadable(&what, format!("expected at most {LIST_BYTES_MAX} bytes")));
    }
    let body = object.body.collect().await.map_err(|error| unreadable(&what, error))?;
    let lines = BufReader::new(GzDecoder::new(body.into_bytes().reader())).lines();
    Ok(lines.map(move |line| {
        let line = line.map_err(|error| unreadable(&what, error))?;
        serde_json::from_str(&line).map_err(|error| unreadable(&what, error))
    }))
}
