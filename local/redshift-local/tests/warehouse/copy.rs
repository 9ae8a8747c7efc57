//! COPY from S3: what loads, what is refused, and what the system views say of it.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::Warehouse;
use redshift_local::{Options, Value};

const ROLE: &str = "iam_role 'arn:aws:iam::123456789012:role/copy'";

async fn with_table(columns: &str) -> Warehouse {
    let warehouse = Warehouse::start().await;
    warehouse.run(&format!("create table t ({columns})")).await.expect("finishes");
    warehouse
}

impl Warehouse {
    async fn copy(&self, options: &str) -> Result<String, String> {
        self.run(&format!("copy t from 's3://bucket/data' {ROLE} {options}")).await
    }

    async fn first_error(&self) -> String {
        let sql = "select file_name, line_number, column_name, column_type, column_length, \
                   error_code, error_message from sys_load_error_detail order by line_number";
        self.rows(sql).await.first().cloned().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_load_however_they_are_written() {
    let warehouse = with_table("id int, title varchar(20), length numeric(9,5)").await;
    let texts = [
        "{\"id\":1,\"title\":\"a\",\"length\":218.93179}",
        "{\"id\":2}{\"id\":3,\"title\":null}\n\n{\n  \"id\": 4,\n  \"other\": [1, {}]\n}\n",
        "\u{feff}{\"id\": \"5\", \"title\": \"\\u00e9\"}\r\n",
        "",
    ];
    for (number, text) in texts.iter().enumerate() {
        warehouse.objects.put("bucket", &format!("data/{number}.json"), text.to_string());
    }
    warehouse.copy("json 'auto'").await.expect("loads");
    assert_eq!(
        warehouse.rows("select * from t order by id").await,
        [
            "1 | a | 218.93179",
            "2 | null | null",
            "3 | null | null",
            "4 | null | null",
            "5 | é | null"
        ]
    );
    let history =
        "select status, loaded_rows, source_file_count, error_count from sys_load_history";
    assert_eq!(warehouse.rows(history).await, ["completed | 5 | 4 | 0"]);
    let files = "select count(*), sum(lines_scanned) > 0 from sys_load_detail";
    assert_eq!(warehouse.rows(files).await, ["4 | true"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_says_what_is_read_and_what_must_be_there() {
    let warehouse = with_table("id int").await;
    warehouse.objects.put("bucket", "a.json", "{\"id\":1}");
    let manifest = |mandatory: bool| {
        format!(
            "{{\"entries\":[{{\"url\":\"s3://bucket/a.json\",\"mandatory\":true,\"meta\":{{\"content_length\":8}}}},\
             {{\"url\":\"s3://bucket/missing.json\",\"mandatory\":{mandatory}}}]}}"
        )
    };
    warehouse.objects.put("bucket", "data", manifest(true));
    let error = warehouse.copy("manifest json 'auto'").await.expect_err("one is missing");
    assert!(error.contains("Status 404") && error.contains("NoSuchKey"), "{error}");
    assert_eq!(warehouse.rows("select count(*) from t").await, ["0"]);
    warehouse.objects.put("bucket", "data", manifest(false));
    warehouse.copy("manifest json 'auto'").await.expect("what is there loads");
    assert_eq!(warehouse.rows("select count(*) from t").await, ["1"]);
    let none = warehouse.run(&format!("copy t from 's3://bucket/none' {ROLE} json 'auto'")).await;
    assert_eq!(none.expect_err("empty"), "ERROR: The specified S3 prefix 'none' does not exist");
    let no_manifest = format!("copy t from 's3://bucket/none' {ROLE} manifest json 'auto'");
    let error = warehouse.run(&no_manifest).await.expect_err("no manifest");
    assert!(error.contains("Problem reading manifest file"), "{error}");
    let no_role = warehouse.run("copy t from 's3://bucket/data' json 'auto'").await;
    assert!(no_role.expect_err("no role").contains("CREDENTIALS or IAM_ROLE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn jsonpaths_map_by_position_and_keys_by_case() {
    let warehouse = with_table("first_name varchar(20), at timestamp, user_id bigint").await;
    warehouse.objects.put(
        "bucket",
        "paths.json",
        "{\"jsonpaths\":[\"$['firstName']\",\"$.ts\",\"$.user.id\"]}",
    );
    warehouse.objects.put(
        "bucket",
        "data.json",
        "{\"firstName\":\"Ann\",\"ts\":1542837407796,\"user\":{\"id\":\"\"}}",
    );
    let paths = "json 's3://bucket/paths.json' timeformat 'epochmillisecs'";
    warehouse.copy(paths).await.expect("loads");
    assert_eq!(warehouse.rows("select * from t").await, ["Ann | 2018-11-21 21:56:47.796 | null"]);
    warehouse.run("truncate t").await.expect("finishes");
    warehouse.objects.put(
        "bucket",
        "data.json",
        "{\"First_Name\":\"Bo\",\"AT\":\"2018-11-21 01:02:03\"}",
    );
    warehouse.copy("json 'auto'").await.expect("loads");
    warehouse.copy("json 'auto ignorecase'").await.expect("loads");
    let rows = warehouse.rows("select first_name, at from t order by 1").await;
    assert_eq!(rows, ["Bo | 2018-11-21 01:02:03", "null | null"]);
    warehouse.objects.put("bucket", "paths.json", "{\"jsonpaths\":[\"$.a\"]}");
    let error = warehouse.copy(paths).await.expect_err("one path for three columns");
    assert!(
        error.contains("Number of jsonpaths and the number of columns should match"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_record_loads_nothing_and_is_named() {
    let warehouse = with_table("id int not null, title varchar(3)").await;
    let cases = [
        (
            "{\"id\":1}\n{\"id\":\"x\"}",
            "2 | id | int4 | 0 | 1207 | Invalid digit, Value 'x', Pos 0, Type: Integer",
        ),
        (
            "{\"id\":1,\"title\":\"four\"}",
            "1 | title | varchar | 3 | 1204 | String length exceeds DDL length",
        ),
        (
            "{\"id\":1,\"title\":\"éé\"}",
            "1 | title | varchar | 3 | 1204 | String length exceeds DDL length",
        ),
        ("{\"title\":\"a\"}", "1 | id | int4 | 0 | 1213 | Missing data for not-null field"),
        ("{\"id\":1}\n{\"id\":2", "2 |  |  |  | 1216 | Invalid JSON: unexpected end of file"),
        (
            "{\"id\":99999999999}",
            "1 | id | int4 | 0 | 1207 | Overflow for Column Type: Integer, Value '99999999999'",
        ),
    ];
    for (number, (text, expected)) in cases.iter().enumerate() {
        warehouse.objects.put("bucket", "data.json", text.to_string());
        let error = warehouse.copy("json 'auto'").await.expect_err(text);
        assert_eq!(
            error,
            "ERROR: Load into table 't' failed. Check 'sys_load_error_detail' system table for details."
        );
        let sql = "select file_name, line_number, column_name, column_type, column_length, error_code, \
                   error_message from sys_load_error_detail order by query_id desc limit 1";
        assert_eq!(warehouse.rows(sql).await, [format!("s3://bucket/data.json | {expected}")]);
        let count = warehouse.rows("select count(*) from sys_load_error_detail").await;
        assert_eq!(count, [(number + 1).to_string()]);
    }
    assert_eq!(warehouse.rows("select count(*) from t").await, ["0"]);
    let raw = "select raw_field_value, raw_line from stl_load_errors order by query limit 1";
    // A view of clusters: the other statements name a workgroup.
    let row = warehouse.server.engine().query(raw).await.expect("rows").rows.remove(0);
    assert_eq!(row, ["x", "{\"id\":\"x\"}"].map(|text| Value::Text(text.into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_fails_when_its_errors_reach_maxerror() {
    let warehouse = with_table("id int").await;
    warehouse.objects.put(
        "bucket",
        "data.json",
        "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":\"y\"}\n{\"id\":2}",
    );
    for too_low in [0, 1, 2] {
        let options = format!("json 'auto' maxerror {too_low}");
        warehouse.copy(&options).await.expect_err("two errors reach it");
    }
    assert_eq!(warehouse.rows("select count(*) from t").await, ["0"]);
    let id = warehouse.copy("json 'auto' maxerror as 3").await.expect("two are borne");
    let described = warehouse.client.describe_statement().id(&id).send().await.expect("known");
    assert_eq!((described.result_rows(), described.result_size()), (0, 0), "not counted");
    assert_eq!(warehouse.rows("select count(*) from t").await, ["2"]);
    let sql = format!(
        "select line_number, error_message from sys_load_error_detail where query_id = {} order by 1",
        described.redshift_query_id()
    );
    assert_eq!(warehouse.rows(&sql).await.len(), 2);
    warehouse.copy("json 'auto' maxerror 100001").await.expect_err("more than may be borne");
}

#[tokio::test(flavor = "multi_thread")]
async fn conversions_follow_their_options() {
    let warehouse = with_table("a varchar(5), b numeric(5,2), c boolean, d date").await;
    let text = "{\"a\":\"too long\",\"b\":20.259,\"c\":\"t\",\"d\":\"2018-11-21\"}\n{\"a\":\"\",\"b\":\"\",\"c\":false}\n{\"a\":\"   \"}";
    warehouse.objects.put("bucket", "data.json", text);
    warehouse.copy("json 'auto' truncatecolumns").await.expect("loads");
    assert_eq!(
        warehouse.rows("select * from t order by b, a").await,
        ["too l | 20.25 | true | 2018-11-21", " | null | false | null", "    | null | null | null"]
    );
    warehouse.run("truncate t").await.expect("finishes");
    warehouse
        .copy("json 'auto' truncatecolumns emptyasnull blanksasnull roundec")
        .await
        .expect("loads");
    assert_eq!(
        warehouse.rows("select a, b from t order by b, a").await,
        ["too l | 20.26", "null | null", "null | null"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_refused_or_replaced() {
    let warehouse = with_table("a varchar(5)").await;
    warehouse.objects.put("bucket", "data.json", b"{\"a\":\"x\xc3\x28\"}".to_vec());
    warehouse.copy("json 'auto'").await.expect_err("no UTF-8");
    let error = warehouse.first_error().await;
    assert!(error.contains("Bad UTF8 hex sequence: c3"), "{error}");
    warehouse.copy("json 'auto' acceptinvchars '^'").await.expect("replaced");
    assert_eq!(warehouse.rows("select a from t").await, ["x^("]);
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_objects_load_and_damaged_ones_are_named() {
    let warehouse = with_table("id int").await;
    let text = b"{\"id\":1}\n{\"id\":2}\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).expect("memory");
    let gzip = gzip.finish().expect("memory");
    warehouse.objects.put("bucket", "data.gz", gzip.clone());
    warehouse.copy("json 'auto' gzip").await.expect("loads");
    warehouse.objects.put("bucket", "data.gz", gzip[..gzip.len() / 2].to_vec());
    let error = warehouse.copy("json 'auto' gzip").await.expect_err("cut in half");
    assert!(error.contains("gzip") && error.contains("s3://bucket/data.gz"), "{error}");
    warehouse.objects.put("bucket", "data.gz", zstd::encode_all(&text[..], 1).expect("memory"));
    warehouse.copy("json 'auto' zstd").await.expect("loads");
    assert_eq!(warehouse.rows("select count(*) from t").await, ["4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn delimited_text_and_csv_load() {
    let warehouse = with_table("a int, b varchar(10), c varchar(10) default 'none'").await;
    warehouse.objects.put("bucket", "data.csv", "a,b,c\n1,\"x,\"\"y\",z\n2,,\n");
    warehouse.copy("csv ignoreheader 1").await.expect("loads");
    assert_eq!(warehouse.rows("select * from t order by a").await, ["1 | x,\"y | z", "2 |  | "]);
    warehouse.run("truncate t").await.expect("finishes");
    warehouse.objects.put("bucket", "data.csv", "1|x\n2|\\N\n");
    let list = format!("copy t (a, b) from 's3://bucket/data' {ROLE} delimiter '|'");
    warehouse.run(&list).await.expect("loads");
    assert_eq!(
        warehouse.rows("select * from t order by a").await,
        ["1 | x | none", "2 | null | none"]
    );
    warehouse.objects.put("bucket", "data.csv", "1|x|y|z\n");
    warehouse.copy("delimiter '|'").await.expect_err("four fields");
    assert!(warehouse.first_error().await.contains("Extra column(s) found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_column_is_numbered_by_the_load() {
    let warehouse = with_table("id bigint identity(1,1), a int").await;
    warehouse.objects.put("bucket", "data.json", "{\"a\":5}{\"a\":6}");
    warehouse.copy("json 'auto'").await.expect("loads");
    assert_eq!(warehouse.rows("select * from t order by a").await, ["1 | 5", "2 | 6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_costs_what_it_is_said_to_cost() {
    let options = Options {
        slices: 2,
        object_latency: Duration::from_millis(200),
        system_view_lag: Duration::ZERO,
        ..Options::default()
    };
    let warehouse = Warehouse::start_with(options).await;
    warehouse.run("create table t (id int)").await.expect("finishes");
    for number in 0..5 {
        warehouse.objects.put("bucket", &format!("data/{number}"), format!("{{\"id\":{number}}}"));
    }
    let began = Instant::now();
    warehouse.copy("json 'auto'").await.expect("loads");
    assert!(began.elapsed() >= Duration::from_millis(600), "{:?}", began.elapsed());
    assert_eq!(warehouse.rows("select count(*) from t").await, ["5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_a_batch_is_undone_with_it() {
    let warehouse = with_table("id int").await;
    warehouse.objects.put("bucket", "data.json", "{\"id\":1}");
    let copy = format!("copy t from 's3://bucket/data' {ROLE} json 'auto'");
    warehouse.run_batch(&[&copy, "select 1 / 0"]).await.expect_err("the second fails");
    assert_eq!(warehouse.rows("select count(*) from t").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_option_is_a_syntax_error() {
    let warehouse = with_table("id int").await;
    let error = warehouse.copy("json 'auto' quickly").await.expect_err("no such option");
    assert_eq!(error, "ERROR: syntax error at or near \"quickly\"");
    let error = warehouse.copy("format parquet").await.expect_err("not here");
    assert_eq!(error, "ERROR: COPY with PARQUET is not supported by the local warehouse");
}
