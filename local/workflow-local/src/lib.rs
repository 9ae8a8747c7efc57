//! A strict interpreter of the part of the Amazon States Language that Segue's state machines use,
//! in one process and virtual time, for tests.
//!
//! A [`Region`] has functions (closures) and state machines (definitions as they are deployed) and
//! runs executions as tasks of the Tokio runtime. Time is Tokio's: in a runtime with a paused
//! clock, a run of hours takes milliseconds, and timeouts, waits and retries still happen in order.
//!
//! It does what AWS documents. When a definition is added, it rejects what it does not support:
//! JSONPath, `Parallel`, distributed maps, other service integrations, functions of JSONata that
//! nobody has compared with AWS's.

mod attempts;
mod definition;
mod error;
mod evaluation;
mod execution;
mod expression;
mod history;
mod integrations;
mod map;
mod outcome;
mod region;
mod template;
mod validation;

pub use error::{DefinitionError, StateError};
pub use history::Event;
pub use outcome::{Ended, FunctionError, StartError, Status, StatusChange};
pub use region::{Execution, Region, Summary, WeakRegion};
