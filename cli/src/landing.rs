//! The objects under a prefix of the landing bucket, by the rule that runs follow.

use aws_sdk_s3::{
    Client,
    types::{Object, OptionalObjectAttributes},
};
use segue_buckets::Source;
use segue_contract::data_files::SkipCounts;

use crate::{aws, errors::Outcome};

/// An object that is data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataObject {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// Its ETag, without quotes.
    pub etag: String,
}

/// The objects under a prefix.
#[derive(Debug, Default)]
pub struct Listed {
    /// The data files, in key order.
    pub objects: Vec<DataObject>,
    /// The files that are not data.
    pub skipped: SkipCounts,
    /// Whether there are more.
    pub is_cut: bool,
}

/// Where the objects of a source are.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The landing bucket.
    pub bucket: &'a str,
    /// What the keys begin with.
    pub prefix: &'a str,
    /// The key of the source's JSONPaths file, which is never data.
    pub paths_key: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Where the stack says that the objects of a source are.
    pub fn of(bucket: &'a str, source: &'a Source) -> Self {
        Self { bucket, prefix: &source.prefix, paths_key: source.jsonpaths_key.as_deref() }
    }
}

/// Lists up to about `objects_max` objects of a source.
pub async fn list(s3: &Client, place: Place<'_>, objects_max: usize) -> Outcome<Listed> {
    let Place { bucket, prefix, .. } = place;
    let mut listed = Listed::default();
    let request = s3.list_objects_v2().bucket(bucket).prefix(prefix);
    let request = request.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page =
            page.map_err(|error| aws::problem(&format!("list s3://{bucket}/{prefix}"), error))?;
        let is_last = page.is_truncated != Some(true);
        for object in page.contents.unwrap_or_default() {
            listed.add(place, object);
        }
        if listed.objects.len() >= objects_max {
            listed.is_cut = !is_last || listed.objects.len() > objects_max;
            listed.objects.truncate(objects_max);
            break;
        }
    }
    Ok(listed)
}

impl Listed {
    fn add(&mut self, place: Place<'_>, object: Object) {
        let bytes = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        let Some(key) = object.key.clone() else { return };
        let etag = object.e_tag().unwrap_or_default().trim_matches('"').to_owned();
        match segue_buckets::judge(place.prefix, place.paths_key, &object) {
            Ok(()) => self.objects.push(DataObject { key, bytes, etag }),
            Err(reason) => self.skipped.add(reason, &key),
        }
    }
}
