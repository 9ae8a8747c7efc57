//! The Lambda function behind the rule for aborted and timed-out executions.

use segue_cancel::{Context, handle};
use segue_function::{aws_config, serve, setting};
use segue_warehouse::Warehouse;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config().await;
    let context = Warehouse::from_environment(&config).and_then(|warehouse| {
        let load_state_machine_arn = setting("LOAD_STATE_MACHINE_ARN")?;
        Ok(Context { warehouse, load_state_machine_arn })
    });
    serve(context, handle).await
}
