//! What has been published or set aside, read whole for a preview: a run lets the warehouse compare.
//! Only digests of an object's name and ETag stay in memory, 32 bytes for each.

use std::collections::HashMap;

use segue_buckets::Object;
use segue_contract::Failure;
use segue_warehouse::{Warehouse, text};
use sha2::{Digest, Sha256};

/// The ledger's word for an object that is set aside.
const SET_ASIDE: &str = "set aside";
/// Its result, by its number in the batch.
const LEDGER_RESULT: &str = "4";

/// The known objects, by digest.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Published objects.
    etags: HashMap<u128, u128>,
    /// Objects that are set aside.
    set_aside: HashMap<u128, u128>,
}

/// What the ledger knows about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It was published with this content.
    Same,
    /// It was published with other content.
    Changed,
    /// It is set aside with this content.
    SetAside,
    /// It was never published.
    Not,
}

impl Ledger {
    /// Reads the ledger: the result of the step `preview/ledger`, which follows those of
    /// `plan/subtract` in one batch.
    ///
    /// # Errors
    /// As reading a result.
    pub async fn read(warehouse: &Warehouse, statement_id: &str) -> Result<Self, Failure> {
        let mut ledger = Self::default();
        warehouse
            .read(&format!("{statement_id}:{LEDGER_RESULT}"), |rows| {
                for row in rows {
                    let field = |index: usize| row.get(index).and_then(text).unwrap_or_default();
                    ledger.add(&field(0), &field(1), &field(2), field(3) == SET_ASIDE);
                }
                Ok(())
            })
            .await?;
        Ok(ledger)
    }

    fn add(&mut self, source: &str, uri: &str, etag: &str, is_set_aside: bool) {
        let etags = if is_set_aside { &mut self.set_aside } else { &mut self.etags };
        etags.insert(digest(&[source, uri]), digest(&[etag]));
    }

    /// Without what was published, for a rebuild; what is set aside stays set aside.
    pub fn without_published(self) -> Self {
        Self { etags: HashMap::new(), ..self }
    }

    /// Whether nothing was ever published.
    pub fn is_empty(&self) -> bool {
        self.etags.is_empty()
    }

    /// What is known about an object.
    pub fn look_up(&self, source: &str, object: &Object) -> Known {
        let (key, found) = (digest(&[source, &object.uri]), digest(&[&object.etag]));
        if self.set_aside.get(&key) == Some(&found) {
            return Known::SetAside;
        }
        match self.etags.get(&key) {
            Some(etag) if *etag == found => Known::Same,
            Some(_) => Known::Changed,
            None => Known::Not,
        }
    }
}

/// Half a SHA-256: among ten million objects, the chance of a collision is 10⁻²⁵.
fn digest(parts: &[&str]) -> u128 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_known_by_name_and_content() {
        let object = |uri: &str, etag: &str| Object {
            uri: uri.into(),
            etag: etag.into(),
            bytes: 1,
            written_second: 0,
        };
        let mut ledger = Ledger::default();
        assert!(ledger.is_empty());
        ledger.add("songs", "s3://b/a", "1", false);
        assert_eq!(ledger.look_up("songs", &object("s3://b/a", "1")), Known::Same);
        assert_eq!(ledger.look_up("songs", &object("s3://b/a", "2")), Known::Changed);
        assert_eq!(ledger.look_up("songs", &object("s3://b/b", "1")), Known::Not);
        ledger.add("songs", "s3://b/a", "2", true);
        assert_eq!(ledger.look_up("songs", &object("s3://b/a", "2")), Known::SetAside);
        assert_eq!(ledger.look_up("songs", &object("s3://b/a", "1")), Known::Same);
        let ledger = ledger.without_published();
        assert_eq!(ledger.look_up("songs", &object("s3://b/a", "1")), Known::Not);
        assert_eq!(ledger.look_up("songs", &object("s3://b/a", "2")), Known::SetAside);
        assert_eq!(ledger.look_up("events", &object("s3://b/a", "1")), Known::Not);
    }
}
