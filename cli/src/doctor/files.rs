//! The buckets, and what lies under the prefixes.

use aws_sdk_s3::{Client, primitives::ByteStream};

use segue_buckets::Source;
use segue_contract::{data_files::SkipReason, jsonpaths::JsonPaths, layout};

use super::{
    Depth,
    finding::Finding,
    sample::{self, Seen},
    shape::Mapping,
};
pub use crate::landing::{DataObject, Listed};
use crate::{
    aws,
    errors::{Outcome, Problem},
    landing, ui,
};

/// The most objects to list if only some are sampled: one page.
const SAMPLED_MAX: usize = 1_000;
/// The most objects that the warehouse reads: their manifest is written in one piece.
const READ_MAX: usize = 500_000;

/// The stack's buckets.
pub struct Files<'a> {
    /// The client of both.
    pub s3: Client,
    /// Where files land.
    pub landing: &'a str,
    /// Where runs keep their files.
    pub work: &'a str,
}

impl Files<'_> {
    /// Whether both buckets exist and may be listed.
    pub async fn buckets(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (check, bucket) in [("landing bucket", self.landing), ("work bucket", self.work)] {
            // A HEAD request has no body, so its errors have no message; a listing says why.
            let listed = self.s3.list_objects_v2().bucket(bucket).max_keys(1).send().await;
            findings.push(match listed {
                Ok(_) => Finding::good(check, bucket),
                Err(error) => Finding::problem(
                    check,
                    &aws::problem(&format!("list s3://{bucket}"), error),
                    "check that the bucket exists and that you may list it",
                ),
            });
        }
        findings
    }

    /// Lists objects of a source: a sample, or as many as the warehouse is to read.
    pub async fn list(&self, source: &Source, depth: Depth) -> Outcome<Listed> {
        let objects_max = match depth {
            Depth::Sample => SAMPLED_MAX,
            Depth::EveryFile => READ_MAX,
        };
        landing::list(&self.s3, landing::Place::of(self.landing, source), objects_max).await
    }

    /// What a run would skip, a finding for each reason.
    pub fn skipped(&self, source: &Source, listed: &Listed) -> Vec<Finding> {
        let skipped = listed.skipped.clone().of(source.name).into_iter();
        let findings = skipped.map(|skipped| match skipped.reason {
            SkipReason::Archived => Finding::warning(
                "skipped",
                skipped.line(),
                "restore the objects, or move them out of the prefix: runs skip them",
            ),
            SkipReason::OtherEnding => Finding::warning(
                "skipped",
                skipped.line(),
                "if they are data, give them one of these endings: runs skip them",
            ),
            _ => Finding::good("skipped", skipped.line()),
        });
        findings.map(|finding| finding.of(source.name)).collect()
    }

    /// Whether there is anything to load. One source may be empty if the other is not.
    pub fn counted(&self, source: &Source, listed: &Listed, has_files: bool) -> Finding {
        let place = format!("s3://{}/{}", self.landing, source.prefix);
        let advice = "put files there, or deploy with the prefix that your files have";
        let finding = match listed.objects.len() {
            0 if has_files => Finding::warning("files", format!("none under {place}"), advice),
            0 => Finding::bad("files", format!("none under {place}"), advice),
            count if listed.is_cut => Finding::good(
                "files",
                format!("more than {} under {place}", ui::count(count, "file")),
            ),
            count => Finding::good("files", format!("{} under {place}", ui::count(count, "file"))),
        };
        finding.of(source.name)
    }

    /// The JSONPaths that a run would use, found as a run finds them, and where they are; `None` if
    /// the keys are the columns' names.
    pub async fn paths(&self, source: &Source) -> Outcome<Option<(String, JsonPaths)>> {
        let key = source.jsonpaths_key.as_deref();
        let found = segue_buckets::find_jsonpaths(&self.s3, self.landing, source.name, key).await;
        found.map_err(|failure| match failure.hint {
            Some(hint) => Problem::failed(failure.message).hint(hint),
            None => Problem::failed(failure.message),
        })
    }

    /// Reads some files, or all; an unreadable file is a finding.
    pub async fn sample(
        &self,
        listed: &Listed,
        depth: Depth,
        mapping: &Mapping,
    ) -> (Seen, Vec<Finding>) {
        let (mut seen, mut unreadable) = (Seen::default(), Vec::new());
        let bytes_max = match depth {
            Depth::Sample => sample::FILE_BYTES_MAX,
            Depth::EveryFile => sample::WHOLE_FILE_BYTES_MAX,
        };
        for object in chosen(listed, depth) {
            let uri = layout::uri(self.landing, &object.key);
            match self.head(&object.key, bytes_max).await {
                Ok(bytes) => seen.add(&uri, &bytes, object.bytes > bytes_max, mapping),
                Err(problem) => {
                    let finding = Finding::problem("documents", &problem, super::READ_IT);
                    unreadable.push(finding.in_file(uri));
                }
            }
        }
        (seen, unreadable)
    }

    /// The first bytes of an object of the landing bucket.
    pub async fn head(&self, key: &str, bytes_max: u64) -> Outcome<Vec<u8>> {
        let what = format!("read s3://{}/{key}", self.landing);
        let range = format!("bytes=0-{}", bytes_max - 1);
        let request = self.s3.get_object().bucket(self.landing).key(key).range(range);
        let object = request.send().await.map_err(|error| aws::problem(&what, error))?;
        let body = object.body.collect().await;
        let body = body.map_err(|error| Problem::failed(format!("cannot {what}: {error}")))?;
        Ok(body.to_vec())
    }

    /// Writes a file to the work bucket, whose lifecycle rule deletes it.
    pub async fn write(&self, key: &str, body: Vec<u8>) -> Outcome {
        let request = self.s3.put_object().bucket(self.work).key(key);
        let put = request.body(ByteStream::from(body)).send().await;
        put.map(|_| ())
            .map_err(|error| aws::problem(&format!("write s3://{}/{key}", self.work), error))
    }
}

/// The files to read: all, or some spread evenly.
pub fn chosen(listed: &Listed, depth: Depth) -> impl Iterator<Item = &DataObject> {
    let step = match depth {
        Depth::Sample => listed.objects.len().div_ceil(sample::FILES_MAX).max(1),
        Depth::EveryFile => 1,
    };
    listed.objects.iter().step_by(step)
}
