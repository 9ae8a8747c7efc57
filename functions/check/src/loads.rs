//! What each COPY of the run did, confirmed by the warehouse.

use segue_contract::messages::{CheckRequest, StagedRows, StatementState};
use segue_contract::pipeline::staging_table;
use segue_contract::rejects::{MAX_REJECTS, Refused};
use segue_contract::{ErrorName, Failure};
use segue_warehouse::Warehouse;

/// What the COPY of one source did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceLoad {
    /// The source.
    pub source: String,
    /// Rows that it loaded.
    pub rows: u64,
    /// What it skipped.
    pub refused: Vec<Refused>,
}

/// Reads what each COPY of a source did. Its session counts the rows; if it counts none although
/// some are staged, or if records may have been skipped, the system views decide.
///
/// # Errors
/// `LoadUnconfirmed` until the system views show what they must; otherwise as a query.
pub async fn of_sources(
    warehouse: &Warehouse,
    request: &CheckRequest,
    staged: &[StagedRows],
) -> Result<Vec<SourceLoad>, Failure> {
    let mut loads = Vec::new();
    for load in &request.loaded {
        let StatementState::Finished { step, statement_id, .. } = load else { continue };
        let Some(source) = step.strip_prefix("stage/") else { continue };
        let is_empty = staged.iter().any(|rows| rows.counted == source && rows.rows == 0);
        loads.push(
            of_source(warehouse, source, statement_id, is_empty, may_reject(request, source)?)
                .await?,
        );
    }
    Ok(loads)
}

/// Whether the COPY of a source may skip records.
fn may_reject(request: &CheckRequest, source: &str) -> Result<bool, Failure> {
    let planned = request.plan.sources.iter().find(|planned| planned.source == source);
    let planned = planned.ok_or_else(|| {
        let reason =
            format!("expected {source}, which was staged, in the plan, found no such source");
        Failure::new(ErrorName::InvalidInput, reason)
    })?;
    Ok(planned.max_rejects > 0)
}

async fn of_source(
    warehouse: &Warehouse,
    source: &str,
    statement_id: &str,
    is_empty: bool,
    may_reject: bool,
) -> Result<SourceLoad, Failure> {
    let copied = warehouse.copied(statement_id).await?;
    let source = source.to_owned();
    match copied.rows {
        Some(rows) if !may_reject => return Ok(SourceLoad { source, rows, refused: Vec::new() }),
        None if is_empty && !may_reject => {
            return Ok(SourceLoad { source, ..SourceLoad::default() });
        }
        _ => {}
    }
    let history = warehouse.load_history(&copied, &staging_table(&source)).await?;
    let refused = warehouse.refused(&copied, &history, MAX_REJECTS + 1).await?;
    Ok(SourceLoad { source, rows: history.rows, refused })
}
