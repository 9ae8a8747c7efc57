//! Lists what is new in the landing bucket and writes the manifests that the COPY steps read.
//!
//! New is what the ledger does not hold by key *and* ETag; so an object whose content has changed is
//! loaded again. Lists stand in the work bucket, because a state's payload is small.

mod abandoned;
mod batches;
mod jsonpaths;
mod ledger;
mod listing;
mod manifest;
mod objects;
mod settings;

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_s3::Client;
use segue_contract::compaction::{self, BATCHES_MAX, Volume};
use segue_contract::messages::{Batch, Compression, Load, Plan, PlanRequest, PlannedSource};
use segue_contract::metrics::Metric;
use segue_contract::{Compact, ErrorName, Failure, Run, layout};
use segue_function::metrics::{Subject, emit};
use segue_warehouse::Warehouse;

use crate::batches::Batches;
use crate::ledger::{Known, Ledger};
use crate::listing::Place;
use crate::manifest::{Compressions, Manifest, PlannedObjects};
use crate::objects::{Object, Objects};
pub use settings::{Settings, Source};

/// Objects of a run at most: what fits into the function's memory with the ledger beside them.
const OBJECTS_MAX: u64 = 20_000_000;

/// Objects that one COPY reads at most, where they are not merged: a statement lasts a day, and its
/// manifest has to fit into the function's memory, some hundred bytes for each.
const COPIED_OBJECTS_MAX: u64 = 5_000_000;

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The client of the landing and the work bucket.
    pub s3: Client,
    /// The warehouse that holds the ledger's result.
    pub warehouse: Warehouse,
    /// Where the buckets and sources are.
    pub settings: Settings,
}

/// Plans the run.
///
/// Safe to run again: it writes the same keys anew, from a newer listing.
///
/// # Errors
/// `SourceUnreadable` when there is nothing under any prefix, or a bucket cannot be read;
/// `InvalidConfiguration` for a JSONPaths file that does not fit, or a permission that is missing; `WarehouseBusy` and
/// `WarehouseUnreachable`, which are worth a retry.
#[tracing::instrument(skip_all, fields(run_id = %request.run.id))]
pub async fn handle(context: &Context, request: PlanRequest) -> Result<Plan, Failure> {
    let run = &request.run;
    run.validate()?;
    let ledger = match run.input.rebuild {
        true => Ledger::default(),
        false => Ledger::read(&context.warehouse, &request.ledger_statement_id).await?,
    };
    let abandoned = abandoned::find(&context.warehouse, &request.ledger_statement_id).await;
    let slices = context.settings.slices;
    let mut plan = Plan { abandoned, slices, ..Plan::default() };
    let mut oldest_second = None;
    let mut planned = PlannedObjects::new(run, &context.settings.work_bucket);
    for name in run.sources() {
        let source = context.settings.source(name)?;
        let new = find_new(context, run, source, &ledger).await?;
        oldest_second = [oldest_second, new.oldest_second].into_iter().flatten().min();
        plan.objects += new.found.objects;
        plan.bytes += new.found.bytes;
        refuse_too_many(&plan)?;
        if new.found.objects > 0 {
            let count = decide(context, run, &new)?;
            let (load, batches) = match count {
                0 => copied(context, run, source, &new, &mut planned).await?,
                _ => merged(context, run, source, &new, count, &mut planned).await?,
            };
            plan.loads.push(load);
            plan.batches.extend(batches);
        }
        plan.sources.push(new.found);
    }
    if plan.sources.iter().all(|source| source.listed == 0) && ledger.is_empty() {
        return Err(nothing_found(&context.settings, &plan));
    }
    measure(run, &plan, oldest_second);
    if plan.objects > 0 {
        planned.finish(&context.s3).await?;
        plan.loads.push(Load {
            step: "plan/objects".into(),
            compression: Compression::Gzip,
            max_rejects: 0,
        });
    }
    tracing::info!(objects = plan.objects, bytes = plan.bytes, "planned");
    Ok(plan)
}

/// Writes how much waits, and for how long. A rebuild loads what has waited for nothing.
fn measure(run: &Run, plan: &Plan, oldest_second: Option<i64>) {
    let mut values = vec![(Metric::ObjectsWaiting, float(plan.objects))];
    if let (Some(written), false) = (oldest_second, run.input.rebuild) {
        let waited = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = waited.as_secs().saturating_sub(written.unsigned_abs());
        values.push((Metric::OldestObjectSeconds, float(seconds)));
    }
    emit(Subject { run_id: &run.id, step: None }, &values);
}

/// CloudWatch's numbers are floating-point: what it would round is rounded here.
#[allow(clippy::cast_precision_loss, reason = "a metric is a floating-point number")]
fn float(number: u64) -> f64 {
    number as f64
}

/// What is new of one source.
struct New {
    found: PlannedSource,
    /// When the oldest was written.
    oldest_second: Option<i64>,
    /// In key order, range after range.
    ranges: Vec<Objects>,
    compressions: Compressions,
}

impl New {
    fn objects(&self) -> impl Iterator<Item = Object> + '_ {
        self.ranges.iter().flat_map(Objects::iter)
    }

    fn volume(&self) -> Volume {
        let PlannedSource { objects, bytes, .. } = self.found;
        Volume { objects, bytes, mixed: self.compressions.are_mixed() }
    }
}

/// What a range of the listing brings.
#[derive(Default)]
struct Listed {
    listed: u64,
    changed: u64,
    new: Objects,
    /// When the oldest of the new ones was written.
    oldest_second: Option<i64>,
}

