//! Objects of an S3 endpoint, through the AWS SDK.

use std::io::{self, Read};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::{ObjectError, ObjectReader, ObjectStore, ObjectSummary};

/// Chunks of one object that wait between network and decoder.
const CHUNKS_IN_FLIGHT_MAX: usize = 16;

/// An S3 endpoint, addressed path-style.
pub(crate) struct S3Objects {
    client: Client,
}

impl S3Objects {
    /// A client for `endpoint`; credentials and region come from the environment, or are those
    /// that local endpoints accept.
    pub(crate) fn new(endpoint: &str) -> Self {
        let variable = |name: &str, default: &str| {
            std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or(default.to_owned())
        };
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID", "test"),
            variable("AWS_SECRET_ACCESS_KEY", "test"),
            std::env::var("AWS_SESSION_TOKEN").ok(),
            None,
            "redshift-local",
        );
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let configuration = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(endpoint)
            .region(Region::new(variable("AWS_REGION", "us-east-1")))
            .credentials_provider(credentials)
            .force_path_style(true)
            .build();
        Self { client: Client::from_conf(configuration) }
    }
}

impl ObjectStore for S3Objects {
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> BoxFuture<'_, Result<Vec<ObjectSummary>, ObjectError>> {
        let request = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        Box::pin(async move {
            let mut pages = request.into_paginator().send();
            let mut found = Vec::new();
            while let Some(page) = pages.next().await {
                for object in page.map_err(object_error)?.contents() {
                    let bytes = u64::try_from(object.size().unwrap_or_default()).unwrap_or(0);
                    let key = object.key().unwrap_or_default().to_owned();
                    found.push(ObjectSummary { key, bytes });
                }
            }
            Ok(found)
        })
    }

    fn open(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<ObjectReader, ObjectError>> {
        let request = self.client.get_object().bucket(bucket).key(key);
        Box::pin(async move {
            let body = request.send().await.map_err(object_error)?.body;
            let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT_MAX);
            tokio::spawn(forward(body, sender));
            Ok(Box::new(ChunkReader { receiver, chunk: Bytes::new() }) as ObjectReader)
        })
    }

    fn put(&self, bucket: &str, key: &str, body: Bytes) -> BoxFuture<'_, Result<(), ObjectError>> {
        let request = self.client.put_object().bucket(bucket).key(key).body(body.into());
        Box::pin(async move { request.send().await.map(|_| ()).map_err(object_error) })
    }

    fn delete(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<(), ObjectError>> {
        let request = self.client.delete_object().bucket(bucket).key(key);
        Box::pin(async move { request.send().await.map(|_| ()).map_err(object_error) })
    }
}

/// Passes the body on chunk by chunk; the channel's bound keeps memory small.
async fn forward(mut body: ByteStream, sender: mpsc::Sender<io::Result<Bytes>>) {
    while let Some(chunk) = body.next().await {
        let broken = |error| io::Error::new(io::ErrorKind::ConnectionAborted, error);
        if sender.send(chunk.map_err(broken)).await.is_err() {
            return;
        }
    }
}

/// The blocking end of [`forward`].
struct ChunkReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk?,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

fn object_error<E: ProvideErrorMetadata>(
    error: SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
) -> ObjectError {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let (code, message) = match &error {
        SdkError::ServiceError(service) => (service.err().code(), service.err().message()),
        _ => (Some("RequestFailed"), None),
    };
    ObjectError {
        code: code.unwrap_or("Unknown").to_owned(),
        message: message.map_or_else(|| "the endpoint did not answer".to_owned(), str::to_owned),
        status,
    }
}
