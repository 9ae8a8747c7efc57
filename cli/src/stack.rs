//! The deployed stack: its name, and what its outputs say.

use std::{collections::HashMap, fs};

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use segue_buckets::Landing;
use segue_contract::pipeline::Deployment;
use serde::Deserialize;

use crate::{
    aws::{self, AwsClients},
    errors::{Outcome, Problem},
    project::Project,
};

/// What the commands need to know about a deployed stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The stack's own name.
    pub name: String,
    /// Outputs, and parameters with other names.
    values: HashMap<String, String>,
}

impl Stack {
    /// Reads a stack; `None` when there is no such stack.
    pub async fn read(clients: &AwsClients, name: &str) -> Outcome<Option<Self>> {
        let answer = clients.cloudformation().describe_stacks().stack_name(name).send().await;
        let stacks = match answer {
            Ok(answer) => answer.stacks.unwrap_or_default(),
            Err(error) => {
                let missing = error
                    .as_service_error()
                    .and_then(ProvideErrorMetadata::message)
                    .is_some_and(|message| message.contains("does not exist"));
                if missing {
                    return Ok(None);
                }
                return Err(aws::problem(&format!("read the stack {name}"), error));
            }
        };
        let mut values = HashMap::new();
        for stack in stacks {
            let parameters = stack.parameters.unwrap_or_default().into_iter();
            let outputs = stack.outputs.unwrap_or_default().into_iter();
            values.extend(
                parameters.filter_map(|one| Some((one.parameter_key?, one.parameter_value?))),
            );
            values.extend(outputs.filter_map(|one| Some((one.output_key?, one.output_value?))));
        }
        Ok(Some(Self { name: name.to_owned(), values }))
    }

    /// A stack with these outputs.
    pub fn of(values: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self { name: "segue".to_owned(), values: values.iter().map(owned).collect() }
    }

    /// The stack with this name, which must exist.
    pub async fn deployed(clients: &AwsClients, name: &str) -> Outcome<Self> {
        Self::read(clients, name).await?.ok_or_else(|| {
            let region = clients.region();
            Problem::wrong_use(format!("there is no stack {name} in {region}")).hint(
                "deploy it with `make deploy`, name another one with --stack, or use --local for \
                 the stack on this machine",
            )
        })
    }

    /// The bucket where files land.
    pub fn landing_bucket(&self) -> Outcome<&str> {
        self.output("LandingBucketName")
    }

    /// Where the files of each source land, as the functions know it.
    pub fn landing(&self) -> Outcome<Landing> {
        let landing = Landing::new(self.landing_bucket()?.to_owned(), self.output("Sources")?);
        landing.map_err(|failure| {
            Problem::wrong_use(format!("the stack {}: {}", self.name, failure.message))
                .hint("deploy it again from the checkout that this program was built from")
        })
    }

    /// The landing bucket's region, if one is set.
    pub fn landing_region(&self) -> Option<&str> {
        self.filled("ExistingLandingBucketRegion")
    }

    /// The bucket where runs keep their files.
    pub fn work_bucket(&self) -> Outcome<&str> {
        self.output("WorkBucketName")
    }

    /// The role that COPY assumes.
    pub fn copy_role(&self) -> Outcome<&str> {
        self.output("CopyRoleArn")
    }

    /// The functions' role, which is their user in the database, too.
    pub fn warehouse_role(&self) -> Outcome<&str> {
        self.output("WarehouseRoleName")
    }

    /// The version of the template that was deployed.
    pub fn version(&self) -> Option<&str> {
        self.filled("Version")
    }

    /// The state machine that loads.
    pub fn load_state_machine(&self) -> Outcome<&str> {
        self.output("LoadStateMachineArn")
    }

    /// The log group of all functions.
    pub fn function_logs(&self) -> Outcome<&str> {
        self.output("FunctionLogsName")
    }

    /// The topic that alerts go to.
    pub fn alerts_topic(&self) -> Option<&str> {
        self.filled("AlertsTopicArn")
    }

    /// The database inside the warehouse.
    pub fn database(&self) -> Outcome<&str> {
        self.output("Database")
    }

    /// The ARN of the Redshift Serverless workgroup, if the warehouse is one.
    pub fn workgroup(&self) -> Option<&str> {
        self.filled("WorkgroupArn")
    }

    /// The provisioned cluster, if the warehouse is one.
    pub fn cluster(&self) -> Option<&str> {
        self.filled("ClusterIdentifier")
    }

    /// The secret with the database user, unless IAM decides.
    pub fn secret(&self) -> Option<&str> {
        self.filled("SecretArn")
    }

    /// The stack's setting for the number of slices of the warehouse.
    pub fn slices(&self) -> Outcome<&str> {
        self.output("Slices")
    }

