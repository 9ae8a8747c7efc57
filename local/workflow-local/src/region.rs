//! An account in one region: functions, state machines, executions.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::definition::Definition;
use crate::error::DefinitionError;
use crate::execution::Run;
use crate::history::History;
use crate::outcome::{Ended, FunctionError, StartError, Status, StatusChange};
use crate::validation::validate;

/// What a function does.
type Handler = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, FunctionError>> + Send + Sync>;

/// A function that the region calls.
#[derive(Clone)]
pub(crate) struct Function {
    pub handler: Handler,
    /// How long an invocation may take; `None` means forever.
    pub timeout: Option<Duration>,
}

/// The default limit of concurrent invocations: what AWS gives an account that is not new.
const CONCURRENT_INVOCATIONS: usize = 1_000;

/// A listener for the ends of executions.
type Listener = Arc<dyn Fn(&StatusChange) + Send + Sync>;

/// An execution that was started.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    ended: watch::Receiver<Option<Ended>>,
}

impl Execution {
    /// Waits for its end.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.map(|ended| ended.clone()) {
            Ok(Some(ended)) => ended,
            // The region owns the sender, and outlives its runtime's tasks.
            _ => std::future::pending().await,
        }
    }

    /// Its end, if it has ended.
    pub fn try_ended(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }
}

/// An execution, as `ListExecutions` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its ARN.
    pub arn: String,
    /// Its machine's ARN.
    pub state_machine_arn: String,
    /// Its name.
    pub name: String,
    /// When it started.
    pub started: Timestamp,
    /// How and when it ended; `None` while it runs.
    pub ended: Option<(Status, Timestamp)>,
}

struct Record {
    machine: String,
    started: Timestamp,
    stopped: Option<Timestamp>,
    name: String,
    input: Value,
    ended: watch::Sender<Option<Ended>>,
    history: Arc<History>,
    task: Option<AbortHandle>,
}

impl Record {
    fn summary(&self, arn: &str) -> Summary {
        let status = self.ended.borrow().as_ref().map(|ended| ended.status);
        Summary {
            arn: arn.to_owned(),
            state_machine_arn: self.machine.clone(),
            name: self.name.clone(),
            started: self.started,
            ended: status.zip(self.stopped),
        }
    }
}

/// Functions, state machines and executions; a clone is the same region.
#[derive(Clone)]
pub struct Region {
    shared: Arc<Shared>,
}

/// A weak reference to a region, for its own functions to keep.
#[derive(Clone)]
pub struct WeakRegion {
    shared: Weak<Shared>,
}

impl WeakRegion {
    /// The region.
    ///
    /// # Panics
    /// If the region has been dropped.
    pub fn region(&self) -> Region {
        Region { shared: self.shared.upgrade().expect("a region that is held") }
    }
}

struct Shared {
    seed: u64,
    created: Instant,
    created_at: Timestamp,
    functions: Mutex<HashMap<String, Function>>,
    invocations: Mutex<Arc<Semaphore>>,
    machines: Mutex<HashMap<String, Arc<Definition>>>,
    executions: Mutex<BTreeMap<String, Record>>,
    listeners: Mutex<Vec<Listener>>,
}

impl Region {
    /// An empty region; the seed decides every jitter and every `$random`.
    ///
    /// Its time begins at `created_at` and passes as Tokio's does.
    pub fn new(seed: u64, created_at: Timestamp) -> Self {
        Self {
            shared: Arc::new(Shared {
                seed,
                created: Instant::now(),
                created_at,
                functions: Mutex::default(),
                invocations: Mutex::new(Arc::new(Semaphore::new(CONCURRENT_INVOCATIONS))),
                machines: Mutex::default(),
                executions: Mutex::default(),
                listeners: Mutex::default(),
            }),
        }
    }

    /// The same region, without keeping it alive.
    pub fn downgrade(&self) -> WeakRegion {
        WeakRegion { shared: Arc::downgrade(&self.shared) }
    }

