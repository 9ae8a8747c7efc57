//! Whether the warehouse's tables are those of this version, or will be after the next run.

use std::collections::BTreeSet;

use segue_contract::messages::Step;
use segue_contract::pipeline::{
    self, APPLIED_HEADER, Applied, COLUMNS_HEADER, Deployment, PUBLISHED_NUMBER, migrations,
    not_recorded, pending,
};
use segue_contract::{Run, RunInput};

use super::finding::Finding;
use crate::{
    errors::{Outcome, Problem},
    warehouse::Warehouse,
};

const CHECK: &str = "migrations";
const SCHEMA: &str = "select nspname from pg_catalog.pg_namespace where nspname = 'ops'";
const PUBLISHED: &str = "select run_id from ops.runs limit 1";

/// Compares the warehouse with the migrations that this program knows.
pub async fn examine(warehouse: &Warehouse) -> Outcome<Finding> {
    if warehouse.query(SCHEMA).await?.is_empty() {
        return Ok(Finding::good(CHECK, "no tables yet: the first run creates them"));
    }
    let columns = warehouse.query(&query(COLUMNS_HEADER)?).await?;
    let columns: BTreeSet<String> = columns.texts().map(|row| row.join(".")).collect();
    Ok(match applied(warehouse, &columns).await {
        Ok(applied) => judge(&applied, &columns),
        Err(problem) => Finding::unknown(CHECK, problem.message()),
    })
}

/// One of the queries by which a run looks.
fn query(header: &str) -> Outcome<String> {
    let run = Run {
        id: "doctor".into(),
        started_at: "1970-01-01T00:00:00Z".into(),
        redrive_count: 0,
        input: RunInput::default(),
    };
    let statements = pipeline::render(&Step::first(run, "create"), &Deployment::default());
    let statements = statements.map_err(|failure| Problem::failed(failure.message))?;
    let query = statements.into_iter().find(|one| one.sql.starts_with(header));
    query.map(|one| one.sql).ok_or_else(|| Problem::failed(format!("no query begins {header:?}")))
}

/// What is recorded; an earlier version records nothing.
async fn applied(warehouse: &Warehouse, columns: &BTreeSet<String>) -> Outcome<Vec<Applied>> {
    if columns.contains("ops.migrations.number") {
        let rows = warehouse.query(&query(APPLIED_HEADER)?).await?;
        let applied = rows.texts().filter_map(|row| {
            Some(Applied { number: row.first()?.parse().ok()?, name: row.get(1)?.clone() })
        });
        return Ok(applied.collect());
    }
    let is_published = !warehouse.query(PUBLISHED).await?.is_empty();
    let published = Applied { number: PUBLISHED_NUMBER, name: "published".into() };
    Ok(is_published.then_some(published).into_iter().collect())
}

fn judge(applied: &[Applied], columns: &BTreeSet<String>) -> Finding {
    let not_recorded = match not_recorded(applied) {
        Ok(not_recorded) => not_recorded,
        Err(newer) => return Finding::bad(CHECK, newer.message, newer.hint.unwrap_or_default()),
    };
    let is_recorded = |number| applied.iter().any(|one| one.number == number);
    let known = migrations();
    let recorded = known.iter().filter(|one| is_recorded(one.number));
    let lost: Vec<&str> = recorded
        .flat_map(|one| &one.adds)
        .filter(|column| !columns.contains(*column))
        .map(String::as_str)
        .collect();
    if !lost.is_empty() {
        return Finding::bad(
            CHECK,
            format!("{} should exist, and does not", lost.join(", ")),
            "delete the row of its migration from ops.migrations: the next run applies it again",
        );
    }
    let pending = pending(&not_recorded, applied, columns);
    let latest = known.last().map(segue_contract::pipeline::Migration::title).unwrap_or_default();
    if pending.is_empty() {
        return Finding::good(CHECK, format!("the tables are those of this version ({latest})"));
    }
    let steps: Vec<&str> = pending.iter().map(|one| one.step.as_str()).collect();
    Finding::warning(
        CHECK,
        format!("an earlier version created the tables; not applied yet: {}", steps.join(", ")),
        "the next run applies them before it loads; it may take longer than usual",
    )
}

#[cfg(test)]
mod tests {
    use redshift_local::{Options, Server};

    use super::*;
    use crate::{aws::AwsClients, stack::Stack};

    async fn shown(server: &Server, key: &str) -> String {
        let workgroup = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/1a2b3c4d-1234-1234-1234-1a2b3c4d5e6f";
        let stack = Stack::of(&[("Database", "dev"), ("WorkgroupArn", workgroup)]);
        let clients = AwsClients::of_warehouse(server.url(), key).await;
        let warehouse = Warehouse::of(&clients, &stack).expect("a warehouse");
        let finding = examine(&warehouse).await.expect("an answer");
        let advice = finding.advice.as_deref().unwrap_or("-");
        format!("{}: {} | {advice}", finding.verdict, finding.found)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_doctor_says_which_migrations_a_run_applies() {
        let server = Server::start(Options::default()).await.expect("a warehouse");
        let mut lines = vec![shown(&server, "test").await];
        let earlier = include_str!("../../../tests/pipeline/migrations/before_0001.sql");
        let published = "insert into ops.runs values ('r', 'songs', 1, 1, 1, getdate())";
        for sql in [
            &format!("{earlier}{published}"),
            "create table ops.migrations (number integer, name varchar(127))",
            "insert into ops.migrations values (1, 'ledger_hash')",
            "drop table ops.loaded_objects; create table ops.loaded_objects (uri_hash bigint)",
            "insert into ops.migrations values (9001, 'genres')",
        ] {
            server.engine().query(sql).await.expect(sql);
            lines.push(shown(&server, "test").await);
        }
        lines.push(shown(&server, "user.jane").await);
        insta::assert_snapshot!(lines.join("\n"), @"
        good: no tables yet: the first run creates them | -
        warning: an earlier version created the tables; not applied yet: migrate/0001_ledger_hash, migrate/0002_rows_know_their_run | the next run applies them before it loads; it may take longer than usual
        warning: an earlier version created the tables; not applied yet: migrate/0001_ledger_hash, migrate/0002_rows_know_their_run | the next run applies them before it loads; it may take longer than usual
        BAD: ops.loaded_objects.uri_hash should exist, and does not | delete the row of its migration from ops.migrations: the next run applies it again
        warning: an earlier version created the tables; not applied yet: migrate/0002_rows_know_their_run | the next run applies them before it loads; it may take longer than usual
        BAD: expected a warehouse with migrations up to 0002_rows_know_their_run, found 9001_genres: a newer version of Segue has migrated it | deploy that version or a newer one; this one loads nothing
        unknown: permission denied for schema ops | -
        ");
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn tables_of_this_version_need_nothing() {
        let server = Server::start(Options::default()).await.expect("a warehouse");
        let run = Run {
            id: "r".into(),
            started_at: "2018-11-01T00:00:00Z".into(),
            redrive_count: 0,
            input: RunInput::default(),
        };
        let create = pipeline::render(&Step::first(run, "create"), &Deployment::default());
        for statement in create.expect("renders") {
            server.engine().query(&statement.sql).await.expect(&statement.sql);
        }
        insta::assert_snapshot!(shown(&server, "test").await, @"good: the tables are those of this version (0002_rows_know_their_run) | -");
        server.stop().await;
    }
}
