//! The Lambda function behind the state "Compact batch".

// The SDK's futures nest deeper than the compiler's default recursion limit.
#![recursion_limit = "256"]

use segue_compact::{Context, handle};
use segue_function::{aws_config, serve};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    serve(Context::from_environment(&config), handle).await
}
