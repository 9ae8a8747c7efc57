//! A stack and a database in an AWS account, for one acceptance; both are removed at the end.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_cloudformation::types::StackStatus;
use aws_sdk_redshiftdata::types::StatusString;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::place::Target;
use crate::stack::root;

/// The environment of samconfig.toml, and its stack's name.
const ENVIRONMENT: &str = "acceptance";
pub const STACK: &str = "segue-acceptance";
const DATABASE: &str = "segue_acceptance";
/// The processor of the functions, from `make acceptance`.
const ARCHITECTURE: &str = "SEGUE_ACCEPTANCE_ARCHITECTURE";
/// An existing database, from which another can be created.
const ADMIN_DATABASE: &str = "SEGUE_ACCEPTANCE_ADMIN_DATABASE";
/// The secret of a database user that may create databases, if you may not.
const ADMIN_SECRET: &str = "SEGUE_ACCEPTANCE_ADMIN_SECRET";
const DELETED_WITHIN: Duration = Duration::from_secs(1_200);
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
const POLL_SECONDS: i32 = 20;
const ADMIN_STATEMENT_MAX: Duration = Duration::from_secs(600);

/// What was created, and what is needed to remove it.
pub struct Account {
    runtime: Runtime,
    config: SdkConfig,
    folder: TempDir,
    parameters: Vec<(String, String)>,
    outputs: Vec<(String, String)>,
}

impl Account {
    /// Creates the database, deploys the stack and grants its functions what the README says.
    pub fn deploy(parameters: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let config = runtime.block_on(aws_config::defaults(BehaviorVersion::latest()).load());
        let named = parameters.split_whitespace().filter_map(|one| one.split_once('='));
        let parameters = named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let folder = TempDir::new().expect("a folder");
        // From here on, any outcome removes what was created.
        let mut account = Self { runtime, config, folder, parameters, outputs: Vec::new() };
        account.admin(&format!("create database {DATABASE}")).expect(
            "its own database; drop segue_acceptance first if an earlier attempt has left it",
        );
        account.deploy_stack();
        account.outputs = account.read_outputs();
        let user = format!("\"IAMR:{}\"", account.output("WarehouseRoleName"));
        // The first connection of the functions creates the user as well.
        let _ = account.admin(&format!("create user {user} password disable"));
        account
            .admin(&format!("grant create, temporary on database {DATABASE} to {user}"))
            .expect("the right to create schemas");
        account
    }

    fn deploy_stack(&self) {
        let given = self.parameters.iter().map(|(name, value)| format!("{name}={value}"));
        let own = [format!("Database={DATABASE}"), "RunOnArrival=false".to_owned()];
        let parameters: Vec<String> = given.chain(own).collect();
        let architecture = std::env::var(ARCHITECTURE).unwrap_or_else(|_| "arm64".to_owned());
        let deployed = Command::new(root().join("tools/deploy.sh"))
            .current_dir(root())
            .args([ENVIRONMENT, &architecture])
            .env("PARAMETERS", parameters.join(" "))
            .status();
        assert!(deployed.expect("tools/deploy.sh").success(), "the stack is not deployed");
    }

    fn read_outputs(&self) -> Vec<(String, String)> {
        let stacks = aws_sdk_cloudformation::Client::new(&self.config).describe_stacks();
        let described = self.runtime.block_on(stacks.stack_name(STACK).send());
        let stacks = described.expect("a stack").stacks.unwrap_or_default().into_iter();
        let outputs = stacks.flat_map(|stack| stack.outputs.unwrap_or_default());
        outputs.filter_map(|one| Some((one.output_key?, one.output_value?))).collect()
    }

