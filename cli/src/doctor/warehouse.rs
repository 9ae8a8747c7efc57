//! Whether the warehouse answers, lets the functions do what they need, and lets people read.

use segue_contract::quoting::literal;

use super::{Place, finding::Finding};
use crate::{
    errors::{Outcome, Problem},
    grants,
    stack::Stack,
    warehouse::{Rows, Warehouse},
};

/// Whether the Data API reaches the database.
pub async fn reachable(warehouse: &Warehouse) -> Finding {
    match warehouse.query("select version()").await {
        Ok(rows) => {
            let version = rows.first_column().next().unwrap_or_default();
            let version = version.rsplit(", ").next().unwrap_or_default().to_owned();
            Finding::good("warehouse", format!("answers: {version}"))
        }
        Err(problem) => Finding::problem(
            "warehouse",
            &problem,
            "check that the workgroup or cluster and the database exist, and that you may connect \
             to them",
        ),
    }
}

/// Checks of rights.
pub struct Rights<'a> {
    /// Answers.
    pub warehouse: &'a Warehouse,
    /// Names the functions' role, the copy role and the readers.
    pub stack: &'a Stack,
    /// Locally, the functions sign in as the database's administrator.
    pub place: Place,
}

impl Rights<'_> {
    /// Checks the rights of the functions, of the readers, and of the user.
    pub async fn examine(&self) -> Outcome<Vec<Finding>> {
        let mut findings = self.of_functions().await?;
        for (kind, name) in
            [("role", self.stack.reader_role()), ("group", self.stack.reader_group())]
        {
            if let Some(name) = name {
                findings.push(self.of_readers(kind, name).await?);
            }
        }
        findings.push(self.of_the_user().await?);
        Ok(findings)
    }

    /// Whether the functions' user may create schemas, use temporary tables, as MERGE does, and let
    /// COPY assume its role. It owns what already exists.
    async fn of_functions(&self) -> Outcome<Vec<Finding>> {
        let user = match (self.place, self.stack.secret()) {
            (Place::Deployed, None) => format!("IAMR:{}", self.stack.warehouse_role()?),
            // With a secret, everybody signs in as the user that it names.
            _ => self.text("select current_user").await?,
        };
        let (name, quoted) = (quote(&user)?, grants::quoted(&user)?);
        let database = self.stack.database()?;
        let role = self.stack.copy_role()?;
        let role_text = quote(role)?;
        let on_database = grants::quoted(database)?;
        let wanted = [
            (
                "rights",
                format!("has_database_privilege({name}, current_database(), 'create')"),
                format!("create schemas in {database}"),
                format!("grant create on database {on_database} to {quoted}"),
            ),
            (
                "rights to merge",
                format!("has_database_privilege({name}, current_database(), 'temp')"),
                format!("use temporary tables in {database}"),
                format!("grant temporary on database {on_database} to {quoted}"),
            ),
            (
                "rights to copy",
                format!(
                    "has_assumerole_privilege({name}, {role_text}, 'copy') \
                     and has_assumerole_privilege({name}, {role_text}, 'unload')"
                ),
                format!("let COPY and UNLOAD assume {role}"),
                format!("grant assumerole on {role_text} to {quoted} for copy, unload"),
            ),
        ];
        let mut findings = Vec::new();
        for (check, question, may, grant) in wanted {
            let answer = self.warehouse.query(&format!("select {question}")).await;
            let finding = match answer {
                Ok(rows) if is_true(&rows) => Finding::good(check, format!("{user} may {may}")),
                Ok(_) => Finding::bad(
                    check,
                    format!("{user} may not {may}"),
                    format!("run this as the database's administrator, or use --fix: {grant};"),
                )
                .fixed_by([grant]),
                Err(problem) if problem.message().contains("does not exist") => {
                    let create = format!("create user {quoted} password disable");
                    findings.push(
                        Finding::bad(
                            check,
                            format!("{user} is not a user of {database}"),
                            format!(
                                "run this as the database's administrator, or use --fix: {create}; \
                                 {grant};"
                            ),
                        )
                        .fixed_by([create, grant]),
                    );
                    break;
                }
                // An older Redshift may lack the function: a run will show it.
                Err(problem) => Finding::unknown(check, problem.message()),
            };
            findings.push(finding);
        }
        Ok(findings)
    }

    /// Whether the role or group of readers exists; each run grants it what it needs.
    async fn of_readers(&self, kind: &'static str, name: &str) -> Outcome<Finding> {
        let text = quote(name)?;
        let question = match kind {
            "role" => format!("select role_name from svv_roles where role_name = {text}"),
            _ => format!("select groname from pg_group where groname = {text}"),
        };
        let quoted = grants::quoted(name)?;
        let create = format!("create {kind} {quoted}");
        let is_there = match self.warehouse.query(&question).await {
            Ok(rows) => !rows.is_empty(),
            Err(problem) => return Ok(Finding::unknown("readers", problem.message())),
        };
        let sees_all = self.is_superuser().await;
        Ok(if is_there {
            Finding::good(
                "readers",
                format!("the {kind} {name} exists; each run grants it access to mart"),
            )
        } else if sees_all {
            Finding::bad(
                "readers",
                format!(
                    "the {kind} {name} does not exist, so a run that grants it access to mart \
                     would fail"
                ),
                format!("run this as the database's administrator, or use --fix: {create};"),
            )
            .fixed_by([create])
        } else {
            Finding::unknown("readers", format!("no {kind} {name} is visible to you"))
        })
    }

    async fn is_superuser(&self) -> bool {
        let sql = "select usesuper from pg_user where usename = current_user";
        self.warehouse.query(sql).await.is_ok_and(|rows| is_true(&rows))
    }

    /// Whether `segue plan` and `segue query` will work for the user.
    async fn of_the_user(&self) -> Outcome<Finding> {
        let user = self.text("select current_user").await?;
        let quoted = grants::quoted(&user)?;
        let mut missing = Vec::new();
        for schema in ["mart", "ops"] {
            let exists =
                format!("select nspname from pg_catalog.pg_namespace where nspname = '{schema}'");
            if self.warehouse.query(&exists).await?.is_empty() {
                return Ok(Finding::good(
                    "your rights",
                    format!("you are {user}; nothing is loaded yet"),
                ));
            }
            let question = format!("select has_schema_privilege('{schema}', 'usage')");
            if !is_true(&self.warehouse.query(&question).await?) {
                missing.push(schema);
            }
        }
        if missing.is_empty() {
            return Ok(Finding::good(
                "your rights",
                format!("you are {user}, who may use mart and ops"),
            ));
        }
        let needed = |schema: &&str| {
            [
                format!("grant usage on schema {schema} to {quoted}"),
                format!("grant select on all tables in schema {schema} to {quoted}"),
            ]
        };
        let statements: Vec<String> = missing.iter().flat_map(needed).collect();
        let advice = format!("`segue plan` and `segue query` need: {};", statements.join("; "));
        let found = format!("you are {user}, who may not use {}", missing.join(" and "));
        Ok(Finding::warning("your rights", found, advice))
    }

    async fn text(&self, sql: &str) -> Outcome<String> {
        let first = self.warehouse.query(sql).await?.first_text();
        first.ok_or_else(|| Problem::failed(format!("expected one row of {sql:?}, found none")))
    }
}

