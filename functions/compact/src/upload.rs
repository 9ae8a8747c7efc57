//! Writes an object of unknown length: at once if it is small, otherwise in parts as it grows.

use std::collections::VecDeque;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use segue_contract::{Failure, layout};
use segue_function::{reason, s3_failure, unreadable};
use tokio_util::task::AbortOnDropHandle;

/// Bytes of each part except the last. Always the same, so that the same bytes make the same
/// object.
pub const PART_BYTES: usize = 8 << 20;
/// Parts that are uploaded at once.
const PARTS_AT_ONCE_MAX: usize = 2;

/// An object that is being written.
pub struct Upload {
    s3: Client,
    bucket: String,
    key: String,
    id: Option<String>,
    bytes: u64,
    unsent: Vec<u8>,
    sending: VecDeque<AbortOnDropHandle<Result<CompletedPart, Failure>>>,
    sent: Vec<CompletedPart>,
}

impl Upload {
    /// Nothing is sent yet.
    pub fn new(s3: Client, bucket: String, key: String) -> Self {
        let (unsent, sending, sent) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { s3, bucket, key, id: None, bytes: 0, unsent, sending, sent }
    }

    /// Takes bytes, and sends complete parts.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the bucket fails.
    pub async fn push(&mut self, bytes: &mut Vec<u8>) -> Result<(), Failure> {
        self.bytes += bytes.len() as u64;
        self.unsent.append(bytes);
        while self.unsent.len() >= PART_BYTES {
            let rest = self.unsent.split_off(PART_BYTES);
            let part = std::mem::replace(&mut self.unsent, rest);
            self.send_part(part).await?;
        }
        Ok(())
    }

    /// Sends the rest; returns how many bytes the object has.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the bucket fails.
    pub async fn finish(&mut self) -> Result<u64, Failure> {
        let last = std::mem::take(&mut self.unsent);
        if self.id.is_none() {
            let request = self.s3.put_object().bucket(&self.bucket).key(&self.key);
            let put = request.body(ByteStream::from(last)).send().await;
            put.map_err(|error| self.refused(&error))?;
            return Ok(self.bytes);
        }
        if !last.is_empty() {
            self.send_part(last).await?;
        }
        while !self.sending.is_empty() {
            self.await_part().await?;
        }
        let parts = std::mem::take(&mut self.sent);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.s3.complete_multipart_upload().bucket(&self.bucket).key(&self.key);
        let completed = request.set_upload_id(self.id.clone()).multipart_upload(parts).send().await;
        completed.map_err(|error| self.refused(&error))?;
        self.id = None;
        Ok(self.bytes)
    }

    /// Aborts the upload. If that fails, the bucket's lifecycle rule aborts it within a day.
    pub async fn abort(&mut self) {
        self.sending.clear();
        if let Some(id) = self.id.take() {
            let request = self.s3.abort_multipart_upload().bucket(&self.bucket).key(&self.key);
            if let Err(error) = request.upload_id(id).send().await {
                tracing::warn!(key = self.key, error = reason(&error), "not aborted");
            }
        }
    }

    async fn send_part(&mut self, body: Vec<u8>) -> Result<(), Failure> {
        if self.id.is_none() {
            let request = self.s3.create_multipart_upload().bucket(&self.bucket).key(&self.key);
            let created = request.send().await;
            let created = created.map_err(|error| self.refused(&error))?;
            self.id = created.upload_id;
        }
        if self.sending.len() >= PARTS_AT_ONCE_MAX {
            self.await_part().await?;
        }
        let number = i32::try_from(self.sent.len() + self.sending.len() + 1).unwrap_or(i32::MAX);
        let uri = layout::uri(&self.bucket, &self.key);
        let request = self
            .s3
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_upload_id(self.id.clone())
            .part_number(number)
            .body(ByteStream::from(body));
        let send = async move {
            let part = request.send().await.map_err(|error| {
                s3_failure(format!("{uri} cannot be written"), "s3:PutObject", &error)
            })?;
            // The checksum of each part must be repeated at the end.
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag)
                .set_checksum_crc32(part.checksum_crc32)
                .build())
        };
        self.sending.push_back(AbortOnDropHandle::new(tokio::spawn(send)));
        Ok(())
    }

    /// Parts end in their order here, in whatever order they arrive.
    async fn await_part(&mut self) -> Result<(), Failure> {
        let Some(part) = self.sending.pop_front() else { return Ok(()) };
        let part = part.await.map_err(|error| self.unwritten(error))??;
        self.sent.push(part);
        Ok(())
    }

    fn refused(
        &self,
        error: &(impl ProvideErrorMetadata + std::error::Error + 'static),
    ) -> Failure {
        let uri = layout::uri(&self.bucket, &self.key);
        s3_failure(format!("{uri} cannot be written"), "s3:PutObject", error)
    }

    fn unwritten(&self, reason: impl std::fmt::Display) -> Failure {
        let uri = layout::uri(&self.bucket, &self.key);
        unreadable(format!("{uri} cannot be written"), reason)
    }
}
