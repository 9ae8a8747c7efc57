//! Reads objects: retries transient errors, resumes where a connection broke, and distinguishes a
//! missing object from a forbidden one.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use segue_contract::{ErrorName, Failure, layout};
use segue_function::{root, s3_failure, unreadable};

use crate::limiter::{Limiter, Permit};

/// Bytes of an object to read ahead: all of a tiny object, the beginning of a large one.
pub const HEAD_BYTES_MAX: usize = 128 << 10;
/// How often one request is tried.
const ATTEMPTS_MAX: u32 = 10;
/// The wait before the second attempt; it doubles from one attempt to the next.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// The longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Reads the objects of a batch.
#[derive(Debug, Clone)]
pub struct Reader {
    /// A client that does not retry: the reader does, so that it sees every throttle.
    pub s3: Client,
    /// How many are read at once.
    pub limiter: Arc<Limiter>,
}

/// The place of an object.
#[derive(Debug, Clone)]
pub struct Address {
    uri: String,
    bucket: String,
    key: String,
}

impl Address {
    /// Parses a URI.
    ///
    /// # Errors
    /// `SourceUnreadable` if it is not an S3 URI.
    pub fn new(uri: String) -> Result<Self, Failure> {
        let parts = layout::bucket_and_key(&uri);
        let Some((bucket, key)) = parts.map(|(bucket, key)| (bucket.to_owned(), key.to_owned()))
        else {
            return Err(unreadable(uri, "expected s3://bucket/key"));
        };
        Ok(Self { uri, bucket, key })
    }

    /// The URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

/// An object that is being read.
#[derive(Debug)]
pub struct Opened {
    /// Its ETag as it is read, without quotes.
    pub etag: String,
    /// Its size.
    pub bytes: u64,
    reader: Reader,
    address: Address,
    head: Option<Bytes>,
    /// The rest after the head, and the permit to read it.
    rest: Option<(ByteStream, Permit)>,
    read_bytes: u64,
}

enum Trouble {
    Gone,
    Changed,
    Passing { is_throttle: bool },
    Lasting,
}

impl Reader {
    /// Reads the beginning of an object, and all of it if it is small. `None` if it is gone.
    ///
    /// # Errors
    /// `SourceUnreadable` if it cannot be read after all attempts.
    pub async fn open(&self, address: Address, permit: Permit) -> Result<Option<Opened>, Failure> {
        for attempt in 1.. {
            let Some(object) = self.get(&address, None, attempt).await? else { return Ok(None) };
            let etag = object.e_tag.unwrap_or_default().trim_matches('"').to_owned();
            let bytes = object.content_length.and_then(|length| u64::try_from(length).ok());
            let mut body = object.body;
            match head(&mut body).await {
                Ok((head, is_all)) => {
                    self.limiter.went_well();
                    return Ok(Some(Opened {
                        etag,
                        bytes: bytes.unwrap_or(head.len() as u64),
                        reader: self.clone(),
                        address,
                        read_bytes: head.len() as u64,
                        head: Some(head),
                        rest: (!is_all).then_some((body, permit)),
                    }));
                }
                Err(error) => wait_again(&address, attempt, &error).await?,
            }
        }
        Ok(None)
    }

    /// Requests an object, or the rest of it after `(bytes, etag)`.
    async fn get(
        &self,
        address: &Address,
        after: Option<(u64, &str)>,
        attempts_before: u32,
    ) -> Result<Option<GetObjectOutput>, Failure> {
        for attempt in attempts_before.. {
            let request = self.s3.get_object().bucket(&address.bucket).key(&address.key);
            let request = match after {
                Some((bytes, etag)) => {
                    request.range(format!("bytes={bytes}-")).if_match(format!("\"{etag}\""))
                }
                None => request,
            };
            let error = match request.send().await {
                Ok(object) => return Ok(Some(object)),
                Err(error) => error,
            };
            match trouble(&error) {
                Trouble::Gone if after.is_none() => return Ok(None),
                Trouble::Gone | Trouble::Changed => return Err(changed(address)),
                Trouble::Lasting => return Err(unreadable_object(address, &error)),
                Trouble::Passing { is_throttle } => {
                    if is_throttle {
                        self.limiter.slow_down();
                    }
                    if attempt >= ATTEMPTS_MAX {
                        return Err(unreadable_object(address, &error));
                    }
                    tokio::time::sleep(wait(address, attempt)).await;
                }
            }
        }
        Ok(None)
    }
}

impl Opened {
    /// Its URI.
    pub fn uri(&self) -> &str {
        self.address.uri()
    }

