//! What the ledger knows about files: whether any was loaded, and which are set aside.

use std::collections::HashSet;

use segue_buckets::Source;
use segue_contract::layout;

use super::{files::Listed, finding::Finding};
use crate::{ui, warehouse::Warehouse};

const SET_ASIDE: &str = "select source, uri, etag from ops.set_aside_objects";
const LOADED: &str = "select source from ops.loaded_objects limit 1";

/// What is known; nothing before the first run, or to somebody who may not read the ledger.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether a file was ever loaded.
    pub is_loaded: bool,
    /// Source, URI and ETag of files that runs skip.
    set_aside: HashSet<Vec<String>>,
}

impl Known {
    /// Queries the warehouse.
    pub async fn read(warehouse: &Warehouse) -> Self {
        let loaded = warehouse.query(LOADED).await;
        let set_aside = warehouse.query(SET_ASIDE).await;
        Self {
            is_loaded: loaded.is_ok_and(|rows| !rows.is_empty()),
            set_aside: set_aside.map(|rows| rows.texts().collect()).unwrap_or_default(),
        }
    }

    /// Removes the files that runs skip, and returns a finding with their number.
    pub fn without_set_aside(
        &self,
        source: &Source,
        bucket: &str,
        listed: &mut Listed,
    ) -> Option<Finding> {
        let before = listed.objects.len();
        listed.objects.retain(|object| {
            let uri = layout::uri(bucket, &object.key);
            !self.set_aside.contains(&vec![source.name.to_owned(), uri, object.etag.clone()])
        });
        let count = before - listed.objects.len();
        let advice = "`segue skip` lists them; runs skip them until their content changes";
        let found = || format!("{}, which runs skip", ui::count(count, "file"));
        (count > 0).then(|| Finding::warning("set aside", found(), advice).of(source.name))
    }
}
