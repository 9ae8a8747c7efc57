//! The list of the objects that a run loads, which become the ledger's entries.

use std::io::Write;

use aws_sdk_s3::Client;
use flate2::write::GzEncoder;
use segue_buckets::{Manifest, Object, encoder, put};
use segue_contract::data_files::compression;
use segue_contract::messages::Compression;
use segue_contract::{ErrorName, Failure, Run, layout};
use segue_function::unreadable;
use serde_json::json;

/// The most objects in one part of the list: about 10 MB before compression.
const PART_OBJECTS_MAX: usize = 100_000;

/// The compressions by the objects' names, each with the first object that has it.
#[derive(Default)]
pub struct Compressions {
    found: Vec<(Compression, String)>,
}

impl Compressions {
    /// Notes an object.
    pub fn add(&mut self, uri: &str) {
        let compression = compression(uri);
        if !self.found.iter().any(|(known, _)| *known == compression) {
            self.found.push((compression, uri.to_owned()));
        }
    }

    /// Whether there are several; one COPY takes only one.
    pub fn are_mixed(&self) -> bool {
        self.found.len() > 1
    }

    /// The one compression.
    ///
    /// # Errors
    /// `SourceUnreadable` when there are several.
    pub fn one(&self) -> Result<Compression, Failure> {
        match self.found.as_slice() {
            [] => Ok(Compression::None),
            [(compression, _)] => Ok(*compression),
            [(_, one), (_, other), ..] => Err(Failure::new(
                ErrorName::SourceUnreadable,
                format!("expected files of one compression, found {one} and {other}"),
            )
            .hint("omit `compact` from the input: merged files may be of any compression")),
        }
    }
}

/// The list of the objects that this run loads, in parts, with its own manifest.
pub struct PlannedObjects {
    run: Run,
    bucket: String,
    part: GzEncoder<Vec<u8>>,
    in_part: usize,
    parts: usize,
    manifest: Manifest,
}

impl PlannedObjects {
    /// An empty list.
    pub fn new(run: &Run, bucket: &str) -> Self {
        Self {
            run: run.clone(),
            bucket: bucket.into(),
            part: encoder(),
            in_part: 0,
            parts: 0,
            manifest: Manifest::default(),
        }
    }

    /// Adds an object, and writes a part when it is full.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the work bucket fails.
    pub async fn add(&mut self, s3: &Client, source: &str, object: &Object) -> Result<(), Failure> {
        let line = json!({
            "source": source, "uri": object.uri, "etag": object.etag, "bytes": object.bytes,
        });
        writeln!(self.part, "{line}")
            .map_err(|error| unreadable("the list of objects cannot be compressed", error))?;
        self.in_part += 1;
        if self.in_part == PART_OBJECTS_MAX { self.write_part(s3).await } else { Ok(()) }
    }

    /// Adds a list that the state "Compact" will write, of the objects that it has read.
    pub fn expect(&mut self, source: &str, batch: u32) {
        let key = layout::batch_objects_key(&self.run, source, batch);
        self.manifest.add(&layout::uri(&self.bucket, &key));
    }

    /// Writes the rest, and the manifest.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the work bucket fails.
    pub async fn finish(mut self, s3: &Client) -> Result<(), Failure> {
        if self.in_part > 0 {
            self.write_part(s3).await?;
        }
        let key = layout::manifest_key(&self.run, "plan/objects");
        self.manifest.write(s3, &self.bucket, &key).await
    }

    async fn write_part(&mut self, s3: &Client) -> Result<(), Failure> {
        let part = std::mem::replace(&mut self.part, encoder());
        self.in_part = 0;
        let body = part
            .finish()
            .map_err(|error| unreadable("the list of objects cannot be compressed", error))?;
        let key = layout::planned_objects_key(&self.run, self.parts);
        self.manifest.add(&layout::uri(&self.bucket, &key));
        self.parts += 1;
        put(s3, &self.bucket, &key, body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_compressions_are_named() {
        let mut compressions = Compressions::default();
        compressions.add("s3://b/a.json");
        assert_eq!(compressions.one(), Ok(Compression::None));
        compressions.add("s3://b/b.json.gz");
        assert!(compressions.are_mixed());
        let failure = compressions.one().expect_err("mixed");
        assert!(failure.message.contains("b.json.gz"), "{failure}");
    }
}
