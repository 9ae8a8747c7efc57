//! What the service does not report, or reports late: counts of a COPY, its number, the system views.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use crate::support::Warehouse;
use futures::future::BoxFuture;
use redshift_local::{Clock, Engine, Fault, Faults, MemoryObjects, Objects, Options};
use serde_json::{Value, json};

/// A clock that a test moves.
struct Hand(Mutex<SystemTime>);

impl Hand {
    fn pass(&self, duration: Duration) {
        *self.0.lock().expect("no panic") += duration;
    }
}

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        *self.0.lock().expect("no panic")
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A file with two good records and a bad one, and a table for them.
async fn engine(options: Options) -> Engine {
    let objects = Arc::new(MemoryObjects::default());
    objects.put("bucket", "data.json", "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":2}");
    let engine = Engine::open(Options { objects: Objects::Store(objects), ..options });
    let engine = engine.expect("an empty warehouse opens");
    engine.query("create table t (id int)").await.expect("finishes");
    engine
}

/// Copies and asks the session about it, in one batch; gives the description and the answer.
async fn copied(engine: &Engine, target: (&str, &str)) -> (Value, Vec<i64>) {
    let copy = "copy t from 's3://bucket/data' iam_role 'arn:aws:iam::123456789012:role/copy' json 'auto' maxerror 5";
    let ask = "select pg_last_copy_count(), pg_last_copy_id(), pg_backend_pid()";
    let request = json!({"Database": "dev", target.0: target.1, "Sqls": [copy, ask]});
    let submitted = engine.call("BatchExecuteStatement", request).await.expect("submitted");
    let id = submitted["Id"].as_str().expect("an id").to_owned();
    let request = json!({"Id": id, "WaitTimeSeconds": 30});
    let described = engine.call("DescribeStatement", request).await.expect("known");
    assert_eq!(described["Status"], "FINISHED", "{described}");
    let request = json!({"Id": format!("{id}:2")});
    let result = engine.call("GetStatementResult", request).await.expect("a result");
    let fields = result["Records"][0].as_array().expect("a row").iter();
    (described, fields.map(|field| field["longValue"].as_i64().expect("a number")).collect())
}

