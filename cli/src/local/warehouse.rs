//! The stand-in for Redshift: starts `redshift-local`, which is next to this program.

use std::{path::PathBuf, process::Command};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{
    environment::local_environment,
    ports::{self, Ports},
    process::{self, Running},
};
use crate::{
    errors::{Outcome, Problem},
    project::Project,
};

const PROGRAM: &str = "redshift-local";

/// How the local warehouse behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WarehouseOptions {
    /// Make the warehouse misbehave as Redshift sometimes does, in an order that SEED decides
    #[arg(long, value_name = "SEED")]
    pub faults: Option<u64>,
    /// The slices among which a COPY divides its objects
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub slices: Option<u32>,
    /// Milliseconds that one object costs a slice during COPY
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub object_latency_ms: Option<u32>,
}

/// The program, which is built together with this one.
pub fn program() -> Outcome<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|this| this.parent().map(|folder| folder.join(PROGRAM)))
        .filter(|program| program.is_file());
    beside.ok_or_else(|| {
        Problem::wrong_use(format!("expected {PROGRAM} next to this program, found none"))
            .hint("run `make build`, then use target/bin/segue")
    })
}

/// Its log.
pub fn log(project: &Project) -> PathBuf {
    project.state().join("logs/warehouse.log")
}

fn database(project: &Project) -> PathBuf {
    project.state().join("warehouse.duckdb")
}

/// Ends a warehouse that is not in the state: two cannot share a database.
pub fn sweep(project: &Project) {
    process::sweep(&database(project), &database(project));
}

/// Starts the warehouse; its database survives restarts and crashes.
pub fn start(project: &Project, ports: Ports, options: &WarehouseOptions) -> Outcome<Running> {
    let mut command = Command::new(program()?);
    local_environment(&mut command);
    command.arg("--listen").arg(format!("127.0.0.1:{}", ports.warehouse));
    command.arg("--database").arg(database(project));
    command.arg("--s3-endpoint").arg(ports.emulator_url());
    command.arg("--port-file").arg(project.state().join("warehouse.port"));
    let numbers = [
        ("--faults", options.faults),
        ("--slices", options.slices.map(u64::from)),
        ("--object-latency-ms", options.object_latency_ms.map(u64::from)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            command.arg(name).arg(number.to_string());
        }
    }
    process::start(PROGRAM, command, &log(project), || ports::is_well(ports.warehouse, "/health"))
}
