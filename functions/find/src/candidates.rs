//! The lists of objects that may be new: written while the listing runs, so that their number
//! does not fill the memory.

use std::io::Write;

use flate2::write::GzEncoder;
use segue_buckets::{Collect, Manifest, Object, Source, encoder, put};
use segue_contract::data_files::{SkipCounts, SkipReason};
use segue_contract::messages::{FoundSource, URI_HASHES_MAX};
use segue_contract::{Failure, Run, layout, uri_hash};
use segue_function::unreadable;
use serde_json::json;

use crate::{Context, of_source};

/// The most objects in one part of a list: about 10 MB before compression.
const PART_OBJECTS_MAX: u64 = 100_000;
/// The step that reads the lists.
const STEP: &str = "plan/subtract";

/// The candidates of one range of keys.
pub struct List<'a> {
    context: &'a Context,
    run: &'a Run,
    source: &'a Source,
    range: usize,
    part: GzEncoder<Vec<u8>>,
    in_part: u64,
    /// The keys of the parts that are written.
    parts: Vec<String>,
    listed: u64,
    /// Of the first candidates, one more than are passed on.
    hashes: Vec<i64>,
    skipped: SkipCounts,
    failure: Option<Failure>,
}

impl<'a> List<'a> {
    /// An empty list.
    pub fn new(context: &'a Context, run: &'a Run, source: &'a Source, range: usize) -> Self {
        Self {
            context,
            run,
            source,
            range,
            part: encoder(),
            in_part: 0,
            parts: Vec::new(),
            listed: 0,
            hashes: Vec::new(),
            skipped: SkipCounts::default(),
            failure: None,
        }
    }

    /// Writes the part that is not full.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the work bucket fails.
    pub async fn finish(&mut self) -> Result<(), Failure> {
        if self.in_part > 0 { self.write_part().await } else { Ok(()) }
    }

    async fn write_part(&mut self) -> Result<(), Failure> {
        let part = std::mem::replace(&mut self.part, encoder());
        self.in_part = 0;
        let body = part.finish().map_err(uncompressed)?;
        let key = layout::candidates_key(self.run, self.source.name, self.range, self.parts.len());
        put(&self.context.s3, &self.context.settings.work_bucket, &key, body).await?;
        self.parts.push(key);
        Ok(())
    }
}

impl Collect for List<'_> {
    fn add(&mut self, object: Object, judged: Result<(), SkipReason>) {
        if let Err(reason) = judged {
            self.skipped.add(reason, &object.uri);
            return;
        }
        let line = json!({
            "source": self.source.name, "uri": object.uri, "etag": object.etag,
            "bytes": object.bytes, "written_second": object.written_second,
        });
        if let Err(error) = writeln!(self.part, "{line}") {
            self.failure.get_or_insert(uncompressed(error));
        }
        if self.hashes.len() <= URI_HASHES_MAX {
            self.hashes.push(uri_hash(&object.uri));
        }
        self.in_part += 1;
        self.listed += 1;
    }

    async fn end_page(&mut self) -> Result<(), Failure> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if self.in_part >= PART_OBJECTS_MAX => self.write_part().await,
            None => Ok(()),
        }
    }
}

fn uncompressed(error: std::io::Error) -> Failure {
    unreadable("the list of candidates cannot be compressed", error)
}

/// The candidates of all sources: a manifest for the COPY that reads their lists.
pub struct Candidates {
    key: String,
    bucket: String,
    manifest: Manifest,
    hashes: Vec<i64>,
}

impl Candidates {
    /// None yet.
    pub fn new(run: &Run, bucket: &str) -> Self {
        let key = layout::manifest_key(run, STEP);
        let (manifest, hashes) = (Manifest::default(), Vec::new());
        Self { key, bucket: bucket.to_owned(), manifest, hashes }
    }

    /// Adds the lists of a source.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the work bucket fails.
    pub async fn add(
        &mut self,
        source: &Source,
        lists: Vec<List<'_>>,
    ) -> Result<FoundSource, Failure> {
        let (mut listed, mut skipped) = (0, SkipCounts::default());
        for mut list in lists {
            list.finish().await?;
            list.parts.iter().for_each(|key| self.manifest.add(&layout::uri(&self.bucket, key)));
            if self.hashes.len() <= URI_HASHES_MAX {
                self.hashes.append(&mut list.hashes);
            }
            listed += list.listed;
            skipped.extend(list.skipped);
        }
        Ok(of_source(source, listed, skipped))
    }

    /// The hash of each candidate, as text; `None` if there are more than are passed on.
    pub fn uri_hashes(&self) -> Option<Vec<String>> {
        let are_few = self.hashes.len() <= URI_HASHES_MAX;
        are_few.then(|| self.hashes.iter().map(ToString::to_string).collect())
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the work bucket fails.
    pub async fn finish(self, context: &Context) -> Result<(), Failure> {
        self.manifest.write(&context.s3, &self.bucket, &self.key).await
    }
}
