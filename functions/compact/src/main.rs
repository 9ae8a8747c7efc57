//! The Lambda function behind the state "Compact batch".

use segue_compact::{Context, handle};
use segue_function::{aws_config, serve};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    serve(Context::from_environment(&config), handle).await
}