async fn numbers(engine: &Engine, sql: &str) -> Vec<i64> {
    let rows = engine.query(sql).await.expect("finishes").rows;
    let number = |value: &redshift_local::Value| match value {
        redshift_local::Value::Long(number) => *number,
        other => panic!("{other:?}"),
    };
    rows.iter().map(|row| number(&row[0])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_not_counted_but_its_session_knows() {
    let options = Options { system_view_lag: Duration::ZERO, ..Options::default() };
    let engine = engine(options).await;
    for target in [("WorkgroupName", "local"), ("ClusterIdentifier", "local")] {
        let (described, answer) = copied(&engine, target).await;
        let part = &described["SubStatements"][0];
        assert_eq!((&part["ResultRows"], &part["ResultSize"]), (&json!(0), &json!(0)), "{part}");
        assert_eq!(part["HasResultSet"], false);
        assert_eq!(answer, [2, part["RedshiftQueryId"].as_i64().unwrap_or_default(), answer[2]]);
        assert_eq!(described["RedshiftPid"], answer[2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_numbers_a_copy_otherwise_than_its_sys_views() {
    let options = Options { system_view_lag: Duration::ZERO, ..Options::default() };
    let engine = engine(options).await;
    for (target, same) in [("WorkgroupName", true), ("ClusterIdentifier", false)] {
        let (described, answer) = copied(&engine, (target, "local")).await;
        let sys = "select query_id from sys_load_history where session_id = ";
        let sys = numbers(&engine, &format!("{sys}{}", answer[2])).await;
        let reported = described["SubStatements"][0]["RedshiftQueryId"].as_i64();
        assert_eq!(sys.first().copied() == reported, same, "{target}: {sys:?} {reported:?}");
        let stl = "select query from stl_load_errors where session = ";
        let stl = numbers(&engine, &format!("{stl}{}", answer[2])).await;
        assert_eq!(stl.first().copied() == reported, !same, "{target}: {stl:?} {reported:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_views_lag_behind() {
    let clock = Arc::new(Hand(Mutex::new(SystemTime::now())));
    let engine = engine(Options { clock: clock.clone(), ..Options::default() }).await;
    copied(&engine, ("WorkgroupName", "local")).await;
    let counts = async |engine: &Engine| {
        let of = |view: &str| format!("select count(*) from {view}");
        let views = ["sys_load_history", "sys_load_error_detail", "sys_load_detail"].map(of);
        let history = "select count(*) from sys_query_history where query_text like 'copy%'";
        let mut counts = Vec::new();
        for sql in views.iter().map(String::as_str).chain([history]) {
            counts.extend(numbers(engine, sql).await);
        }
        counts
    };
    assert_eq!(counts(&engine).await, [0, 0, 0, 0]);
    clock.pass(Options::SYSTEM_VIEW_LAG);
    assert_eq!(counts(&engine).await, [1, 1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_may_be_later_still_and_numbers_and_counts_missing() {
    let clock = Arc::new(Hand(Mutex::new(SystemTime::now())));
    let late = Fault::LateViews(Duration::from_secs(60));
    let run = |call, fault| ("run".to_owned(), call, fault);
    let faults = [run(0, late), run(1, Fault::NoQueryIds), run(2, Fault::NoCopyCount)];
    let faults = Faults::Schedule(faults.into());
    let engine = engine(Options { clock: clock.clone(), faults, ..Options::default() }).await;
    copied(&engine, ("WorkgroupName", "local")).await;
    let loads = "select count(*) from sys_load_history";
    clock.pass(Options::SYSTEM_VIEW_LAG + Duration::from_secs(59));
    assert_eq!(numbers(&engine, loads).await, [0]);
    clock.pass(Duration::from_secs(1));
    assert_eq!(numbers(&engine, loads).await, [1]);
    let (described, _) = copied(&engine, ("WorkgroupName", "local")).await;
    assert_eq!(described["SubStatements"][0]["RedshiftQueryId"], -1);
    let (_, answer) = copied(&engine, ("WorkgroupName", "local")).await;
    assert_eq!(answer[0], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_names_and_reasons_are_cut_as_their_columns_are() {
    let warehouse = Warehouse::start().await;
    warehouse.run("create table t (id int)").await.expect("finishes");
    let key = format!("x{}.json", "é".repeat(300));
    warehouse.objects.put("bucket", &key, format!("{{\"id\":\"{}\"}}", "x".repeat(900)));
    let copy =
        "copy t from 's3://bucket/' iam_role 'arn:aws:iam::123456789012:role/copy' json 'auto'";
    warehouse.run(copy).await.expect_err("no number");
    let sql = "select octet_length(file_name), octet_length(error_message) <= 512 \
               from sys_load_error_detail";
    // One byte less, where a character would be cut.
    assert_eq!(warehouse.rows(sql).await, ["255 | true"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_may_ignore_that_it_is_asked_to_wait() {
    let options = Options { ignores_waits: true, ..Options::default() };
    let slow = Fault::Slow(Duration::from_secs(2));
    let faults = Faults::Schedule(vec![("run".into(), 0, slow)]);
    let warehouse = Warehouse::start_with(Options { faults, ..options }).await;
    let begun = Instant::now();
    let submitted = warehouse.client.execute_statement().workgroup_name("local").database("dev");
    let submitted = submitted.sql("select 1").wait_time_seconds(30).send().await.expect("taken");
    let describe = warehouse.client.describe_statement().id(submitted.id().expect("an id"));
    let described = describe.wait_time_seconds(30).send().await.expect("known");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let status = described.status().expect("a status").as_str();
    assert!(["SUBMITTED", "PICKED", "STARTED"].contains(&status), "{status}");
}
