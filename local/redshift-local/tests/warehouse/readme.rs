//! The example of the README, unchanged except for a client without TLS.

use aws_sdk_redshiftdata::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_redshiftdata::types::Field;
use redshift_local::{Options, Server};

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_42() {
    let server = Server::start(Options::default()).await.expect("a free port");
    let configuration = aws_sdk_redshiftdata::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let data = aws_sdk_redshiftdata::Client::from_conf(configuration);
    let request = data.execute_statement().workgroup_name("local").database("dev");
    let done = request.sql("select 41 + 1").wait_time_seconds(30).send().await.expect("accepted");
    let id = done.id().expect("an id");
    let result = data.get_statement_result().id(id).send().await.expect("a result");
    assert_eq!(result.records()[0][0], Field::LongValue(42));
}

#[test]
fn the_readme_has_this_example() {
    let (readme, here) = (include_str!("../../README.md"), include_str!("readme.rs"));
    let example = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let example = example.expect("the README has an example in Rust");
    let missing: Vec<&str> = example.lines().filter(|line| !here.contains(*line)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
