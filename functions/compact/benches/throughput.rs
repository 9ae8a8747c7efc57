//! How fast the function merges tiny objects, compared with a bare client that only fetches them
//! from the same endpoint over the same number of connections; and how much memory it takes.
//!
//! `cargo bench -p segue-compact -- [OBJECTS] [LATENCY_MS]`. Endpoint, bare client and function are
//! separate processes on this machine.

#[allow(dead_code, reason = "its other users make trouble, which is not measured here")]
#[path = "../tests/endpoint/mod.rs"]
mod endpoint;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use endpoint::{Endpoint, etag};
use flate2::write::GzEncoder;
use segue_compact::{Context, Settings, handle};
use segue_contract::compaction::BATCH_OBJECTS;
use segue_contract::messages::CompactRequest;
use segue_contract::{Run, RunInput};
use segue_measure::{Result, Server, ask, say, usage};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Objects of the full exercise.
const OBJECTS: usize = 385_252;
/// The documented latency of S3, in milliseconds.
const LATENCY_MS: u64 = 20;
/// Objects that are fetched without latency: enough to see the rate.
const QUICK_OBJECTS: usize = 60_000;
/// Objects of the batch of large objects: many of a megabyte, and two of a hundred.
const LARGE_OBJECTS: usize = 202;

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse::<usize>().ok());
    match words.first().map(String::as_str) {
        Some("serve") => serve(number(1).unwrap_or(OBJECTS), number(2).unwrap_or(0)).await,
        Some("bare") => bare(&words[1], number(2).unwrap_or(OBJECTS)).await,
        Some("merge") => merge(&words[1], "songs", number(2).unwrap_or(OBJECTS)).await,
        Some("merge-large") => merge(&words[1], "events", 1).await,
        _ => compare(number(0).unwrap_or(OBJECTS), number(1).unwrap_or(LATENCY_MS as usize)),
    }
}

/// Runs everything and prints the figures side by side.
fn compare(objects: usize, latency_ms: usize) -> Result<()> {
    say(
        "objects  latency  bare GETs/s  function objects/s  of bare  function min  CPU min  peak MB",
    )?;
    for (objects, latency_ms) in [(objects.min(QUICK_OBJECTS), 0), (objects, latency_ms)] {
        let server = Server::start(&["serve", &objects.to_string(), &latency_ms.to_string()])?;
        let bare = ask(&["bare", server.address(), &objects.min(QUICK_OBJECTS).to_string()])?;
        let merged = ask(&["merge", server.address(), &objects.to_string()])?;
        let (of_bare, of_function) = (rate(&bare), rate(&merged));
        say(format_args!(
            "{objects:>7} {latency_ms:>5} ms {of_bare:>12.0} {of_function:>19.0} {:>7.0}% {:>13.2} {:>8.2} {:>8}",
            of_function / of_bare * 100.0,
            merged["seconds"].as_f64().unwrap_or_default() / 60.0,
            merged["cpuSeconds"].as_f64().unwrap_or_default() / 60.0,
            merged["peakMegabytes"],
        ))?;
    }
    let server = Server::start(&["serve", "1", "0"])?;
    let merged = ask(&["merge-large", server.address()])?;
    let megabytes = merged["bytesRead"].as_f64().unwrap_or_default() / 1e6;
    say(format_args!(
        "large: {LARGE_OBJECTS} objects, {megabytes:.0} MB at {:.0} MB/s, peak {} MB",
        megabytes / merged["seconds"].as_f64().unwrap_or(1.0),
        merged["peakMegabytes"],
    ))
}

fn rate(figures: &Value) -> f64 {
    let figure = |name: &str| figures[name].as_f64().unwrap_or_default();
    figure("objects") / figure("seconds")
}

/// The key and the 272 bytes of one song, as in the full exercise.
fn song(number: usize) -> (String, Vec<u8>) {
    let letter = |shift: u32| char::from(b'A' + (number / 26usize.pow(shift) % 26) as u8);
    let key = format!("song_data/{}/{}/{}/TR{number:016}.json", letter(2), letter(1), letter(0));
    let text = format!(
        "{{\"num_songs\": 1, \"artist_id\": \"AR{number:016}\", \"artist_latitude\": 35.14968, \
         \"artist_longitude\": -90.04892, \"artist_location\": \"Memphis, TN\", \"artist_name\": \
         \"Artist {:x}\", \"song_id\": \"SO{number:016}\", \"title\": \"Song {:x}\", \
         \"duration\": {}.{:05}, \"year\": 0}}",
        number * 2_654_435_761 % 65_536,
        number * 40_503 % 1_048_576,
        60 + number % 400,
        number % 99_999,
    );
    (key, text.into_bytes())
}