async fn find_new(
    context: &Context,
    run: &Run,
    source: &Source,
    ledger: &Ledger,
) -> Result<New, Failure> {
    let Settings { landing_bucket: bucket, .. } = &context.settings;
    let place = Place { s3: &context.s3, bucket, prefix: &source.prefix };
    let ranges = listing::list(place, |range: &mut Listed, object| {
        range.listed += 1;
        match ledger.look_up(&source.name, &object) {
            Known::Same => return,
            Known::Changed => range.changed += 1,
            Known::Not => {}
        }
        range.new.add(&object);
        let written = Some(object.written_second).filter(|second| *second > 0);
        range.oldest_second = range.oldest_second.into_iter().chain(written).min();
    })
    .await?;
    let sum = |of: fn(&Listed) -> u64| ranges.iter().map(of).sum();
    let found = PlannedSource {
        source: source.name.clone(),
        prefix: layout::uri(bucket, &source.prefix),
        listed: sum(|range| range.listed),
        objects: sum(|range| range.new.volume().objects),
        changed: sum(|range| range.changed),
        bytes: sum(|range| range.new.volume().bytes),
        max_rejects: *run.input.max_rejects.get(&source.name).unwrap_or(&source.max_rejects),
    };
    let oldest_second = ranges.iter().filter_map(|range| range.oldest_second).min();
    let memory_bytes: usize = ranges.iter().map(|range| range.new.memory_bytes()).sum();
    tracing::info!(source = source.name, objects = found.objects, memory_bytes, "listed");
    let ranges: Vec<Objects> = ranges.into_iter().map(|range| range.new).collect();
    let mut new = New { found, oldest_second, ranges, compressions: Compressions::default() };
    let mut compressions = Compressions::default();
    new.objects().for_each(|object| compressions.add(&object.uri));
    new.compressions = compressions;
    Ok(new)
}

/// Into how many batches the source is merged; 0 for none. The limit is shared evenly, so that
/// what one source gets does not depend on the others.
fn decide(context: &Context, run: &Run, new: &New) -> Result<u64, Failure> {
    let (volume, wish) = (new.volume(), run.input.compact);
    let share = BATCHES_MAX / run.sources().len().max(1) as u64;
    let count = compaction::decide(wish, volume, context.settings.slices, share);
    if count > 0 && volume.bytes / count <= compaction::BATCH_BYTES_MAX {
        return Ok(count);
    }
    if count == 0 || (wish == Compact::Auto && !volume.mixed) {
        return refuse_too_many_to_copy(&new.found).map(|()| 0);
    }
    let limit_bytes = share * compaction::BATCH_BYTES_MAX;
    Err(Failure::new(
        ErrorName::InvalidInput,
        format!(
            "expected at most {limit_bytes} bytes of {} to merge, found {}",
            new.found.source, volume.bytes
        ),
    )
    .hint("leave `compact` out of the input, and keep the files of a source in one compression"))
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
    .hint("leave `compact` out of the input; of large objects load fewer at once"))
}

/// The source's objects go into parts: their lists are written, and the COPY reads the parts.
async fn merged(
    context: &Context,
    run: &Run,
    source: &Source,
    new: &New,
    count: u64,
    planned: &mut PlannedObjects,
) -> Result<(Load, Vec<Batch>), Failure> {
    let (s3, bucket) = (&context.s3, &context.settings.work_bucket);
    let batches = Batches::new(new.objects(), new.volume(), count);
    let max_rejects = new.found.max_rejects;
    let written = batches::write(s3, bucket, run, &source.name, max_rejects, batches).await?;
    let mut manifest = Manifest::default();
    for batch in &written {
        let key = layout::part_key(run, &source.name, batch.batch);
        manifest.add(&layout::uri(bucket, &key));
        planned.expect(&source.name, batch.batch);
    }
    let load = load(context, run, source, max_rejects, manifest, Compression::Zstd).await?;
    Ok((load, written))
}

/// The COPY reads the source's objects as they are.
async fn copied(
    context: &Context,
    run: &Run,
    source: &Source,
    new: &New,
    planned: &mut PlannedObjects,
) -> Result<(Load, Vec<Batch>), Failure> {
    let mut manifest = Manifest::default();
    for object in new.objects() {
        manifest.add(&object.uri);
        planned.add(&context.s3, &source.name, &object).await?;
    }
    let (max_rejects, compression) = (new.found.max_rejects, new.compressions.one()?);
    let load = load(context, run, source, max_rejects, manifest, compression).await?;
    Ok((load, Vec::new()))
}

async fn load(
    context: &Context,
    run: &Run,
    source: &Source,
    max_rejects: u64,
    manifest: Manifest,
    compression: Compression,
) -> Result<Load, Failure> {
    let (s3, settings) = (&context.s3, &context.settings);
    let step = format!("stage/{}", source.name);
    manifest.write(s3, &settings.work_bucket, &layout::manifest_key(run, &step)).await?;
    jsonpaths::write(s3, settings, run, source).await?;
    Ok(Load { step, compression, max_rejects })
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
    Failure::new(
        ErrorName::SourceUnreadable,
        format!("expected objects under {}, found none", prefixes.join(" or ")),
    )
    .hint(format!(
        "put files into the bucket {}, or deploy with the prefixes where they are",
        settings.landing_bucket
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        };
        assert_eq!(refuse_too_many_to_copy(&found(COPIED_OBJECTS_MAX)), Ok(()));
        let failure = refuse_too_many_to_copy(&found(COPIED_OBJECTS_MAX + 1)).expect_err("refused");
        assert_eq!(failure.name, ErrorName::InvalidInput);
        assert!(failure.message.contains("of songs to copy one by one"), "{failure}");
    }
}
