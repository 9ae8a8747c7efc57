//! What is to be loaded, source after source, and in how many batches: writes nothing.

use segue_buckets::{Object, Source, find_jsonpaths};
use segue_contract::compaction::{self, BATCHES_MAX, Volume};
use segue_contract::jsonpaths::JsonPaths;
use segue_contract::messages::{
    Compression, Found, FoundSource, Load, Plan, PlannedSource, UsedPaths,
};
use segue_contract::{Compact, ErrorName, Failure, Run, layout, pipeline};

use crate::difference::{Difference, Judged};
use crate::manifest::Compressions;
use crate::objects::Objects;
use crate::{Context, Settings};

/// The most new objects of a run: what fits into the function's memory.
const OBJECTS_MAX: u64 = 20_000_000;

/// The most objects that one COPY reads without merging: a statement lasts a day, and its manifest
/// must fit into the function's memory, about a hundred bytes for each.
const COPIED_OBJECTS_MAX: u64 = 5_000_000;

/// A walk over the sources of a run.
pub struct Survey<'a> {
    /// What has been found so far.
    pub plan: Plan,
    /// When the oldest new object was written.
    pub oldest_second: Option<i64>,
    context: &'a Context,
    run: &'a Run,
    difference: Difference,
    sources: std::vec::IntoIter<FoundSource>,
}

impl<'a> Survey<'a> {
    /// Starts before the first source.
    pub fn new(context: &'a Context, run: &'a Run, found: Found, difference: Difference) -> Self {
        let plan = Plan { slices: context.settings.slices, ..Plan::default() };
        let sources = found.sources.into_iter();
        Self { plan, oldest_second: None, context, run, difference, sources }
    }

    /// The next source with anything new, and the number of batches that it is merged into; 0 for
    /// none.
    ///
    /// # Errors
    /// As the plan function.
    pub async fn next(&mut self) -> Result<Option<(&'a Source, New, u64)>, Failure> {
        for found in self.sources.by_ref() {
            let source = self.context.settings.source(&found.source)?;
            let (s3, bucket) = (&self.context.s3, &self.context.settings.landing.bucket);
            let (name, key) = (source.name, source.jsonpaths_key.as_deref());
            let paths = find_jsonpaths(s3, bucket, name, key).await?.map(|(_, paths)| paths);
            let judged = self.difference.take(name);
            let oldest = [self.oldest_second, judged.oldest_second];
            self.oldest_second = oldest.into_iter().flatten().min();
            let mut new = new(self.context, self.run, source, &found, judged);
            if let Some(paths) = &paths {
                let (source, digest) = (name.to_owned(), paths.digest());
                new.found.loaded_by_other_paths = self.difference.by_other_paths(&source, &digest);
                self.plan.paths.push(UsedPaths { source, digest });
            }
            new.paths = paths;
            self.plan.objects += new.found.objects;
            self.plan.bytes += new.found.bytes;
            self.plan.sources.push(new.found.clone());
            refuse_too_many(&self.plan)?;
            if new.found.objects > 0 {
                let count = decide(self.context, self.run, &new)?;
                return Ok(Some((source, new, count)));
            }
        }
        Ok(None)
    }

    /// Ends after the last source; adds the list of loaded objects, if there are any.
    ///
    /// # Errors
    /// `SourceUnreadable` when there is nothing under any prefix and never was.
    pub fn finish(mut self, is_complete: bool) -> Result<Plan, Failure> {
        let plan = &mut self.plan;
        plan.sql_digest = pipeline::digest();
        let is_nothing = plan.sources.iter().all(|source| source.listed == 0);
        if is_complete && is_nothing && self.difference.is_ledger_empty {
            return Err(nothing_found(&self.context.settings, plan));
        }
        if plan.objects > 0 {
            plan.loads.push(Load {
                step: "plan/objects".into(),
                compression: Compression::Gzip,
                max_rejects: 0,
            });
        }
        Ok(self.plan)
    }
}

