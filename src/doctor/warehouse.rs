//! Whether the warehouse answers, and lets the functions create what they need.

use segue_contract::quoting::literal;

use super::{Place, finding::Finding};
use crate::{
    errors::{Outcome, Problem},
    stack::Stack,
    warehouse::Warehouse,
};

/// Whether the Data API reaches the database.
pub async fn reachable(warehouse: &Warehouse) -> Finding {
    match warehouse.query("select version()").await {
        Ok(rows) => {
            let version = rows.first_column().next().unwrap_or_default();
            let version = version.rsplit(", ").next().unwrap_or_default().to_owned();
            Finding::good("warehouse", format!("answers: {version}"))
        }
        Err(problem) => Finding::problem("warehouse", &problem),
    }
}

/// Whether the functions' user may create schemas. What exists already belongs to it.
pub async fn rights(warehouse: &Warehouse, stack: &Stack, place: Place) -> Outcome<Finding> {
    if place == Place::Local {
        return Ok(Finding::unknown("rights", "the local warehouse knows no users and no rights"));
    }
    // With a secret everybody is the user that it names.
    let user = match stack.secret() {
        Some(_) => None,
        None => Some(format!("IAMR:{}", stack.warehouse_role()?)),
    };
    let of_user = match &user {
        Some(user) => {
            let name = literal(user).map_err(|failure| Problem::failed(failure.message))?;
            format!("{name}, ")
        }
        None => String::new(),
    };
    let sql = format!("select has_database_privilege({of_user}current_database(), 'create')");
    let name = user.as_deref().unwrap_or("the secret's user");
    let database = stack.database()?;
    let grant = format!("grant create on database {database} to \"{name}\";");
    Ok(match warehouse.query(&sql).await {
        Ok(rows) if rows.first_column().next().as_deref() == Some("true") => {
            Finding::good("rights", format!("{name} may create schemas in {database}"))
        }
        Ok(_) => {
            let found = format!("{name} may not create schemas in {database}");
            Finding::bad("rights", found, format!("as its administrator: {grant}"))
        }
        Err(problem) if problem.message().contains("does not exist") => Finding::bad(
            "rights",
            format!("{name} is no user of {database}"),
            format!("as its administrator: create user \"{name}\" password disable; {grant}"),
        ),
        Err(problem) => Finding::problem("rights", &problem),
    })
}
