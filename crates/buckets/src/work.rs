//! Reading and writing whole objects of the work bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use segue_contract::{Failure, layout};
use segue_function::{s3_failure, unreadable};

/// Writes an object.
///
/// # Errors
/// `SourceUnreadable` if writing to the bucket fails.
pub async fn put(s3: &Client, bucket: &str, key: &str, body: Vec<u8>) -> Result<(), Failure> {
    let sent = s3.put_object().bucket(bucket).key(key).body(ByteStream::from(body)).send().await;
    sent.map(|_| ()).map_err(|error| {
        let what = format!("{} cannot be written", layout::uri(bucket, key));
        s3_failure(what, "s3:PutObject", &error)
    })
}

/// Reads an object; `None` if there is none.
///
/// # Errors
/// `SourceUnreadable` if reading from the bucket fails.
pub async fn get(s3: &Client, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let place = || format!("{} cannot be read", layout::uri(bucket, key));
    let object = match s3.get_object().bucket(bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
        Err(error) => return Err(s3_failure(place(), "s3:GetObject", &error)),
    };
    let bytes = object.body.collect().await.map_err(|error| unreadable(place(), error))?;
    Ok(Some(bytes.to_vec()))
}
