//! The two loopback ports of local mode.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::errors::{Outcome, Problem};

const HTTP_WELL: &[u8; 12] = b"HTTP/1.1 200";
const CONNECT_PATIENCE: Duration = Duration::from_millis(500);
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
const RELEASE_PATIENCE: Duration = Duration::from_secs(2);
const RELEASE_POLL: Duration = Duration::from_millis(20);

/// The ports with which both programs find each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Of the stand-in for AWS.
    pub emulator: u16,
    /// Of the stand-in for Redshift.
    pub warehouse: u16,
}

impl Ports {
    /// Two free ports, or the given one for the emulator if it is free.
    pub fn choose(emulator: Option<u16>) -> Outcome<Self> {
        let emulator = bind(emulator.unwrap_or(0))?;
        let warehouse = bind(0)?;
        Ok(Self { emulator: number(&emulator)?, warehouse: number(&warehouse)? })
    }

    /// Where the AWS APIs answer.
    pub fn emulator_url(self) -> String {
        format!("http://127.0.0.1:{}", self.emulator)
    }

    /// Where the Redshift Data API answers.
    pub fn warehouse_url(self) -> String {
        format!("http://127.0.0.1:{}", self.warehouse)
    }
}

/// Whether `port` is free, or the program that listened on it is just ending.
///
/// The first thread of a killed program ends before the last one releases the port.
pub fn is_free(port: u16) -> bool {
    let deadline = Instant::now() + RELEASE_PATIENCE;
    while TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(RELEASE_POLL);
    }
    true
}

/// Whether a web server on `port` reports at `path` that it is healthy.
///
/// An open port is not enough: a program may listen before it has opened its database.
pub fn is_well(port: u16, path: &str) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, CONNECT_PATIENCE)?;
        stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; HTTP_WELL.len()];
        stream.read_exact(&mut status)?;
        Ok(status == *HTTP_WELL)
    };
    ask().unwrap_or(false)
}

fn bind(port: u16) -> Outcome<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match port {
        0 => Problem::failed(format!("no free port on 127.0.0.1: {error}")),
        _ => Problem::wrong_use(format!("port {port} on 127.0.0.1 cannot be used: {error}"))
            .hint("stop the program that listens there, or omit --port to get a free port"),
    })
}

fn number(listener: &TcpListener) -> Outcome<u16> {
    let address = listener.local_addr();
    address
        .map(|address| address.port())
        .map_err(|error| Problem::failed(format!("no free port on 127.0.0.1: {error}")))
}
