//! GRANT and REVOKE, users, roles and groups: what is written down about who may do what.

use std::sync::atomic::Ordering;

use duckdb::params;

use super::catalog::execute;
use super::error::SqlError;
use super::messages::redshift;
use super::privileges::User;
use super::session::{Done, Session};
use super::values::Value;
use crate::dialect::{Access, Object, PUBLIC, literal};

impl Session {
    /// Carries out a statement about who may do what.
    pub(super) fn access(&mut self, access: Access) -> Result<Done, SqlError> {
        self.begin()?;
        match access {
            Access::Grant { revoke, privileges, object, grantees } => {
                self.must_know(&grantees)?;
                for (kind, schema, name) in self.objects(object)? {
                    for privilege in expanded(kind, &privileges) {
                        for grantee in &grantees {
                            let row = [kind, &schema, &name, &privilege, grantee];
                            self.change_row("grants", revoke, &row)?;
                        }
                    }
                }
            }
            Access::Default { owner, schemas, revoke, privileges, grantees } => {
                self.must_know(&grantees)?;
                let owner = owner.unwrap_or_else(|| self.user.name.clone());
                self.warehouse.has_default_grants.store(true, Ordering::Relaxed);
                for schema in &schemas {
                    if !schema.is_empty() && !self.has_schema(schema)? {
                        return Err(SqlError::new(format!("schema \"{schema}\" does not exist")));
                    }
                    for privilege in expanded("table", &privileges) {
                        for grantee in &grantees {
                            let row = [owner.as_str(), schema, &privilege, grantee];
                            self.change_row("default_grants", revoke, &row)?;
                        }
                    }
                }
            }
            Access::Member { revoke, principals, members } => {
                self.must_know(&principals)?;
                self.must_know(&members)?;
                for principal in &principals {
                    for member in &members {
                        self.change_row("members", revoke, &[principal.as_str(), member])?;
                    }
                }
            }
            Access::Create { principal, superuser, members } => {
                self.create_principal(&principal, superuser, &members)?;
            }
            Access::Drop { principals, if_exists } => {
                self.drop_principals(&principals, if_exists)?
            }
            Access::Become(name) => {
                let user = match name {
                    Some(name) => self.user_named(&name)?,
                    None => self.login.clone(),
                };
                self.become_user(user)?;
            }
        }
        Ok(Done::default())
    }

    /// Adds a row unless it is there, or takes it away.
    fn change_row(&self, table: &str, remove: bool, row: &[&str]) -> Result<(), SqlError> {
        let columns: &[&str] = match table {
            "grants" => &["kind", "schema_name", "name", "privilege", "grantee"],
            "default_grants" => &["owner", "schema_name", "privilege", "grantee"],
            _ => &["principal", "member"],
        };
        let is_it: Vec<String> = columns
            .iter()
            .zip(row)
            .map(|(column, value)| format!("{column} = {}", literal(value)))
            .collect();
        let is_it = is_it.join(" and ");
        let values: Vec<String> = row.iter().map(|value| literal(value)).collect();
        let sql = match remove {
            true => format!("delete from redshift_local.{table} where {is_it}"),
            false => format!(
                "insert into redshift_local.{table} select {} \
                 where not exists (select 1 from redshift_local.{table} where {is_it})",
                values.join(", ")
            ),
        };
        execute(&self.connection, &sql).map(|_| ())
    }

