//! The Lambda function behind the state "Check".

// The SDK's futures nest deeper than the compiler's default recursion limit.
#![recursion_limit = "256"]

use segue_check::{Context, handle};
use segue_function::{Elsewhere, aws_config, s3_config, serve};
use segue_warehouse::{Warehouse, deployment};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = Warehouse::from_environment(&config).and_then(|warehouse| {
        let s3 = s3_config(&config, Elsewhere::from_environment());
        let s3 = aws_sdk_s3::Client::from_conf(s3.build());
        Ok(Context { warehouse, deployment: deployment()?, s3 })
    });
    serve(context, handle).await
}
