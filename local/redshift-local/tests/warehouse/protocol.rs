//! The Data API, driven by the real SDK.

use std::time::{Duration, Instant};

use crate::support::{Warehouse, client};
use aws_sdk_redshiftdata::error::ProvideErrorMetadata;
use aws_sdk_redshiftdata::types::{ExecutionMode, ResultFormatString, SqlParameter, StatusString};
use redshift_local::{Fault, Faults, Options, Server};

fn parameter(name: &str, value: &str) -> SqlParameter {
    SqlParameter::builder().name(name).value(value).build().expect("both are set")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_described_with_what_it_did() {
    let warehouse = Warehouse::start().await;
    let id = warehouse.run("select 1 as one, 'x' as two").await.expect("finishes");
    let described = warehouse.client.describe_statement().id(&id).send().await.expect("known");
    assert_eq!(described.status(), Some(&StatusString::Finished));
    assert_eq!(described.result_rows(), 1);
    assert_eq!(described.has_result_set(), Some(true));
    assert_eq!(described.query_string(), Some("select 1 as one, 'x' as two"));
    assert!(described.duration() > 0 && described.redshift_query_id() > 0);
    let result = warehouse.client.get_statement_result().id(&id).send().await.expect("there");
    assert_eq!(result.total_num_rows(), 1);
    let columns: Vec<_> =
        result.column_metadata().iter().map(|c| (c.name(), c.type_name())).collect();
    assert_eq!(columns, [(Some("one"), Some("int4")), (Some("two"), Some("varchar"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_statement_says_why_in_redshifts_words() {
    let warehouse = Warehouse::start().await;
    let error = warehouse.run("select * from missing").await.expect_err("no such table");
    assert_eq!(error, "ERROR: relation \"missing\" does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_transaction() {
    let warehouse = Warehouse::start().await;
    let error = warehouse
        .run_batch(&[
            "create table t (a int)",
            "insert into t values (1)",
            "select * from missing",
            "select 1",
        ])
        .await
        .expect_err("the third fails");
    assert_eq!(error, "Query #3 failed with ERROR: relation \"missing\" does not exist");
    let error = warehouse.run("select * from t").await.expect_err("rolled back");
    assert_eq!(error, "ERROR: relation \"t\" does not exist");

    let id = warehouse
        .run_batch(&["create table t (a int)", "insert into t values (1), (2)", "select a from t"])
        .await
        .expect("finishes");
    let described = warehouse.client.describe_statement().id(&id).send().await.expect("known");
    let parts: Vec<_> =
        described.sub_statements().iter().map(|part| (part.id(), part.result_rows())).collect();
    let name = |number: u8| format!("{id}:{number}");
    assert_eq!(parts, [(name(1).as_str(), 0), (name(2).as_str(), 2), (name(3).as_str(), 2)]);
    assert_eq!(warehouse.rows_of(&name(3)).await, ["1", "2"]);
    let refused = warehouse.client.get_statement_result().id(&id).send().await;
    let refused = refused.expect_err("only sub-statements have results").into_service_error();
    assert_eq!(refused.code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_commit_keeps_what_came_before_the_failure() {
    let warehouse = Warehouse::start().await;
    let submitted = warehouse
        .client
        .batch_execute_statement()
        .workgroup_name("local")
        .database("dev")
        .sqls("create table t (a int)")
        .sqls("select * from missing")
        .execution_mode(ExecutionMode::AutoCommit)
        .send()
        .await
        .expect("accepted");
    warehouse.ended(submitted.id().expect("an id")).await.expect_err("the second fails");
    assert_eq!(warehouse.rows("select count(*) from t").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn truncate_commits_the_batch_that_it_is_in() {
    let warehouse = Warehouse::start().await;
    warehouse.run("create table t (a int)").await.expect("finishes");
    warehouse.run("create table u (a int)").await.expect("finishes");
    let batch =
        ["insert into u values (1)", "truncate t", "insert into u values (2)", "select 1 / 0"];
    warehouse.run_batch(&batch).await.expect_err("the last fails");
    assert_eq!(warehouse.rows("select a from u").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_token_gives_the_same_statement() {
    let warehouse = Warehouse::start().await;
    warehouse.run("create table t (a int)").await.expect("finishes");
    let submit = |sql: &str| {
        warehouse
            .client
            .execute_statement()
            .workgroup_name("local")
            .database("dev")
            .client_token("run-1-step-1")
            .sql(sql)
            .wait_time_seconds(30)
            .send()
    };
    let first = submit("insert into t values (1)").await.expect("accepted");
    let second = submit("insert into t values (1)").await.expect("accepted");
    assert_eq!(first.id(), second.id());
    assert_eq!(warehouse.rows("select count(*) from t").await, ["1"]);
    let other = submit("insert into t values (2)").await.expect_err("another statement");
    assert_eq!(other.into_service_error().code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_values_and_all_are_used() {
    let warehouse = Warehouse::start().await;
    let submit = |sql: &str, parameters: Vec<SqlParameter>| {
        warehouse
            .client
            .execute_statement()
            .workgroup_name("local")
            .database("dev")
            .sql(sql)
            .set_parameters(Some(parameters))
            .wait_time_seconds(30)
            .send()
    };
    let text = "it's'; drop table t; --";
    let found = submit(
        "select :text as a, 41 + :number as b",
        vec![parameter("text", text), parameter("number", "1")],
    );
    let id = found.await.expect("accepted").id().expect("an id").to_owned();
    assert_eq!(warehouse.rows_of(&id).await, [format!("{text} | 42")]);
    let unused = submit("select 1", vec![parameter("text", "x")]).await.expect_err("not used");
    assert_eq!(unused.into_service_error().code(), Some("ValidationException"));
    let name = submit("select * from :text", vec![parameter("text", "t")]).await;
    let id = name.expect("accepted").id().expect("an id").to_owned();
    let error = warehouse.ended(&id).await.expect_err("no identifier");
    assert_eq!(error, "ERROR: syntax error at or near \"$1\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_comes_in_pages() {
    let warehouse = Warehouse::start().await;
    let id = warehouse
        .run("select n, repeat('x', 1000) from (select generate_series(1, 3000) as n) as numbers")
        .await
        .expect("finishes");
    let first = warehouse.client.get_statement_result().id(&id).send().await.expect("a page");
    assert!(first.next_token().is_some() && first.records().len() < 3000);
    assert_eq!(warehouse.rows_of(&id).await.len(), 3000);
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_is_for_the_second_version() {
    let warehouse = Warehouse::start().await;
    let submitted = warehouse
        .client
        .execute_statement()
        .workgroup_name("local")
        .database("dev")
        .sql("select 1 as a, 'x,\"y\"' as b, null as c")
        .result_format(ResultFormatString::Csv)
        .wait_time_seconds(30)
        .send()
        .await
        .expect("accepted");
    let id = submitted.id().expect("an id");
    let page = warehouse.client.get_statement_result_v2().id(id).send().await.expect("a page");
    let text: Vec<_> = page.records().iter().filter_map(|r| r.as_csv_records().ok()).collect();
    assert_eq!(text, ["a,b,c\r\n1,\"x,\"\"y\"\"\",\r\n"]);
    let refused = warehouse.client.get_statement_result().id(id).send().await;
    assert_eq!(refused.expect_err("CSV").into_service_error().code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_statement_can_be_cancelled() {
    let warehouse = Warehouse::start().await;
    let submitted = warehouse
        .client
        .execute_statement()
        .workgroup_name("local")
        .database("dev")
        .sql("select count(*) from (select generate_series(1, 10000000) as n) a, (select generate_series(1, 10000000) as m) b where n + m < 0")
        .wait_time_seconds(1)
        .send()
        .await
        .expect("accepted");
    let id = submitted.id().expect("an id");
    assert_ne!(submitted.status().map(AsRef::as_ref), Some("FINISHED"));
    let cancelled = warehouse.client.cancel_statement().id(id).send().await.expect("running");
    assert_eq!(cancelled.status(), Some(true));
    let error = warehouse.ended(id).await.expect_err("aborted");
    assert_eq!(error, "ERROR: Query cancelled on user's request");
    let again = warehouse.client.cancel_statement().id(id).send().await.expect_err("ended");
    assert_eq!(again.into_service_error().code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_lasts_no_longer_than_the_statement() {
    let faults =
        Faults::Schedule(vec![("run".into(), 0, Fault::Slow(Duration::from_millis(1_300)))]);
    let warehouse = Warehouse::start_with(Options { faults, ..Options::default() }).await;
    let began = Instant::now();
    let submitted = warehouse
        .client
        .execute_statement()
        .workgroup_name("local")
        .database("dev")
        .sql("select 1")
        .wait_time_seconds(1)
        .send()
        .await
        .expect("accepted");
    assert!(began.elapsed() >= Duration::from_secs(1));
    let described = warehouse
        .client
        .describe_statement()
        .id(submitted.id().expect("an id"))
        .wait_time_seconds(30)
        .send()
        .await
        .expect("known");
    assert_eq!(described.status(), Some(&StatusString::Finished));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_listed_by_prefix_and_status() {
    let warehouse = Warehouse::start().await;
    for (name, sql) in [
        ("run-1-stage", "select 1"),
        ("run-1-check", "select * from missing"),
        ("run-2", "select 2"),
    ] {
        let submitted = warehouse
            .client
            .execute_statement()
            .workgroup_name("local")
            .database("dev")
            .statement_name(name)
            .sql(sql)
            .wait_time_seconds(30)
            .send()
            .await;
        submitted.expect("accepted");
    }
    let list = |status: Option<StatusString>| {
        let request = warehouse.client.list_statements().statement_name("run-1");
        request.set_status(status).send()
    };
    let names = |found: aws_sdk_redshiftdata::operation::list_statements::ListStatementsOutput| {
        let names = found
            .statements()
            .iter()
            .map(|one| one.statement_name().unwrap_or_default().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(list(None).await.expect("listed")), ["run-1-stage"]);
    let failed = list(Some(StatusString::Failed)).await.expect("listed");
    assert_eq!(names(failed), ["run-1-check"]);
    let all = list(Some(StatusString::All)).await.expect("listed");
    assert_eq!(names(all).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_refused() {
    let warehouse = Warehouse::start().await;
    let code =
        |error: aws_sdk_redshiftdata::operation::execute_statement::ExecuteStatementError| {
            error.code().map(str::to_owned)
        };
    let request = || warehouse.client.execute_statement().sql("select 1").database("dev");
    let nowhere = request().send().await.expect_err("no warehouse named").into_service_error();
    assert_eq!(code(nowhere).as_deref(), Some("ValidationException"));
    let both = request().workgroup_name("local").cluster_identifier("c").send().await;
    assert_eq!(
        code(both.expect_err("two").into_service_error()).as_deref(),
        Some("ValidationException")
    );
    let unknown = warehouse
        .client
        .describe_statement()
        .id("00000000-0000-4000-8000-000000000000")
        .send()
        .await
        .expect_err("unknown");
    assert_eq!(unknown.into_service_error().code(), Some("ResourceNotFoundException"));
    let too_many: Vec<String> = (0..41).map(|number| format!("select {number}")).collect();
    let batch = warehouse.client.batch_execute_statement().workgroup_name("local").database("dev");
    let refused = batch.set_sqls(Some(too_many)).send().await.expect_err("41 statements");
    assert_eq!(refused.into_service_error().code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_listed_and_described() {
    let warehouse = Warehouse::start().await;
    warehouse.run("create schema mart").await.expect("finishes");
    warehouse
        .run("create table mart.users (user_id bigint not null, name varchar(16))")
        .await
        .expect("finishes");
    let request = warehouse.client.list_tables().workgroup_name("local").database("dev");
    let tables = request.schema_pattern("mart").send().await.expect("listed");
    assert_eq!(tables.tables().iter().map(|t| t.name()).collect::<Vec<_>>(), [Some("users")]);
    let request = warehouse.client.describe_table().workgroup_name("local").database("dev");
    let table = request.schema("mart").table("users").send().await.expect("described");
    let columns: Vec<_> = table.column_list().iter().map(|c| (c.name(), c.nullable())).collect();
    assert_eq!(columns, [(Some("user_id"), 0), (Some("name"), 1)]);
    let schemas = warehouse.client.list_schemas().workgroup_name("local").database("dev");
    assert_eq!(schemas.send().await.expect("listed").schemas(), ["mart", "public"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_keeps_its_temporary_tables() {
    let warehouse = Warehouse::start().await;
    let first = warehouse
        .client
        .execute_statement()
        .workgroup_name("local")
        .database("dev")
        .sql("create temp table scratch as select 7 as a")
        .session_keep_alive_seconds(60)
        .wait_time_seconds(30)
        .send()
        .await
        .expect("accepted");
    let session = first.session_id().expect("a session");
    let second = warehouse
        .client
        .execute_statement()
        .session_id(session)
        .sql("select a from scratch")
        .wait_time_seconds(30)
        .send()
        .await
        .expect("accepted");
    assert_eq!(warehouse.rows_of(second.id().expect("an id")).await, ["7"]);
    warehouse.run("select a from scratch").await.expect_err("another session");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_look_like_the_services_own() {
    let schedule = [
        (0, Fault::Throttle),
        (1, Fault::WrappedThrottle),
        (2, Fault::InternalError),
        (3, Fault::ConnectionFailure),
        (4, Fault::TooManyStatements),
        (5, Fault::DroppedAnswer),
    ];
    let execute = "ExecuteStatement".to_owned();
    let schedule = schedule.map(|(nth, fault)| (execute.clone(), nth, fault)).to_vec();
    let options = Options { faults: Faults::Schedule(schedule), ..Options::default() };
    let warehouse = Warehouse::start_with(options).await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        let request = warehouse.client.execute_statement().workgroup_name("local").database("dev");
        let request =
            request.client_token("once").sql("create table once (a int)").wait_time_seconds(30);
        match request.send().await {
            Err(error) if error.as_service_error().is_some() => {
                codes.push(error.into_service_error().code().unwrap_or("none").to_owned());
            }
            Err(_) => codes.push("no answer".to_owned()),
            Ok(_) => codes.push("answered".to_owned()),
        }
    }
    assert_eq!(
        codes,
        [
            "ThrottlingException",
            "ValidationException",
            "InternalServerException",
            "DatabaseConnectionException",
            "ActiveStatementsExceededException",
            "no answer"
        ]
    );
    // The work of the dropped answer was done, once.
    assert_eq!(warehouse.rows("select count(*) from once").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_end_is_lost_has_done_its_work() {
    let faults = Faults::Schedule(vec![("run".into(), 0, Fault::LostEnd)]);
    let warehouse = Warehouse::start_with(Options { faults, ..Options::default() }).await;
    let sqls = ["create table t (n int)", "insert into t values (1)"];
    let error = warehouse.run_batch(&sqls).await.expect_err("is reported as failed");
    assert_eq!(
        error,
        "Query #2 failed with ERROR: The connection was closed before the statement's end was known."
    );
    assert_eq!(warehouse.rows("select n from t").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_retries_gets_through_any_seed() {
    for seed in 0..4 {
        let options = Options { faults: Faults::Seed(seed), ..Options::default() };
        let server = Server::start(options).await.expect("a free port");
        let client = client(&server.url(), 30);
        let mut finished = false;
        for attempt in 0..60 {
            let request = client.execute_statement().workgroup_name("local").database("dev");
            let request = request.client_token(format!("{seed}-{attempt}")).sql("select 1");
            let Ok(submitted) = request.wait_time_seconds(5).send().await else { continue };
            finished = submitted.status().map(AsRef::as_ref) == Some("FINISHED");
            if finished {
                break;
            }
        }
        assert!(finished, "seed {seed} never let a statement through");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_warehouse_keeps_data_statements_and_tokens() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Some(folder.path().join("warehouse.duckdb"));
    let options = Options { database, ..Options::default() };
    let submit = |client: aws_sdk_redshiftdata::Client| async move {
        let request = client.execute_statement().workgroup_name("local").database("dev");
        let request = request.client_token("token").sql("create table t as select 1 as a");
        let submitted = request.wait_time_seconds(30).send().await.expect("accepted");
        submitted.id().expect("an id").to_owned()
    };
    let first = Warehouse::start_with(options.clone()).await;
    let id = submit(first.client.clone()).await;
    let result = first.run("select a + 1 from t").await.expect("finishes");
    let log = folder.path().join("warehouse.duckdb.wal");
    assert!(log.exists(), "the engine keeps a log while the file is open");
    first.server.stop().await;
    // The client's connection is still there, and holds nothing open.
    assert!(!log.exists(), "and removes it when it closes the file");
    let second = Warehouse::start_with(options).await;
    assert_eq!(submit(second.client.clone()).await, id);
    assert_eq!(second.rows("select a from t").await, ["1"]);
    assert_eq!(second.rows_of(&result).await, ["2"]);
}

/// A new process numbers its sessions as the last one did.
#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_table_is_gone_with_its_session_even_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Some(folder.path().join("warehouse.duckdb"));
    let options = Options { database, ..Options::default() };
    for _ in 0..2 {
        let warehouse = Warehouse::start_with(options.clone()).await;
        for _ in 0..2 {
            let columns = "create temporary table seen (a int not null, b int)";
            let copied =
                ["create temporary table again (like seen)", "insert into again values (1, 2)"];
            let batch = [columns, copied[0], copied[1], "select a + b from again"];
            let run = warehouse.run_batch(&batch).await.expect("finishes");
            assert_eq!(warehouse.rows_of(&format!("{run}:4")).await, ["3"]);
        }
        warehouse.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_waits_for_the_one_before() {
    let warehouse = Warehouse::start().await;
    warehouse.run("create table counter (n int)").await.expect("finishes");
    warehouse.run("insert into counter values (0)").await.expect("finishes");
    let writers =
        (0..8).map(|_| warehouse.run_batch(&["lock counter", "update counter set n = n + 1"]));
    for outcome in futures::future::join_all(writers).await {
        outcome.expect("waits, then finishes");
    }
    assert_eq!(warehouse.rows("select n from counter").await, ["8"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_over_an_old_snapshot_is_error_1023() {
    let warehouse = Warehouse::start().await;
    warehouse.run("create table t (n int)").await.expect("finishes");
    let session = |sql: &str, id: Option<String>| {
        let request = warehouse.client.execute_statement().sql(sql).wait_time_seconds(30);
        let request = match id {
            Some(id) => request.session_id(id),
            None => request.workgroup_name("local").database("dev").session_keep_alive_seconds(60),
        };
        request.send()
    };
    let begun = session("begin", None).await.expect("accepted");
    let id = begun.session_id().map(str::to_owned);
    session("select count(*) from t", id.clone()).await.expect("accepted");
    warehouse.run("insert into t values (1)").await.expect("finishes");
    let late = session("update t set n = 2", id).await.expect("accepted");
    let error = warehouse.ended(late.id().expect("an id")).await.expect_err("a conflict");
    assert!(
        error.starts_with("ERROR: 1023 DETAIL: Serializable isolation violation on table - "),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workgroup_that_does_not_exist_is_not_found() {
    let options = Options { workgroup: Some("mine".to_owned()), ..Options::default() };
    let server = Server::start(options).await.expect("a free port");
    let ask = async |name: &str| {
        let request = client(&server.url(), 1).execute_statement().workgroup_name(name);
        request.database("dev").sql("select 1").send().await
    };
    ask("mine").await.expect("it is there");
    let error = ask("yours").await.expect_err("it is not");
    assert_eq!(error.code(), Some("ValidationException"));
    assert_eq!(error.message(), Some("Redshift endpoint doesn't exist in this region."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_says_which_table_a_column_is_of_and_whether_it_takes_null() {
    let warehouse = Warehouse::start().await;
    warehouse.run("create table t (id int not null, v char(3))").await.expect("made");
    let id = warehouse.run("select t.id as one, v, id + 1 from t").await.expect("finishes");
    let result = warehouse.client.get_statement_result().id(&id).send().await.expect("there");
    let columns: Vec<_> = result
        .column_metadata()
        .iter()
        .map(|c| (c.table_name().unwrap_or_default(), c.nullable(), c.type_name(), c.precision()))
        .collect();
    assert_eq!(
        columns,
        [("t", 0, Some("int4"), 10), ("t", 1, Some("bpchar"), 3), ("", 1, Some("int4"), 10),]
    );
}
