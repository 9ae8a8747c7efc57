//! Splits the objects of a source into batches and writes their lists, for the state "Compact".

use std::io::Write;

use aws_sdk_s3::Client;
use flate2::write::GzEncoder;
use futures::stream::{self, StreamExt, TryStreamExt};
use segue_buckets::{Object, encoder, put};
use segue_contract::compaction::Volume;
use segue_contract::messages::Batch;
use segue_contract::{Failure, Run, layout};
use segue_function::unreadable;
use serde_json::json;

/// Lists that are written at once.
const WRITES_AT_ONCE_MAX: usize = 8;
/// The weight of an object besides its bytes: fetching it takes as long as merging this many bytes.
const OBJECT_WEIGHT_BYTES: u64 = 16 * 1024;

/// Writes the list of each batch. Objects keep their order, and batches are even in weight; so the
/// same objects always make the same batches.
///
/// # Errors
/// `SourceUnreadable` if writing to the work bucket fails.
pub async fn write(
    s3: &Client,
    bucket: &str,
    run: &Run,
    source: &str,
    max_rejects: u64,
    batches: Batches<impl Iterator<Item = Object>>,
) -> Result<Vec<Batch>, Failure> {
    stream::iter(batches.lists())
        .map(|list| async move {
            let (batch, body) = list?;
            put(s3, bucket, &layout::batch_key(run, source, batch), body).await?;
            Ok(Batch { source: source.to_owned(), batch, max_rejects })
        })
        .buffered(WRITES_AT_ONCE_MAX)
        .try_collect()
        .await
}

/// Objects to be put into batches.
pub struct Batches<I> {
    objects: I,
    count: u64,
    objects_left: u64,
    weight: u128,
    weight_before: u128,
}

impl<I: Iterator<Item = Object>> Batches<I> {
    /// Splits objects of this volume into `count` batches, at most one per object.
    pub fn new(objects: I, volume: Volume, count: u64) -> Self {
        let weight =
            u128::from(volume.bytes) + u128::from(volume.objects) * u128::from(OBJECT_WEIGHT_BYTES);
        Self { objects, count, objects_left: volume.objects, weight, weight_before: 0 }
    }

    /// The lists, one after the other, so that only those being written are in memory.
    fn lists(mut self) -> impl Iterator<Item = Result<(u32, Vec<u8>), Failure>> {
        let mut batch = 0;
        let mut list = encoder();
        let mut is_empty = true;
        std::iter::from_fn(move || {
            for object in self.objects.by_ref() {
                let weight = u128::from(object.bytes + OBJECT_WEIGHT_BYTES);
                let middle = self.weight_before + weight / 2;
                let is_full =
                    middle * u128::from(self.count) >= self.weight * u128::from(batch + 1);
                // Every batch has an object, even after one that is heavier than a whole batch.
                let is_needed_later = self.objects_left < self.count - batch;
                let full = (!is_empty && batch + 1 < self.count && (is_full || is_needed_later))
                    .then(|| std::mem::replace(&mut list, encoder()));
                self.objects_left -= 1;
                self.weight_before += weight;
                if let Err(failure) = add(&mut list, &object) {
                    return Some(Err(failure));
                }
                is_empty = false;
                if let Some(full) = full {
                    batch += 1;
                    return Some(finish(full, batch - 1));
                }
            }
            let last = std::mem::replace(&mut list, encoder());
            (!std::mem::replace(&mut is_empty, true)).then(|| finish(last, batch))
        })
    }
}

fn add(list: &mut GzEncoder<Vec<u8>>, object: &Object) -> Result<(), Failure> {
    let line = json!({"uri": object.uri, "etag": object.etag, "bytes": object.bytes});
    writeln!(list, "{line}").map_err(|error| unreadable("a batch cannot be compressed", error))
}

fn finish(list: GzEncoder<Vec<u8>>, batch: u64) -> Result<(u32, Vec<u8>), Failure> {
    let body = list.finish().map_err(|error| unreadable("a batch cannot be compressed", error))?;
    let batch =
        u32::try_from(batch).map_err(|error| unreadable("a batch cannot be numbered", error))?;
    Ok((batch, body))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use proptest::prelude::*;

    use super::*;

    fn cut(bytes: &[u64], count: u64) -> Vec<Vec<u64>> {
        let volume =
            Volume { objects: bytes.len() as u64, bytes: bytes.iter().sum(), ..Volume::default() };
        let objects = bytes.iter().map(|bytes| Object { bytes: *bytes, ..Object::default() });
        let lists = Batches::new(objects, volume, count).lists().enumerate();
        lists
            .map(|(number, list)| {
                let (batch, body) = list.expect("compresses");
                assert_eq!(batch as usize, number);
                let lines = BufReader::new(flate2::read::GzDecoder::new(body.as_slice())).lines();
                let read = |line: String| {
                    serde_json::from_str::<serde_json::Value>(&line).expect("JSON")["bytes"]
                        .as_u64()
                };
                lines.map(|line| read(line.expect("UTF-8")).expect("a number")).collect()
            })
            .collect()
    }

    #[test]
    fn tiny_objects_are_dealt_out_evenly() {
        let batches = cut(&[272; 1_000], 8);
        assert!(batches.iter().all(|batch| batch.len() == 125), "{batches:?}");
    }

    #[test]
    fn a_heavy_object_leaves_the_others_to_the_other_batches() {
        let batches = cut(&[10 << 30, 1, 1, 1, 1, 1, 1], 4);
        let lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(lengths[0], 1);
        assert_eq!(lengths.len(), 4);
        assert_eq!(lengths.iter().sum::<usize>(), 7);
    }

    proptest! {
        #[test]
        fn every_object_is_in_one_batch_in_order_and_no_batch_is_empty(
            bytes in prop::collection::vec(0u64..10_000_000, 1..200), wanted in 1u64..64,
        ) {
            let count = wanted.min(bytes.len() as u64);
            let batches = cut(&bytes, count);
            prop_assert_eq!(batches.len() as u64, count);
            prop_assert!(batches.iter().all(|batch| !batch.is_empty()));
            prop_assert_eq!(batches.concat(), bytes);
        }
    }
}
