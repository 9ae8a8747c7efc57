//! What you would look up on AWS: the deployed stack, and the content of its buckets.

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
/// How long deleting a stack may take.
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

    /// What a stack was deployed with, and how its last deployment ended.
    pub fn parameters(&self, stack: &str) -> (BTreeMap<String, String>, String) {
        let asked = self.stacks.describe_stacks().stack_name(stack).send();
        let answer = self.runtime.block_on(asked).expect("a stack");
        let stack = answer.stacks.into_iter().flatten().next().expect("a stack");
        let status = stack.stack_status.expect("a status").as_str().to_owned();
        let parameters = stack.parameters.into_iter().flatten();
        let named = parameters.filter_map(|one| Some((one.parameter_key?, one.parameter_value?)));
        (named.collect(), status)
    }

    /// The names of a stack's resources.
    pub fn resources(&self, stack: &str) -> BTreeSet<String> {
        let asked = self.stacks.describe_stack_resources().stack_name(stack).send();
        let answer = self.runtime.block_on(asked).expect("a stack");
        let resources = answer.stack_resources.into_iter().flatten();
        resources.filter_map(|one| one.logical_resource_id).collect()
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

    /// Deletes a stack and waits until it is gone.
    pub fn delete(&self, stack: &str) {
        let asked = self.stacks.delete_stack().stack_name(stack).send();
        self.runtime.block_on(asked).expect("a deletion");
        let deadline = Instant::now() + DELETED_WITHIN;
        loop {
            let asked = self.stacks.describe_stacks().stack_name(stack).send();
            match self.runtime.block_on(asked) {
                Err(error)
                    if error.message().is_some_and(|message| message.contains("not exist")) =>
                {
                    return;
                }
                answer => assert!(Instant::now() < deadline, "{stack} is still there: {answer:?}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Creates a bucket that belongs to no stack, with a directory's files under their paths, which
    /// nobody may change from then on.
    pub fn read_only_bucket(&self, bucket: &str, files: &[(String, Vec<u8>)]) {
        let made = self.s3.create_bucket().bucket(bucket).send();
        self.runtime.block_on(made).expect("a bucket");
        for (key, content) in files {
            self.put(bucket, key, String::from_utf8(content.clone()).expect("UTF-8"));
        }
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "NobodyWrites", "Effect": "Deny", "Principal": "*",
                "Action": ["s3:PutObject", "s3:DeleteObject", "s3:PutBucketNotification"],
                "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
            }],
        });
        let set = self.s3.put_bucket_policy().bucket(bucket).policy(policy.to_string()).send();
        self.runtime.block_on(set).expect("a policy");
    }

    /// Everything about a bucket that a stack could have changed.
    pub fn bucket(&self, bucket: &str) -> (BTreeMap<String, String>, Option<String>, String) {
        let policy = self.s3.get_bucket_policy().bucket(bucket).send();
        let policy = self.runtime.block_on(policy).expect("a policy").policy;
        let notifications = self.s3.get_bucket_notification_configuration().bucket(bucket).send();
        let notifications = self.runtime.block_on(notifications).expect("a configuration");
        let events = (
            notifications.event_bridge_configuration,
            notifications.queue_configurations,
            notifications.topic_configurations,
            notifications.lambda_function_configurations,
        );
        (self.objects(bucket), policy, format!("{events:?}"))
    }

    pub fn put(&self, bucket: &str, key: &str, body: String) {
        let request = self.s3.put_object().bucket(bucket).key(key);
        let put = request.body(ByteStream::from(body.into_bytes())).send();
        self.runtime.block_on(put).expect("written");
    }

    /// Starts a run that must fail, and returns its error and cause.
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
