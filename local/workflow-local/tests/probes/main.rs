//! What AWS documents about its state machines, checked on two stand-ins: the strict interpreter of
//! this crate, and the emulator on which the product runs locally.
//!
//! If the emulator behaves differently, the probe says so and expects exactly that: a version that
//! does better, or worse, fails here. Needs what `make tools` installs.

mod emulator;
mod payloads;
mod probe;
mod retries;
mod starts;
mod strict;
mod timeouts;

use futures::future::join_all;

use crate::emulator::Emulator;
use crate::probe::Probe;

const README: &str = include_str!("../../README.md");

fn probes() -> Vec<Probe> {
    [retries::probes(), timeouts::probes(), payloads::probes(), starts::probes()].concat()
}

#[tokio::test(start_paused = true)]
async fn the_strict_interpreter_does_what_aws_documents() {
    let mut wrong = Vec::new();
    for probe in probes() {
        let seen = strict::run(&probe).await;
        wrong.extend(probe.mismatch(&seen, &probe.documented));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_emulator_does_what_aws_documents_but_for_the_known_differences() {
    let emulator = Emulator::start().await;
    let probes = probes();
    let runs = probes.iter().enumerate().map(|(number, probe)| emulator.run(number, probe));
    let seen = join_all(runs).await;
    let wrong: Vec<String> = probes
        .iter()
        .zip(&seen)
        .filter_map(|(probe, seen)| {
            probe.mismatch(seen, probe.emulated.as_ref().unwrap_or(&probe.documented))
        })
        .collect();
    assert!(wrong.is_empty(), "{}\nthe emulator's log:\n{}", wrong.join("\n"), emulator.log());
}

#[test]
fn the_readme_names_every_difference_and_no_other() {
    let named = README.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut named: Vec<&str> = named.collect();
    let probes = probes();
    let mut differing: Vec<&str> =
        probes.iter().filter(|probe| probe.emulated.is_some()).map(|probe| probe.name).collect();
    named.sort_unstable();
    differing.sort_unstable();
    assert_eq!(named, differing);
    assert!(probes.iter().all(|probe| probe.emulated.as_ref() != Some(&probe.documented)));
}
