//! The Lambda function behind the states "Report" and "Record failure".

// The SDK's futures nest deeper than the compiler looks by itself.
#![recursion_limit = "256"]

use aws_sdk_s3::Client;
use segue_function::{aws_config, serve, setting};
use segue_report::{Context, handle};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context =
        setting("WORK_BUCKET").map(|work_bucket| Context { s3: Client::new(&config), work_bucket });
    serve(context, handle).await
}