/// The new objects of one source.
pub struct New {
    /// Its part of the plan.
    pub found: PlannedSource,
    /// In key order.
    objects: Objects,
    /// The compressions by their names.
    pub compressions: Compressions,
    /// The largest of them, when there is one.
    largest: Object,
    /// The JSONPaths that map their keys; `None` if each key is its column's name.
    pub paths: Option<JsonPaths>,
}

impl New {
    /// The objects, in key order.
    pub fn objects(&self) -> impl Iterator<Item = Object> + '_ {
        self.objects.iter()
    }

    /// How many there are, their bytes, and whether they are compressed in several ways.
    pub fn volume(&self) -> Volume {
        let PlannedSource { objects, bytes, .. } = self.found;
        Volume { objects, bytes, mixed: self.compressions.are_mixed() }
    }
}

fn new(context: &Context, run: &Run, source: &Source, found: &FoundSource, judged: Judged) -> New {
    let (mut compressions, mut largest) = (Compressions::default(), Object::default());
    for object in judged.new.iter() {
        compressions.add(&object.uri);
        if object.bytes > largest.bytes {
            largest = object;
        }
    }
    let Volume { objects, bytes, .. } = judged.new.volume();
    let found = PlannedSource {
        source: source.name.to_owned(),
        prefix: layout::uri(&context.settings.landing.bucket, &source.prefix),
        listed: found.listed,
        objects,
        changed: judged.changed,
        bytes,
        max_rejects: *run.input.max_rejects.get(source.name).unwrap_or(&source.max_rejects),
        set_aside: judged.set_aside,
        skipped: found.skipped.clone(),
        loaded_by_other_paths: 0,
    };
    New { found, objects: judged.new, compressions, largest, paths: None }
}

/// The number of batches that the source is merged into; 0 for none. The limit is divided evenly,
/// so that one source's share does not depend on the others.
///
/// If records may be skipped, the files are always merged: what a COPY skips in a broken file
/// cannot be counted, but what the merge skips can.
fn decide(context: &Context, run: &Run, new: &New) -> Result<u64, Failure> {
    let volume = new.volume();
    let may_leave_out = new.found.max_rejects > 0;
    let wish = wish(&context.settings, run.input.compact)?;
    let wish = if may_leave_out { Compact::Always } else { wish };
    let share = BATCHES_MAX / run.sources().len().max(1) as u64;
    let count = compaction::decide(wish, volume, context.settings.slices, share);
    let fits = |count: u64| {
        volume.bytes / count <= compaction::BATCH_BYTES_MAX
            && new.largest.bytes <= compaction::BATCH_BYTES_MAX
    };
    if count > 0 && fits(count) {
        return Ok(count);
    }
    if count == 0 || (wish == Compact::Auto && !volume.mixed) {
        return refuse_too_many_to_copy(&new.found).map(|()| 0);
    }
    let is_elsewhere = context.settings.landing.is_elsewhere;
    Err(too_large_to_merge(new, share, may_leave_out, is_elsewhere))
}

fn too_large_to_merge(new: &New, share: u64, may_leave_out: bool, is_elsewhere: bool) -> Failure {
    let Object { uri, bytes, .. } = &new.largest;
    let most = compaction::BATCH_BYTES_MAX;
    let reason = match *bytes > most {
        true => {
            format!("expected files of at most {most} bytes to merge, found {bytes} bytes in {uri}")
        }
        false => format!(
            "expected at most {} bytes of {} to merge, found {}",
            share * most,
            new.found.source,
            new.found.bytes
        ),
    };
    Failure::new(ErrorName::InvalidInput, reason).hint(match (may_leave_out, is_elsewhere) {
        (true, _) => {
            "split the files, or load them without `maxRejects`: if records may be skipped, files \
             are merged, so that skipped records can be counted"
        }
        (false, true) => {
            "split the files: those of a bucket in another region are merged before they are copied"
        }
        (false, false) => {
            "omit `compact` from the input, and keep the files of a source in one compression"
        }
    })
}

