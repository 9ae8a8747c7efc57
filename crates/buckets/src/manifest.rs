//! What a COPY reads: a manifest, and lists of JSON documents, compressed.

use aws_sdk_s3::Client;
use flate2::write::GzEncoder;
use segue_contract::Failure;
use serde_json::json;

use crate::work::put;

/// What a manifest begins with.
const BEGINNING: &str = "{\"entries\": [\n";

/// The manifest of one COPY.
#[derive(Debug, Default)]
pub struct Manifest {
    entries: Vec<u8>,
}

impl Manifest {
    /// Adds an object by its URI; if it is gone when the COPY reads it, the COPY fails.
    pub fn add(&mut self, uri: &str) {
        self.entries.extend(if self.entries.is_empty() { BEGINNING } else { ",\n" }.bytes());
        self.entries.extend(json!({"url": uri, "mandatory": true}).to_string().bytes());
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// `SourceUnreadable` if writing to the work bucket fails.
    pub async fn write(self, s3: &Client, bucket: &str, key: &str) -> Result<(), Failure> {
        put(s3, bucket, key, self.body()).await
    }

    /// Completed in place: with millions of objects, there is no memory for a copy.
    fn body(mut self) -> Vec<u8> {
        if self.entries.is_empty() {
            self.entries.extend(BEGINNING.bytes());
        }
        self.entries.extend(b"\n]}\n");
        self.entries
    }
}

/// What lists are compressed with.
pub fn encoder() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), flate2::Compression::fast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_json_whatever_the_keys() {
        let mut manifest = Manifest::default();
        for uri in ["s3://b/a.json", "s3://b/\"quoted\" ünïcode\n.json"] {
            manifest.add(uri);
        }
        let entries = |manifest: Manifest| {
            let body: serde_json::Value = serde_json::from_slice(&manifest.body()).expect("JSON");
            body["entries"].as_array().expect("an array").clone()
        };
        assert!(entries(Manifest::default()).is_empty());
        let entries = entries(manifest);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0]["mandatory"], true);
        assert_eq!(entries[1]["url"], "s3://b/\"quoted\" ünïcode\n.json");
    }
}
