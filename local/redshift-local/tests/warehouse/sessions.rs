//! Kept sessions, transactions over several requests, and what others may do to them.

use crate::support::Warehouse;
use aws_sdk_redshiftdata::error::ProvideErrorMetadata;
use aws_sdk_redshiftdata::types::{ExecutionMode, StatusString};
use redshift_local::Options;

/// A kept session.
struct Session<'a> {
    warehouse: &'a Warehouse,
    id: String,
    process: i64,
}

impl<'a> Session<'a> {
    async fn open(warehouse: &'a Warehouse, keep_alive_seconds: i32) -> Self {
        let opened = warehouse.client.execute_statement().workgroup_name("local").database("dev");
        let opened = opened
            .session_keep_alive_seconds(keep_alive_seconds)
            .sql("begin")
            .wait_time_seconds(30)
            .send()
            .await
            .expect("accepted");
        let id = opened.session_id().expect("a session").to_owned();
        let begun = opened.id().expect("an id");
        warehouse.ended(begun).await.expect("begins");
        let described = warehouse.client.describe_statement().id(begun).send().await;
        Self { warehouse, id, process: described.expect("known").redshift_pid() }
    }

    async fn run(&self, sql: &str) -> Result<String, String> {
        let submitted = self.warehouse.client.execute_statement().session_id(&self.id).sql(sql);
        let submitted = submitted.wait_time_seconds(30).send().await;
        let submitted = submitted
            .map_err(|error| error.into_service_error().code().unwrap_or_default().to_owned())?;
        self.warehouse.ended(submitted.id().expect("an id")).await
    }
}

async fn with_table() -> Warehouse {
    let warehouse = Warehouse::start().await;
    warehouse.run("create table t (a int)").await.expect("finishes");
    warehouse
}

