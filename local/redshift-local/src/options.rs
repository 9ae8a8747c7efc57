//! The options of a local warehouse.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::faults::Faults;
use crate::objects::Objects;

/// How a local warehouse is opened; [`Options::default`] is an empty one in memory.
#[derive(Clone)]
pub struct Options {
    /// The loopback address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The file that keeps the warehouse; `None` keeps it in memory.
    pub database: Option<PathBuf>,
    /// The name by which clients call the database.
    pub database_name: String,
    /// The only workgroup or cluster that there is, by name or ARN; `None` is found by every name.
    pub workgroup: Option<String>,
    /// Where COPY finds its objects.
    pub objects: Objects,
    /// Faults, for tests of clients that must survive them.
    pub faults: Faults,
    /// How many objects a COPY reads at once, when its cost is simulated.
    pub slices: u32,
    /// How long one object keeps one slice busy; zero simulates no cost.
    pub object_latency: Duration,
    /// How long after an event the system views show it; Redshift's are late by seconds.
    pub system_view_lag: Duration,
    /// How many schemas the database holds; a CREATE SCHEMA beyond them fails.
    pub schemas_max: u64,
    /// Answers at once where a request asks to wait, as an endpoint does that does not know
    /// `WaitTimeSeconds`.
    pub ignores_waits: bool,
    /// Records how many rows each statement reads of each table; see [`Engine::take_scans`].
    ///
    /// [`Engine::take_scans`]: crate::Engine::take_scans
    pub records_scans: bool,
    /// What passes time; tests may bring a virtual one.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// How late the system views are, unless something else is asked for.
    pub const SYSTEM_VIEW_LAG: Duration = Duration::from_secs(2);
    /// Redshift's quota: <https://docs.aws.amazon.com/redshift/latest/mgmt/amazon-redshift-limits.html>
    pub const SCHEMAS_MAX: u64 = 9_900;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            database: None,
            database_name: "dev".to_owned(),
            workgroup: None,
            objects: Objects::None,
            faults: Faults::None,
            slices: 8,
            object_latency: Duration::ZERO,
            system_view_lag: Self::SYSTEM_VIEW_LAG,
            schemas_max: Self::SCHEMAS_MAX,
            ignores_waits: false,
            records_scans: false,
            clock: Arc::new(SystemClock),
        }
    }
}
