//! Whether files that land in the local landing bucket start runs.

use aws_sdk_s3::{
    Client,
    types::{EventBridgeConfiguration, NotificationConfiguration},
};

use crate::{aws, errors::Outcome};

/// Files that land start runs, as in the template.
pub async fn on(s3: &Client, bucket: &str) -> Outcome {
    let bridge = EventBridgeConfiguration::builder().build();
    set(s3, bucket, NotificationConfiguration::builder().event_bridge_configuration(bridge).build())
        .await
}

/// Files that land start no run: an upload of many files starts one run for all of them.
pub async fn off(s3: &Client, bucket: &str) -> Outcome {
    set(s3, bucket, NotificationConfiguration::builder().build()).await
}

async fn set(s3: &Client, bucket: &str, events: NotificationConfiguration) -> Outcome {
    let request = s3.put_bucket_notification_configuration().bucket(bucket);
    let set = request.notification_configuration(events).send().await;
    set.map(|_| ())
        .map_err(|error| aws::problem("configure the events of the landing bucket", error))
}
