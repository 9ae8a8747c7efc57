//! Where the acceptance takes place: a local stack, or its own stack in an AWS account.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_redshiftdata::types::{Field, StatusString};
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::primitives::ByteStream;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::account::Account;
use crate::model::Row;
use crate::services::Services;
use crate::stack::{Stack, root};

/// Holds the parameters of the stack in an account, `NAME=value NAME=value`; local mode without it.
const PARAMETERS: &str = "SEGUE_ACCEPTANCE_PARAMETERS";
/// How long a statement may take: an idle workgroup needs a minute to wake up.
const ENDED_WITHIN: Duration = Duration::from_secs(600);
/// How long one poll of a statement may take.
const POLL_SECONDS: i32 = 10;
const CALLS_AT_ONCE_MAX: usize = 16;

/// The owner of the stack, and what is removed with it.
enum Home {
    Local(Stack),
    Account(Box<Account>),
}

/// A deployed stack, its warehouse and its buckets.
pub struct Place {
    home: Home,
    runtime: Runtime,
    s3: aws_sdk_s3::Client,
    warehouse: aws_sdk_redshiftdata::Client,
    /// The warehouse's name for the Data API.
    pub target: Target,
    landing_bucket: String,
    /// Where runs keep their files.
    pub work_bucket: String,
    /// The role that COPY assumes.
    pub copy_role: String,
}

/// The warehouse of the stack.
pub struct Target {
    pub workgroup: Option<String>,
    pub cluster: Option<String>,
    pub database: String,
    pub secret: Option<String>,
}