/// The run's choice of merging, if it has one.
fn wish(settings: &Settings, compact: Compact) -> Result<Compact, Failure> {
    match (settings.landing.is_elsewhere, compact) {
        (false, wish) => Ok(wish),
        (true, Compact::Auto | Compact::Always) => Ok(Compact::Always),
        (true, Compact::Never) => Err(Failure::new(
            ErrorName::InvalidInput,
            format!(
                "expected `compact` auto or always, because the bucket {} is in another region, \
                 found never",
                settings.landing.bucket
            ),
        )
        .hint("omit `compact` from the input: a COPY reads its files and manifest in one region")),
    }
}

fn refuse_too_many_to_copy(found: &PlannedSource) -> Result<(), Failure> {
    if found.objects <= COPIED_OBJECTS_MAX {
        return Ok(());
    }
    Err(Failure::new(
        ErrorName::InvalidInput,
        format!(
            "expected at most {COPIED_OBJECTS_MAX} objects of {} to copy one by one, found {}",
            found.source, found.objects
        ),
    )
    .hint("omit `compact` from the input; load fewer large objects at once"))
}

fn refuse_too_many(plan: &Plan) -> Result<(), Failure> {
    if plan.objects <= OBJECTS_MAX {
        return Ok(());
    }
    Err(Failure::new(
        ErrorName::SourceUnreadable,
        format!("expected at most {OBJECTS_MAX} new objects in one run, found {}", plan.objects),
    )
    .hint("deploy with a longer prefix, load, and widen it: each run loads what is not loaded yet"))
}

fn nothing_found(settings: &Settings, plan: &Plan) -> Failure {
    let prefixes: Vec<&str> = plan.sources.iter().map(|source| source.prefix.as_str()).collect();
    let skipped = plan.sources.iter().flat_map(|source| &source.skipped);
    let skipped: String = skipped.map(|skipped| format!("\n  {}", skipped.line())).collect();
    Failure::new(
        ErrorName::SourceUnreadable,
        format!("expected objects under {}, found none{skipped}", prefixes.join(" or ")),
    )
    .hint(format!(
        "put files into the bucket {}, or deploy with the prefixes that your files have",
        settings.landing.bucket
    ))
}

#[cfg(test)]
mod tests {
    use segue_buckets::Landing;

    use super::*;

    #[test]
    fn objects_of_another_region_are_merged_and_never_copied() {
        let sources = r#"{"songs": {"prefix": "s/"}, "events": {"prefix": "e/"}}"#;
        let landing = Landing::new("theirs".into(), sources).expect("settings");
        let mut settings = Settings::new(landing, "work".into(), "8").expect("settings");
        for compact in [Compact::Auto, Compact::Always, Compact::Never] {
            assert_eq!(wish(&settings, compact).expect("a choice"), compact);
        }
        settings.landing.is_elsewhere = true;
        for compact in [Compact::Auto, Compact::Always] {
            assert_eq!(wish(&settings, compact).expect("a choice"), Compact::Always);
        }
        let failure = wish(&settings, Compact::Never).expect_err("no choice");
        assert_eq!(failure.name, ErrorName::InvalidInput);
        assert!(failure.message.contains("theirs is in another region"), "{failure}");
    }

    #[test]
    fn more_objects_than_one_copy_can_take_are_refused_before_it_begins() {
        let found = |objects| PlannedSource {
            source: "songs".into(),
            prefix: String::new(),
            listed: objects,
            objects,
            changed: 0,
            bytes: 0,
            max_rejects: 0,
            set_aside: 0,
            skipped: Vec::new(),
            loaded_by_other_paths: 0,
        };
        assert_eq!(refuse_too_many_to_copy(&found(COPIED_OBJECTS_MAX)), Ok(()));
        let failure = refuse_too_many_to_copy(&found(COPIED_OBJECTS_MAX + 1)).expect_err("refused");
        assert_eq!(failure.name, ErrorName::InvalidInput);
        assert!(failure.message.contains("of songs to copy one by one"), "{failure}");
    }
}
