//! The output of a batch: the part, its index, the list of the objects read, and what was set
//! aside.

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::write::GzEncoder;
use segue_contract::messages::CompactRequest;
use segue_contract::{Failure, layout, rejects::storable};
use segue_documents::{Reject, Sink};
use segue_function::unreadable;
use serde_json::json;

use crate::Context;
use crate::places::Places;
use crate::upload::Upload;

/// The level that parts are compressed with: higher ones cost more time than they save a COPY.
const ZSTD_LEVEL: i32 = 3;

/// Lines that are compressed and written as they arrive.
struct Lines {
    encoder: Encoder,
    upload: Upload,
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::Encoder<'static, Vec<u8>>),
    Ended,
}

impl Lines {
    fn gzip(upload: Upload) -> Self {
        let encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        Self { encoder: Encoder::Gzip(encoder), upload }
    }

    fn zstd(upload: Upload) -> io::Result<Self> {
        let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self { encoder: Encoder::Zstd(encoder), upload })
    }

    /// Line ends within a document are between its values, where a blank means the same.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let mut rest = line;
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            self.write_all(&rest[..end])?;
            self.write_all(b" ")?;
            rest = &rest[end + 1..];
        }
        self.write_all(rest)?;
        self.write_all(b"\n")
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.encoder {
            Encoder::Gzip(encoder) => encoder.write_all(bytes),
            Encoder::Zstd(encoder) => encoder.write_all(bytes),
            Encoder::Ended => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    async fn send(&mut self) -> Result<(), Failure> {
        match &mut self.encoder {
            Encoder::Gzip(encoder) => self.upload.push(encoder.get_mut()).await,
            Encoder::Zstd(encoder) => self.upload.push(encoder.get_mut()).await,
            Encoder::Ended => Ok(()),
        }
    }

    async fn finish(&mut self) -> Result<u64, Failure> {
        let end = match std::mem::replace(&mut self.encoder, Encoder::Ended) {
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Zstd(encoder) => encoder.finish(),
            Encoder::Ended => Ok(Vec::new()),
        };
        self.upload.push(&mut end.map_err(uncompressed)?).await?;
        self.upload.finish().await
    }
}

/// Everything that one batch writes.
pub struct Output {
    documents: u64,
    documents_before: u64,
    rejected: u64,
    refused: u64,
    places: Places,
    uri: String,
    run_id: String,
    source: String,
    part: Lines,
    index: Lines,
    objects: Lines,
    rejects: Lines,
}

impl Output {
    /// Starts the files of a batch; nothing is sent yet.
    ///
    /// # Errors
    /// `SourceUnreadable` when the compression cannot be set up.
    pub fn new(context: &Context, request: &CompactRequest) -> Result<Self, Failure> {
        let CompactRequest { run, source, batch, .. } = request;
        let upload = |key: String| {
            Upload::new(context.writing.clone(), context.settings.work_bucket.clone(), key)
        };
        let part = upload(layout::part_key(run, source, *batch));
        Ok(Self {
            documents: 0,
            documents_before: 0,
            rejected: 0,
            refused: 0,
            places: Places::default(),
            uri: String::new(),
            run_id: run.id.clone(),
            source: source.clone(),
            part: Lines::zstd(part).map_err(uncompressed)?,
            index: Lines::gzip(upload(layout::part_index_key(run, source, *batch))),
            objects: Lines::gzip(upload(layout::batch_objects_key(run, source, *batch))),
            rejects: Lines::gzip(upload(layout::batch_rejects_key(run, source, *batch))),
        })
    }

    /// Starts an object: the following documents come from it.
    pub fn begin(&mut self, uri: &str) {
        uri.clone_into(&mut self.uri);
        self.documents_before = self.documents;
    }

    /// Ends an object that has been read, and records where its documents are.
    ///
    /// # Errors
    /// `SourceUnreadable` when it cannot be compressed.
    pub fn end(&mut self, etag: &str, bytes: u64) -> Result<(), Failure> {
        let object = json!({
            "source": self.source, "uri": self.uri, "etag": etag, "bytes": bytes,
        });
        self.objects.write(object.to_string().as_bytes()).map_err(uncompressed)?;
        self.end_index().map_err(uncompressed)
    }

    /// Records the lines of the documents in the part, and where they begin in the object.
    fn end_index(&mut self) -> io::Result<()> {
        let mut index = json!({
            "line": self.documents_before + 1,
            "documents": self.documents - self.documents_before,
            "uri": self.uri,
        });
        if let Some(places) = self.places.take() {
            index["places"] = places;
        }
        self.documents_before = self.documents;
        self.index.write(index.to_string().as_bytes())
    }

    /// Records that an object was gone.
    ///
    /// # Errors
    /// `SourceUnreadable` when it cannot be compressed.
    pub fn vanished(&mut self, uri: &str) -> Result<(), Failure> {
        let index = json!({"vanished": true, "uri": uri});
        self.index.write(index.to_string().as_bytes()).map_err(uncompressed)
    }

    /// Sends complete parts.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the bucket fails.
    pub async fn send(&mut self) -> Result<(), Failure> {
        for lines in [&mut self.part, &mut self.index, &mut self.objects, &mut self.rejects] {
            lines.send().await?;
        }
        Ok(())
    }

    /// Sends what was set aside, even if that is nothing: a retry must replace what another attempt
    /// has set aside.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the bucket fails.
    pub async fn finish_rejects(&mut self) -> Result<(), Failure> {
        self.rejects.finish().await.map(|_| ())
    }

    /// Sends everything else; returns how many bytes the part has.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the bucket fails.
    pub async fn finish(&mut self) -> Result<u64, Failure> {
        self.index.finish().await?;
        self.objects.finish().await?;
        self.part.finish().await
    }

    /// Aborts incomplete uploads.
    pub async fn abort(&mut self) {
        for lines in [&mut self.part, &mut self.index, &mut self.objects, &mut self.rejects] {
            lines.upload.abort().await;
        }
    }

    /// Documents written.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Records set aside.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Objects that are not files of documents.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

impl Sink for Output {
    fn document(&mut self, document: &[u8], line: u64) -> io::Result<()> {
        if self.places.are_many() {
            self.end_index()?;
        }
        self.documents += 1;
        self.places.add(self.documents - self.documents_before, line);
        self.part.write(document)
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        if reject.is_file {
            self.refused += 1;
        } else {
            self.rejected += 1;
        }
        let text = String::from_utf8_lossy(&reject.raw);
        let raw_value = storable(&text);
        // The columns of the table that it is copied into, and what only people need.
        let mut record = json!({
            "run_id": self.run_id, "source": self.source, "uri": self.uri, "line": reject.line,
            "column_name": null, "code": null, "reason": reject.reason, "raw_value": raw_value,
            "offset": reject.offset, "bytes": reject.bytes, "lines": reject.lines,
            "is_file": reject.is_file,
        });
        // The bytes themselves, if the text does not have all of them, so that nothing is lost.
        if raw_value.as_bytes() != reject.raw {
            record["raw_base64"] = BASE64_STANDARD.encode(&reject.raw).into();
        }
        self.rejects.write(record.to_string().as_bytes())
    }
}

/// Compressing into memory fails only for a reason that the error names.
pub fn uncompressed(error: io::Error) -> Failure {
    unreadable("a part cannot be compressed", error)
}
