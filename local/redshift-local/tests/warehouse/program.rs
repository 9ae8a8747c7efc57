//! The program: started, killed, started again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::client;

/// The program while it runs; killed when the test ends, however it ends.
struct Program(Child);

impl Program {
    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the program and reads the address that it prints.
fn start(database: &Path) -> (Program, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_redshift-local"))
        .args(["--listen", "127.0.0.1:0", "--database"])
        .arg(database)
        .arg("--port-file")
        .arg(database.with_extension("port"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("piped");
    BufReader::new(output).read_line(&mut line).expect("it says where it listens");
    (Program(child), line.trim().to_owned())
}

async fn run(url: &str, token: &str, sql: &str) -> (String, String) {
    let request = client(url, 3).execute_statement().workgroup_name("local").database("dev");
    let request = request.client_token(token).sql(sql).wait_time_seconds(30);
    let submitted = request.send().await.expect("accepted");
    let status = submitted.status().map(|status| status.to_string()).unwrap_or_default();
    (submitted.id().expect("an id").to_owned(), status)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("warehouse.duckdb");
    let (mut first, url) = start(&database);
    let sql = "create table t (a int not null, b varchar(3) default 'x', c bigint identity(1,1))";
    let (created, status) = run(&url, "create", sql).await;
    assert_eq!(status, "FINISHED");
    run(&url, "insert", "insert into t (a) values (1), (2)").await;
    first.kill();

    let (_second, url) = start(&database);
    let port = std::fs::read_to_string(database.with_extension("port")).expect("written");
    assert!(url.ends_with(port.trim()), "{url} {port}");
    // Asked again with the same token, it is the same statement, and nothing is done twice.
    assert_eq!(run(&url, "create", sql).await.0, created);
    run(&url, "insert", "insert into t (a) values (1), (2)").await;
    let (more, status) = run(&url, "more", "insert into t (a) values (3)").await;
    assert_eq!(status, "FINISHED", "{more}");
    let (counted, _) = run(&url, "count", "select count(*), max(c) from t").await;
    let result = client(&url, 3).get_statement_result().id(counted).send().await.expect("rows");
    let row: Vec<_> =
        result.records()[0].iter().map(|field| *field.as_long_value().expect("numbers")).collect();
    assert_eq!(row[0], 3);
    assert!(row[1] >= 3);
}