    /// The time in this region.
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.shared.created.elapsed()).unwrap_or_default();
        self.shared.created_at.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Adds a function. An invocation that nobody waits for any more still runs to its end, as in
    /// AWS.
    pub fn add_function<Answer>(
        &self,
        arn: &str,
        function: impl Fn(Value) -> Answer + Send + Sync + 'static,
    ) where
        Answer: Future<Output = Result<Value, FunctionError>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |payload| function(payload).boxed());
        let function = Function { handler, timeout: None };
        locked(&self.shared.functions).insert(arn.to_owned(), function);
    }

    /// Ends every invocation of a function that takes longer, as Lambda does by its `Timeout`.
    ///
    /// # Panics
    /// If the function does not exist.
    pub fn limit_time(&self, arn: &str, timeout: Duration) {
        let mut functions = locked(&self.shared.functions);
        let function = functions.get_mut(arn);
        function.unwrap_or_else(|| panic!("no function {arn}")).timeout = Some(timeout);
    }

    /// Sets the limit of concurrent invocations of all functions together; Lambda throttles the
    /// others.
    pub fn limit_concurrency(&self, invocations_max: usize) {
        *locked(&self.shared.invocations) = Arc::new(Semaphore::new(invocations_max));
    }

    /// Adds a state machine. `substitutions` replace `${Name}` as CloudFormation's
    /// `DefinitionSubstitutions` do.
    ///
    /// # Errors
    /// If AWS would reject the definition, or if it needs what this interpreter does not support.
    pub fn add_state_machine(
        &self,
        arn: &str,
        definition: &str,
        substitutions: &[(&str, &str)],
    ) -> Result<(), DefinitionError> {
        let substituted =
            substitutions.iter().fold(definition.to_owned(), |text, (name, value)| {
                text.replace(&format!("${{{name}}}"), value)
            });
        if let Some(begin) = substituted.find("${") {
            let left: String = substituted[begin..].chars().take(60).collect();
            return Err(DefinitionError(format!("expected a substitution for {left:?}")));
        }
        let definition: Definition = serde_json::from_str(&substituted)
            .map_err(|error| DefinitionError(format!("{arn}: {error}")))?;
        validate(&definition)?;
        locked(&self.shared.machines).insert(arn.to_owned(), Arc::new(definition));
        Ok(())
    }

    /// Calls a listener at every end of an execution.
    pub fn on_end(&self, listener: impl Fn(&StatusChange) + Send + Sync + 'static) {
        locked(&self.shared.listeners).push(Arc::new(listener));
    }

    /// Starts an execution; a running one of the same name and input is returned instead.
    ///
    /// # Errors
    /// For an unknown machine, and for a name that was used.
    pub fn start(&self, machine: &str, name: &str, input: Value) -> Result<Execution, StartError> {
        let definition = locked(&self.shared.machines).get(machine).cloned();
        let definition =
            definition.ok_or_else(|| StartError::StateMachineDoesNotExist(machine.to_owned()))?;
        let arn = format!("{}:{name}", machine.replacen(":stateMachine:", ":execution:", 1));
        let mut executions = locked(&self.shared.executions);
        if let Some(known) = executions.get(&arn) {
            if known.input == input && known.ended.borrow().is_none() {
                return Ok(Execution { arn, ended: known.ended.subscribe() });
            }
            return Err(StartError::ExecutionAlreadyExists(arn));
        }
        let history = Arc::new(History::new());
        let (sender, ended) = watch::channel(None);
        let record = Record {
            machine: machine.to_owned(),
            started: self.now(),
            stopped: None,
            name: name.to_owned(),
            input: input.clone(),
            ended: sender,
            history: history.clone(),
            task: None,
        };
        executions.insert(arn.clone(), record);
        let run = Run::new(self.clone(), definition, machine, &arn, name, input, history);
        let region = self.clone();
        let task = tokio::spawn(async move {
            let (status, output, error) = run.execute().await;
            region.end(&run.arn, status, output, error.map(|error| (error.error, error.cause)));
        });
        if let Some(record) = executions.get_mut(&arn) {
            record.task = Some(task.abort_handle());
        }
        Ok(Execution { arn, ended })
    }

    /// Stops an execution, and with it those that it waits for; no effect on one that has ended.
    pub fn stop(&self, arn: &str, error: &str, cause: &str) {
        self.end(arn, Status::Aborted, Value::Null, Some((error.to_owned(), cause.to_owned())));
        let task = locked(&self.shared.executions).get(arn).and_then(|record| record.task.clone());
        if let Some(task) = task {
            task.abort();
        }
    }

    /// The executions of a machine, the newest first.
    pub fn executions(&self, machine: &str) -> Vec<Summary> {
        self.newest_executions(machine, usize::MAX)
    }

    /// The newest executions of a machine, at most `most`, the newest first.
    pub fn newest_executions(&self, machine: &str, most: usize) -> Vec<Summary> {
        let executions = locked(&self.shared.executions);
        let of_machine = executions.iter().filter(|(_, record)| record.machine == machine);
        let mut newest: Vec<_> = of_machine.collect();
        newest.sort_by_key(|(_, record)| std::cmp::Reverse(record.started));
        newest.into_iter().take(most).map(|(arn, record)| record.summary(arn)).collect()
    }

    /// The execution with this ARN, if it exists.
    pub fn execution(&self, arn: &str) -> Option<Summary> {
        locked(&self.shared.executions).get(arn).map(|record| record.summary(arn))
    }

    /// The ARNs of the executions that have not ended.
    pub fn running(&self) -> Vec<String> {
        let executions = locked(&self.shared.executions);
        let running = executions.iter().filter(|(_, record)| record.ended.borrow().is_none());
        running.map(|(arn, _)| arn.clone()).collect()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.shared.seed
    }

    pub(crate) fn function(&self, arn: &str) -> Option<Function> {
        locked(&self.shared.functions).get(arn).cloned()
    }

    /// Room for one more invocation; `None` when Lambda throttles it.
    pub(crate) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&locked(&self.shared.invocations)).try_acquire_owned().ok()
    }

    /// Records an end, once.
    fn end(&self, arn: &str, status: Status, output: Value, error: Option<(String, String)>) {
        let change = {
            let mut executions = locked(&self.shared.executions);
            let Some(record) = executions.get_mut(arn) else { return };
            if record.ended.borrow().is_some() {
                return;
            }
            let stopped = self.now();
            record.stopped = Some(stopped);
            record.history.push(end_kind(status), "");
            let (error, cause) = error.unzip();
            let ended = Ended { status, output, error, cause, history: record.history.events() };
            record.ended.send_replace(Some(ended.clone()));
            StatusChange {
                execution_arn: arn.to_owned(),
                state_machine_arn: record.machine.clone(),
                name: record.name.clone(),
                input: record.input.clone(),
                stopped,
                ended,
            }
        };
        let listeners = locked(&self.shared.listeners).clone();
        listeners.iter().for_each(|listener| listener(&change));
    }
}

fn end_kind(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "ExecutionSucceeded",
        Status::Failed => "ExecutionFailed",
        Status::TimedOut => "ExecutionTimedOut",
        Status::Aborted => "ExecutionAborted",
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
