//! The Lambda function behind the state "Poll statement".

use segue_function::{aws_config, serve};
use segue_poll::{Context, deadlines, handle};
use segue_warehouse::{Warehouse, deployment};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = Warehouse::from_environment(&config).and_then(|warehouse| {
        Ok(Context { warehouse, deployment: deployment()?, deadlines: deadlines()? })
    });
    serve(context, handle).await
}
