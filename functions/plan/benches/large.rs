//! How long finding and planning a run of ten million objects takes, and how much memory: a first load, and one
//! where all but a few are published.
//!
//! `cargo bench -p segue-plan -- [OBJECTS] [LATENCY_MS]`. Buckets and warehouse are a process of
//! their own on this machine, which makes up the objects.

#[allow(dead_code, reason = "its other user looks at what was written")]
#[path = "../tests/bucket/mod.rs"]
mod bucket;

use std::time::{Duration, Instant};

use bucket::{Bucket, Volume};
use segue_contract::RunInput;
use segue_measure::{Result, Server, ask, say, usage};
use serde_json::json;

/// Objects of the largest load that is promised.
const OBJECTS: u64 = 10_000_000;
/// How long a page of a listing or of a result takes.
const LATENCY_MS: u64 = 50;
/// Objects that are new when the others are published.
const NEW_OBJECTS: u64 = 1_000;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok());
    match words.first().map(String::as_str) {
        Some("serve") => {
            let [objects, published, latency_ms] =
                [1, 2, 3].map(|index| number(index).unwrap_or_default());
            let latency = Duration::from_millis(latency_ms);
            serve(Volume { objects, published, latency }).await
        }
        Some("plan") => plan(&words[1]).await,
        _ => compare(number(0).unwrap_or(OBJECTS), number(1).unwrap_or(LATENCY_MS)),
    }
}

fn compare(objects: u64, latency_ms: u64) -> Result<()> {
    say("   objects  published  latency       new  batches  seconds   CPU s  peak MB")?;
    for published in [0, objects.saturating_sub(NEW_OBJECTS)] {
        let numbers = [objects, published, latency_ms].map(|number| number.to_string());
        let server = Server::start(&["serve", &numbers[0], &numbers[1], &numbers[2]])?;
        let figures = ask(&["plan", server.address()])?;
        say(format_args!(
            "{objects:>10} {published:>10} {latency_ms:>5} ms {:>9} {:>8} {:>8.1} {:>7.1} {:>8}",
            figures["objects"],
            figures["batches"],
            figures["seconds"].as_f64().unwrap_or_default(),
            figures["cpuSeconds"].as_f64().unwrap_or_default(),
            figures["peakMegabytes"],
        ))?;
    }
    Ok(())
}

async fn serve(volume: Volume) -> Result<()> {
    let (_bucket, address) = Bucket::start(volume).await;
    say(address)?;
    std::future::pending().await
}

async fn plan(address: &str) -> Result<()> {
    let begin = Instant::now();
    let plan = bucket::plan(address, RunInput::default()).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let taken = usage()?;
    say(json!({
        "objects": plan.objects, "batches": plan.batches.len(), "seconds": seconds,
        "cpuSeconds": taken.cpu_seconds, "peakMegabytes": taken.peak_megabytes,
    }))
}
