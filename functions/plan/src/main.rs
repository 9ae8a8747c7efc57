//! The Lambda function behind the state "Plan".

// The SDK's futures nest deeper than the compiler's default recursion limit.
#![recursion_limit = "256"]

use aws_sdk_s3::Client;
use segue_function::{Elsewhere, aws_config, s3_config, serve};
use segue_plan::{Context, Settings, handle};
use segue_warehouse::Warehouse;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = Warehouse::from_environment(&config).and_then(|warehouse| {
        let settings = Settings::from_environment()?;
        let s3 = s3_config(&config, Elsewhere::from_environment());
        Ok(Context {
            s3: Client::from_conf(s3.build()),
            warehouse,
            step_functions: aws_sdk_sfn::Client::new(&config),
            settings,
        })
    });
    serve(context, handle).await
}