    /// How many days the staging schema of a failed run is kept.
    pub fn staging_retention_days(&self) -> Outcome<u32> {
        self.number("StagingRetentionDays")
    }

    /// The database role that may read the star schema, if one is named.
    pub fn reader_role(&self) -> Option<&str> {
        self.filled("ReaderRole")
    }

    /// The database group that may read the star schema, if one is named.
    pub fn reader_group(&self) -> Option<&str> {
        self.filled("ReaderGroup")
    }

    /// The functions' settings that appear in the SQL.
    pub fn deployment(&self) -> Outcome<Deployment> {
        Ok(Deployment {
            work_bucket: self.work_bucket()?.to_owned(),
            copy_role_arn: self.copy_role()?.to_owned(),
            staging_retention_days: self.staging_retention_days()?,
            reader_role: self.reader_role().map(str::to_owned),
            reader_group: self.reader_group().map(str::to_owned),
            warnings_fail: self.filled("WarningsFail") == Some("true"),
        })
    }

    fn number<N: std::str::FromStr>(&self, key: &str) -> Outcome<N> {
        let text = self.output(key)?;
        text.parse().map_err(|_| {
            Problem::failed(format!("expected {key} of {} to be a number, found {text}", self.name))
        })
    }

    fn filled(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn output(&self, key: &str) -> Outcome<&str> {
        self.filled(key).ok_or_else(|| {
            Problem::wrong_use(format!("the stack {} has no output {key}", self.name))
                .hint("deploy it again from this version of template.yaml, or name another stack")
        })
    }
}

/// The environment variable that names the stack for all commands of a shell.
const STACK_VARIABLE: &str = "SEGUE_STACK";

/// The part of samconfig.toml that says where it is deployed: `make deploy` takes the environment
/// `dev`, a bare `sam deploy` the default one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SamConfig {
    dev: SamEnvironment,
    default: SamEnvironment,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SamEnvironment {
    global: SamSection,
    deploy: SamSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SamSection {
    parameters: SamParameters,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
struct SamParameters {
    stack_name: Option<String>,
    region: Option<String>,
}

/// Name and region of the stack that `sam deploy` creates from this checkout.
#[derive(Debug)]
pub struct Destination {
    /// The stack's name.
    pub stack: String,
    /// The region, if one is set.
    pub region: Option<String>,
}

impl Destination {
    /// Takes what the user gave, then `SEGUE_STACK`, then what samconfig.toml says.
    pub fn find(stack: Option<String>, region: Option<String>) -> Outcome<Self> {
        let config = match Project::find(None) {
            Ok(project) => read_sam_config(&project)?,
            Err(_) => SamConfig::default(),
        };
        let SamParameters { stack_name, region: configured } = config.destination();
        let region = region.or(configured);
        let named = std::env::var(STACK_VARIABLE).ok().filter(|name| !name.is_empty());
        let stack = stack.or(named).or(stack_name).ok_or_else(|| {
            Problem::wrong_use("no stack is given").hint(
                "name it with --stack or SEGUE_STACK, run this where samconfig.toml has a \
                 stack_name, or use --local for the stack on this machine",
            )
        })?;
        Ok(Self { stack, region })
    }
}

impl SamConfig {
    /// The first that is named: a section of its own wins over the global one.
    fn destination(self) -> SamParameters {
        let sections = [self.dev.deploy, self.dev.global, self.default.deploy, self.default.global];
        let parameters = || sections.iter().map(|section| &section.parameters);
        SamParameters {
            stack_name: parameters().find_map(|one| one.stack_name.clone()),
            region: parameters().find_map(|one| one.region.clone()),
        }
    }
}

fn read_sam_config(project: &Project) -> Outcome<SamConfig> {
    let path = project.path("samconfig.toml");
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(SamConfig::default());
    };
    toml::from_str(&text)
        .map_err(|error| Problem::wrong_use(format!("{} cannot be read: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_stack_is_the_one_that_make_deploy_deploys() {
        let destination = |text: &str| {
            let config: SamConfig = toml::from_str(text).expect("samconfig");
            config.destination()
        };
        let guided = "version = 0.1\n[default.global.parameters]\nstack_name = \"a\"\n\
             region = \"eu-west-1\"\n[default.deploy.parameters]\nstack_name = \"b\"\n";
        let found = destination(guided);
        assert_eq!(found.stack_name.as_deref(), Some("b"));
        assert_eq!(found.region.as_deref(), Some("eu-west-1"));
        let ours = destination(include_str!("../../samconfig.toml"));
        assert_eq!(ours.stack_name.as_deref(), Some("segue-dev"));
    }
}
