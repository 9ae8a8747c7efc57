//! Reads what the warehouse found to be new, and writes the manifests that the COPY steps read.
//!
//! An object is new if the ledger does not hold it by key *and* ETag, so an object with changed
//! content is loaded again. Lists are in the work bucket, because a state's payload is small.

mod abandoned;
mod batches;
mod difference;
mod ledger;
mod manifest;
mod objects;
mod preview;
mod settings;
mod survey;

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_s3::Client;
use segue_buckets::{Manifest, Source, put};
use segue_contract::messages::{Batch, Compression, Load, Plan, PlanRequest};
use segue_contract::metrics::Metric;
use segue_contract::{Failure, Run, layout};
use segue_function::metrics::{Subject, emit};
use segue_warehouse::Warehouse;

use crate::batches::Batches;
use crate::difference::Difference;
use crate::manifest::PlannedObjects;
use crate::survey::{New, Survey};
pub use preview::{Preview, Unloaded, preview};
pub use settings::Settings;

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The client of the landing and the work bucket.
    pub s3: Client,
    /// The warehouse that has subtracted what is known.
    pub warehouse: Warehouse,
    /// Knows which earlier runs are still live.
    pub step_functions: aws_sdk_sfn::Client,
    /// Where the buckets and sources are.
    pub settings: Settings,
}

/// Plans the run.
///
/// Safe to run again: it overwrites the same keys.
///
/// # Errors
/// `SourceUnreadable` when there is nothing under any prefix, or a bucket cannot be read;
/// `StatementFailed` if the warehouse unloaded other objects than it counted; `InvalidConfiguration` for a JSONPaths file that does not fit, or a permission that is missing; `WarehouseBusy` and
/// `WarehouseUnreachable`, which are worth a retry.
#[tracing::instrument(skip_all, fields(run_id = %request.run.id))]
pub async fn handle(context: &Context, request: PlanRequest) -> Result<Plan, Failure> {
    let run = &request.run;
    run.validate()?;
    let PlanRequest { subtract_statement_id: statement_id, execution_arn, .. } = &request;
    let Context { warehouse, s3, step_functions, .. } = context;
    let abandoned = abandoned::find(warehouse, step_functions, statement_id, execution_arn).await;
    let is_complete = request.found.is_complete;
    let difference = Difference::read(warehouse, s3, statement_id, &request.found).await?;
    if difference.is_ledger_empty && !is_complete {
        return Ok(Plan { needs_listing: true, abandoned, ..Plan::default() });
    }
    let mut planned = PlannedObjects::new(run, &context.settings.work_bucket);
    let mut survey = Survey::new(context, run, request.found.clone(), difference);
    while let Some((source, new, count)) = survey.next().await? {
        let (load, batches) = match count {
            0 => copied(context, run, source, &new, &mut planned).await?,
            _ => merged(context, run, source, &new, count, &mut planned).await?,
        };
        survey.plan.loads.push(load);
        survey.plan.batches.extend(batches);
    }
    let oldest_second = survey.oldest_second;
    let plan = Plan { abandoned, ..survey.finish(is_complete)? };
    measure(run, &plan, oldest_second);
    if plan.objects > 0 {
        planned.finish(&context.s3).await?;
    }
    tracing::info!(objects = plan.objects, bytes = plan.bytes, "planned");
    Ok(plan)
}

/// Writes how many objects wait, and for how long. The objects of a rebuild have not waited.
fn measure(run: &Run, plan: &Plan, oldest_second: Option<i64>) {
    let mut values = vec![(Metric::ObjectsWaiting, float(plan.objects))];
    if let (Some(written), false) = (oldest_second, run.input.rebuild) {
        let waited = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = waited.as_secs().saturating_sub(written.unsigned_abs());
        values.push((Metric::OldestObjectSeconds, float(seconds)));
    }
    emit(Subject { run_id: Some(&run.id), step: None }, &values);
}

/// CloudWatch's numbers are floating-point, so rounding is harmless.
#[allow(clippy::cast_precision_loss, reason = "a metric is a floating-point number")]
fn float(number: u64) -> f64 {
    number as f64
}

/// The source's objects are merged into parts: their lists are written, and the COPY reads the
/// parts.
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
    let written = batches::write(s3, bucket, run, source.name, max_rejects, batches).await?;
    let mut manifest = Manifest::default();
    for batch in &written {
        let key = layout::part_key(run, source.name, batch.batch);
        manifest.add(&layout::uri(bucket, &key));
        planned.expect(source.name, batch.batch);
    }
    let load = load(context, run, source, new, manifest, Compression::Zstd).await?;
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
        planned.add(&context.s3, source.name, &object).await?;
    }
    let compression = new.compressions.one()?;
    let load = load(context, run, source, new, manifest, compression).await?;
    Ok((load, Vec::new()))
}

async fn load(
    context: &Context,
    run: &Run,
    source: &Source,
    new: &New,
    manifest: Manifest,
    compression: Compression,
) -> Result<Load, Failure> {
    let (s3, settings) = (&context.s3, &context.settings);
    let step = format!("stage/{}", source.name);
    manifest.write(s3, &settings.work_bucket, &layout::manifest_key(run, &step)).await?;
    if let Some(paths) = &new.paths {
        let key = layout::jsonpaths_key(run, source.name);
        put(s3, &settings.work_bucket, &key, paths.text.clone().into_bytes()).await?;
    }
    Ok(Load { step, compression, max_rejects: new.found.max_rejects })
}