async fn serve(objects: usize, latency_ms: usize) -> Result<()> {
    let endpoint = Endpoint::start().await;
    let mut list = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for number in 0..objects {
        let (key, body) = song(number);
        let (etag, uri) = (etag(&body), format!("s3://landing/{key}"));
        let line =
            json!({"uri": uri, "etag": etag.trim_matches('"'), "bytes": body.len()}).to_string();
        writeln!(list, "{line}")?;
        endpoint.put(&format!("landing/{key}"), body);
        if (number + 1).is_multiple_of(BATCH_OBJECTS as usize) || number + 1 == objects {
            let full = std::mem::replace(
                &mut list,
                GzEncoder::new(Vec::new(), flate2::Compression::fast()),
            );
            let batch = number / BATCH_OBJECTS as usize;
            endpoint.put(&format!("work/runs/r/batches/songs/{batch:05}.json.gz"), full.finish()?);
        }
    }
    serve_large(&endpoint)?;
    endpoint.set_latency(Duration::from_millis(latency_ms as u64));
    say(endpoint.address())?;
    std::future::pending().await
}

fn serve_large(endpoint: &Endpoint) -> Result<()> {
    let mut list = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for number in 0..LARGE_OBJECTS {
        let bytes: usize = if number < 2 { 100_000_000 } else { 1_000_000 };
        let mut body = Vec::with_capacity(bytes + 512);
        for line in 0.. {
            body.extend(song(number * 1_000_000 + line).1);
            body.push(b'\n');
            if body.len() >= bytes {
                break;
            }
        }
        let uri = format!("s3://landing/log_data/{number:05}.json");
        let line = json!({"uri": uri, "etag": etag(&body).trim_matches('"'), "bytes": bytes});
        writeln!(list, "{line}")?;
        endpoint.put(uri.trim_start_matches("s3://"), body);
    }
    endpoint.put("work/runs/r/batches/events/00000.json.gz", list.finish()?);
    Ok(())
}

/// Fetches objects over plain sockets: the endpoint's maximum.
async fn bare(address: &str, objects: usize) -> Result<()> {
    let host = address.trim_start_matches("http://").to_owned();
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let connections = (0..Settings::CONNECTIONS_MAX).map(|_| {
        let (host, next) = (host.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            let mut socket = TcpStream::connect(&host).await?;
            socket.set_nodelay(true)?;
            let mut answer = Vec::with_capacity(4_096);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= objects {
                    return Result::Ok(());
                }
                let (key, body) = song(number);
                let request = format!("GET /landing/{key} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                socket.write_all(request.as_bytes()).await?;
                answer.clear();
                while !answer.ends_with(&body) {
                    if socket.read_buf(&mut answer).await? == 0 {
                        return Err("the endpoint has hung up".into());
                    }
                }
            }
        })
    });
    for connection in connections.collect::<Vec<_>>() {
        connection.await??;
    }
    say(json!({"objects": objects, "seconds": begin.elapsed().as_secs_f64()}))
}

/// Merges every batch, one after the other, as one function does.
async fn merge(address: &str, source: &str, objects: usize) -> Result<()> {
    let settings =
        Settings { work_bucket: "work".into(), connections_max: Settings::CONNECTIONS_MAX };
    let context = Context::new(endpoint::config(address), settings);
    let run = Run {
        id: "r".into(),
        started_at: "2018-11-01T00:00:00Z".into(),
        redrive_count: 0,
        input: RunInput::default(),
    };
    let begin = Instant::now();
    let (mut documents, mut bytes_read) = (0, 0);
    for batch in 0..objects.div_ceil(BATCH_OBJECTS as usize) {
        let request = CompactRequest {
            run: run.clone(),
            source: source.into(),
            batch: u32::try_from(batch)?,
            max_rejects: 0,
        };
        let merged = handle(&context, request).await?.merged;
        documents += merged.documents;
        bytes_read += merged.bytes_read;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let taken = usage()?;
    say(json!({
        "objects": documents, "seconds": seconds, "bytesRead": bytes_read,
        "cpuSeconds": taken.cpu_seconds, "peakMegabytes": taken.peak_megabytes,
    }))
}
