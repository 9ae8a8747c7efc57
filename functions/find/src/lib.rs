//! Finds the objects that may be new: those that have arrived, or all that there are.
//!
//! A run that S3's events started looks only at what the inbox names, so it costs what has arrived.
//! Every other run lists everything, and so does a run of events once in a while: an event may be
//! lost. Which of the objects are new, the warehouse decides.

mod arrivals;
mod candidates;
mod settings;

use aws_sdk_s3::Client;
use segue_buckets::{Place, Source, list, put};
use segue_contract::arrivals::LookedAt;
use segue_contract::data_files::SkipCounts;
use segue_contract::messages::{FindRequest, Found, FoundSource};
use segue_contract::{Failure, Run, layout};
use segue_function::unreadable;

use crate::arrivals::Inbox;
use crate::candidates::{Candidates, List};
pub use settings::Settings;

/// What the function needs besides a request.
#[derive(Debug)]
pub struct Context {
    /// The client of the landing and the work bucket.
    pub s3: Client,
    /// Where the buckets and sources are.
    pub settings: Settings,
}

/// Finds what may be new, and writes it to the work bucket.
///
/// Safe to run again: it overwrites the same keys, from a newer look.
///
/// # Errors
/// `SourceUnreadable` when a bucket cannot be read or written; `InvalidConfiguration` for a
/// permission that is missing.
#[tracing::instrument(skip_all, fields(run_id = %request.run.id))]
pub async fn handle(context: &Context, request: FindRequest) -> Result<Found, Failure> {
    let run = &request.run;
    run.validate()?;
    let inbox = match run.input.arrivals {
        true => Some(Inbox::read(context, &run.started_at).await?),
        false => None,
    };
    let named = match (&inbox, request.everything) {
        (Some(inbox), false) => inbox.keys(),
        _ => None,
    };
    let mut candidates = Candidates::new(run, &context.settings.work_bucket);
    let mut found = Found { is_complete: named.is_none(), ..Found::default() };
    for name in run.sources() {
        let source = context.settings.landing.source(name)?;
        let lists = match named {
            None => everything(context, run, source).await?,
            Some(keys) => vec![arrivals::look_at(context, run, source, keys).await?],
        };
        let of_source = candidates.add(source, lists).await?;
        found.candidates += of_source.listed;
        found.sources.push(of_source);
    }
    found.uri_hashes = candidates.uri_hashes();
    candidates.finish(context).await?;
    if let Some(Inbox { files, .. }) = inbox {
        let listed = found.is_complete.then(|| context.settings.listed());
        remember(context, run, &LookedAt { files, listed }).await?;
    }
    tracing::info!(candidates = found.candidates, is_complete = found.is_complete, "found");
    Ok(found)
}

async fn everything<'a>(
    context: &'a Context,
    run: &'a Run,
    source: &'a Source,
) -> Result<Vec<List<'a>>, Failure> {
    list(place(context, source), |range| List::new(context, run, source, range)).await
}

fn place<'a>(context: &'a Context, source: &'a Source) -> Place<'a> {
    Place {
        s3: &context.s3,
        bucket: &context.settings.landing.bucket,
        prefix: &source.prefix,
        paths_key: source.jsonpaths_key.as_deref(),
    }
}

/// Writes which files of the inbox this run has looked at: when it has succeeded, they are removed,
/// and no others.
async fn remember(context: &Context, run: &Run, looked_at: &LookedAt) -> Result<(), Failure> {
    let key = layout::looked_at_key(run);
    let body = serde_json::to_vec(looked_at)
        .map_err(|error| unreadable(format!("{key} cannot be written"), error))?;
    put(&context.s3, &context.settings.work_bucket, &key, body).await
}

/// What was found of a source, over all ranges.
fn of_source(source: &Source, listed: u64, skipped: SkipCounts) -> FoundSource {
    FoundSource { source: source.name.to_owned(), listed, skipped: skipped.of(source.name) }
}
