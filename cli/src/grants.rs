//! Which grant is missing when the warehouse denies permission, and the SQL for it.

use segue_contract::quoting::Principal;

use crate::{
    errors::{Outcome, Problem},
    warehouse::Warehouse,
};

/// Redshift's message when a permission is missing.
const DENIED: &str = "permission denied for ";

/// `"IAMR:Loader"`: a user's name in SQL.
pub fn quoted(user: &str) -> Outcome<String> {
    let name = Principal::new(user).map_err(|failure| Problem::failed(failure.message))?;
    Ok(name.to_string())
}

/// Whether the warehouse rejected a statement because a permission is missing.
pub fn is_denial(message: &str) -> bool {
    message.contains(DENIED)
}

/// The same problem; if the warehouse denied permission, with the grant that the current user
/// lacks.
pub async fn explain(warehouse: &Warehouse, sql: &str, problem: Problem) -> Problem {
    if !is_denial(problem.message()) {
        return problem;
    }
    let user = match warehouse.query("select current_user").await {
        Ok(rows) => rows.first_text(),
        Err(_) => None,
    };
    let user = user.unwrap_or_else(|| "<you>".to_owned());
    match quoted(&user).ok().and_then(|user| missing(problem.message(), sql, &user)) {
        Some(grant) => problem.hint(format!(
            "you are {user} in the database; ask its administrator or the owner for: {grant}"
        )),
        None => problem,
    }
}

/// The statements that would give this user the missing permission.
fn missing(message: &str, sql: &str, user: &str) -> Option<String> {
    let (_, denied) = message.split_once(DENIED)?;
    let mut words = denied.split_whitespace();
    let (kind, name) = (words.next()?, words.next()?);
    let name = name.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
    Some(match kind {
        "schema" => format!(
            "grant usage on schema {name} to {user}; \
             grant select on all tables in schema {name} to {user};"
        ),
        "relation" => match schema_of(name, sql) {
            Some(schema) => format!("grant select on {schema}.{name} to {user};"),
            None => format!("grant select on {name} to {user};"),
        },
        "database" => format!("grant create, temporary on database {name} to {user};"),
        _ => return None,
    })
}

/// The schema under which a statement names a relation.
fn schema_of<'a>(relation: &str, sql: &'a str) -> Option<&'a str> {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    sql.match_indices(&format!(".{relation}")).find_map(|(at, found)| {
        let is_whole = !sql[at + found.len()..].starts_with(part_of_name);
        let schema = sql[..at].rsplit(|c: char| !part_of_name(c)).next()?;
        (is_whole && !schema.is_empty()).then_some(schema)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_that_is_missing_is_written_out() {
        let missing = |message: &str| {
            let sql = "select * from ops.runs_old, mart.users as u, ops.runs";
            missing(message, sql, "\"IAM:jane\"").unwrap_or_default()
        };
        insta::assert_snapshot!([
            missing("permission denied for schema mart"),
            missing("permission denied for relation users"),
            missing("StatementFailed: preview/ledger: ERROR: permission denied for relation runs"),
            missing("permission denied for relation stl_query"),
            missing("permission denied for database dev"),
            missing("syntax error"),
        ].join("\n"), @r#"
        grant usage on schema mart to "IAM:jane"; grant select on all tables in schema mart to "IAM:jane";
        grant select on mart.users to "IAM:jane";
        grant select on ops.runs to "IAM:jane";
        grant select on stl_query to "IAM:jane";
        grant create, temporary on database dev to "IAM:jane";
        "#);
    }
}
