//! Staging schemas that can be swept: their runs failed longer ago than the schemas are kept.

use segue_contract::{Failure, run};
use segue_warehouse::{Warehouse, text};

/// The schemas, from the second result of the step `plan/ledger`.
///
/// A run may be as old as that and live: redriven, for example. But then the warehouse has heard of
/// it today, since no statement takes longer than a day, and its schema is left alone.
///
/// Whatever goes wrong here names fewer schemas, or none: sweeping never fails a run, and the next one
/// finds them again.
pub async fn find(warehouse: &Warehouse, ledger_statement_id: &str) -> Vec<String> {
    match candidates(warehouse, ledger_statement_id).await {
        Ok(candidates) => of_the_dead(warehouse, candidates).await,
        Err(error) => {
            tracing::warn!(%error, "nothing is swept: old staging schemas cannot be read");
            Vec::new()
        }
    }
}

/// Schemas that are old enough, each with its run.
async fn candidates(
    warehouse: &Warehouse,
    ledger_statement_id: &str,
) -> Result<Vec<(String, String)>, Failure> {
    let mut candidates = Vec::new();
    warehouse
        .read(&format!("{ledger_statement_id}:2"), |rows| {
            let named = rows.iter().filter_map(|row| {
                let [schema, run_id] = row.as_slice() else { return None };
                Some((text(schema)?, text(run_id)?))
            });
            candidates.extend(named);
            Ok(())
        })
        .await?;
    Ok(candidates)
}

async fn of_the_dead(warehouse: &Warehouse, candidates: Vec<(String, String)>) -> Vec<String> {
    let mut abandoned = Vec::new();
    for (schema, run_id) in candidates {
        match warehouse.has_statements(&run::statement_name_prefix(&run_id)).await {
            Ok(false) => abandoned.push(schema),
            Ok(true) => tracing::info!(schema, run_id, "old, and its run lives"),
            Err(error) => tracing::warn!(schema, %error, "left: its run cannot be asked for"),
        }
    }
    abandoned
}