fn is_true(rows: &Rows) -> bool {
    rows.first_text().as_deref() == Some("true")
}

fn quote(text: &str) -> Outcome<String> {
    literal(text).map_err(|failure| Problem::failed(failure.message))
}

#[cfg(test)]
mod tests {
    use redshift_local::{Options, Server};

    use super::*;
    use crate::{aws::AwsClients, doctor::Depth, doctor::Doctor, doctor::Fixed};

    const COPY_ROLE: &str = "arn:aws:iam::123456789012:role/copy";

    /// A stack in a warehouse, as somebody with this access key sees it.
    async fn doctor(server: &Server, key: &str) -> Doctor {
        let stack = Stack::of(&[
            ("Database", "dev"),
            (
                "WorkgroupArn",
                "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/1a2b3c4d-1234-1234-1234-1a2b3c4d5e6f",
            ),
            ("WarehouseRoleName", "Functions"),
            ("CopyRoleArn", COPY_ROLE),
            ("ReaderRole", "analysts"),
        ]);
        let clients = AwsClients::of_warehouse(server.url(), key).await;
        Doctor { clients, stack, place: Place::Deployed, depth: Depth::Sample }
    }

    async fn shown(doctor: &Doctor) -> (Vec<Finding>, String) {
        let warehouse = Warehouse::of(&doctor.clients, &doctor.stack).expect("a warehouse");
        let rights = Rights { warehouse: &warehouse, stack: &doctor.stack, place: Place::Deployed };
        let findings = rights.examine().await.expect("answers");
        let line = |one: &Finding| {
            let advice = one.advice.as_deref().unwrap_or("-");
            format!("{} {}: {} | {advice}", one.verdict, one.check, one.found)
        };
        let lines = findings.iter().map(line).collect::<Vec<_>>().join("\n");
        (findings, lines)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn missing_rights_are_named_and_granted() {
        let server = Server::start(Options::default()).await.expect("a warehouse");
        let admin = doctor(&server, "test").await;
        let (findings, before) = shown(&admin).await;
        assert_eq!(admin.fix(&findings, true).await.expect("runs"), Fixed::Ran);
        let revoke = "revoke temp on database dev from public; \
                      revoke assumerole on all from public for all";
        server.engine().query(revoke).await.expect("a hardened database");
        let (findings, hardened) = shown(&admin).await;
        assert_eq!(admin.fix(&findings, true).await.expect("runs"), Fixed::Ran);
        let (findings, after) = shown(&admin).await;
        assert_eq!(admin.fix(&findings, true).await.expect("runs"), Fixed::Nothing);
        insta::assert_snapshot!([before, hardened, after].join("\n\n"), @r#"
        BAD rights: IAMR:Functions is not a user of dev | run this as the database's administrator, or use --fix: create user "IAMR:Functions" password disable; grant create on database "dev" to "IAMR:Functions";
        BAD readers: the role analysts does not exist, so a run that grants it access to mart would fail | run this as the database's administrator, or use --fix: create role "analysts";
        good your rights: you are awsuser; nothing is loaded yet | -

        good rights: IAMR:Functions may create schemas in dev | -
        BAD rights to merge: IAMR:Functions may not use temporary tables in dev | run this as the database's administrator, or use --fix: grant temporary on database "dev" to "IAMR:Functions";
        BAD rights to copy: IAMR:Functions may not let COPY and UNLOAD assume arn:aws:iam::123456789012:role/copy | run this as the database's administrator, or use --fix: grant assumerole on 'arn:aws:iam::123456789012:role/copy' to "IAMR:Functions" for copy, unload;
        good readers: the role analysts exists; each run grants it access to mart | -
        good your rights: you are awsuser; nothing is loaded yet | -

        good rights: IAMR:Functions may create schemas in dev | -
        good rights to merge: IAMR:Functions may use temporary tables in dev | -
        good rights to copy: IAMR:Functions may let COPY and UNLOAD assume arn:aws:iam::123456789012:role/copy | -
        good readers: the role analysts exists; each run grants it access to mart | -
        good your rights: you are awsuser; nothing is loaded yet | -
        "#);
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn somebody_who_may_not_read_sees_which_grants_are_missing() {
        let server = Server::start(Options::default()).await.expect("a warehouse");
        let made = "create schema mart; create schema ops; create table mart.users (id int)";
        server.engine().query(made).await.expect("tables");
        let jane = doctor(&server, "user.jane").await;
        let (findings, lines) = shown(&jane).await;
        assert!(
            findings
                .iter()
                .all(|one| one.verdict != super::super::Verdict::Bad || !one.fix.is_empty())
        );
        let refused = jane.fix(&findings, true).await.expect_err("no administrator");
        let warehouse = Warehouse::of(&jane.clients, &jane.stack).expect("a warehouse");
        let sql = "select count(*) from mart.users";
        let denied = warehouse.query(sql).await.expect_err("denied");
        let denied = crate::grants::explain(&warehouse, sql, denied).await;
        insta::assert_snapshot!(format!("{lines}\n\n{refused}\n\n{denied}"), @r#"
        BAD rights: IAMR:Functions is not a user of dev | run this as the database's administrator, or use --fix: create user "IAMR:Functions" password disable; grant create on database "dev" to "IAMR:Functions";
        unknown readers: no role analysts is visible to you | -
        warning your rights: you are iam:jane, who may not use mart and ops | `segue plan` and `segue query` need: grant usage on schema mart to "iam:jane"; grant select on all tables in schema mart to "iam:jane"; grant usage on schema ops to "iam:jane"; grant select on all tables in schema ops to "iam:jane";

        error: create user "IAMR:Functions" password disable: permission denied: must be a superuser
        hint: you are iam:jane: run these as the database's administrator, for example in the query editor

        error: permission denied for schema mart
        hint: you are iam:jane in the database; ask its administrator or the owner for: grant usage on schema mart to "iam:jane"; grant select on all tables in schema mart to "iam:jane";
        "#);
        server.stop().await;
    }
}
