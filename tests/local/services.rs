//! The services of a running stack that drive a run: its bucket, queues and executions.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEventType};
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Runtime;

use crate::stack::{STACK, Stack};

/// The most calls at once.
const CALLS_AT_ONCE_MAX: usize = 32;
/// The most messages per call.
const MESSAGES_A_CALL: usize = 10;
/// The pause between checks.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Clients of a running stack, and its outputs.
pub struct Services {
    runtime: Runtime,
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    step_functions: aws_sdk_sfn::Client,
    outputs: HashMap<String, String>,
}

impl Services {
    /// Connects to the stack; needed again after a restart.
    pub fn of(stack: &Stack) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let config = runtime.block_on(
            aws_config::defaults(BehaviorVersion::latest())
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("test", "test", None, None, "local"))
                .endpoint_url(stack.endpoint())
                .load(),
        );
        let stacks = aws_sdk_cloudformation::Client::new(&config).describe_stacks();
        let described = runtime.block_on(stacks.stack_name(STACK).send()).expect("a stack");
        let outputs = described.stacks.unwrap_or_default().into_iter().flat_map(|stack| {
            let outputs = stack.outputs.unwrap_or_default().into_iter();
            outputs.filter_map(|one| Some((one.output_key?, one.output_value?)))
        });
        Self {
            s3: aws_sdk_s3::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            step_functions: aws_sdk_sfn::Client::new(&config),
            outputs: outputs.collect(),
            runtime,
        }
    }

    /// The stack's output with this name.
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("expected the output {name}"))
    }

    /// Puts objects into the landing bucket.
    pub fn put(&self, objects: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let bucket = self.output("LandingBucketName");
        let puts = stream::iter(objects).map(|(key, body)| {
            let put = self.s3.put_object().bucket(bucket).key(key).body(ByteStream::from(body));
            async move { put.send().await.map(|_| ()) }
        });
        let puts = puts.buffer_unordered(CALLS_AT_ONCE_MAX).try_collect::<()>();
        self.runtime.block_on(puts).expect("objects are put");
    }

    /// Removes every object of the landing bucket.
    pub fn empty(&self) {
        let bucket = self.output("LandingBucketName");
        let emptied = async {
            let mut pages = self.s3.list_objects_v2().bucket(bucket).into_paginator().send();
            while let Some(page) = pages.next().await {
                for object in page.expect("a page").contents.unwrap_or_default() {
                    let gone = self.s3.delete_object().bucket(bucket).set_key(object.key);
                    gone.send().await.expect("an object is deleted");
                }
            }
        };
        self.runtime.block_on(emptied);
    }

    /// Whether a bucket sends events to EventBridge.
    pub fn tells_of_objects(&self, bucket: &str) -> bool {
        let asked = self.s3.get_bucket_notification_configuration().bucket(bucket).send();
        let configuration = self.runtime.block_on(asked).expect("a configuration");
        configuration.event_bridge_configuration.is_some()
    }

    /// Lets only this test start runs: the bucket sends no events.
    pub fn silence_bucket(&self) {
        let nothing = aws_sdk_s3::types::NotificationConfiguration::builder().build();
        let bucket = self.output("LandingBucketName");
        let put = self.s3.put_bucket_notification_configuration().bucket(bucket);
        let put = put.notification_configuration(nothing).send();
        self.runtime.block_on(put).expect("a configuration is put");
    }

    /// Sends messages to the queue of wake-ups.
    pub fn send(&self, bodies: &[String]) {
        let queue = self.output("WakeUpsQueueUrl");
        let calls = stream::iter(bodies.chunks(MESSAGES_A_CALL)).map(|bodies| {
            let entries = bodies.iter().enumerate().map(|(number, body)| {
                let entry = SendMessageBatchRequestEntry::builder().id(number.to_string());
                entry.message_body(body).build().expect("complete")
            });
            let send = self.sqs.send_message_batch().queue_url(queue);
            let send = send.set_entries(Some(entries.collect())).send();
            async move {
                let sent = send.await.expect("messages are sent");
                assert!(sent.failed.is_empty(), "{:?}", sent.failed);
            }
        });
        self.runtime.block_on(calls.buffer_unordered(CALLS_AT_ONCE_MAX).collect::<()>());
    }

    /// Messages in a queue: visible, in flight, and delayed.
    pub fn messages(&self, queue_output: &str) -> u64 {
        use QueueAttributeName as Name;
        let counts = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let asked = self.sqs.get_queue_attributes().queue_url(self.output(queue_output));
        let asked = asked.set_attribute_names(Some(counts.to_vec())).send();
        let found = self.runtime.block_on(asked).expect("attributes").attributes;
        let found = found.unwrap_or_default();
        counts.iter().map(|name| found[name].parse::<u64>().expect("a number")).sum()
    }

    /// Makes a returned message visible again at once.
    pub fn hide_for_seconds(&self, seconds: u32) {
        let set = self.sqs.set_queue_attributes().queue_url(self.output("WakeUpsQueueUrl"));
        let set = set.attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string());
        self.runtime.block_on(set.send()).expect("an attribute is set");
    }

    /// The bodies of some messages of a queue, without removing them.
    pub fn bodies(&self, queue_output: &str) -> Vec<String> {
        let receive = self.sqs.receive_message().queue_url(self.output(queue_output));
        let receive = receive.max_number_of_messages(10).visibility_timeout(0).send();
        let received = self.runtime.block_on(receive).expect("messages").messages;
        received.unwrap_or_default().into_iter().filter_map(|message| message.body).collect()
    }

    /// Starts a run, even if others are in flight.
    pub fn start(&self) -> String {
        let machine = self.output("LoadStateMachineArn");
        let start = self.step_functions.start_execution().state_machine_arn(machine).input("{}");
        self.runtime.block_on(start.send()).expect("a run starts").execution_arn
    }

    /// Waits for a run, which must succeed.
    pub fn ended_well(&self, arn: &str, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let asked = self.step_functions.describe_execution().execution_arn(arn).send();
            let run = self.runtime.block_on(asked).expect("a run");
            match run.status {
                ExecutionStatus::Succeeded => return,
                ExecutionStatus::Running => {}
                status => panic!("{arn}: {status}: {:?}: {:?}", run.error, run.cause),
            }
            assert!(Instant::now() < deadline, "{arn} has not ended in {within:?}");
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Waits until a run has entered a state.
    pub fn entered(&self, arn: &str, state: &str, within: Duration) {
        let deadline = Instant::now() + within;
        while !self.states(arn).iter().any(|entered| entered == state) {
            assert!(Instant::now() < deadline, "{arn} has not entered {state} in {within:?}");
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    fn states(&self, arn: &str) -> Vec<String> {
        let pages = self.step_functions.get_execution_history().execution_arn(arn);
        let pages = pages.into_paginator().items().send().try_collect();
        let events = self.runtime.block_on(pages).expect("a history").into_iter();
        let entered = events.filter_map(|event| {
            use HistoryEventType::{MapStateEntered, PassStateEntered, TaskStateEntered};
            let enters = [MapStateEntered, PassStateEntered, TaskStateEntered];
            let details = event.state_entered_event_details?;
            enters.contains(&event.r#type).then_some(details.name)
        });
        entered.collect()
    }
}
