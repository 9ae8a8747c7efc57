//! What a submit and a list cost on a fresh warehouse, and beside 20,000 kept statements.
//!
//! `cargo bench -p segue-redshift-local --bench kept`, or `make bench`. Fails when either takes more
//! than twice its time on the fresh one.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use redshift_local::{Engine, Options};
use serde_json::json;

/// Statements that are kept.
const KEPT: usize = 20_000;
/// What the fresh warehouse keeps: one page of a list, so that both answer with as much.
const FRESH: usize = 100;
/// Statements submitted at once while they pile up.
const CLIENTS: usize = 8;
/// Calls that are measured, of which the median counts.
const CALLS: usize = 301;
/// The most that a call may take, against a fresh warehouse.
const RATIO_MAX: f64 = 2.0;

async fn submit(engine: &Engine, number: usize) {
    let request = json!({
        "WorkgroupName": "local", "Database": "dev", "Sql": format!("select {number}"),
        "ClientToken": format!("token-{number}"), "WaitTimeSeconds": 30,
    });
    engine.call("ExecuteStatement", request).await.expect("accepted");
}

async fn list(engine: &Engine) {
    let page = engine.call("ListStatements", json!({})).await.expect("listed");
    assert_eq!(page["Statements"].as_array().map(Vec::len), Some(FRESH));
}

/// A warehouse that keeps this many statements.
async fn warehouse(kept: usize) -> Engine {
    let engine = Engine::open(Options::default()).expect("a warehouse in memory");
    let clients = (0..CLIENTS).map(|client| {
        let engine = engine.clone();
        async move {
            for number in (client..kept).step_by(CLIENTS) {
                submit(&engine, number).await;
            }
        }
    });
    futures::future::join_all(clients).await;
    engine
}

/// The medians of a submit and of a list, taken in turns so that the machine treats them alike.
async fn medians(engine: &Engine, from: usize) -> (Duration, Duration) {
    let (mut submits, mut lists) = (Vec::new(), Vec::new());
    for call in 0..CALLS {
        let began = Instant::now();
        submit(engine, from + call).await;
        submits.push(began.elapsed());
        let began = Instant::now();
        list(engine).await;
        lists.push(began.elapsed());
    }
    submits.sort();
    lists.sort();
    (submits[CALLS / 2], lists[CALLS / 2])
}

#[tokio::main]
async fn main() -> ExitCode {
    let fresh = medians(&warehouse(FRESH).await, 1_000_000).await;
    let began = Instant::now();
    let engine = warehouse(KEPT).await;
    let rate = KEPT as f64 / began.elapsed().as_secs_f64();
    let kept = medians(&engine, 1_000_000).await;
    println!("{KEPT} statements submitted by {CLIENTS} clients: {rate:.0} a second");
    let mut good = true;
    for (what, fresh, kept) in
        [("ExecuteStatement", fresh.0, kept.0), ("ListStatements", fresh.1, kept.1)]
    {
        let ratio = kept.as_secs_f64() / fresh.as_secs_f64();
        good &= ratio <= RATIO_MAX;
        println!("{what:<17} fresh {fresh:>9.2?}   {KEPT} kept {kept:>9.2?}   {ratio:.2} times");
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
