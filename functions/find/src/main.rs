//! The Lambda function behind the state "Find".

use aws_sdk_s3::Client;
use segue_find::{Context, Settings, handle};
use segue_function::{Elsewhere, aws_config, s3_config, serve};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = Settings::from_environment().map(|settings| {
        let s3 = s3_config(&config, Elsewhere::from_environment());
        Context { s3: Client::from_conf(s3.build()), settings }
    });
    serve(context, handle).await
}
