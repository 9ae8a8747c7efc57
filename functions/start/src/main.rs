//! The Lambda function behind the queue of S3's events.

use segue_contract::{ErrorName, Failure};
use segue_function::{aws_config, serve, setting};
use segue_start::{Context, handle};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = || {
        let seconds = setting("WAKE_UP_SECONDS")?;
        Ok(Context {
            step_functions: aws_sdk_sfn::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            state_machine_arn: setting("STATE_MACHINE_ARN")?,
            queue_url: setting("QUEUE_URL")?,
            wake_up_seconds: seconds.parse().map_err(|_| {
                let reason = format!("expected WAKE_UP_SECONDS to be a number, found {seconds:?}");
                Failure::new(ErrorName::InvalidConfiguration, reason)
            })?,
        })
    };
    serve(context(), handle).await
}
