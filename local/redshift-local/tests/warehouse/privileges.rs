//! Users, roles and grants: who may do what, in Redshift's words.

use redshift_local::{Caller, Engine, Options};
use serde_json::{Value, json};

const WORKGROUP: &str = "workgroup";

/// A warehouse with a star schema that the functions' role made.
async fn warehouse() -> (Engine, Caller, Caller) {
    let engine = Engine::open(Options::default()).expect("a warehouse");
    let (owner, reader) =
        (Caller::of_access_key("role.functions"), Caller::of_access_key("user.analyst"));
    ask(&engine, &owner, "select 1").await.expect("a login makes the user");
    engine.query("grant create on database dev to \"IAMR:functions\"").await.expect("a grant");
    for sql in ["create schema mart", "create schema ops", "create table mart.plays (id int)"] {
        ask(&engine, &owner, sql).await.expect(sql);
    }
    ask(&engine, &owner, "insert into mart.plays values (1)").await.expect("a row");
    ask(&engine, &reader, "select 1").await.expect("a login makes the user");
    (engine, owner, reader)
}

/// The first column of a statement's rows, or its error.
async fn ask(engine: &Engine, caller: &Caller, sql: &str) -> Result<Vec<String>, String> {
    ask_at(engine, caller, "WorkgroupName", sql).await
}

async fn ask_at(
    engine: &Engine,
    caller: &Caller,
    place: &str,
    sql: &str,
) -> Result<Vec<String>, String> {
    let request = json!({"Database": "dev", place: WORKGROUP, "Sql": sql, "WaitTimeSeconds": 30});
    let call = |operation: &'static str, request: Value| engine.call_as(caller, operation, request);
    let submitted = call("ExecuteStatement", request).await.expect("submitted");
    let id = json!({"Id": submitted["Id"]});
    let described = call("DescribeStatement", id.clone()).await.expect("described");
    if described["Status"] != "FINISHED" {
        return Err(described["Error"].as_str().unwrap_or_default().to_owned());
    }
    if described["HasResultSet"] != true {
        return Ok(Vec::new());
    }
    let result = call("GetStatementResult", id).await.expect("a result");
    let rows = result["Records"].as_array().expect("rows").iter();
    let text = |row: &Value| {
        let value = row[0].as_object().and_then(|field| field.values().next().cloned());
        value.map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
    };
    Ok(rows.map(|row| text(row).unwrap_or_default()).collect())
}

