//! The lists that a run leaves in the work bucket: a manifest for each COPY, and the objects that
//! become the ledger's entries.

use std::io::Write;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::primitives::ByteStream;
use flate2::write::GzEncoder;
use segue_contract::messages::Compression;
use segue_contract::{ErrorName, Failure, Run, layout};
use segue_function::unreadable;
use serde_json::json;

use crate::listing::Object;

/// Objects in one part of the list at most: some 10 MB before they are compressed.
const PART_OBJECTS_MAX: usize = 100_000;

/// The manifest of one COPY.
#[derive(Default)]
pub struct Manifest {
    entries: Vec<u8>,
    compressions: Vec<(Compression, String)>,
}

impl Manifest {
    /// Adds an object; one that is gone when the COPY comes to it fails the COPY.
    ///
    /// # Errors
    /// Never: a URI is always JSON.
    pub fn add(&mut self, object: &Object) -> Result<(), Failure> {
        self.entries.extend(if self.entries.is_empty() { "" } else { ",\n" }.bytes());
        let entry = json!({
            "url": object.uri, "mandatory": true, "meta": {"content_length": object.bytes},
        });
        self.entries.extend(entry.to_string().bytes());
        let compression = compression(&object.uri);
        if !self.compressions.iter().any(|(known, _)| *known == compression) {
            self.compressions.push((compression, object.uri.clone()));
        }
        Ok(())
    }

    /// How the objects are compressed, as their names say.
    ///
    /// # Errors
    /// `SourceUnreadable` when they are not all alike, because one COPY takes one compression.
    pub fn compression(&self) -> Result<Compression, Failure> {
        match self.compressions.as_slice() {
            [] => Ok(Compression::None),
            [(compression, _)] => Ok(*compression),
            [(_, one), (_, other), ..] => Err(Failure::new(
                ErrorName::SourceUnreadable,
                format!("expected files of one compression, found {one} and {other}"),
            )
            .hint("compress all files of a source alike, or none")),
        }
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// `SourceUnreadable` when the work bucket does not take it.
    pub async fn write(self, s3: &Client, bucket: &str, key: &str) -> Result<(), Failure> {
        let mut body = b"{\"entries\": [\n".to_vec();
        body.extend(self.entries);
        body.extend(b"\n]}\n");
        put(s3, bucket, key, body).await
    }
}

fn compression(uri: &str) -> Compression {
    match uri.rsplit('.').next() {
        Some("gz") => Compression::Gzip,
        Some("zst") => Compression::Zstd,
        _ => Compression::None,
    }
}

/// The list of the objects that this run loads, in parts, with a manifest of its own.
pub struct PlannedObjects {
    run: Run,
    bucket: String,
    part: GzEncoder<Vec<u8>>,
    in_part: usize,
    parts: Vec<Object>,
}

impl PlannedObjects {
    /// An empty list.
    pub fn new(run: &Run, bucket: &str) -> Self {
        Self {
            run: run.clone(),
            bucket: bucket.into(),
            part: encoder(),
            in_part: 0,
            parts: Vec::new(),
        }
    }

    /// Adds an object, and writes a part when it is full.
    ///
    /// # Errors
    /// `SourceUnreadable` when the work bucket does not take it.
    pub async fn add(&mut self, s3: &Client, source: &str, object: &Object) -> Result<(), Failure> {
        let line = json!({
            "source": source, "uri": object.uri, "etag": object.etag, "bytes": object.bytes,
        });
        writeln!(self.part, "{line}")
            .map_err(|error| unreadable("the list of objects cannot be compressed", error))?;
        self.in_part += 1;
        if self.in_part == PART_OBJECTS_MAX { self.write_part(s3).await } else { Ok(()) }
    }

    /// Writes what is left, and the manifest.
    ///
    /// # Errors
    /// `SourceUnreadable` when the work bucket does not take it.
    pub async fn finish(mut self, s3: &Client) -> Result<(), Failure> {
        if self.in_part > 0 {
            self.write_part(s3).await?;
        }
        let mut manifest = Manifest::default();
        for part in &self.parts {
            manifest.add(part)?;
        }
        let key = layout::manifest_key(&self.run, "plan/objects");
        manifest.write(s3, &self.bucket, &key).await
    }

    async fn write_part(&mut self, s3: &Client) -> Result<(), Failure> {
        let part = std::mem::replace(&mut self.part, encoder());
        self.in_part = 0;
        let body = part
            .finish()
            .map_err(|error| unreadable("the list of objects cannot be compressed", error))?;
        let key = layout::planned_objects_key(&self.run, self.parts.len());
        let uri = layout::uri(&self.bucket, &key);
        self.parts.push(Object { uri, etag: String::new(), bytes: body.len() as u64 });
        put(s3, &self.bucket, &key, body).await
    }
}

fn encoder() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), flate2::Compression::fast())
}

/// Writes one object into the work bucket.
///
/// # Errors
/// `SourceUnreadable` when the bucket does not take it.
pub async fn put(s3: &Client, bucket: &str, key: &str, body: Vec<u8>) -> Result<(), Failure> {
    let sent = s3.put_object().bucket(bucket).key(key).body(ByteStream::from(body)).send().await;
    sent.map(|_| ()).map_err(|error| {
        let what = format!("{} cannot be written", layout::uri(bucket, key));
        unreadable(what, DisplayErrorContext(&error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(uri: &str) -> Object {
        Object { uri: uri.into(), etag: "e".into(), bytes: 3 }
    }

    #[test]
    fn a_manifest_is_json_whatever_the_keys() {
        let mut manifest = Manifest::default();
        for uri in ["s3://b/a.json", "s3://b/\"quoted\" ünïcode\n.json"] {
            manifest.add(&object(uri)).expect("adds");
        }
        let text = format!("[{}]", String::from_utf8(manifest.entries).expect("UTF-8"));
        let entries: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0]["mandatory"], true);
        assert_eq!(entries[1]["url"], "s3://b/\"quoted\" ünïcode\n.json");
    }

    #[test]
    fn mixed_compressions_are_named() {
        let mut manifest = Manifest::default();
        manifest.add(&object("s3://b/a.json")).expect("adds");
        assert_eq!(manifest.compression(), Ok(Compression::None));
        manifest.add(&object("s3://b/b.json.gz")).expect("adds");
        let failure = manifest.compression().expect_err("mixed");
        assert!(failure.message.contains("b.json.gz"), "{failure}");
    }
}
