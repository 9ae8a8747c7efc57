//! Starts a local warehouse that speaks the Amazon Redshift Data API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use redshift_local::{Faults, Objects, Options, Server};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A local warehouse that speaks the Amazon Redshift Data API.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The loopback address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The file that keeps the warehouse; without it the warehouse is in memory
    #[arg(long)]
    database: Option<PathBuf>,
    /// The name by which clients call the database
    #[arg(long, default_value = "dev")]
    database_name: String,
    /// The only workgroup or cluster that there is; without it any name is found
    #[arg(long)]
    workgroup: Option<String>,
    /// The S3 endpoint from which COPY reads
    #[arg(long)]
    s3_endpoint: Option<String>,
    /// Misbehave, as this seed has it
    #[arg(long)]
    faults: Option<u64>,
    /// How many objects a COPY reads at once, when its cost is simulated
    #[arg(long, default_value_t = 8)]
    slices: u32,
    /// How long one object keeps one slice busy, in milliseconds
    #[arg(long, default_value_t = 0)]
    object_latency_ms: u64,
    /// How long after an event the system views show it, in milliseconds
    #[arg(long, default_value_t = 2_000)]
    system_view_lag_ms: u64,
    /// Answer at once where a request asks to wait for a statement
    #[arg(long)]
    ignore_waits: bool,
    /// Where to write the port that was bound
    #[arg(long)]
    port_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = Server::start(Options {
        listen: arguments.listen,
        database: arguments.database,
        database_name: arguments.database_name,
        workgroup: arguments.workgroup,
        objects: arguments.s3_endpoint.map_or(Objects::None, Objects::Endpoint),
        faults: arguments.faults.map_or(Faults::None, Faults::Seed),
        slices: arguments.slices,
        object_latency: Duration::from_millis(arguments.object_latency_ms),
        system_view_lag: Duration::from_millis(arguments.system_view_lag_ms),
        ignores_waits: arguments.ignore_waits,
        ..Options::default()
    })
    .await?;
    announce(server.address(), arguments.port_file)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await;
    Ok(())
}

/// The port file appears whole or not at all; then the address goes to stdout.
#[allow(clippy::print_stdout)]
fn announce(address: SocketAddr, port_file: Option<PathBuf>) -> std::io::Result<()> {
    if let Some(path) = port_file {
        let partial = path.with_extension("partial");
        std::fs::write(&partial, format!("{}\n", address.port()))?;
        std::fs::rename(&partial, &path)?;
    }
    println!("http://{address}");
    Ok(())
}
