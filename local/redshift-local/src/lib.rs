//! The Amazon Redshift Data API over an embedded engine, for local mode and tests.
//!
//! Two ways in: [`Server`] speaks the real protocol on a loopback port, so that an unchanged AWS
//! SDK client can be pointed at it; [`Engine`] answers the same requests, as JSON, without a
//! socket, which is quick enough for property tests with hundreds of warehouses.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use redshift_local::{Objects, Options, Server};
//!
//! let server = Server::start(Options {
//!     objects: Objects::Endpoint("http://127.0.0.1:4566".into()),
//!     ..Options::default()
//! })
//! .await?;
//! println!("Redshift Data API at http://{}", server.address());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod clock;
mod copy;
mod datetime;
mod dialect;
mod engine;
mod faults;
mod objects;
mod options;
mod protocol;
mod server;
mod statements;
mod unload;

pub use clock::{Clock, SystemClock};
pub use engine::{Engine, OpenError, QueryResult, Scan, SqlError, Value};
pub use faults::{Fault, Faults};
pub use objects::{MemoryObjects, ObjectError, ObjectReader, ObjectStore, ObjectSummary, Objects};
pub use options::Options;
pub use protocol::{ApiError, Caller};
pub use server::{Server, StartError};
