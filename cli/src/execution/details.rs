//! What a run's own report says about its files, rows and cost.

use std::collections::BTreeMap;

use segue_contract::{cost::Prices, layout};
use serde::{Deserialize, Serialize};

use super::Report;
use crate::{aws::AwsClients, stack::Stack};

/// The list of objects, which is staged like a source but is not one.
const PLANNED_OBJECTS: &str = "planned_objects";

/// What a run did, besides how it ended. Empty of a run without a report.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// What it found and loaded of each source, if it got that far.
    pub sources: Vec<Source>,
    /// The rows that it changed, by table.
    pub changes: Vec<Changes>,
    /// What it cost, if it ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// A digest of the SQL that it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql_digest: Option<String>,
}

/// Rows of one table.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Changes {
    /// The table in `mart`.
    pub table: String,
    /// Rows under keys that the table did not have.
    pub inserted: u64,
    /// Rows that changed.
    pub updated: u64,
}

/// One source of a run.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its name.
    pub source: String,
    /// Files that it had to load.
    pub files: u64,
    /// Of these, files that had been loaded before with other content.
    pub changed: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Parts into which the files were merged; 0 if they were copied as they are.
    pub parts: u64,
    /// Rows that were staged.
    pub rows: u64,
    /// Records that were skipped.
    pub rejected: u64,
    /// The first of these: file, line, column and reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first_rejects: Vec<String>,
}

/// What a run cost, in the currency of the prices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// The warehouse at the default capacity, if it is Redshift Serverless: a cluster costs the same,
    /// busy or idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse: Option<f64>,
    /// Requests, functions and transitions.
    other: f64,
}

/// The part of a run's own report that is shown. Fields may be missing: an older version of the
/// stack may have written it, or a run that failed early.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    plan: Option<Planned>,
    compacted: Vec<Compacted>,
    checked: Option<Checked>,
    cost: Option<Comparison>,
    changes: Vec<Changes>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Planned {
    sources: Vec<PlannedSource>,
    sql_digest: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PlannedSource {
    source: String,
    objects: u64,
    changed: u64,
    bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Compacted {
    source: String,
    batches: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Checked {
    staged: Vec<Staged>,
    rejected: Vec<Rejected>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Staged {
    counted: String,
    rows: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rejected {
    source: String,
    rows: u64,
    first: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Comparison {
    real: Real,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Real {
    warehouse_cost: f64,
    cost: f64,
}

impl Details {
    /// Reads the run's report. Without one, or if it cannot be read, there are no details.
    pub async fn read(clients: &AwsClients, stack: &Stack, run: &Report) -> Self {
        let place = run.report.as_deref().and_then(layout::bucket_and_key);
        let Some((bucket, page)) = place else { return Self::default() };
        let key = format!("{}json", page.strip_suffix("html").unwrap_or(page));
        let object = clients.s3().get_object().bucket(bucket).key(key).send().await;
        let Ok(object) = object else { return Self::default() };
        let Ok(body) = object.body.collect().await else { return Self::default() };
        Self::of(run, &body.into_bytes(), stack.workgroup().is_some())
    }

    /// Reads the text of a report.
    pub fn of(run: &Report, written: &[u8], is_serverless: bool) -> Self {
        let mut written: Written = serde_json::from_slice(written).unwrap_or_default();
        let cost = cost(run, &written, is_serverless);
        let changes = std::mem::take(&mut written.changes);
        let sql_digest = written.plan.as_mut().and_then(|plan| plan.sql_digest.take());
        Self { changes, sources: sources(written), cost, sql_digest }
    }

    /// `, about $0.05 (songplays +2,503; users +32, 3 changed)`, as far as it is known.
    pub fn summary(&self) -> String {
        let count = indicatif::HumanCount;
        let table = |one: &Changes| match (one.inserted, one.updated) {
            (0, 0) => None,
            (inserted, 0) => Some(format!("{} +{}", one.table, count(inserted))),
            (0, updated) => Some(format!("{} {} changed", one.table, count(updated))),
            (inserted, updated) => {
                Some(format!("{} +{}, {} changed", one.table, count(inserted), count(updated)))
            }
        };
        let tables: Vec<String> = self.changes.iter().filter_map(table).collect();
        let mut text = match &self.cost {
            Some(cost) => format!(", about ${:.2}", cost.total()),
            None => String::new(),
        };
        if !tables.is_empty() {
            text.push_str(&format!(" ({})", tables.join("; ")));
        }
        text
    }
}

impl Cost {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.warehouse.unwrap_or_default() + self.other
    }

    /// `about $0.05: $0.0500 for the warehouse, $0.0027 for the rest`
    pub fn line(&self) -> String {
        let Self { warehouse, other } = self;
        match warehouse {
            Some(warehouse) => format!(
                "about ${:.2}: ${warehouse:.4} for the warehouse, ${other:.4} for the rest",
                self.total()
            ),
            None => format!("about ${other:.4}, besides the cluster"),
        }
    }
}

fn sources(written: Written) -> Vec<Source> {
    let mut parts: BTreeMap<String, u64> =
        written.compacted.into_iter().map(|one| (one.source, one.batches)).collect();
    let Checked { staged, rejected } = written.checked.unwrap_or_default();
    let mut staged: BTreeMap<String, u64> = staged
        .into_iter()
        .filter(|one| one.counted != PLANNED_OBJECTS)
        .map(|one| (one.counted, one.rows))
        .collect();
    let mut rejected: BTreeMap<String, Rejected> =
        rejected.into_iter().map(|one| (one.source.clone(), one)).collect();
    let planned = written.plan.unwrap_or_default().sources.into_iter();
    let sources = planned.map(|planned| {
        let PlannedSource { source, objects, changed, bytes } = planned;
        let rejects = rejected.remove(&source).unwrap_or_default();
        Source {
            files: objects,
            changed,
            bytes,
            parts: parts.remove(&source).unwrap_or_default(),
            rows: staged.remove(&source).unwrap_or_default(),
            rejected: rejects.rows,
            first_rejects: rejects.first,
            source,
        }
    });
    sources.collect()
}

fn cost(run: &Report, written: &Written, is_serverless: bool) -> Option<Cost> {
    let real = &written.cost.as_ref()?.real;
    let prices = Prices::known().ok()?;
    let transitions = prices.transitions(run.transitions.unwrap_or_default());
    let warehouse = is_serverless.then_some(real.warehouse_cost);
    Some(Cost { warehouse, other: real.cost + transitions })
}
