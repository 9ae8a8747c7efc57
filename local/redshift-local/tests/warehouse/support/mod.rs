#![allow(missing_docs)]
//! What the tests of the protocol and of COPY share.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_redshiftdata::Client;
use aws_sdk_redshiftdata::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_redshiftdata::types::{Field, StatusString};
use redshift_local::{MemoryObjects, Objects, Options, Server};

/// A server, and a client of the real SDK that points at it.
pub struct Warehouse {
    pub server: Server,
    pub client: Client,
    pub objects: Arc<MemoryObjects>,
}

/// A client for an endpoint; `attempts` of 1 lets a test see every answer.
pub fn client(url: &str, attempts: u32) -> Client {
    let configuration = aws_sdk_redshiftdata::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(
            aws_sdk_redshiftdata::config::retry::RetryConfig::standard()
                .with_max_attempts(attempts),
        )
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(configuration)
}

impl Warehouse {
    /// A warehouse whose system views show at once what happens.
    pub async fn start() -> Self {
        let system_view_lag = Duration::ZERO;
        Self::start_with(Options { system_view_lag, ..Options::default() }).await
    }

    pub async fn start_with(options: Options) -> Self {
        let objects = Arc::new(MemoryObjects::default());
        let options = Options { objects: Objects::Store(objects.clone()), ..options };
        let server = Server::start(options).await.expect("a free port");
        let client = client(&server.url(), 1);
        Self { server, client, objects }
    }

    /// Submits one statement and waits for its end.
    pub async fn run(&self, sql: &str) -> Result<String, String> {
        let submitted = self
            .client
            .execute_statement()
            .workgroup_name("local")
            .database("dev")
            .sql(sql)
            .wait_time_seconds(30)
            .send()
            .await
            .map_err(|error| format!("{:?}", error.into_service_error()))?;
        self.ended(submitted.id().expect("an id")).await
    }

    /// Submits a batch and waits for its end.
    pub async fn run_batch(&self, sqls: &[&str]) -> Result<String, String> {
        let submitted = self
            .client
            .batch_execute_statement()
            .workgroup_name("local")
            .database("dev")
            .set_sqls(Some(sqls.iter().map(|sql| (*sql).to_owned()).collect()))
            .wait_time_seconds(30)
            .send()
            .await
            .map_err(|error| format!("{:?}", error.into_service_error()))?;
        self.ended(submitted.id().expect("an id")).await
    }

    /// The id of a statement that has finished, or the error of one that has not.
    pub async fn ended(&self, id: &str) -> Result<String, String> {
        loop {
            let described = self
                .client
                .describe_statement()
                .id(id)
                .wait_time_seconds(30)
                .send()
                .await
                .map_err(|error| format!("{:?}", error.into_service_error()))?;
            match described.status() {
                Some(StatusString::Finished) => return Ok(id.to_owned()),
                Some(StatusString::Failed | StatusString::Aborted) => {
                    return Err(described.error().unwrap_or_default().to_owned());
                }
                _ => {}
            }
        }
    }

    /// The rows of a query, fields between ` | `.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        let id = self.run(sql).await.expect(sql);
        self.rows_of(&id).await
    }

    /// All pages of a statement's rows.
    pub async fn rows_of(&self, id: &str) -> Vec<String> {
        let mut rows = Vec::new();
        let mut pages = self.client.get_statement_result().id(id).into_paginator().send();
        while let Some(page) = pages.next().await {
            for record in page.expect("a page").records() {
                rows.push(record.iter().map(shown).collect::<Vec<_>>().join(" | "));
            }
        }
        rows
    }
}

fn shown(field: &Field) -> String {
    match field {
        Field::IsNull(_) => "null".to_owned(),
        Field::BooleanValue(value) => value.to_string(),
        Field::LongValue(value) => value.to_string(),
        Field::DoubleValue(value) => value.to_string(),
        Field::StringValue(value) => value.clone(),
        other => format!("{other:?}"),
    }
}
