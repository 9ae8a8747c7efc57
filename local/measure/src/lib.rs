//! What the benches share: parts of a bench run as separate processes, so that each is measured
//! alone, and report what they took.
//!
//! Each part is the bench's own program, called with other arguments.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::Value;

/// Any error ends a bench.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A part that serves others until it is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Starts this program with other arguments, and waits for the line with its address.
    ///
    /// # Errors
    /// When it cannot be started, or ends without a line.
    pub fn start(words: &[&str]) -> Result<Self> {
        let program = std::env::current_exe()?;
        let process = Command::new(program).args(words).stdout(Stdio::piped()).spawn()?;
        // Any failure from here on ends the process as well.
        let mut server = Self { process, address: String::new() };
        let output = server.process.stdout.take().ok_or("no output")?;
        if BufReader::new(output).read_line(&mut server.address)? == 0 {
            return Err(format!("{words:?} ended without saying its address").into());
        }
        server.address.truncate(server.address.trim_end().len());
        Ok(server)
    }

    /// Where it serves.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has already ended, that is fine.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// Runs this program with other arguments and returns the figures that it prints.
///
/// # Errors
/// When it cannot be started, or prints anything but figures.
pub fn ask(words: &[&str]) -> Result<Value> {
    let output =
        Command::new(std::env::current_exe()?).args(words).stderr(Stdio::inherit()).output()?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Prints a line: figures for [`ask`], an address for [`Server::start`], a row for the reader.
///
/// # Errors
/// When nobody listens any more.
pub fn say(line: impl std::fmt::Display) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// What this process has taken so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Seconds of a processor: the same on a busy machine as on an idle one.
    pub cpu_seconds: f64,
    /// Peak memory, in MiB.
    pub peak_megabytes: i64,
}

/// Measures this process.
///
/// # Errors
/// When the system does not report it.
pub fn usage() -> Result<Usage> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(Usage {
        cpu_seconds: seconds(usage.user_time()) + seconds(usage.system_time()),
        // Linux counts in KiB.
        peak_megabytes: usage.max_rss() / 1_024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_are_counted() {
        let before = usage().expect("usage");
        let mut bytes = vec![1u8; 64 << 20];
        // However fast the machine is: as long as it takes until work is seen.
        while usage().expect("usage").cpu_seconds <= before.cpu_seconds {
            bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(3));
        }
        std::hint::black_box(&bytes);
        assert!(usage().expect("usage").peak_megabytes >= 64);
    }
}
