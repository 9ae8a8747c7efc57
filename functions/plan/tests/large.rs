//! A bucket with more objects than one listing, payload or list can hold.

mod bucket;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use bucket::{Bucket, OBJECT_BYTES, Volume};
use flate2::read::GzDecoder;
use segue_contract::RunInput;
use segue_contract::compaction::BATCHES_MAX;
use segue_contract::messages::Plan;
use serde_json::Value;

/// Objects of the bucket, unless `SEGUE_OBJECTS` says otherwise.
const OBJECTS: u64 = 20_000;
/// Bytes that may cross a state boundary.
const PAYLOAD_BYTES_MAX: usize = 256 << 10;

fn volume(published: u64) -> Volume {
    let objects = std::env::var("SEGUE_OBJECTS").ok().and_then(|number| number.parse().ok());
    let objects = objects.unwrap_or(OBJECTS);
    Volume { objects, published, latency: Duration::from_millis(1) }
}

async fn plan(address: &str) -> Plan {
    bucket::plan(address, RunInput::default()).await.expect("plans")
}

/// The lines of everything written under a folder.
fn lines(bucket: &Bucket, folder: &str) -> Vec<Value> {
    let seen = bucket.seen();
    let lists = seen.written.iter().filter(|(key, _)| key.starts_with(folder));
    let lines = lists.flat_map(|(_, body)| BufReader::new(GzDecoder::new(body.as_ref())).lines());
    lines.map(|line| serde_json::from_str(&line.expect("text")).expect("JSON")).collect()
}

#[tokio::test]
async fn every_object_that_is_not_published_is_in_one_batch() {
    let published = 12_345;
    let volume = volume(published);
    let (bucket, address) = Bucket::start(volume).await;
    let plan = plan(&address).await;
    let new = volume.objects - published;
    assert_eq!((plan.objects, plan.bytes), (new, new * OBJECT_BYTES));
    let songs = plan.sources.iter().find(|source| source.source == "songs").expect("planned");
    assert_eq!((songs.listed, songs.changed), (volume.objects, 0));

    let listed = lines(&bucket, "runs/r/batches/songs/");
    let uris: BTreeSet<&str> = listed.iter().filter_map(|line| line["uri"].as_str()).collect();
    assert_eq!((listed.len() as u64, uris.len() as u64), (new, new));
    let candidates = lines(&bucket, "runs/r/candidates/songs/").len();
    assert_eq!(candidates as u64, volume.objects, "the warehouse gets them all");
    let batches = plan.batches.len() as u64;
    assert!(batches.is_multiple_of(8) && batches <= BATCHES_MAX / 2, "{batches}");
}

#[tokio::test]
async fn a_listing_is_cut_into_ranges_that_are_read_side_by_side_and_once() {
    let volume = volume(0);
    let (bucket, address) = Bucket::start(volume).await;
    plan(&address).await;
    let seen = bucket.seen();
    let needed = volume.objects / 1_000;
    // A range begins and ends with a partial page, and folders are listed before.
    assert!(seen.pages <= needed + 200, "{} pages for {needed}", seen.pages);
    assert!(seen.pages_at_once > 8, "{} at once", seen.pages_at_once);
}

#[tokio::test]
async fn what_crosses_a_state_boundary_stays_small_with_the_most_batches() {
    let (_, address) = Bucket::start(volume(0)).await;
    let mut plan = plan(&address).await;
    let batch = plan.batches[0].clone();
    plan.batches = vec![batch; BATCHES_MAX as usize];
    let bytes = serde_json::to_string(&plan).expect("JSON").len();
    assert!(bytes < PAYLOAD_BYTES_MAX / 4, "{bytes} bytes");
}
