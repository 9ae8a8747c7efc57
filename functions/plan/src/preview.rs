//! What the next run would plan, for people: the same survey, without writing anything.

use segue_contract::messages::{Batch, Compression, Load, Plan};
use segue_contract::{Failure, Run};
use serde::Serialize;

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
    let (ledger, abandoned) = match ledger_statement_id {
        Some(id) => {
            let (warehouse, step_functions) = (&context.warehouse, &context.step_functions);
            let abandoned = abandoned::find(warehouse, step_functions, id, execution_arn).await;
            let ledger = Ledger::read(&context.warehouse, id).await?;
            let is_rebuild = run.input.rebuild;
            (if is_rebuild { ledger.without_published() } else { ledger }, abandoned)
        }
        None => (Ledger::default(), Vec::new()),
    };
    let mut unloaded = Vec::new();
    let mut survey = Survey::new(context, run, &ledger);
    while let Some((source, new, count)) = survey.next().await? {
        let room = objects_max.saturating_sub(unloaded.len());
        unloaded.extend(new.objects().take(room).map(|object| Unloaded {
            changed: ledger.look_up(&source.name, &object) == Known::Changed,
            source: source.name.clone(),
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
            Batch { source: source.name.clone(), batch, max_rejects }
        };
        survey.plan.batches.extend((0..count).map(batch));
    }
    let plan = Plan { abandoned, ..survey.finish()? };
    Ok(Preview { plan, unloaded })
}
