//! Lists what is new in the landing bucket and writes the manifests that the COPY steps read.
//!
//! New is what the ledger does not hold by key *and* ETag; so an object whose content has changed is
//! loaded again. Lists stand in the work bucket, because a state's payload is small.

mod jsonpaths;
mod ledger;
mod listing;
mod manifest;
mod settings;

use aws_sdk_s3::Client;
use segue_contract::messages::{Compression, Load, Plan, PlanRequest, PlannedSource};
use segue_contract::{ErrorName, Failure, Run, layout};
use segue_warehouse::Warehouse;

use crate::ledger::{Known, Ledger};
use crate::manifest::{Manifest, PlannedObjects};
pub use settings::{Settings, Source};

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
/// `InvalidConfiguration` for a JSONPaths file that does not fit; `WarehouseBusy` and
/// `WarehouseUnreachable`, which are worth a retry.
#[tracing::instrument(skip_all, fields(run_id = %request.run.id))]
pub async fn handle(context: &Context, request: PlanRequest) -> Result<Plan, Failure> {
    let run = &request.run;
    run.validate()?;
    let ledger = match run.input.rebuild {
        true => Ledger::default(),
        false => Ledger::read(&context.warehouse, &request.ledger_statement_id).await?,
    };
    let mut plan = Plan::default();
    let mut planned = PlannedObjects::new(run, &context.settings.work_bucket);
    for name in run.sources() {
        let source = context.settings.source(name)?;
        let (found, load) = plan_source(context, run, source, &ledger, &mut planned).await?;
        plan.objects += found.objects;
        plan.bytes += found.bytes;
        plan.sources.push(found);
        plan.loads.extend(load);
    }
    if plan.sources.iter().all(|source| source.listed == 0) && ledger.is_empty() {
        return Err(nothing_found(&context.settings, &plan));
    }
    if plan.objects > 0 {
        planned.finish(&context.s3).await?;
        plan.loads.push(Load { step: "plan/objects".into(), compression: Compression::Gzip });
    }
    tracing::info!(objects = plan.objects, bytes = plan.bytes, "planned");
    Ok(plan)
}

async fn plan_source(
    context: &Context,
    run: &Run,
    source: &Source,
    ledger: &Ledger,
    planned: &mut PlannedObjects,
) -> Result<(PlannedSource, Option<Load>), Failure> {
    let (s3, settings) = (&context.s3, &context.settings);
    let mut found = PlannedSource {
        source: source.name.clone(),
        prefix: layout::uri(&settings.landing_bucket, &source.prefix),
        listed: 0,
        objects: 0,
        changed: 0,
        bytes: 0,
    };
    let mut manifest = Manifest::default();
    let mut pages = listing::Pages::new(s3, &settings.landing_bucket, &source.prefix);
    while let Some(page) = pages.next().await? {
        for object in page {
            found.listed += 1;
            match ledger.look_up(&source.name, &object) {
                Known::Same => continue,
                Known::Changed => found.changed += 1,
                Known::Not => {}
            }
            found.objects += 1;
            found.bytes += object.bytes;
            manifest.add(&object)?;
            planned.add(s3, &source.name, &object).await?;
        }
    }
    if found.objects == 0 {
        return Ok((found, None));
    }
    let step = format!("stage/{}", source.name);
    let compression = manifest.compression()?;
    manifest.write(s3, &settings.work_bucket, &layout::manifest_key(run, &step)).await?;
    jsonpaths::write(s3, settings, run, source).await?;
    Ok((found, Some(Load { step, compression })))
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
