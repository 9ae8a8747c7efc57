//! The functions' clients: those of the SDK, whose requests stay in this process.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use redshift_local::Engine;
use segue_warehouse::{Target, Warehouse};
use workflow_local::WeakRegion;

use super::data_api::data_api;
use super::faults::Mischief;
use super::kill::Doom;
use super::objects::Objects;
use super::s3::s3;
use super::states::step_functions;

/// As in `segue-function`.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(40);

/// What clients can reach: the warehouse and the buckets.
#[derive(Clone)]
pub struct Wire {
    pub engine: Engine,
    pub region: WeakRegion,
    pub objects: Arc<Objects>,
    pub mischief: Arc<Mischief>,
    pub is_cluster: bool,
    pub requests: Arc<AtomicU32>,
    /// The access key of the functions.
    pub access_key: &'static str,
    /// The invocation that makes these requests, if it may be killed.
    pub doom: Option<Arc<Doom>>,
}

impl Wire {
    /// The warehouse for the functions.
    pub fn warehouse(&self) -> Warehouse {
        use aws_sdk_redshiftdata::config::{BehaviorVersion, Config, Credentials, Region};
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new(self.access_key, "key", None, None, "test"))
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts())
            .http_client(data_api(self.engine.clone(), self.requests.clone(), self.doom.clone()))
            .build();
        let named = |is_it: bool| is_it.then(|| "warehouse".to_owned());
        let (workgroup, cluster) = (named(!self.is_cluster), named(self.is_cluster));
        let target = Target::new("dev".into(), workgroup, cluster, None);
        Warehouse::new(aws_sdk_redshiftdata::Client::from_conf(config), target.expect("one target"))
    }

    /// The settings of a person's clients: for the buckets, and for the warehouse.
    pub fn person(&self) -> [SdkConfig; 2] {
        use aws_config::{BehaviorVersion, Region};
        use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
        let (objects, mischief) = (Arc::clone(&self.objects), Arc::clone(&self.mischief));
        let buckets = s3(objects, mischief, None);
        let warehouse = data_api(self.engine.clone(), self.requests.clone(), None);
        [buckets, warehouse].map(|client| {
            let key = Credentials::new(self.access_key, "key", None, None, "test");
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .credentials_provider(SharedCredentialsProvider::new(key))
                // Buckets of an address without a name are part of the path.
                .endpoint_url("http://127.0.0.1")
                .http_client(client)
                .build()
        })
    }

    /// A client of Step Functions.
    pub fn step_functions(&self) -> aws_sdk_sfn::Client {
        step_functions(self.region.clone())
    }

    /// A client of the buckets.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(self.s3_config().build())
    }

    /// The parts of such a client.
    pub fn s3_config(&self) -> aws_sdk_s3::config::Builder {
        let (objects, mischief) = (Arc::clone(&self.objects), Arc::clone(&self.mischief));
        s3_config(s3(objects, mischief, self.doom.clone()))
    }
}

/// A client of these buckets.
pub fn s3_client(objects: Arc<Objects>, mischief: Arc<Mischief>) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(s3_config(s3(objects, mischief, None)).build())
}

fn s3_config(http: SharedHttpClient) -> aws_sdk_s3::config::Builder {
    use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts())
        .endpoint_url("http://s3.test")
        .force_path_style(true)
        .http_client(http)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build()
}