impl Warehouse {
    /// Submits without waiting.
    async fn submit(&self, sql: &str) -> String {
        let request = self.client.execute_statement().workgroup_name("local").database("dev");
        let submitted = request.sql(sql).send().await.expect("accepted");
        submitted.id().expect("an id").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_frees_its_locks_though_nobody_asks_for_it() {
    let warehouse = with_table().await;
    let session = Session::open(&warehouse, 1).await;
    session.run("insert into t values (1)").await.expect("finishes");
    // Waits for the session's lock, and for nothing else.
    warehouse.run("drop table t").await.expect("the session ends by itself");
    let gone = session.run("commit").await.expect_err("the session has expired");
    assert_eq!(gone, "ResourceNotFoundException");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_of_a_schema_waits_for_its_readers() {
    let warehouse = Warehouse::start().await;
    warehouse.run("create schema s").await.expect("finishes");
    warehouse.run("create table s.t (a int)").await.expect("finishes");
    let reader = Session::open(&warehouse, 60).await;
    reader.run("select a from s.t").await.expect("finishes");
    let drop = warehouse.submit("drop schema s cascade").await;
    let waits = warehouse.client.describe_statement().id(&drop).wait_time_seconds(1).send().await;
    assert_eq!(waits.expect("known").status(), Some(&StatusString::Started));
    reader.run("commit").await.expect("commits");
    warehouse.ended(&drop).await.expect("finishes once nobody reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_takes_as_many_schemas_as_its_quota_allows() {
    let options = Options { schemas_max: 2, ..Options::default() };
    let warehouse = Warehouse::start_with(options).await;
    for name in ["one", "two"] {
        warehouse.run(&format!("create schema {name}")).await.expect("finishes");
    }
    let error = warehouse.run("create schema three").await.expect_err("one too many");
    assert!(error.contains("the database has 2 schemas"), "{error}");
    warehouse.run("create schema if not exists two").await.expect("it is there already");
    warehouse.run("drop schema one").await.expect("finishes");
    warehouse.run("create schema three").await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_gets_its_turn_however_many_statements_wait_for_it() {
    let warehouse = with_table().await;
    let session = Session::open(&warehouse, 60).await;
    session.run("insert into t values (1)").await.expect("finishes");
    let mut waiting = Vec::new();
    for number in 0..200 {
        waiting.push(warehouse.submit(&format!("update t set a = {number}")).await);
    }
    let refused = warehouse.client.execute_statement().workgroup_name("local").database("dev");
    let refused = refused.sql("select 1").send().await.expect_err("200 are active");
    let code = refused.into_service_error().code().map(str::to_owned);
    assert_eq!(code.as_deref(), Some("ActiveStatementsExceededException"));
    session.run("commit").await.expect("commits");
    for id in waiting {
        warehouse.ended(&id).await.expect("finishes once the session has committed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_statement_of_an_auto_commit_batch_does_not_affect_the_others() {
    let warehouse = with_table().await;
    let submitted = warehouse
        .client
        .batch_execute_statement()
        .workgroup_name("local")
        .database("dev")
        .sqls("insert into t values (1)")
        .sqls("insert into t values (1 / 0)")
        .sqls("vacuum t")
        .sqls("insert into t values (3)")
        .execution_mode(ExecutionMode::AutoCommit)
        .send()
        .await
        .expect("accepted");
    let id = submitted.id().expect("an id");
    let error = warehouse.ended(id).await.expect_err("the second fails");
    assert!(error.starts_with("Query #2 failed with ERROR: "), "{error}");
    let described = warehouse.client.describe_statement().id(id).send().await.expect("known");
    assert_eq!(described.execution_mode(), Some(&ExecutionMode::AutoCommit));
    let statuses: Vec<_> =
        described.sub_statements().iter().filter_map(|one| one.status()).collect();
    let statuses: Vec<&str> = statuses.into_iter().map(|status| status.as_str()).collect();
    assert_eq!(statuses, ["FINISHED", "FAILED", "FINISHED", "FINISHED"]);
    assert_eq!(warehouse.rows("select a from t order by a").await, ["1", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_cancelled_by_its_number() {
    let warehouse = with_table().await;
    let session = Session::open(&warehouse, 60).await;
    session.run("insert into t values (1)").await.expect("finishes");
    for cancel in ["cancel {}", "cancel {} 'too long'", "select pg_cancel_backend({})"] {
        let waiting = warehouse.submit("update t set a = 2").await;
        let process = loop {
            let described = warehouse.client.describe_statement().id(&waiting).send().await;
            let described = described.expect("known");
            if described.status() == Some(&StatusString::Started) {
                break described.redshift_pid();
            }
            tokio::task::yield_now().await;
        };
        warehouse.run(&cancel.replace("{}", &process.to_string())).await.expect("cancels");
        let error = warehouse.ended(&waiting).await.expect_err("cancelled");
        assert_eq!(error, "ERROR: Query cancelled on user's request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_session_is_rolled_back_and_gone() {
    let warehouse = with_table().await;
    let session = Session::open(&warehouse, 60).await;
    session.run("insert into t values (1)").await.expect("finishes");
    let waiting = warehouse.submit("insert into t values (2)").await;
    let terminate = format!("select pg_terminate_backend({})", session.process);
    warehouse.run(&terminate).await.expect("terminates");
    warehouse.ended(&waiting).await.expect("the lock is free");
    assert_eq!(warehouse.rows("select a from t").await, ["2"]);
    let gone = session.run("commit").await.expect_err("the session is closed");
    assert!(gone.ends_with("is not available."), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_each_statement_once_though_others_arrive() {
    let warehouse = Warehouse::start().await;
    for number in 0..6 {
        warehouse.run(&format!("select {number}")).await.expect("finishes");
    }
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = warehouse.client.list_statements().max_results(2).set_next_token(token);
        let page = page.send().await.expect("a page");
        let texts = page.statements().iter().filter_map(|one| one.query_string());
        found.extend(texts.map(str::to_owned));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
        warehouse.run("select 'another'").await.expect("finishes");
    }
    let expected: Vec<String> = (0..6).rev().map(|number| format!("select {number}")).collect();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warehouse_is_named_as_the_service_has_it() {
    let warehouse = Warehouse::start().await;
    let arn = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/";
    let named = |name: &str| {
        let request = warehouse.client.list_schemas().workgroup_name(name).database("dev");
        request.send()
    };
    named(&format!("{arn}01234567-89ab-cdef-0123-456789abcdef")).await.expect("an ARN");
    for wrong in ["W g!", "wg", "Local", &format!("{arn}name")] {
        let refused = named(wrong).await.expect_err(wrong).into_service_error();
        assert_eq!(refused.code(), Some("ValidationException"), "{wrong}");
    }
    let tables = warehouse.client.list_tables().workgroup_name("local").database("other");
    let refused = tables.send().await.expect_err("no such database").into_service_error();
    assert_eq!(refused.code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_all_schemas_and_tables_are_described() {
    let warehouse = with_table().await;
    warehouse.run("create schema s").await.expect("finishes");
    warehouse.run("create table s.t (b int)").await.expect("finishes");
    let describe = || warehouse.client.describe_table().workgroup_name("local").database("dev");
    let names = |table: aws_sdk_redshiftdata::operation::describe_table::DescribeTableOutput| {
        let columns = table.column_list().iter();
        let named = columns.map(|one| {
            format!("{}.{}", one.schema_name().unwrap_or_default(), one.name().unwrap_or_default())
        });
        named.collect::<Vec<_>>()
    };
    let both = describe().table("t").send().await.expect("described");
    assert_eq!(both.column_list()[0].type_name(), Some("int4"));
    assert_eq!(names(both), ["public.a", "s.b"]);
    let all = describe().send().await.expect("described");
    assert_eq!(names(all), ["public.a", "s.b"]);
}
