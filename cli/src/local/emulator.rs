//! The stand-in for AWS: starts ministack with all its state under `.segue/emulator`.

use std::{fs, path::PathBuf, process::Command};

use segue_contract::pipeline;

use super::{
    environment::local_environment,
    ports::{self, Ports},
    process::{self, Running},
};
use crate::{
    errors::{Outcome, on_file},
    project::Project,
};

/// The interpreter of the environment that ministack is installed in.
const PYTHON: &str = ".tools/ministack/bin/python";
/// Starts ministack, with listings that are fast for large buckets.
const LAUNCHER: &str = "tools/emulator.py";

/// The interpreter of the emulator, which `make tools` installs.
pub fn program(project: &Project) -> Outcome<PathBuf> {
    project.needed(PYTHON, "make tools")
}

/// Starts the emulator with the state of its last clean shutdown.
///
/// Objects are written to disk at once; everything else (stack, functions, state machines, past
/// executions) only when the emulator shuts down cleanly.
pub fn start(project: &Project, ports: Ports) -> Outcome<Running> {
    let home = home(project);
    let folders = ["objects", "state", "unpacked"].map(|name| home.join(name));
    for folder in &folders {
        fs::create_dir_all(folder).map_err(on_file("create", folder))?;
    }
    let [objects, state, unpacked] = folders;
    let mut command = Command::new(program(project)?);
    local_environment(&mut command);
    // Without -P, the scripts next to the launcher would shadow modules of the same names.
    command.arg("-P").arg(project.path(LAUNCHER));
    command
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", ports.emulator.to_string())
        // Functions may do only what their roles allow.
        .env("AUTH", "true")
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("PERSIST_STATE", "1")
        .env("STATE_DIR", state)
        .env("S3_PERSIST", "1")
        .env("S3_DATA_DIR", objects)
        .env("TMPDIR", unpacked)
        .env("AWS_ENDPOINT_URL", ports.emulator_url())
        .env("AWS_ENDPOINT_URL_REDSHIFT_DATA", ports.warehouse_url())
        // A change in sql/ takes effect in the next run, without a build.
        .env(pipeline::FOLDER_VARIABLE, project.path("sql"));
    process::start("emulator.py", command, &log(project), || {
        ports::is_well(ports.emulator, "/_ministack/health")
    })
}

/// Forgets everything, for a fresh deployment.
pub fn forget(project: &Project) -> Outcome {
    let home = home(project);
    if home.exists() {
        fs::remove_dir_all(&home).map_err(on_file("remove", &home))?;
    }
    Ok(())
}

/// Ends processes that outlived a killed emulator, and an emulator that is not in the state.
pub fn sweep(project: &Project) {
    process::sweep(&home(project), &project.path(LAUNCHER));
}

/// Its log.
pub fn log(project: &Project) -> PathBuf {
    project.state().join("logs/emulator.log")
}

fn home(project: &Project) -> PathBuf {
    project.state().join("emulator")
}
