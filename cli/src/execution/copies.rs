//! How much the warehouse has copied so far, by its own views.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use segue_contract::quoting::literal;
use tokio::{task::JoinHandle, time::Instant};

use crate::warehouse::Warehouse;

/// How often the views are read.
const ASK_INTERVAL: Duration = Duration::from_secs(5);

/// Rows and bytes by source.
pub type Copied = BTreeMap<String, (u64, u64)>;

/// Asks the warehouse about the COPYs of one run, without waiting for its answers.
pub struct Copies {
    warehouse: Arc<Warehouse>,
    sql: Option<String>,
    asked: Option<Instant>,
    answer: Option<JoinHandle<Option<Copied>>>,
    known: Copied,
}

impl Copies {
    /// The COPYs of this run: each reads a manifest of the run, which has the name of its source.
    pub fn of(warehouse: Arc<Warehouse>, run: &str) -> Self {
        let part = literal(&format!("/runs/{run}/manifests/stage/"));
        let sql = part.ok().map(|part| {
            format!(
                "select split_part(split_part(data_source, '/manifests/stage/', 2), '.', 1), \
                 sum(loaded_rows), sum(loaded_bytes) from sys_load_history \
                 where strpos(data_source, {part}) > 0 group by 1"
            )
        });
        Self { warehouse, sql, asked: None, answer: None, known: Copied::new() }
    }

    /// What is known: an answer may be some seconds old, and the views themselves lag behind. Not
    /// everybody sees them; then nothing is known, and nobody asks again.
    pub async fn so_far(&mut self) -> Copied {
        if let Some(answer) = self.answer.take_if(|answer| answer.is_finished()) {
            match answer.await {
                Ok(Some(copied)) => self.known = copied,
                _ => self.sql = None,
            }
        }
        let is_due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_INTERVAL);
        if let (Some(sql), None, true) = (self.sql.clone(), &self.answer, is_due) {
            self.asked = Some(Instant::now());
            let warehouse = Arc::clone(&self.warehouse);
            self.answer = Some(tokio::spawn(async move { ask(&warehouse, &sql).await }));
        }
        self.known.clone()
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        if let Some(answer) = &self.answer {
            answer.abort();
        }
    }
}

async fn ask(warehouse: &Warehouse, sql: &str) -> Option<Copied> {
    let rows = warehouse.query(sql).await.ok()?;
    let row = |cells: Vec<String>| match cells.as_slice() {
        [source, rows, bytes] => Some((source.clone(), (rows.parse().ok()?, bytes.parse().ok()?))),
        _ => None,
    };
    Some(rows.texts().filter_map(row).collect())
}
