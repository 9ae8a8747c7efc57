//! UNLOAD to S3: what it writes, that COPY reads it back, and what stays when it fails.

use std::sync::Arc;
use std::time::Duration;

use crate::support::Warehouse;
use aws_sdk_redshiftdata::types::StatusString;
use bytes::Bytes;
use futures::future::{BoxFuture, pending, ready};
use redshift_local::{
    Caller, Engine, Fault, Faults, MemoryObjects, ObjectError, ObjectReader, ObjectStore,
    ObjectSummary, Objects, Options,
};
use serde_json::{Value, json};

const ROLE: &str = "iam_role 'arn:aws:iam::123456789012:role/unload'";

/// A warehouse with a bucket and a table of values that are hard to write.
async fn with_table() -> Warehouse {
    let warehouse = Warehouse::start().await;
    warehouse.objects.put("bucket", "marker", "");
    let columns = "id int, title varchar(100), code char(4), price numeric(9,2), ratio float8, \
                   is_new boolean, born date, seen timestamp";
    for table in ["t", "loaded"] {
        warehouse.run(&format!("create table {table} ({columns})")).await.expect("finishes");
    }
    let rows = "(1, 'it''s \"quoted\"', 'a', 1.50, 0.25, true, '2024-02-29', '2024-02-29 01:02:03.004'), \
                (2, 'one' || chr(10) || 'two' || chr(13) || 'three', null, -2, null, false, null, null), \
                (3, 'pipe|comma,back' || chr(92) || 'slash' || chr(9) || 'tab', 'cd', null, 1e20, null, null, null), \
                (4, 'Größe 日本 🎵', 'b', 0, -0.5, true, '1970-01-01', '1970-01-01'), \
                (5, null, null, null, null, null, null, null)";
    warehouse.run(&format!("insert into t values {rows}")).await.expect("finishes");
    warehouse
}

impl Warehouse {
    async fn unload(&self, query: &str, options: &str) -> Result<String, String> {
        let query = query.replace('\'', "''");
        self.run(&format!("unload ('{query}') to 's3://bucket/out/x_' {ROLE} {options}")).await
    }

    /// What is under the prefix, by the end of its key.
    async fn keys(&self) -> Vec<String> {
        let store: &dyn ObjectStore = self.objects.as_ref();
        let found = store.list("bucket", "out/x_").await.expect("a bucket");
        found.iter().map(|object| object.key.replace("out/x_", "")).collect()
    }

