//! What the next run would plan, for people: the same survey, without writing anything.

use std::collections::BTreeMap;

use segue_buckets::{Collect, Object, Place, list};
use segue_contract::data_files::{SkipCounts, SkipReason};
use segue_contract::messages::{Batch, Compression, Found, FoundSource, Load, Plan};
use segue_contract::{Failure, Run};
use serde::Serialize;

use crate::difference::{self, Difference, Judged};
use crate::ledger::{Known, Ledger};
use crate::survey::Survey;
use crate::{Context, abandoned};

/// A plan that is not carried out.
#[derive(Debug)]
pub struct Preview {
    /// The plan.
    pub plan: Plan,
    /// The first objects that it would load, source by source in key order.
    pub unloaded: Vec<Unloaded>,
}

/// An object whose content is not in the warehouse.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unloaded {
    /// Its source.
    pub source: String,
    /// Its URI.
    pub uri: String,
    /// Its size.
    pub bytes: u64,
    /// Whether it was loaded before with other content.
    pub changed: bool,
}

/// Returns what the run would load, with at most `objects_max` objects. Writes nothing.
///
/// Without the ledger's statement nothing was ever published. `execution_arn` is the ARN that the run
/// would have.
///
/// # Errors
/// As the plan function.
pub async fn preview(
    context: &Context,
    run: &Run,
    ledger_statement_id: Option<&str>,
    execution_arn: &str,
    objects_max: usize,
) -> Result<Preview, Failure> {
    run.validate()?;
    let Context { warehouse, s3, step_functions, settings } = context;
    let (ledger, paths, abandoned) = match ledger_statement_id {
        Some(id) => {
            let abandoned = abandoned::find(warehouse, step_functions, id, execution_arn).await;
            let ledger = Ledger::read(warehouse, id).await?;
            let is_rebuild = run.input.rebuild;
            let ledger = if is_rebuild { ledger.without_published() } else { ledger };
            (ledger, difference::paths(warehouse, id).await?, abandoned)
        }
        None => (Ledger::default(), Vec::new(), Vec::new()),
    };
    let mut found = Found { is_complete: true, ..Found::default() };
    let mut sources = BTreeMap::new();
    for name in run.sources() {
        let source = settings.source(name)?;
        let place = Place {
            s3,
            bucket: &settings.landing.bucket,
            prefix: &source.prefix,
            paths_key: source.jsonpaths_key.as_deref(),
        };
        let ranges = list(place, |_| Listed::of(name, &ledger)).await?;
        let (listed, skipped, judged) = together(ranges);
        found.sources.push(FoundSource { source: name.into(), listed, skipped: skipped.of(name) });
        sources.insert(name.to_owned(), judged);
    }
    let difference = Difference::of(sources, paths, ledger.is_empty());
    let mut unloaded = Vec::new();
    let mut survey = Survey::new(context, run, found, difference);
    while let Some((source, new, count)) = survey.next().await? {
        let room = objects_max.saturating_sub(unloaded.len());
        unloaded.extend(new.objects().take(room).map(|object| Unloaded {
            changed: ledger.look_up(source.name, &object) == Known::Changed,
            source: source.name.to_owned(),
            uri: object.uri,
            bytes: object.bytes,
        }));
        let compression = match count {
            0 => new.compressions.one()?,
            _ => Compression::Zstd,
        };
        let (step, max_rejects) = (format!("stage/{}", source.name), new.found.max_rejects);
        survey.plan.loads.push(Load { step, compression, max_rejects });
        let batch = |number: u64| {
            let batch = u32::try_from(number).unwrap_or(u32::MAX);
            Batch { source: source.name.to_owned(), batch, max_rejects }
        };
        survey.plan.batches.extend((0..count).map(batch));
    }
    let plan = Plan { abandoned, ..survey.finish(true)? };
    Ok(Preview { plan, unloaded })
}

/// One range of a listing, beside the ledger.
struct Listed<'a> {
    source: &'a str,
    ledger: &'a Ledger,
    listed: u64,
    skipped: SkipCounts,
    judged: Judged,
}

impl<'a> Listed<'a> {
    fn of(source: &'a str, ledger: &'a Ledger) -> Self {
        let (skipped, judged) = (SkipCounts::default(), Judged::default());
        Self { source, ledger, listed: 0, skipped, judged }
    }
}

impl Collect for Listed<'_> {
    fn add(&mut self, object: Object, judged: Result<(), SkipReason>) {
        if let Err(reason) = judged {
            self.skipped.add(reason, &object.uri);
            return;
        }
        self.listed += 1;
        match self.ledger.look_up(self.source, &object) {
            Known::Same => {}
            Known::SetAside => self.judged.set_aside += 1,
            known => self.judged.add(&object, known == Known::Changed),
        }
    }
}

fn together(ranges: Vec<Listed<'_>>) -> (u64, SkipCounts, Judged) {
    let (mut listed, mut skipped, mut judged) = (0, SkipCounts::default(), Judged::default());
    for range in ranges {
        listed += range.listed;
        skipped.extend(range.skipped);
        judged.set_aside += range.judged.set_aside;
        judged.changed += range.judged.changed;
        range.judged.new.iter().for_each(|object| judged.add(&object, false));
    }
    (listed, skipped, judged)
}
