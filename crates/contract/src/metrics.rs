//! The metrics of a run: their names and units, which functions write and the template's dashboard
//! and alarms read.

use std::fmt;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Segue";
/// The dimension that every metric has: the stack that wrote it.
pub const STACK_DIMENSION: &str = "Stack";
/// The dimension of statements: the step that a statement carried out.
pub const STEP_DIMENSION: &str = "Step";

/// One metric of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Objects that a run found waiting when it planned.
    ObjectsWaiting,
    /// How long the oldest of them had waited; not written for a rebuild, which loads everything
    /// again.
    OldestObjectSeconds,
    /// Objects that a run loaded.
    ObjectsLoaded,
    /// Their bytes.
    BytesLoaded,
    /// Rows that the COPYs of a run staged.
    RowsStaged,
    /// Rows that the publishing transaction wrote: merges, matches and ledger together.
    RowsPublished,
    /// Records that a run could not load and skipped.
    RowsRejected,
    /// From a run's start to its report.
    RunSeconds,
    /// From a run's start to now, written while a statement of it is still running.
    RunAgeSeconds,
    /// How long the statement of one step ran in the warehouse.
    StatementSeconds,
    /// From the end of a statement to the poll that noticed it.
    PollLagSeconds,
    /// Calls and statements that the warehouse was too busy for; each is retried.
    WarehouseRefusals,
}

impl Metric {
    /// Every metric, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::ObjectsWaiting,
        Self::OldestObjectSeconds,
        Self::ObjectsLoaded,
        Self::BytesLoaded,
        Self::RowsStaged,
        Self::RowsPublished,
        Self::RowsRejected,
        Self::RunSeconds,
        Self::RunAgeSeconds,
        Self::StatementSeconds,
        Self::PollLagSeconds,
        Self::WarehouseRefusals,
    ];

    /// The unit, as CloudWatch names it.
    pub fn unit(self) -> &'static str {
        match self {
            Self::ObjectsWaiting
            | Self::ObjectsLoaded
            | Self::RowsStaged
            | Self::RowsPublished
            | Self::RowsRejected
            | Self::WarehouseRefusals => "Count",
            Self::BytesLoaded => "Bytes",
            Self::OldestObjectSeconds
            | Self::RunSeconds
            | Self::RunAgeSeconds
            | Self::StatementSeconds
            | Self::PollLagSeconds => "Seconds",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variant is the name: one spelling in code, template and documentation.
        fmt::Debug::fmt(self, formatter)
    }
}