    /// Kind, schema and name of everything that a GRANT is about.
    fn objects(&self, object: Object) -> Result<Vec<(&'static str, String, String)>, SqlError> {
        let mut found = Vec::new();
        match object {
            Object::Tables(names) => {
                for name in names {
                    let schema = name.schema_or_public();
                    if !self.is_relation(schema, &name.name) {
                        return Err(SqlError::no_relation(&name.to_string()));
                    }
                    found.push(("table", schema.to_owned(), name.name.clone()));
                }
            }
            Object::TablesIn(schemas) => {
                for schema in schemas {
                    self.must_have_schema(&schema)?;
                    let sql = format!(
                        "select relname from redshift.main.relations where schemaname = {}",
                        literal(&schema)
                    );
                    for row in self.rows(&sql, &[])?.rows {
                        let name = row.into_iter().next().and_then(Value::into_text);
                        found.push(("table", schema.clone(), name.unwrap_or_default()));
                    }
                }
            }
            Object::Schemas(schemas) => {
                for schema in schemas {
                    self.must_have_schema(&schema)?;
                    found.push(("schema", schema, String::new()));
                }
            }
            Object::Databases(names) => {
                for name in names {
                    if name != self.warehouse.database.name() {
                        return Err(SqlError::new(format!("database \"{name}\" does not exist")));
                    }
                    found.push(("database", String::new(), String::new()));
                }
            }
            Object::Roles(roles) => {
                found.extend(roles.into_iter().map(|role| ("assumerole", String::new(), role)));
            }
        }
        Ok(found)
    }

    fn must_have_schema(&self, schema: &str) -> Result<(), SqlError> {
        match self.has_schema(schema)? {
            true => Ok(()),
            false => Err(SqlError::new(format!("schema \"{schema}\" does not exist"))),
        }
    }

    fn must_know(&self, principals: &[String]) -> Result<(), SqlError> {
        for principal in principals.iter().filter(|one| *one != PUBLIC) {
            if !self.knows(principal)? {
                let (kind, name) = principal.split_once(':').unwrap_or(("user", principal));
                return Err(SqlError::new(format!("{kind} \"{name}\" does not exist")));
            }
        }
        Ok(())
    }

    fn knows(&self, principal: &str) -> Result<bool, SqlError> {
        let sql = "select count(*) from redshift_local.principals where principal = ?";
        let count = self.connection.query_row(sql, [principal], |row| row.get::<_, i64>(0));
        Ok(count.map_err(|error| redshift(&error, &[]))? > 0)
    }

    pub(super) fn user_named(&self, name: &str) -> Result<User, SqlError> {
        let sql = "select superuser from redshift_local.principals where principal = ?";
        let user = self.connection.query_row(sql, [format!("user:{name}")], |row| row.get(0));
        user.map(|superuser| User { name: name.to_owned(), superuser })
            .map_err(|_| SqlError::new(format!("user \"{name}\" does not exist")))
    }

    fn create_principal(
        &self,
        principal: &str,
        superuser: bool,
        members: &[String],
    ) -> Result<(), SqlError> {
        if self.knows(principal)? {
            let (kind, name) = principal.split_once(':').unwrap_or(("user", principal));
            return Err(SqlError::new(format!("{kind} \"{name}\" already exists")));
        }
        self.must_know(members)?;
        let sql = "insert into redshift_local.principals values (?, ?)";
        let added = self.connection.execute(sql, params![principal, superuser]);
        added.map_err(|error| redshift(&error, &[]))?;
        members
            .iter()
            .try_for_each(|member| self.change_row("members", false, &[principal, member]))
    }

    fn drop_principals(&self, principals: &[String], if_exists: bool) -> Result<(), SqlError> {
        if !if_exists {
            self.must_know(principals)?;
        }
        for principal in principals {
            let it = literal(principal);
            for sql in [
                format!("delete from redshift_local.principals where principal = {it}"),
                format!(
                    "delete from redshift_local.members where principal = {it} or member = {it}"
                ),
                format!("delete from redshift_local.grants where grantee = {it}"),
                format!("delete from redshift_local.default_grants where grantee = {it}"),
            ] {
                execute(&self.connection, &sql)?;
            }
        }
        Ok(())
    }
}

/// The privileges that ALL includes.
fn expanded(kind: &str, privileges: &[String]) -> Vec<String> {
    let all: &[&str] = match kind {
        "table" => {
            &["select", "insert", "update", "delete", "references", "drop", "truncate", "alter"]
        }
        "schema" => &["create", "usage", "alter", "drop"],
        "database" => &["create", "temporary", "usage", "alter"],
        _ => &["copy", "unload", "all"],
    };
    match privileges.iter().any(|privilege| privilege == "all") {
        true => all.iter().map(ToString::to_string).collect(),
        false => privileges.to_vec(),
    }
}
