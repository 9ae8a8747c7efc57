//! The Lambda function behind the queue of S3's events.

use segue_contract::{ErrorName, Failure};
use segue_function::{aws_config, serve, setting};
use segue_start::{Context, handle};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = || {
        Ok(Context {
            step_functions: aws_sdk_sfn::Client::new(&config),
            s3: aws_sdk_s3::Client::new(&config),
            work_bucket: setting("WORK_BUCKET")?,
            sqs: aws_sdk_sqs::Client::new(&config),
            state_machine_arn: setting("STATE_MACHINE_ARN")?,
            queue_url: setting("QUEUE_URL")?,
            wake_up_seconds: number("WAKE_UP_SECONDS", &setting("WAKE_UP_SECONDS")?)?,
            run_interval_minutes: number(
                "RUN_INTERVAL_MINUTES",
                &setting("RUN_INTERVAL_MINUTES")?,
            )?,
        })
    };
    serve(context(), handle).await
}

fn number(name: &str, text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| {
        let reason = format!("expected {name} to be a whole number, found {text:?}");
        Failure::new(ErrorName::InvalidConfiguration, reason)
            .hint("deploy with a whole number for the parameter of that name")
    })
}