/// A finished batch.
pub struct Batch {
    /// The statement's id.
    pub id: String,
    /// Rows by statement, as the Data API counts them, and the ID of each.
    pub counts: Vec<(i64, i64)>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl Place {
    /// The local stack, deployed and empty; or one in an account, if its parameters are set.
    pub fn open() -> Self {
        match std::env::var(PARAMETERS) {
            Ok(parameters) => Self::in_account(Account::deploy(&parameters)),
            Err(_) => Self::local(),
        }
    }

    fn local() -> Self {
        let stack = Stack::empty();
        let services = Services::of(&stack);
        // Only the test starts runs.
        services.silence_bucket();
        let runtime = Runtime::new().expect("a runtime");
        let config = aws_config::defaults(BehaviorVersion::latest())
            .empty_test_environment()
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "local"))
            .endpoint_url(stack.endpoint());
        let config = runtime.block_on(config.load());
        let status = stack.json(&["local", "status", "--json"]);
        let endpoint = status["redshiftDataEndpoint"].as_str().expect("a running warehouse");
        let data_config = config.clone().into_builder().endpoint_url(endpoint).build();
        let target = Target {
            workgroup: Some(services.output("WorkgroupArn").to_owned()),
            cluster: None,
            database: services.output("Database").to_owned(),
            secret: None,
        };
        Self {
            s3: aws_sdk_s3::Client::new(&config),
            warehouse: aws_sdk_redshiftdata::Client::new(&data_config),
            landing_bucket: services.output("LandingBucketName").to_owned(),
            work_bucket: services.output("WorkBucketName").to_owned(),
            copy_role: "arn:aws:iam::000000000000:role/segue-local-copy".to_owned(),
            home: Home::Local(stack),
            runtime,
            target,
        }
    }

    fn in_account(account: Account) -> Self {
        let config: SdkConfig = account.config().clone();
        Self {
            s3: aws_sdk_s3::Client::new(&config),
            warehouse: aws_sdk_redshiftdata::Client::new(&config),
            landing_bucket: account.output("LandingBucketName"),
            work_bucket: account.output("WorkBucketName"),
            copy_role: account.copy_role(),
            target: account.target(),
            runtime: Runtime::new().expect("a runtime"),
            home: Home::Account(Box::new(account)),
        }
    }

    /// A folder for files of the test.
    pub fn folder(&self) -> &Path {
        match &self.home {
            Home::Local(stack) => stack.folder(),
            Home::Account(account) => account.folder(),
        }
    }

    /// Puts files into the landing bucket.
    pub fn put<'a>(&self, files: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let puts = stream::iter(files).map(|(key, text)| {
            let body = ByteStream::from(text.as_bytes().to_vec());
            let put = self.s3.put_object().bucket(&self.landing_bucket).key(key).body(body).send();
            async move { put.await.map(|_| ()) }
        });
        let puts = puts.buffer_unordered(CALLS_AT_ONCE_MAX).try_collect::<()>();
        self.runtime.block_on(puts).expect("files are put");
    }

    /// Puts a file where the copy role may read it, outside the sources.
    pub fn put_beside(&self, key: &str, text: &str) {
        let body = ByteStream::from(text.as_bytes().to_vec());
        let put = self.s3.put_object().bucket(&self.work_bucket).key(key).body(body).send();
        self.runtime.block_on(put).expect("a file is put");
    }

    /// Removes a file from the landing bucket.
    pub fn remove(&self, key: &str) {
        let removed = self.s3.delete_object().bucket(&self.landing_bucket).key(key).send();
        self.runtime.block_on(removed).expect("a file is removed");
    }

    /// An object of the work bucket.
    pub fn work_object(&self, key: &str) -> String {
        let read = async {
            let got = self.s3.get_object().bucket(&self.work_bucket).key(key).send().await;
            got.expect("an object").body.collect().await.expect("its body").to_vec()
        };
        String::from_utf8(self.runtime.block_on(read)).expect("UTF-8")
    }

    /// Carries out a run that must load something.
    pub fn loads(&self, options: &[&str]) {
        assert_eq!(self.runs(options), "loaded", "{options:?}");
    }

    /// Carries out a run that must succeed, and returns its status.
    pub fn runs(&self, options: &[&str]) -> String {
        let output = self.segue(options);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{options:?}: {errors}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        report["status"].as_str().expect("a status").to_owned()
    }

    /// Carries out a run that must fail, and returns its ID and its output for people.
    pub fn fails(&self, options: &[&str]) -> (String, String) {
        let output = self.segue(options);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{options:?}: {errors}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (report["runId"].as_str().expect("an id").to_owned(), errors)
    }

    fn segue(&self, options: &[&str]) -> Output {
        match &self.home {
            Home::Local(stack) => stack.segue(&[&["run", "--json", "--local"], options].concat()),
            Home::Account(account) => Command::new(root().join("target/bin/segue"))
                .args(["run", "--json", "--stack", super::account::STACK])
                .args(options)
                .current_dir(account.folder())
                .output()
                .expect("target/bin/segue: run `make build` first"),
        }
    }

    /// The rows of a query, as text.
    pub fn rows(&self, sql: &str) -> Vec<Row> {
        let batch = self.batch(&[sql]);
        assert!(batch.error.is_none(), "{sql}: {:?}", batch.error);
        self.result(&format!("{}:1", batch.id))
    }

    /// The rows of one statement of a batch.
    pub fn result(&self, id: &str) -> Vec<Row> {
        let pages = self.warehouse.get_statement_result().id(id).into_paginator().send();
        let pages = self.runtime.block_on(pages.try_collect()).expect("a result");
        let rows = pages.into_iter().flat_map(|page| page.records);
        rows.map(|row| row.into_iter().map(text).collect()).collect()
    }

    /// Runs statements as one transaction and waits for its end.
    pub fn batch(&self, statements: &[&str]) -> Batch {
        let target = &self.target;
        let submitted = self
            .warehouse
            .batch_execute_statement()
            .set_sqls(Some(statements.iter().copied().map(Into::into).collect()))
            .set_workgroup_name(target.workgroup.clone())
            .set_cluster_identifier(target.cluster.clone())
            .set_secret_arn(target.secret.clone())
            .database(&target.database)
            .send();
        let id = self.runtime.block_on(submitted).expect("a statement").id.expect("an id");
        let deadline = Instant::now() + ENDED_WITHIN;
        loop {
            let asked = self.warehouse.describe_statement().id(&id).wait_time_seconds(POLL_SECONDS);
            let statement = self.runtime.block_on(asked.send()).expect("a statement");
            let ended = [StatusString::Finished, StatusString::Failed, StatusString::Aborted];
            if statement.status.as_ref().is_some_and(|status| ended.contains(status)) {
                let parts = statement.sub_statements().iter();
                let counts = parts.map(|part| (part.result_rows, part.redshift_query_id));
                return Batch { counts: counts.collect(), error: statement.error.clone(), id };
            }
            assert!(Instant::now() < deadline, "{statements:?} have not ended in {ENDED_WITHIN:?}");
        }
    }
}

fn text(field: Field) -> Option<String> {
    match field {
        Field::BooleanValue(value) => Some(value.to_string()),
        Field::DoubleValue(value) => Some(value.to_string()),
        Field::LongValue(value) => Some(value.to_string()),
        Field::StringValue(value) => Some(value),
        _ => None,
    }
}
