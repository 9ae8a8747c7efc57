//! What publishing costs beside ever more plays: a run reads what it brings, not what exists.
//!
//! `SEGUE_PLAYS=100000,1000000,10000000` prints a table for more plays, as `make bench` does.

use serde_json::Value;

use crate::large::{PLAYS_OF_A_SESSION, ROW_GROUP, new_plays, scans_of_a_run, song, warehouse};
use crate::model::Source;
use crate::world::{WORK_BUCKET, World};

/// Plays that exist, unless `SEGUE_PLAYS` says otherwise.
const PLAYS: [u64; 2] = [100_000, 500_000];
/// Events of a file.
const EVENTS: u64 = 300;
/// The most scans of a large table in a run: for each of four ranges a read and a delete.
const SCANS_MAX: usize = 8;

/// What publishing took.
#[derive(Debug, Default)]
struct Cost {
    seconds: f64,
    plays_read: u64,
    instants_read: u64,
    scans: usize,
}

/// A run of what has landed, the `number`th of its world.
async fn cost(world: &World, number: usize) -> Cost {
    let scans = scans_of_a_run(world).await;
    let of = |table: &str| scans.get(table).cloned().unwrap_or_default();
    let (plays, instants) = (of("mart.songplays"), of("mart.time"));
    let report = world.objects.get(WORK_BUCKET, &format!("runs/run-{number}/report.json"));
    let report = report.map(|report| serde_json::from_slice::<Value>(&report.body).expect("JSON"));
    let statements = report.iter().flat_map(|report| report["statements"].as_array()).flatten();
    let mut published = statements.filter(|statement| statement["step"] == "publish");
    let milliseconds = published.next().and_then(|publish| publish["durationMs"].as_f64());
    Cost {
        seconds: milliseconds.unwrap_or_default() / 1_000.0,
        plays_read: plays.iter().sum(),
        instants_read: instants.iter().sum(),
        scans: plays.len().max(instants.len()),
    }
}

fn sizes() -> Vec<u64> {
    let sizes = std::env::var("SEGUE_PLAYS").unwrap_or_default();
    let sizes: Vec<u64> = sizes.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    if sizes.is_empty() { PLAYS.to_vec() } else { sizes }
}

#[tokio::test(start_paused = true)]
async fn a_run_reads_what_it_brings_and_not_what_exists() {
    println!("| plays | a run with | publish, s | rows read of songplays | of time |");
    println!("|---:|---|---:|---:|---:|");
    for size in sizes() {
        let world = warehouse(size).await;
        let sessions = size / PLAYS_OF_A_SESSION;
        let latest = new_plays(sessions - EVENTS..sessions);
        // As many again, from three times in the past.
        let late = (1..4).flat_map(|part| {
            let begin = sessions * part / 4;
            begin..begin + EVENTS / 3
        });
        let late = new_plays(late);
        let files = [
            ("300 new events", Some((Source::Events, latest.join("\n")))),
            ("300 late events", Some((Source::Events, late.join("\n")))),
            ("one song", Some((Source::Songs, song(size / 2)))),
            ("nothing new", None),
        ];
        for (number, (name, file)) in files.into_iter().enumerate() {
            if let Some((source, text)) = file {
                world.put(source, &format!("{number}.json"), &text);
            }
            let cost = cost(&world, number + 1).await;
            let Cost { seconds, plays_read, instants_read, scans } = cost;
            println!("| {size} | {name} | {seconds:.2} | {plays_read} | {instants_read} |");
            // That of its range, and the last, which holds what earlier runs of any session brought.
            let most = 2 * scans as u64 * ROW_GROUP;
            let is_narrow = scans <= SCANS_MAX && plays_read <= most && instants_read <= most;
            assert!(is_narrow, "{size}, {name}: {cost:?}");
        }
    }
}