    /// The next bytes; `None` at its end. The first piece has at least four bytes, if the object
    /// does.
    ///
    /// # Errors
    /// `SourceUnreadable` if the rest cannot be read, or if it has been replaced.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        for attempt in 1.. {
            let Some((body, _)) = &mut self.rest else { break };
            match body.next().await {
                Some(Ok(bytes)) => {
                    self.read_bytes += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                None => {
                    self.rest = None;
                    break;
                }
                Some(Err(error)) => wait_again(&self.address, attempt, &error).await?,
            }
            let after = Some((self.read_bytes, self.etag.as_str()));
            let object = self.reader.get(&self.address, after, attempt).await?;
            if let (Some((body, _)), Some(object)) = (&mut self.rest, object) {
                *body = object.body;
            }
        }
        Ok(None)
    }
}

/// The first bytes of a body, and whether they are all.
async fn head(
    body: &mut ByteStream,
) -> Result<(Bytes, bool), aws_sdk_s3::primitives::ByteStreamError> {
    let Some(first) = body.next().await.transpose()? else { return Ok((Bytes::new(), true)) };
    let mut more = BytesMut::new();
    while first.len() + more.len() < HEAD_BYTES_MAX {
        match body.next().await.transpose()? {
            Some(bytes) => more.extend_from_slice(&bytes),
            // Most objects arrive in one piece, which need not be copied.
            None if more.is_empty() => return Ok((first, true)),
            None => return Ok((joined(first, more), true)),
        }
    }
    Ok((if more.is_empty() { first } else { joined(first, more) }, false))
}

fn joined(first: Bytes, more: BytesMut) -> Bytes {
    let mut all = BytesMut::from(first);
    all.unsplit(more);
    all.freeze()
}

fn trouble(error: &SdkError<GetObjectError>) -> Trouble {
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (status, error.code()) {
        (_, Some("NoSuchBucket")) => Trouble::Lasting,
        (Some(404), _) => Trouble::Gone,
        (Some(412), _) => Trouble::Changed,
        (Some(429 | 503), _) | (_, Some("SlowDown")) => Trouble::Passing { is_throttle: true },
        (Some(500..), _) | (_, Some("RequestTimeout")) => Trouble::Passing { is_throttle: false },
        (Some(_), _) => Trouble::Lasting,
        // No answer at all: a connection that broke or timed out, unless the request was never
        // sent.
        (None, _) if matches!(error, SdkError::ConstructionFailure(_)) => Trouble::Lasting,
        (None, _) => Trouble::Passing { is_throttle: false },
    }
}

fn unreadable_object(address: &Address, error: &SdkError<GetObjectError>) -> Failure {
    s3_failure(format!("{} cannot be read", address.uri), "s3:GetObject", error)
}

fn changed(address: &Address) -> Failure {
    Failure::new(
        ErrorName::SourceUnreadable,
        format!("{} was replaced or removed while it was being read", address.uri),
    )
    .hint("start the run again; it loads the objects that exist by then")
}

async fn wait_again(
    address: &Address,
    attempt: u32,
    error: &(dyn std::error::Error + Send + Sync + 'static),
) -> Result<(), Failure> {
    if attempt >= ATTEMPTS_MAX {
        return Err(unreadable(format!("{} cannot be read", address.uri), root(error))
            .hint("start the run again; it loads whatever is not loaded yet"));
    }
    tokio::time::sleep(wait(address, attempt)).await;
    Ok(())
}

/// Doubles, and differs from object to object, so that objects that failed together are not retried
/// together.
fn wait(address: &Address, attempt: u32) -> Duration {
    let whole = WAIT_MIN.saturating_mul(1 << attempt.min(16)).min(WAIT_MAX);
    let spread = address.key.bytes().fold(0u32, |sum, byte| sum * 31 % 997 + u32::from(byte)) % 100;
    whole / 2 + whole * spread / 200
}
