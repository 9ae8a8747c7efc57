//! What the ledger knows of files: whether any was loaded, and which are set aside.

use std::collections::HashSet;

use segue_contract::layout;

use super::{Source, files::Listed, finding::Finding};
use crate::{talk, warehouse::Warehouse};

const SET_ASIDE: &str = "select source, uri, etag from ops.set_aside_objects";
const LOADED: &str = "select source from ops.loaded_objects limit 1";

/// What is known; before the first run, and to somebody who may not read the ledger, it is nothing.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether a file was ever loaded.
    pub is_loaded: bool,
    /// Source, URI and ETag of what runs leave alone.
    set_aside: HashSet<Vec<String>>,
}

impl Known {
    /// Asks the warehouse.
    pub async fn read(warehouse: &Warehouse) -> Self {
        let loaded = warehouse.query(LOADED).await;
        let set_aside = warehouse.query(SET_ASIDE).await;
        Self {
            is_loaded: loaded.is_ok_and(|rows| rows.len() > 0),
            set_aside: set_aside.map(|rows| rows.texts().collect()).unwrap_or_default(),
        }
    }

    /// Takes the files out that runs leave alone, and says how many there are.
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
        let advice = "`segue skip` lists them; runs leave them alone until their content changes";
        let found = || format!("{}, which runs leave alone", talk::count(count, "file"));
        (count > 0).then(|| Finding::warning("set aside", found(), advice).of(source.name))
    }
}