    fn text(&self, key: &str) -> String {
        let body = self.objects.get("bucket", &format!("out/x_{key}")).expect(key);
        String::from_utf8(body.to_vec()).expect("text")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_reads_back_what_unload_writes() {
    let warehouse = with_table().await;
    let both = [
        ("csv null as '~'", "csv null as '~'"),
        ("csv header gzip null as '~'", "csv ignoreheader 1 gzip null as '~'"),
        ("format as json", "json 'auto'"),
        ("json zstd parallel off", "json 'auto' zstd"),
        ("escape null as '~'", "escape null as '~'"),
        ("escape zstd null as '~'", "escape zstd null as '~'"),
        ("escape addquotes gzip null as '~'", "escape removequotes gzip null as '~'"),
    ];
    for (unloaded, copied) in both {
        let options = format!("{unloaded} manifest verbose cleanpath");
        warehouse.unload("select * from t", &options).await.expect(unloaded);
        warehouse.run("truncate loaded").await.expect("finishes");
        let copy =
            format!("copy loaded from 's3://bucket/out/x_manifest' {ROLE} manifest {copied}");
        warehouse.run(&copy).await.expect(unloaded);
        for (one, other) in [("t", "loaded"), ("loaded", "t")] {
            let sql = format!("select * from {one} except select * from {other} order by 1");
            assert_eq!(warehouse.rows(&sql).await, Vec::<String>::new(), "{unloaded}: {one}");
        }
        assert_eq!(warehouse.rows("select count(*) from loaded").await, ["5"], "{unloaded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verbose_manifest_lists_files_columns_and_totals() {
    let warehouse = with_table().await;
    let query = "select id, title, price from t where id in (1, 4)";
    warehouse.unload(query, "csv header manifest verbose").await.expect("finishes");
    let (one, two) = (warehouse.text("0000_part_00"), warehouse.text("0001_part_00"));
    let manifest: Value = serde_json::from_str(&warehouse.text("manifest")).expect("JSON");
    let entry = |key: &str, text: &str| {
        json!({"url": format!("s3://bucket/out/x_{key}"),
               "meta": {"content_length": text.len(), "record_count": 2}})
    };
    let expected = json!({
        "entries": [entry("0000_part_00", &one), entry("0001_part_00", &two)],
        "schema": {"elements": [
            {"name": "id", "type": {"base": "integer"}},
            {"name": "title", "type": {"base": "character varying", "max_length": 100}},
            {"name": "price", "type": {"base": "numeric", "precision": 9, "scale": 2}},
        ]},
        "meta": {"content_length": one.len() + two.len(), "record_count": 4},
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    });
    assert_eq!(manifest, expected);
    warehouse.unload(query, "manifest allowoverwrite parallel off").await.expect("finishes");
    let manifest: Value = serde_json::from_str(&warehouse.text("manifest")).expect("JSON");
    assert_eq!(manifest, json!({"entries": [{"url": "s3://bucket/out/x_000"}]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rows_there_is_at_most_an_empty_file() {
    let warehouse = with_table().await;
    for options in ["manifest", "json gzip manifest verbose"] {
        warehouse.unload("select * from t where id > 9", options).await.expect("finishes");
        assert_eq!(warehouse.keys().await, Vec::<String>::new(), "{options}");
    }
    warehouse.unload("select id from t where id > 9", "csv header manifest").await.expect("ends");
    assert_eq!(warehouse.keys().await, ["0000_part_00", "manifest"]);
    assert_eq!(warehouse.text("0000_part_00"), "id\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_to_slices_in_turn_and_large_files_are_split() {
    let warehouse = with_table().await;
    warehouse.unload("select id from t order by id", "gzip").await.expect("finishes");
    let names = ["0000", "0001", "0002", "0003", "0004"].map(|slice| format!("{slice}_part_00.gz"));
    assert_eq!(warehouse.keys().await, names);
    let long = "select repeat('x', 1000) from t a, t b, t c, t d, t e, t f";
    let options = "parallel off maxfilesize 5 mb cleanpath extension '.txt'";
    warehouse.unload(long, options).await.expect("finishes");
    assert_eq!(warehouse.keys().await, ["000.txt", "001.txt", "002.txt"]);
    for key in ["000.txt", "001.txt"] {
        let length = warehouse.text(key).len();
        assert!((5_241_000..=5 << 20).contains(&length), "{key}: {length}");
    }
    let lines: usize = ["000.txt", "001.txt", "002.txt"]
        .iter()
        .map(|key| warehouse.text(key).lines().count())
        .sum();
    assert_eq!(lines, 15_625);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_stays_when_the_transaction_rolls_back() {
    let warehouse = with_table().await;
    let unload = format!("unload ('select a from #mine') to 's3://bucket/out/x_' {ROLE} csv");
    let mine = "create table #mine as select 7 as a";
    let failed = warehouse.run_batch(&[mine, &unload, "select 1 from nowhere"]).await;
    assert!(failed.expect_err("no such table").contains("nowhere"));
    assert_eq!(warehouse.keys().await, ["0000_part_00"]);
    assert_eq!(warehouse.text("0000_part_00"), "7\n");
    let error = warehouse.run_batch(&[mine, &unload]).await.expect_err("the file is there");
    assert!(error.contains("Specified unload destination on S3 is not empty"), "{error}");
    let history = "select status, unloaded_rows from sys_unload_history";
    assert_eq!(warehouse.rows(history).await, ["completed | 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unload_is_not_counted_but_its_session_knows() {
    let objects = Arc::new(MemoryObjects::default());
    objects.put("bucket", "marker", "");
    let faults = Faults::Schedule(vec![("run".into(), 1, Fault::NoCopyCount)]);
    let options = Options { objects: Objects::Store(objects), faults, ..Options::default() };
    let engine = Engine::open(options).expect("a warehouse");
    for (prefix, expected) in [("a_", 3), ("b_", 0)] {
        let unload = format!(
            "unload ('select 1 union all select 2 union all select 3') \
             to 's3://bucket/{prefix}' {ROLE}"
        );
        let ask = "select pg_last_unload_count(), pg_last_unload_id(), pg_last_query_id()";
        let request = json!({"Database": "dev", "WorkgroupName": "local", "Sqls": [unload, ask]});
        let submitted = engine.call("BatchExecuteStatement", request).await.expect("submitted");
        let id = submitted["Id"].as_str().expect("an id");
        let request = json!({"Id": id, "WaitTimeSeconds": 30});
        let described = engine.call("DescribeStatement", request).await.expect("known");
        let part = &described["SubStatements"][0];
        assert_eq!((&part["ResultRows"], &part["HasResultSet"]), (&json!(0), &json!(false)));
        let request = json!({"Id": format!("{id}:2")});
        let result = engine.call("GetStatementResult", request).await.expect("a result");
        let number = |index: usize| &result["Records"][0][index]["longValue"];
        assert_eq!(number(0), &json!(expected));
        assert_eq!((number(1), number(2)), (&part["RedshiftQueryId"], &part["RedshiftQueryId"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unload_needs_select_and_the_right_to_assume_its_role() {
    let objects = Arc::new(MemoryObjects::default());
    objects.put("bucket", "marker", "");
    let options = Options { objects: Objects::Store(objects.clone()), ..Options::default() };
    let engine = Engine::open(options).expect("a warehouse");
    let reader = Caller::of_access_key("user.analyst");
    let run = async |sql: &str| {
        let request =
            json!({"Database": "dev", "WorkgroupName": "local", "Sql": sql, "WaitTimeSeconds": 30});
        let submitted = engine.call_as(&reader, "ExecuteStatement", request).await;
        let id = json!({"Id": submitted.expect("submitted")["Id"]});
        let described = engine.call_as(&reader, "DescribeStatement", id).await.expect("known");
        described["Error"].as_str().unwrap_or_default().to_owned()
    };
    engine.query("create table t (id int)").await.expect("finishes");
    engine.query("insert into t values (1)").await.expect("finishes");
    let unload = format!("unload ('select id from t') to 's3://bucket/x_' {ROLE}");
    assert_eq!(run(&unload).await, "ERROR: permission denied for relation t");
    engine.query("grant select on t to \"IAM:analyst\"").await.expect("a grant");
    engine.query("revoke assumerole on all from public for all").await.expect("revoked");
    engine.query("grant assumerole on all to \"IAM:analyst\" for copy").await.expect("a grant");
    let refused = run(&unload).await;
    assert!(refused.ends_with("does not have ASSUMEROLE permission for UNLOAD"), "{refused}");
    engine.query("grant assumerole on all to \"IAM:analyst\" for unload").await.expect("a grant");
    assert_eq!(run(&unload).await, "");
    assert_eq!(objects.get("bucket", "x_0000_part_00").as_deref(), Some(b"1\n".as_slice()));
}

/// A bucket that can be listed, but not written: its answer is this, or never comes.
struct Closed(Option<ObjectError>);

impl ObjectStore for Closed {
    fn list(&self, _: &str, _: &str) -> BoxFuture<'_, Result<Vec<ObjectSummary>, ObjectError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn open(&self, _: &str, key: &str) -> BoxFuture<'_, Result<ObjectReader, ObjectError>> {
        panic!("{key} is not read")
    }

    fn put(&self, _: &str, _: &str, _: Bytes) -> BoxFuture<'_, Result<(), ObjectError>> {
        match self.0.clone() {
            Some(error) => Box::pin(ready(Err(error))),
            None => Box::pin(pending()),
        }
    }

    fn delete(&self, _: &str, key: &str) -> BoxFuture<'_, Result<(), ObjectError>> {
        panic!("{key} is not deleted")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_write_fails_in_the_words_of_s3() {
    let (code, message) = ("AccessDenied".to_owned(), "Access Denied".to_owned());
    let store = Closed(Some(ObjectError { code, message, status: 403 }));
    let options = Options {
        objects: Objects::Store(Arc::new(store)),
        system_view_lag: Duration::ZERO,
        ..Options::default()
    };
    let engine = Engine::open(options).expect("a warehouse");
    let unload = format!("unload ('select 1') to 's3://bucket/x_' {ROLE}");
    let error = engine.query(&unload).await.expect_err("denied").to_string();
    let expected = "S3ServiceException:Access Denied,Status 403,Error AccessDenied,";
    assert!(error.contains(expected), "{error}");
    let history = "select count(*) from sys_unload_history where status = 'aborted' \
                   and error_message like '%AccessDenied%'";
    let rows = engine.query(history).await.expect("rows").rows;
    assert_eq!(rows, [[redshift_local::Value::Long(1)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unload_can_be_cancelled_while_it_writes() {
    let options = Options { objects: Objects::Store(Arc::new(Closed(None))), ..Options::default() };
    let engine = Engine::open(options).expect("a warehouse");
    let unload = format!("unload ('select 1') to 's3://bucket/x_' {ROLE}");
    let request = json!({"Database": "dev", "WorkgroupName": "local", "Sql": unload});
    let submitted = engine.call("ExecuteStatement", request).await.expect("submitted");
    let id = json!({"Id": submitted["Id"]});
    loop {
        let described = engine.call("DescribeStatement", id.clone()).await.expect("known");
        if described["Status"] == StatusString::Started.as_str() {
            break;
        }
        tokio::task::yield_now().await;
    }
    engine.call("CancelStatement", id).await.expect("cancels");
    let id = json!({"Id": submitted["Id"], "WaitTimeSeconds": 30});
    let described = engine.call("DescribeStatement", id).await.expect("known");
    assert_eq!(described["Status"], StatusString::Aborted.as_str());
}
