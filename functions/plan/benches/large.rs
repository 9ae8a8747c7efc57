//! How long a run of ten million objects takes to plan, and how much memory: a first load, and one
//! after which all but a few are published.
//!
//! `cargo bench -p segue-plan -- [OBJECTS] [LATENCY_MS]`. Buckets and warehouse are a process of
//! their own on this machine, which makes up the objects.

#[allow(dead_code, reason = "its other user looks at what was written")]
#[path = "../tests/bucket/mod.rs"]
mod bucket;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bucket::{Bucket, Volume};
use segue_contract::messages::PlanRequest;
use segue_contract::{Run, RunInput};
use serde_json::{Value, json};

/// Objects of the largest load that is promised.
const OBJECTS: u64 = 10_000_000;
/// How long a page of a listing or of a result takes.
const LATENCY_MS: u64 = 50;
/// Objects that are new where the others are published.
const NEW_OBJECTS: u64 = 1_000;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

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
    let mut out = std::io::stdout();
    writeln!(out, "   objects  published  latency       new  batches  seconds   CPU s  peak MB")?;
    for published in [0, objects.saturating_sub(NEW_OBJECTS)] {
        let (mut server, address) = start(&[objects, published, latency_ms])?;
        let output = Command::new(std::env::current_exe()?)
            .args(["plan", &address])
            .stderr(Stdio::inherit())
            .output()?;
        server.kill()?;
        server.wait()?;
        let figures: Value = serde_json::from_slice(&output.stdout)?;
        writeln!(
            out,
            "{objects:>10} {published:>10} {latency_ms:>5} ms {:>9} {:>8} {:>8.1} {:>7.1} {:>8}",
            figures["objects"],
            figures["batches"],
            figures["seconds"].as_f64().unwrap_or_default(),
            figures["cpuSeconds"].as_f64().unwrap_or_default(),
            figures["peakMegabytes"],
        )?;
    }
    Ok(())
}

fn start(numbers: &[u64]) -> Result<(Child, String)> {
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .args(numbers.iter().map(u64::to_string))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    Ok((server, address.trim().to_owned()))
}

async fn serve(volume: Volume) -> Result<()> {
    let (_bucket, address) = Bucket::start(volume).await;
    writeln!(std::io::stdout(), "{address}")?;
    std::future::pending().await
}

async fn plan(address: &str) -> Result<()> {
    let run = Run {
        id: "r".into(),
        started_at: "2018-11-01T00:00:00Z".into(),
        redrive_count: 0,
        input: RunInput::default(),
    };
    let begin = Instant::now();
    let request = PlanRequest { run, ledger_statement_id: "s".into() };
    let plan = segue_plan::handle(&bucket::context(address), request).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let figures = json!({
        "objects": plan.objects, "batches": plan.batches.len(), "seconds": seconds,
        "cpuSeconds": cpu_seconds()?, "peakMegabytes": peak_megabytes()?,
    });
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

fn peak_megabytes() -> Result<Option<u64>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.split_whitespace().next()?.parse::<u64>().ok());
    Ok(peak.map(|peak| peak / 1_024))
}

/// What this process has taken of the processors: the same on a busy machine as on an idle one.
fn cpu_seconds() -> Result<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name comes before the last parenthesis, and may hold anything.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}
