//! What one would look up on AWS: the deployed stack, and what lies in its buckets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::ResourceStatus;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sfn::types::ExecutionStatus;
use aws_smithy_http_client::Builder;
use tokio::runtime::Runtime;

/// How long a run may take to fail.
const ENDED_WITHIN: Duration = Duration::from_secs(120);
/// How long a stack may take to be gone.
const DELETED_WITHIN: Duration = Duration::from_secs(60);

/// Clients of a local stack.
pub struct Cloud {
    runtime: Runtime,
    stacks: aws_sdk_cloudformation::Client,
    s3: aws_sdk_s3::Client,
    runs: aws_sdk_sfn::Client,
}

impl Cloud {
    pub fn at(endpoint: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let settings = aws_config::defaults(BehaviorVersion::latest())
            .empty_test_environment()
            .http_client(Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(endpoint);
        let settings = runtime.block_on(settings.load());
        let stacks = aws_sdk_cloudformation::Client::new(&settings);
        let runs = aws_sdk_sfn::Client::new(&settings);
        Self { runtime, stacks, s3: aws_sdk_s3::Client::new(&settings), runs }
    }

    pub fn outputs(&self, stack: &str) -> BTreeMap<String, String> {
        let asked = self.stacks.describe_stacks().stack_name(stack).send();
        let answer = self.runtime.block_on(asked).expect("a stack");
        let outputs = answer.stacks.into_iter().flatten().flat_map(|stack| stack.outputs);
        outputs
            .flatten()
            .filter_map(|output| Some((output.output_key?, output.output_value?)))
            .collect()
    }

    /// The resources that an update has changed, at any time.
    pub fn updated(&self, stack: &str) -> BTreeSet<String> {
        let mut pages =
            self.stacks.describe_stack_events().stack_name(stack).into_paginator().items().send();
        let mut updated = BTreeSet::new();
        while let Some(event) = self.runtime.block_on(pages.next()) {
            let event = event.expect("an event");
            if event.resource_status == Some(ResourceStatus::UpdateComplete) {
                updated.extend(event.logical_resource_id);
            }
        }
        updated
    }

    /// Deletes a stack and waits until there is none.
    pub fn delete(&self, stack: &str) {
        let asked = self.stacks.delete_stack().stack_name(stack).send();
        self.runtime.block_on(asked).expect("a deletion");
        let deadline = Instant::now() + DELETED_WITHIN;
        loop {
            let asked = self.stacks.describe_stacks().stack_name(stack).send();
            match self.runtime.block_on(asked) {
                Err(error) if error.message().is_some_and(|said| said.contains("not exist")) => {
                    return;
                }
                answer => assert!(Instant::now() < deadline, "{stack} is still there: {answer:?}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub fn put(&self, bucket: &str, key: &str, body: String) {
        let request = self.s3.put_object().bucket(bucket).key(key);
        let put = request.body(ByteStream::from(body.into_bytes())).send();
        self.runtime.block_on(put).expect("written");
    }

    /// Starts a run that is to fail, and says with which error and cause it did.
    pub fn failed_run(&self, machine: &str, input: &str) -> (String, String) {
        let started = self.runs.start_execution().state_machine_arn(machine).input(input).send();
        let execution = self.runtime.block_on(started).expect("a run").execution_arn;
        let deadline = Instant::now() + ENDED_WITHIN;
        loop {
            let asked = self.runs.describe_execution().execution_arn(&execution).send();
            let run = self.runtime.block_on(asked).expect("a run");
            match run.status {
                ExecutionStatus::Running => {
                    assert!(Instant::now() < deadline, "{execution} does not end");
                    std::thread::sleep(Duration::from_millis(200));
                }
                ExecutionStatus::Failed => {
                    return (run.error.unwrap_or_default(), run.cause.unwrap_or_default());
                }
                other => panic!("expected a run that fails, found {other}: {:?}", run.output),
            }
        }
    }

    /// Key and ETag of every object.
    pub fn objects(&self, bucket: &str) -> BTreeMap<String, String> {
        let mut pages = self.s3.list_objects_v2().bucket(bucket).into_paginator().send();
        let mut objects = BTreeMap::new();
        while let Some(page) = self.runtime.block_on(pages.next()) {
            let contents = page.expect("a bucket").contents.unwrap_or_default();
            objects.extend(contents.into_iter().filter_map(|one| Some((one.key?, one.e_tag?))));
        }
        objects
    }
}
