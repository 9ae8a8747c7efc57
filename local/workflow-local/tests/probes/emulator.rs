//! Probes on the emulator, in a separate process on a free port of this machine.

use std::fs;
use std::future::Future;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sfn::error::ProvideErrorMetadata;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use aws_smithy_http_client::Builder;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::probe::{Probe, Seen, Then};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/ministack/bin/ministack");
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:absent";
/// Roles are not enforced here.
const ROLE: &str = "arn:aws:iam::000000000000:role/probe";
/// The real seconds per second of a wait, including waits between attempts. Timeouts are not
/// shortened.
const SECONDS_SCALE: f64 = 0.1;
const EVENTS_MAX: i32 = 1000;
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

/// A running emulator; dropping this ends it and deletes what it wrote.
pub struct Emulator {
    client: Client,
    folder: TempDir,
    _process: Child,
}

impl Emulator {
    /// Starts one and waits until it answers.
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        // Free now; it is unlikely that another program takes this very port in the meantime.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.expect("a free port").port();
        let process = process(folder.path(), port);
        let configuration = aws_sdk_sfn::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "local"))
            .endpoint_url(format!("http://127.0.0.1:{port}"))
            .http_client(Builder::new().build_http())
            .build();
        let client = Client::from_conf(configuration);
        let emulator = Self { client, folder, _process: process };
        until("the emulator answers", || async {
            emulator.client.list_state_machines().send().await.ok()
        })
        .await;
        emulator
    }

    /// Its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }

    /// Runs a probe; the number keeps its machines apart from those of others.
    pub async fn run(&self, number: usize, probe: &Probe) -> Seen {
        let child = match &probe.child {
            None => None,
            Some(child) => Some(self.create(&format!("child-{number}"), &child.to_string()).await),
        };
        let definition = probe.machine.to_string().replace("${Function}", FUNCTION);
        let definition = definition.replace("${Child}", child.as_deref().unwrap_or_default());
        let machine = self.create(&format!("machine-{number}"), &definition).await;
        let execution = self.execute(&machine, &probe.input).await.expect("starts");

        let mut again = None;
        match &probe.then {
            Then::Await | Then::StartAfterwards(_) => {}
            Then::StopWithChild => {
                let child = child.as_deref().expect("a child");
                until("the child runs", || async {
                    (!self.statuses(child).await.is_empty()).then_some(())
                })
                .await;
                self.stop(&execution).await;
            }
            Then::StartAgain(input) => {
                again = Some(self.use_again(&machine, &execution, input).await);
                self.stop(&execution).await;
            }
        }
        let ended = until(probe.name, || self.ended(&execution)).await;
        if let Then::StartAfterwards(input) = &probe.then {
            again = Some(self.use_again(&machine, &execution, input).await);
        }
        let children = match &child {
            None => Vec::new(),
            Some(child) => self.statuses(child).await,
        };
        Seen { children, again, ..seen(&ended, &self.history(&execution).await) }
    }

    async fn create(&self, name: &str, definition: &str) -> String {
        let create = self.client.create_state_machine().name(name).definition(definition);
        let created = create.role_arn(ROLE).send().await.expect("a state machine");
        created.state_machine_arn
    }

    /// Starts an execution; returns its ARN, or the error's name.
    async fn execute(&self, machine: &str, input: &Value) -> Result<String, String> {
        let start = self.client.start_execution().state_machine_arn(machine).name("probe");
        match start.input(input.to_string()).send().await {
            Ok(started) => Ok(started.execution_arn),
            Err(error) => Err(error.code().unwrap_or("no code").to_owned()),
        }
    }

    async fn use_again(&self, machine: &str, execution: &str, input: &Value) -> String {
        match self.execute(machine, input).await {
            Ok(arn) if arn == execution => "the same".to_owned(),
            Ok(_) => "another".to_owned(),
            Err(code) => code,
        }
    }

    async fn stop(&self, execution: &str) {
        self.client.stop_execution().execution_arn(execution).send().await.expect("stops");
    }

    async fn ended(&self, execution: &str) -> Option<DescribeExecutionOutput> {
        let describe = self.client.describe_execution().execution_arn(execution);
        let described = describe.send().await.expect("an execution");
        (described.status != ExecutionStatus::Running).then_some(described)
    }

    /// The statuses of the executions of a machine.
    async fn statuses(&self, machine: &str) -> Vec<String> {
        let list = self.client.list_executions().state_machine_arn(machine);
        let listed = list.send().await.expect("executions");
        listed.executions.iter().map(|execution| execution.status.to_string()).collect()
    }

    async fn history(&self, execution: &str) -> Vec<HistoryEvent> {
        let history = self.client.get_execution_history().execution_arn(execution);
        history.max_results(EVENTS_MAX).send().await.expect("a history").events
    }
}

fn process(folder: &Path, port: u16) -> Child {
    let log = fs::File::create(folder.join("log")).expect("a log");
    Command::new(PROGRAM)
        // Without the user's own AWS settings.
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("SFN_WAIT_SCALE", SECONDS_SCALE.to_string())
        .env("STATE_DIR", folder.join("state"))
        .env("S3_DATA_DIR", folder.join("objects"))
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect(".tools/ministack: run `make tools` first")
}

fn seen(ended: &DescribeExecutionOutput, history: &[HistoryEvent]) -> Seen {
    let at = |event: &HistoryEvent| event.timestamp.as_secs_f64() / SECONDS_SCALE;
    let tried = history.iter().filter(|event| event.r#type.as_str() == "TaskScheduled");
    let entered = history.iter().filter_map(|event| event.state_entered_event_details.as_ref());
    // The emulator gives a failed execution an output, which AWS does not.
    let output = ended.output.as_deref().filter(|_| ended.status == ExecutionStatus::Succeeded);
    Seen {
        status: ended.status.to_string(),
        error: ended.error.clone(),
        output: output.map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON")),
        entered: entered.map(|details| details.name.clone()).collect(),
        tried: tried.map(at).collect(),
        ..Seen::default()
    }
}

/// Polls until there is an answer.
async fn until<Answer, Asked>(what: &str, ask: impl Fn() -> Asked) -> Answer
where
    Asked: Future<Output = Option<Answer>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: expected within {PATIENCE:?}");
        tokio::time::sleep(POLL).await;
    }
}
