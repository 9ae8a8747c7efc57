//! What a run has planned, from the output of its state `Plan`: what the phases after it work on.

use segue_contract::compaction::{COMPACT_BYTES_PER_SECOND, COMPACT_OBJECTS_PER_SECOND};
use serde::Deserialize;
use serde_json::Value;

/// The plan, as far as it says how much there is to do. Fields may be missing: the stack may be of
/// another version.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Planned {
    sources: Vec<Source>,
    batches: Vec<Batch>,
    loads: Vec<Load>,
}

/// How much there is of a source.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// Its name.
    pub source: String,
    /// Objects to load.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Batch {
    source: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Load {
    step: String,
}

impl Planned {
    /// Reads the output of the state.
    pub fn read(output: &str) -> Option<Self> {
        let output: Value = serde_json::from_str(output).ok()?;
        serde_json::from_value(output.get("Payload")?.clone()).ok()
    }

    /// An even share of its source for each batch to merge.
    pub fn batches(&self) -> Vec<Source> {
        let of = |name: &str| self.batches.iter().filter(|batch| batch.source == name).count();
        let share = |batch: &Batch| {
            let count = of(&batch.source).max(1) as u64;
            let source = self.source(&batch.source);
            Source { objects: source.objects / count, bytes: source.bytes / count, ..source }
        };
        self.batches.iter().map(share).collect()
    }

    /// What each COPY loads: the whole of a source; nothing that counts for the list of objects.
    pub fn loads(&self) -> Vec<Source> {
        let loads = self.loads.iter();
        loads
            .map(|load| self.source(load.step.strip_prefix("stage/").unwrap_or_default()))
            .collect()
    }

    fn source(&self, name: &str) -> Source {
        let found = self.sources.iter().find(|source| source.source == name);
        found.cloned().unwrap_or_default()
    }
}

impl Source {
    /// The seconds that merging it should take one function.
    pub fn seconds_to_merge(&self) -> f64 {
        self.objects as f64 / COMPACT_OBJECTS_PER_SECOND as f64
            + self.bytes as f64 / COMPACT_BYTES_PER_SECOND as f64
    }
}
