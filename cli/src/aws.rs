//! Clients for AWS, or for the local stand-ins: the same calls at other addresses.

use std::{error::Error, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::{
    config::Credentials,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use segue_function::{Elsewhere, s3_config};

use crate::{
    errors::Problem,
    local::{Ports, environment},
    stack::Stack,
};

const ATTEMPTS_MAX: u32 = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The settings of a caller, for the AWS control plane and for the warehouse.
#[derive(Debug, Clone)]
pub struct AwsClients {
    aws: SdkConfig,
    warehouse: SdkConfig,
}

impl AwsClients {
    /// The user's own account, region and credentials.
    pub async fn deployed(region: Option<String>) -> Self {
        let mut loader = loader();
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        let aws = loader.load().await;
        Self::of(aws.clone(), aws)
    }

    /// The local stand-ins. The user's own AWS settings are ignored.
    pub async fn local(ports: Ports) -> Self {
        let key = environment::ACCESS_KEY;
        let aws = loader()
            .empty_test_environment()
            .region(Region::new(environment::REGION))
            .credentials_provider(Credentials::new(key, key, None, None, "local"))
            .endpoint_url(ports.emulator_url())
            .load()
            .await;
        let warehouse = aws.to_builder().endpoint_url(ports.warehouse_url()).build();
        Self { aws, warehouse }
    }

    /// Clients with these settings, for the control plane and for the warehouse.
    pub fn of(aws: SdkConfig, warehouse: SdkConfig) -> Self {
        Self { aws, warehouse }
    }

    /// A local warehouse at an address, and nothing else.
    pub async fn of_warehouse(url: String, key: &str) -> Self {
        let aws = loader()
            .empty_test_environment()
            .region(Region::new(environment::REGION))
            .credentials_provider(Credentials::new(key, key, None, None, "local"))
            .endpoint_url(url)
            .load()
            .await;
        Self::of(aws.clone(), aws)
    }

    /// The region, as it is named in messages.
    pub fn region(&self) -> String {
        self.aws.region().map_or_else(|| "no region".to_owned(), ToString::to_string)
    }

    /// Stacks.
    pub fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        aws_sdk_cloudformation::Client::new(&self.aws)
    }

    /// Buckets.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.aws)
    }

    /// Buckets of a stack, each in its own region.
    pub fn s3_of(&self, stack: &Stack) -> aws_sdk_s3::Client {
        let config = s3_config(&self.aws, self.landing_elsewhere(stack));
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// The stack's landing bucket, if it is in another region than the stack.
    pub fn landing_elsewhere(&self, stack: &Stack) -> Option<Elsewhere> {
        let own = self.aws.region().map(Region::as_ref);
        let region = stack.landing_region().filter(|region| Some(*region) != own)?;
        Some(Elsewhere { bucket: stack.landing_bucket().ok()?.into(), region: region.into() })
    }

    /// Functions, and the account's quotas of them.
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        aws_sdk_lambda::Client::new(&self.aws)
    }

    /// Log groups.
    pub fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.aws)
    }

    /// Topics and who has subscribed to them.
    pub fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.aws)
    }

    /// State machines.
    pub fn step_functions(&self) -> aws_sdk_sfn::Client {
        aws_sdk_sfn::Client::new(&self.aws)
    }

    /// The warehouse.
    pub fn redshift(&self) -> aws_sdk_redshiftdata::Client {
        aws_sdk_redshiftdata::Client::new(&self.warehouse)
    }
}

fn loader() -> aws_config::ConfigLoader {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
}

/// Says what failed, and what the service or the connection answered.
pub fn problem<E, R>(action: &str, error: SdkError<E, R>) -> Problem
where
    E: Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    if let Some(service) = error.as_service_error() {
        let code = service.code().unwrap_or("unknown error");
        let problem = match service.message() {
            Some(message) => Problem::failed(format!("cannot {action}: {message} ({code})")),
            None => Problem::failed(format!("cannot {action}: {code}")),
        };
        return if code.contains("Expired") || code.contains("UnrecognizedClient") {
            problem.hint("renew your AWS credentials, for example by `aws sso login`")
        } else if code.contains("AccessDenied") {
            problem.hint("ask for the permission that the message names")
        } else {
            problem
        };
    }
    Problem::failed(format!("cannot {action}: {}", chain(&error)))
        .hint("check the AWS credentials, the region and the network; --local needs none of them")
}

/// The message of each error in a chain, outermost first; the SDK's own display shows only the
/// first.
fn chain(error: &dyn Error) -> String {
    let mut messages = vec![error.to_string()];
    let mut inner = error.source();
    while let Some(error) = inner {
        let text = error.to_string();
        if messages.last() != Some(&text) {
            messages.push(text);
        }
        inner = error.source();
    }
    messages.join(": ")
}
