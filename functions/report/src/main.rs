//! The Lambda function behind the states "Report" and "Record failure".

// The SDK's futures nest deeper than the compiler's default recursion limit.
#![recursion_limit = "256"]

use aws_sdk_s3::Client;
use segue_function::{Elsewhere, aws_config, optional_setting, s3_config, serve, setting};
use segue_report::{Context, handle};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = setting("WORK_BUCKET").map(|work_bucket| {
        let s3 = s3_config(&config, Elsewhere::from_environment());
        let stack = optional_setting("STACK_NAME");
        Context { s3: Client::from_conf(s3.build()), work_bucket, stack }
    });
    serve(context, handle).await
}