    /// Runs one statement as the administrator, outside of a transaction.
    fn admin(&self, sql: &str) -> Result<(), String> {
        let client = aws_sdk_redshiftdata::Client::new(&self.config);
        let target = self.target();
        let database = std::env::var(ADMIN_DATABASE).unwrap_or_else(|_| "dev".to_owned());
        let submitted = client
            .execute_statement()
            .sql(sql)
            .database(database)
            .set_workgroup_name(target.workgroup)
            .set_cluster_identifier(target.cluster)
            .set_secret_arn(target.secret)
            .send();
        let submitted = self.runtime.block_on(submitted).map_err(|error| format!("{error:?}"))?;
        let id = submitted.id.unwrap_or_default();
        let deadline = Instant::now() + ADMIN_STATEMENT_MAX;
        loop {
            let asked = client.describe_statement().id(&id).wait_time_seconds(POLL_SECONDS);
            let statement = self.runtime.block_on(asked.send());
            let statement = statement.map_err(|error| format!("{error:?}"))?;
            match statement.status {
                Some(StatusString::Finished) => return Ok(()),
                Some(StatusString::Failed | StatusString::Aborted) => {
                    return Err(format!("{sql}: {}", statement.error.unwrap_or_default()));
                }
                status if Instant::now() >= deadline => {
                    return Err(format!("{sql}: {status:?} after {ADMIN_STATEMENT_MAX:?}"));
                }
                _ => std::thread::sleep(Duration::from_secs(1)),
            }
        }
    }

    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn output(&self, name: &str) -> String {
        let found = self.outputs.iter().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("expected the output {name}")).1.clone()
    }

    pub fn copy_role(&self) -> String {
        self.parameter("CopyRoleArn").expect("the parameter CopyRoleArn")
    }

    pub fn target(&self) -> Target {
        Target {
            workgroup: self.parameter("WorkgroupArn"),
            cluster: self.parameter("ClusterIdentifier"),
            database: DATABASE.to_owned(),
            secret: std::env::var(ADMIN_SECRET).ok(),
        }
    }

    fn parameter(&self, name: &str) -> Option<String> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// Removes the stack, the buckets that it retains, and the database.
    fn remove(&self) -> Result<(), String> {
        let buckets: Vec<&String> = self
            .outputs
            .iter()
            .filter(|(name, _)| ["LandingBucketName", "WorkBucketName"].contains(&&**name))
            .map(|(_, bucket)| bucket)
            .collect();
        self.runtime.block_on(async {
            self.delete_stack().await?;
            for bucket in buckets {
                self.delete_bucket(bucket).await?;
            }
            Ok::<_, String>(())
        })?;
        self.admin(&format!("drop database {DATABASE}"))?;
        if let Some((_, role)) = self.outputs.iter().find(|(name, _)| name == "WarehouseRoleName") {
            self.admin(&format!("drop user \"IAMR:{role}\""))?;
        }
        Ok(())
    }

    async fn delete_stack(&self) -> Result<(), String> {
        let client = aws_sdk_cloudformation::Client::new(&self.config);
        let asked = client.delete_stack().stack_name(STACK).send().await;
        asked.map_err(|error| format!("{error:?}"))?;
        let deadline = Instant::now() + DELETED_WITHIN;
        // A deleted stack is no longer found.
        while let Ok(found) = client.describe_stacks().stack_name(STACK).send().await {
            let status =
                found.stacks.unwrap_or_default().pop().and_then(|stack| stack.stack_status);
            if status == Some(StackStatus::DeleteFailed) || Instant::now() > deadline {
                return Err(format!("the stack {STACK} is not deleted: {status:?}"));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    async fn delete_bucket(&self, bucket: &str) -> Result<(), String> {
        let client = aws_sdk_s3::Client::new(&self.config);
        let mut pages = client.list_objects_v2().bucket(bucket).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| format!("{bucket}: {error:?}"))?;
            for object in page.contents.unwrap_or_default() {
                let gone = client.delete_object().bucket(bucket).set_key(object.key).send().await;
                gone.map_err(|error| format!("{bucket}: {error:?}"))?;
            }
        }
        let gone = client.delete_bucket().bucket(bucket).send().await;
        gone.map(|_| ()).map_err(|error| format!("{bucket}: {error:?}"))
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        match self.remove() {
            Ok(()) => {
                println!("removed the stack {STACK}, its buckets and the database {DATABASE}")
            }
            Err(error) => println!(
                "error: not everything is removed: {error}\n\
                 hint: delete the stack {STACK}, the buckets {:?} and the database {DATABASE}",
                self.outputs
                    .iter()
                    .filter(|(name, _)| name.ends_with("BucketName"))
                    .collect::<Vec<_>>()
            ),
        }
    }
}
