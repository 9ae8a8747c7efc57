//! Local mode: the same template, functions, state machines and SQL on this machine.

mod deploy;
mod emulator;
pub mod environment;
pub mod events;
mod ports;
mod process;
pub mod run;
mod state;
mod warehouse;

use std::{fs, path::PathBuf, time::Duration};

use serde::Serialize;

use self::{deploy::Deployment, process::Running, state::State};
pub use self::{
    deploy::{STACK, WORKGROUP},
    ports::Ports,
    warehouse::{WarehouseOptions, program as warehouse_program},
};
use crate::{
    aws::AwsClients,
    errors::{Outcome, Problem, on_file},
    project::Project,
    stack::Stack,
    ui::{self, Step},
};

/// Another program may take a free port before the emulator does.
const START_ATTEMPTS_MAX: u32 = 3;
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The running local stack.
pub struct LocalStack {
    /// Clients for it.
    pub clients: AwsClients,
    /// Its outputs.
    pub stack: Stack,
    /// Where it listens.
    pub ports: Ports,
    programs: Vec<(Running, PathBuf)>,
}

impl LocalStack {
    /// Returns when one of the programs has ended, with its last log lines.
    ///
    /// Without it, a run would retry calls to a dead program for many minutes.
    pub async fn broken(&self) -> Problem {
        loop {
            for (program, log) in &self.programs {
                if !program.is_alive() {
                    let log_lines = process::last_lines(log);
                    return Problem::failed(format!("{} has ended:\n{log_lines}", program.program))
                        .hint("run `segue local up`, then run again: nothing is lost");
                }
            }
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }
}

/// Starts what is not running and deploys what is not deployed; harmless if nothing is missing.
pub async fn up(
    project: &Project,
    port: Option<u16>,
    options: &WarehouseOptions,
) -> Outcome<LocalStack> {
    emulator::program(project)?;
    warehouse::program()?;
    let deployment = Deployment::prepare(project)?;
    let _lock = state::lock(project)?;
    let mut state = State::load(project)?;

    let ports = start_missing(project, &mut state, port, options)?;
    let clients = AwsClients::local(ports).await;
    let unchanged = state.deployed.as_ref() == Some(&deployment.fingerprint);
    if let Some(stack) = Stack::read(&clients, STACK).await?
        && unchanged
    {
        return ready(LocalStack { clients, stack, ports, programs: programs(project, &state) })
            .await;
    }
    deploy(project, &mut state, &deployment, &clients, ports).await?;
    let stack = Stack::read(&clients, STACK).await?.ok_or_else(|| {
        Problem::failed("the deployment succeeded, but the stack does not exist")
            .hint("run `segue local down --purge` and start again")
    })?;
    ready(LocalStack { clients, stack, ports, programs: programs(project, &state) }).await
}

/// A killed upload may have left the landing bucket without events.
async fn ready(local: LocalStack) -> Outcome<LocalStack> {
    events::on(&local.clients.s3(), local.stack.landing_bucket()?).await?;
    Ok(local)
}

fn programs(project: &Project, state: &State) -> Vec<(Running, PathBuf)> {
    let emulator = state.emulator.clone().map(|program| (program, emulator::log(project)));
    let warehouse = state.warehouse.clone().map(|program| (program, warehouse::log(project)));
    emulator.into_iter().chain(warehouse).collect()
}

/// The stack that `up` left running.
pub async fn running(project: &Project) -> Outcome<LocalStack> {
    let state = State::load(project)?;
    let not_running =
        || Problem::wrong_use("the local stack is not running").hint("run `segue local up`");
    let ports = state.ports.filter(|_| state.is_up()).ok_or_else(not_running)?;
    let clients = AwsClients::local(ports).await;
    let stack = Stack::read(&clients, STACK).await?.ok_or_else(not_running)?;
    Ok(LocalStack { clients, stack, ports, programs: programs(project, &state) })
}

fn start_missing(
    project: &Project,
    state: &mut State,
    port: Option<u16>,
    options: &WarehouseOptions,
) -> Outcome<Ports> {
    let same_port = |ports: &Ports| port.is_none_or(|port| port == ports.emulator);
    if state.is_up()
        && state.warehouse_options == *options
        && let Some(ports) = state.ports.filter(same_port)
    {
        return Ok(ports);
    }
    for attempt in 1.. {
        let started = start_once(project, state, port, options);
        state.save(project)?;
        match started {
            Err(problem) if attempt == START_ATTEMPTS_MAX || port.is_some() => return Err(problem),
            // Another program may have taken a port in the meantime: choose again.
            Err(_) => state.ports = None,
            Ok(ports) => return Ok(ports),
        }
    }
    Err(Problem::failed("the local stack does not start"))
}

fn start_once(
    project: &Project,
    state: &mut State,
    port: Option<u16>,
    options: &WarehouseOptions,
) -> Outcome<Ports> {
    if state.warehouse_options != *options {
        stop(&mut state.warehouse);
    }
    let alive = |program: &Option<Running>| program.as_ref().is_some_and(Running::is_alive);
    let kept = state.ports.filter(|ports| {
        port.is_none_or(|port| port == ports.emulator)
            && (alive(&state.emulator) || ports::is_free(ports.emulator))
            && (alive(&state.warehouse) || ports::is_free(ports.warehouse))
    });
    let ports = match kept {
        Some(ports) => ports,
        None => {
            stop_both(project, state);
            Ports::choose(port)?
        }
    };
    state.ports = Some(ports);
    if !alive(&state.warehouse) {
        warehouse::sweep(project);
        let step = Step::start("starting the local warehouse");
        state.warehouse = Some(warehouse::start(project, ports, options)?);
        state.warehouse_options = options.clone();
        step.done("started the local warehouse");
    }
    if !alive(&state.emulator) {
        start_emulator(project, state, ports)?;
    }
    Ok(ports)
}

fn start_emulator(project: &Project, state: &mut State, ports: Ports) -> Outcome {
    emulator::sweep(project);
    if state.deployed.is_none() {
        // Without a finished deployment, no stack owns the buckets that may be on disk.
        emulator::forget(project)?;
    }
    let step = Step::start("starting the AWS emulator");
    state.emulator = Some(emulator::start(project, ports)?);
    step.done("started the AWS emulator");
    Ok(())
}

async fn deploy(
    project: &Project,
    state: &mut State,
    deployment: &Deployment,
    clients: &AwsClients,
    ports: Ports,
) -> Outcome {
    let step = Step::start("deploying template.yaml");
    if let Err(problem) = deployment.run(clients, ports).await {
        step.drop_quietly();
        if state.deployed.is_none() {
            // A first deployment that failed leaves a stack that cannot be updated.
            stop(&mut state.emulator);
            emulator::forget(project)?;
            state.save(project)?;
        }
        return Err(problem);
    }
    // The emulator saves its state only when it shuts down cleanly: from here on, the stack
    // survives even signal 9.
    stop(&mut state.emulator);
    state.emulator = Some(emulator::start(project, ports)?);
    state.deployed = Some(deployment.fingerprint.clone());
    state.save(project)?;
    step.done("deployed template.yaml");
    Ok(())
}

/// Stops both programs; their data stays unless it is to be purged.
pub fn down(project: &Project, purge: bool) -> Outcome {
    if !project.state().exists() {
        ui::say("nothing is running");
        return Ok(());
    }
    let lock = state::lock(project)?;
    // An unreadable state must not prevent a fresh start.
    let mut state = match State::load(project) {
        Err(_) if purge => State::default(),
        loaded => loaded?,
    };
    let ran = state.emulator.is_some() || state.warehouse.is_some();
    stop_both(project, &mut state);
    state.save(project)?;
    ui::say(if ran { "stopped the local stack" } else { "nothing is running" });
    if purge {
        let folder = project.state();
        fs::remove_dir_all(&folder).map_err(on_file("remove", &folder))?;
        ui::say(format!("removed {}", folder.display()));
    }
    drop(lock);
    Ok(())
}

fn stop_both(project: &Project, state: &mut State) {
    stop(&mut state.emulator);
    emulator::sweep(project);
    stop(&mut state.warehouse);
    warehouse::sweep(project);
}

fn stop(program: &mut Option<Running>) {
    if let Some(running) = program.take() {
        running.stop();
    }
}

/// What `segue local status` shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Whether both programs run.
    pub running: bool,
    /// Whether a stack has been deployed.
    pub deployed: bool,
    /// Where the AWS APIs answer.
    pub aws_endpoint: Option<String>,
    /// Where the Redshift Data API answers.
    pub redshift_data_endpoint: Option<String>,
    /// The emulator's process.
    pub emulator_pid: Option<u32>,
    /// The warehouse's process.
    pub warehouse_pid: Option<u32>,
    /// The stack's name.
    pub stack: &'static str,
    /// The folder of everything that local mode keeps.
    pub folder: String,
}

/// Only looks; changes nothing.
pub fn status(project: &Project) -> Outcome<Status> {
    let state = State::load(project)?;
    let pid = |program: &Option<Running>| {
        program.as_ref().filter(|running| running.is_alive()).map(|running| running.pid)
    };
    let running = state.is_up();
    let ports = state.ports.filter(|_| running);
    Ok(Status {
        running,
        deployed: state.deployed.is_some(),
        aws_endpoint: ports.map(Ports::emulator_url),
        redshift_data_endpoint: ports.map(Ports::warehouse_url),
        emulator_pid: pid(&state.emulator),
        warehouse_pid: pid(&state.warehouse),
        stack: STACK,
        folder: project.state().display().to_string(),
    })
}
