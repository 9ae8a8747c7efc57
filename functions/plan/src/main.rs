//! The Lambda function behind the state "Plan".

// The SDK's futures nest deeper than the compiler looks by itself.
#![recursion_limit = "256"]

use segue_function::{aws_config, serve};
use segue_plan::{Context, Settings, handle};
use segue_warehouse::Warehouse;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = Warehouse::from_environment(&config).and_then(|warehouse| {
        let settings = Settings::from_environment()?;
        Ok(Context { s3: aws_sdk_s3::Client::new(&config), warehouse, settings })
    });
    serve(context, handle).await
}
