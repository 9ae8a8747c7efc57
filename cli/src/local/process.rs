//! Background programs: started in their own process group, recognised later, and stopped.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sysinfo::{
    Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, Signal, System, UpdateKind,
};

use crate::errors::{Outcome, Problem, on_file};

/// How long a program may take to end after SIGTERM, before SIGKILL.
const STOP_GRACE: Duration = Duration::from_secs(20);
/// How long a program may take from its start to its open port: the emulator first looks at every
/// object, perhaps hundreds of thousands. A program that ends while starting is reported at once.
const START_PATIENCE: Duration = Duration::from_secs(300);
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// The start time of a process is derived from the clock and may differ by this after adjustments.
const CLOCK_DRIFT_SECONDS: u64 = 2;
const LOG_LINES_SHOWN: usize = 12;

/// A background program as it is remembered between commands.
///
/// A process id alone may belong to another program by now: the start time and the program's name
/// must match as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The process id, which is also the ID of its process group.
    pub pid: u32,
    /// Seconds since 1970 at which it started.
    pub started_at_seconds: u64,
    /// A part of its command line.
    pub program: String,
}

impl Running {
    /// Whether this very process, and not a later one with the same ID, is still running.
    pub fn is_alive(&self) -> bool {
        self.with_process(|_| ()).is_some()
    }

    /// Asks the program to end, waits, and kills it if it does not.
    pub fn stop(&self) {
        let deadline = Instant::now() + STOP_GRACE;
        self.signal(Signal::Term);
        while self.is_alive() {
            if Instant::now() > deadline {
                self.signal(Signal::Kill);
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    fn signal(&self, signal: Signal) {
        self.with_process(|process| process.kill_with(signal));
    }

    fn with_process<T>(&self, act: impl FnOnce(&sysinfo::Process) -> T) -> Option<T> {
        let pid = Pid::from_u32(self.pid);
        let mut system = System::new();
        let details = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always);
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, details);
        let process = system.process(pid)?;
        let same_start =
            process.start_time().abs_diff(self.started_at_seconds) <= CLOCK_DRIFT_SECONDS;
        let same_program =
            process.cmd().iter().any(|word| word.to_string_lossy().contains(&self.program));
        let ended = matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
        (same_start && same_program && !ended).then(|| act(process))
    }
}

/// Starts `command` in the background with its output in `log`, and waits until `ready` returns
/// true. `program` is a part of the command by which it is recognised later.
///
/// # Errors
/// When it ends first or is not ready in time: with the last lines of the log.
pub fn start(
    program: &str,
    mut command: Command,
    log: &Path,
    ready: impl Fn() -> bool,
) -> Outcome<Running> {
    let output = new_log(log)?;
    let errors = output.try_clone().map_err(on_file("write", log))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| Problem::failed(format!("cannot start {program}: {error}")))?;
    let (pid, started_at_seconds) = (child.id(), start_time(child.id()));
    let running = Running { pid, started_at_seconds, program: program.to_owned() };
    // The command line, by which it is recognised, appears a moment after the process.
    match wait_until_ready(&mut child, || running.is_alive() && ready()) {
        Ok(()) => Ok(running),
        Err(why) => {
            // It may have ended by itself; in any case nothing of it may stay behind.
            let _ = child.kill();
            let _ = child.wait();
            Err(Problem::failed(format!("{program} {why}:\n{}", last_lines(log)))
                .hint(format!("the whole log is {}", log.display())))
        }
    }
}

fn wait_until_ready(child: &mut Child, ready: impl Fn() -> bool) -> Result<(), String> {
    let deadline = Instant::now() + START_PATIENCE;
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("ended while starting ({status})"));
        }
        if ready() {
            return Ok(());
        }
        thread::sleep(POLL_INTERVAL);
    }
    Err(format!("was not ready after {} seconds", START_PATIENCE.as_secs()))
}

fn start_time(pid: u32) -> u64 {
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        true,
        ProcessRefreshKind::nothing(),
    );
    system.process(pid).map(sysinfo::Process::start_time).unwrap_or_default()
}

/// Kills every process whose executable is under `folder`, or that has the argument `mark`: what a
/// killed emulator, or a command killed before it saved its state, left behind.
pub fn sweep(folder: &Path, mark: &Path) {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut system = System::new();
    let details =
        ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).with_cmd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, details);
    for process in system.processes().values() {
        let unpacked = process.exe().is_some_and(|program| program.starts_with(&folder));
        if unpacked || process.cmd().iter().any(|word| Path::new(word) == mark) {
            process.kill();
        }
    }
}

/// The previous log is kept once: it says why the program is being started again.
fn new_log(log: &Path) -> Outcome<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).map_err(on_file("create", folder))?;
    }
    if log.exists() {
        fs::rename(log, log.with_extension("previous.log")).map_err(on_file("rename", log))?;
    }
    File::create(log).map_err(on_file("write", log))
}

/// The end of a log, indented, for an error message.
pub fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(LOG_LINES_SHOWN);
    lines[first..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Running {
        let mut command = Command::new("sleep");
        command.arg("600");
        start("sleep", command, &folder.join("sleep.log"), || true).expect("sleep starts")
    }

    #[test]
    fn a_started_program_is_recognised_and_stopped() {
        let folder = tempfile::tempdir().expect("a folder");
        let running = sleeper(folder.path());
        assert!(running.is_alive());
        running.stop();
        assert!(!running.is_alive());
    }

    #[test]
    fn another_program_with_the_same_id_is_not_ours() {
        let folder = tempfile::tempdir().expect("a folder");
        let running = sleeper(folder.path());
        let older =
            Running { started_at_seconds: running.started_at_seconds - 60, ..running.clone() };
        let other = Running { program: "ministack".to_owned(), ..running.clone() };
        assert!(!older.is_alive() && !other.is_alive());
        running.stop();
    }

    #[test]
    fn a_program_that_ends_at_once_is_shown_with_its_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        command.args(["-c", "echo the port is taken; exit 3"]);
        let problem = start("sh", command, &folder.path().join("sh.log"), || false)
            .expect_err("the program ended");
        assert!(problem.to_string().contains("the port is taken"), "{problem}");
    }
}