const TABLES: &str =
    "select table_name from information_schema.tables where table_schema = 'mart' order by 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_grant_sees_nothing_and_is_refused_by_name() {
    let (engine, owner, reader) = warehouse().await;
    assert_eq!(ask(&engine, &owner, TABLES).await, Ok(vec!["plays".to_owned()]));
    assert_eq!(ask(&engine, &reader, TABLES).await, Ok(vec![]));
    let select = || ask(&engine, &reader, "select id from mart.plays");
    assert_eq!(select().await, Err("ERROR: permission denied for schema mart".into()));
    ask(&engine, &owner, "grant usage on schema mart to \"IAM:analyst\"").await.expect("a grant");
    assert_eq!(select().await, Err("ERROR: permission denied for relation plays".into()));
    ask(&engine, &owner, "grant select on mart.plays to \"IAM:analyst\"").await.expect("a grant");
    assert_eq!(select().await, Ok(vec!["1".to_owned()]));
    for (sql, error) in [
        ("insert into mart.plays values (2)", "permission denied for relation plays"),
        ("delete from mart.plays", "permission denied for relation plays"),
        ("drop table mart.plays", "must be owner of relation plays"),
        ("drop schema mart cascade", "must be owner of schema mart"),
        ("create table mart.mine (id int)", "permission denied for schema mart"),
        ("create schema mine", "permission denied for database dev"),
        ("grant select on mart.plays to public", "must be owner of relation plays"),
    ] {
        assert_eq!(ask(&engine, &reader, sql).await, Err(format!("ERROR: {error}")), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_reads_what_it_was_granted_and_what_is_made_later() {
    let (engine, owner, reader) = warehouse().await;
    engine.query("create role readers; grant role readers to \"IAM:analyst\"").await.expect("role");
    for _ in 0..2 {
        for sql in [
            "grant usage on schema mart to role readers",
            "grant select on all tables in schema mart to role readers",
            "alter default privileges in schema mart grant select on tables to role readers",
        ] {
            ask(&engine, &owner, sql).await.expect(sql);
        }
    }
    ask(&engine, &owner, "create table mart.later (id int)").await.expect("a table");
    ask(&engine, &owner, "create table ops.ledger (id int)").await.expect("a table");
    let tables = ["later", "plays"].map(str::to_owned).to_vec();
    assert_eq!(ask(&engine, &reader, TABLES).await, Ok(tables));
    assert_eq!(ask(&engine, &reader, "select id from mart.later").await, Ok(vec![]));
    let ledger = ask(&engine, &reader, "select id from ops.ledger").await;
    assert_eq!(ledger, Err("ERROR: permission denied for schema ops".into()));
    let unknown = ask(&engine, &owner, "grant usage on schema mart to role nobody").await;
    assert_eq!(unknown, Err("ERROR: role \"nobody\" does not exist".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_read_by_as_roles_are_and_forgotten_with_their_tables() {
    let (engine, owner, reader) = warehouse().await;
    engine.query("create group readers with user \"IAM:analyst\"").await.expect("a group");
    let grants = "grant usage on schema mart to group readers";
    ask(&engine, &owner, grants).await.expect("a grant");
    ask(&engine, &owner, "grant select on mart.plays to group readers").await.expect("a grant");
    assert_eq!(ask(&engine, &reader, "select id from mart.plays").await, Ok(vec!["1".into()]));
    ask(&engine, &owner, "drop table mart.plays").await.expect("dropped");
    ask(&engine, &owner, "create table mart.plays (id int)").await.expect("made again");
    let refused = ask(&engine, &reader, "select id from mart.plays").await;
    assert_eq!(refused, Err("ERROR: permission denied for relation plays".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hardened_database_refuses_a_merge() {
    let (engine, owner, _) = warehouse().await;
    let merge = "merge into mart.plays using mart.more on plays.id = more.id \
                 when matched then update set id = more.id when not matched then insert values (more.id)";
    ask(&engine, &owner, "create table mart.more (id int)").await.expect("a table");
    ask(&engine, &owner, merge).await.expect("everybody may use temporary tables");
    engine.query("revoke temp on database dev from public").await.expect("revoked");
    let refused = ask(&engine, &owner, merge).await;
    assert_eq!(refused, Err("ERROR: permission denied for database dev".into()));
    let has = |user: &str, right: &str| {
        format!("select has_database_privilege('{user}', 'dev', '{right}')")
    };
    for (right, expected) in [("temp", "false"), ("temporary", "false"), ("create", "true")] {
        let found = ask(&engine, &owner, &has("IAMR:functions", right)).await;
        assert_eq!(found, Ok(vec![expected.to_owned()]), "{right}");
    }
    let nobody = ask(&engine, &owner, &has("nobody", "create")).await;
    assert_eq!(nobody, Err("ERROR: user \"nobody\" does not exist".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_to_assume_a_role_can_be_taken_and_given() {
    let (engine, owner, _) = warehouse().await;
    let has = "select has_assumerole_privilege('IAMR:functions', 'arn:aws:iam::1:role/c', 'copy')";
    assert_eq!(ask(&engine, &owner, has).await, Ok(vec!["true".into()]));
    engine.query("revoke assumerole on all from public for all").await.expect("revoked");
    assert_eq!(ask(&engine, &owner, has).await, Ok(vec!["false".into()]));
    let grant = "grant assumerole on 'arn:aws:iam::1:role/c' to \"IAMR:functions\" for copy";
    engine.query(grant).await.expect("a grant");
    assert_eq!(ask(&engine, &owner, has).await, Ok(vec!["true".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workgroup_has_no_views_of_a_cluster() {
    let engine = Engine::open(Options::default()).expect("a warehouse");
    let admin = Caller::default();
    let sql = "select count(*) from stl_load_errors";
    let refused = ask(&engine, &admin, sql).await;
    assert_eq!(refused, Err("ERROR: permission denied for relation stl_load_errors".into()));
    let cluster = ask_at(&engine, &admin, "ClusterIdentifier", sql).await;
    assert_eq!(cluster, Ok(vec!["0".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_submitter_sees_a_statement() {
    let (engine, owner, reader) = warehouse().await;
    let request = json!({"Database": "dev", "WorkgroupName": WORKGROUP, "Sql": "select 1"});
    let submitted = engine.call_as(&owner, "ExecuteStatement", request).await.expect("submitted");
    let id = json!({"Id": submitted["Id"]});
    assert!(engine.call_as(&owner, "DescribeStatement", id.clone()).await.is_ok());
    let refused = engine.call_as(&reader, "DescribeStatement", id).await.expect_err("refused");
    assert_eq!(refused.code, "ResourceNotFoundException");
}
