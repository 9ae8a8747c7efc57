//! Who a session is, what it may do, and who owns what. A superuser may do everything, and costs
//! nothing to check.

use std::sync::atomic::Ordering;

use duckdb::params;

use super::catalog::execute;
use super::error::SqlError;
use super::messages::redshift;
use super::session::{Done, Session};
use crate::dialect::{Access, Body, Command, Kind, Object, PUBLIC, Query, TableName, literal};

/// The administrator, who exists from the beginning and owns what nobody else made.
pub(crate) const ADMINISTRATOR: &str = "awsuser";
/// Roles may be granted to roles, so deep at most.
const ROLE_DEPTH_MAX: usize = 16;

/// A database user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) superuser: bool,
}

impl User {
    pub(crate) fn administrator() -> Self {
        Self { name: ADMINISTRATOR.to_owned(), superuser: true }
    }
}

impl Session {
    /// Lets the session be this user's, as after a login.
    pub(crate) fn log_in(&mut self, user: User) -> Result<(), SqlError> {
        self.login = user.clone();
        self.become_user(user)
    }

    /// The user of this name; made first where IAM decides who logs in, as Redshift does.
    pub(crate) fn log_in_as(&mut self, name: &str, is_made: bool) -> Result<(), SqlError> {
        if name == ADMINISTRATOR {
            return self.log_in(User::administrator());
        }
        if is_made {
            let root = self.warehouse.database.root();
            let sql = "insert into redshift_local.principals select ?, false \
                       where not exists (select 1 from redshift_local.principals where principal = ?)";
            let principal = format!("user:{name}");
            let made = root.execute(sql, params![principal, principal]);
            made.map_err(|error| redshift(&error, &[]))?;
        }
        let user = self.user_named(name)?;
        self.log_in(user)
    }

    pub(super) fn become_user(&mut self, user: User) -> Result<(), SqlError> {
        self.user = user;
        let principals: Vec<String> =
            self.principals(&self.user.name)?.iter().map(|one| literal(one)).collect();
        let variables = format!(
            "set variable user_name = {}; set variable superuser = {}; \
             set variable principals = [{}];",
            literal(&self.user.name),
            self.user.superuser,
            principals.join(", ")
        );
        self.connection.execute_batch(&variables).map_err(|error| redshift(&error, &[]))
    }

    /// Runs a command if the session may, and writes down who owns what it makes.
    pub(super) fn permit(&mut self, command: Command, query_id: i64) -> Result<Done, SqlError> {
        self.refuse_cluster_views(&command)?;
        self.authorize(&command)?;
        let made = made(&command).filter(|_| !self.has_made(&command));
        let dropped = dropped(&command);
        let done = self.execute(command, query_id)?;
        if let Some((schema, name)) = made {
            self.own(&schema, &name)?;
        }
        for (schema, name) in dropped {
            self.disown(&schema, name.as_deref())?;
        }
        Ok(done)
    }

    /// What an `IF NOT EXISTS` finds belongs to somebody already.
    fn has_made(&self, command: &Command) -> bool {
        match command {
            Command::CreateSchema { name, if_not_exists: true } => {
                self.has_schema(name).unwrap_or(false)
            }
            Command::CreateTable(create) if create.if_not_exists => {
                self.is_relation(create.name.schema_or_public(), &create.name.name)
            }
            _ => false,
        }
    }

    fn own(&self, schema: &str, name: &str) -> Result<(), SqlError> {
        if self.user.name != ADMINISTRATOR {
            let sql = "insert into redshift_local.owners values (?, ?, ?)";
            let owned = self.connection.execute(sql, params![schema, name, self.user.name]);
            owned.map_err(|error| redshift(&error, &[]))?;
        }
        if name.is_empty() || !self.warehouse.has_default_grants.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sql = "insert into redshift_local.grants select 'table', ?, ?, privilege, grantee \
                   from redshift_local.default_grants \
                   where owner = ? and schema_name in ('', ?)";
        let granted = self.connection.execute(sql, params![schema, name, self.user.name, schema]);
        granted.map(|_| ()).map_err(|error| redshift(&error, &[]))
    }

    /// Forgets owners and grants of a table, or of a whole schema.
    fn disown(&self, schema: &str, name: Option<&str>) -> Result<(), SqlError> {
        let one = name.map(|name| format!(" and name = {}", literal(name))).unwrap_or_default();
        let kinds = if name.is_some() { "('table')" } else { "('table', 'schema')" };
        let schema = literal(schema);
        for sql in [
            format!("delete from redshift_local.owners where schema_name = {schema}{one}"),
            format!(
                "delete from redshift_local.grants where kind in {kinds} and schema_name = {schema}{one}"
            ),
        ] {
            execute(&self.connection, &sql)?;
        }
        Ok(())
    }

    /// A renamed table keeps its owner and grants.
    pub(super) fn rename_owned(&self, schema: &str, from: &str, to: &str) -> Result<(), SqlError> {
        let (schema, from, to) = (literal(schema), literal(from), literal(to));
        for (table, condition) in [("owners", ""), ("grants", "kind = 'table' and ")] {
            let sql = format!(
                "update redshift_local.{table} set name = {to} \
                 where {condition}schema_name = {schema} and name = {from}"
            );
            execute(&self.connection, &sql)?;
        }
        Ok(())
    }

    /// STL, STV, SVL and SVCS views do not exist on Redshift Serverless.
    fn refuse_cluster_views(&self, command: &Command) -> Result<(), SqlError> {
        let query = match command {
            Command::Query(query) => query,
            Command::Unload(unload) => &unload.query,
            _ => return Ok(()),
        };
        let is_one = |name: &&TableName| {
            matches!(name.schema.as_deref(), None | Some("pg_catalog"))
                && ["stl_", "stv_", "svl_", "svcs_"].iter().any(|one| name.name.starts_with(one))
        };
        match query.relations.iter().find(is_one) {
            Some(name) if self.is_serverless => {
                Err(SqlError::new(format!("permission denied for relation {}", name.name)))
            }
            _ => Ok(()),
        }
    }

    fn authorize(&self, command: &Command) -> Result<(), SqlError> {
        if self.user.superuser {
            return Ok(());
        }
        match command {
            Command::Query(query) => self.may_query(query),
            Command::Write(write) => {
                let privilege = match write.kind {
                    Kind::Insert => "insert",
                    Kind::Update => "update",
                    Kind::Delete => "delete",
                };
                self.may(&write.target, privilege)?;
                let mut others = write.relations.iter().filter(|name| **name != write.target);
                others.try_for_each(|name| self.may(name, "select"))
            }
            Command::Merge(merge) => {
                // MERGE makes a temporary table.
                self.may_in_database("temporary")?;
                for privilege in ["select", "insert", "update", "delete"] {
                    self.may(&merge.target, privilege)?;
                }
                self.may(&merge.source, "select")
            }
            Command::Copy(copy) => {
                self.may(&copy.table, "insert")?;
                self.may_assume_role("copy")
            }
            Command::Unload(unload) => {
                self.may_query(&unload.query)?;
                self.may_assume_role("unload")
            }
            Command::CreateTable(create) if create.temporary => self.may_in_database("temporary"),
            Command::CreateTable(create) => {
                self.may_in_schema(create.name.schema_or_public(), "create")?;
                match &create.body {
                    Body::Query { query, .. } => self.may_query(query),
                    Body::Columns(_) => Ok(()),
                }
            }
            Command::CreateView { name, query, .. } => {
                self.may_in_schema(name.schema_or_public(), "create")?;
                self.may_query(query)
            }
            Command::CreateSchema { .. } => self.may_in_database("create"),
            Command::DropSchema { names, .. } => {
                names.iter().try_for_each(|name| self.must_own_schema(name))
            }
            Command::DropTable { names, .. } | Command::DropView { names, .. } => {
                names.iter().try_for_each(|name| self.must_own(name))
            }
            Command::AlterTable(alter) => self.must_own(&alter.name),
            Command::Truncate(table) | Command::Comment { table, .. } => self.must_own(table),
            Command::Lock(names) => names.iter().try_for_each(|name| self.may(name, "any")),
            Command::Access(access) => self.may_grant(access),
            _ => Ok(()),
        }
    }

    fn may_query(&self, query: &Query) -> Result<(), SqlError> {
        if let Some((name, false)) = &query.into {
            self.may_in_schema(name.schema_or_public(), "create")?;
        }
        query.relations.iter().try_for_each(|name| self.may(name, "select"))
    }

    /// A relation that does not exist, or is nobody's, such as a system view, is let through.
    fn may(&self, name: &TableName, privilege: &str) -> Result<(), SqlError> {
        if name.schema.is_none() && self.is_temporary(&name.name) {
            return Ok(());
        }
        let schema = name.schema_or_public();
        if name.schema.is_some() {
            self.may_in_schema(schema, "usage")?;
        }
        // Cheapest question first: nearly all statements are the owner's.
        if self.owner(schema, &name.name)? == self.user.name
            || !self.is_relation(schema, &name.name)
            || self.is_granted("table", schema, &name.name, privilege)?
        {
            return Ok(());
        }
        Err(SqlError::new(format!("permission denied for relation {}", name.name)))
    }

    fn may_in_schema(&self, schema: &str, privilege: &str) -> Result<(), SqlError> {
        if self.owner(schema, "")? == self.user.name
            || !self.has_schema(schema)?
            || self.is_granted("schema", schema, "", privilege)?
        {
            return Ok(());
        }
        Err(SqlError::new(format!("permission denied for schema {schema}")))
    }

    fn may_in_database(&self, privilege: &str) -> Result<(), SqlError> {
        match self.is_granted("database", "", "", privilege)? {
            true => Ok(()),
            false => {
                let name = self.warehouse.database.name();
                Err(SqlError::new(format!("permission denied for database {name}")))
            }
        }
    }

    fn may_assume_role(&self, command: &str) -> Result<(), SqlError> {
        let granted = [command, "all"].map(|one| self.is_granted("assumerole", "", "any", one));
        for granted in granted {
            if granted? {
                return Ok(());
            }
        }
        let (user, command) = (&self.user.name, command.to_uppercase());
        Err(SqlError::new(format!("User {user} does not have ASSUMEROLE permission for {command}")))
    }

    fn must_own_schema(&self, schema: &str) -> Result<(), SqlError> {
        match !self.has_schema(schema)? || self.owner(schema, "")? == self.user.name {
            true => Ok(()),
            false => Err(SqlError::new(format!("must be owner of schema {schema}"))),
        }
    }

    fn must_own(&self, name: &TableName) -> Result<(), SqlError> {
        if name.schema.is_none() && self.is_temporary(&name.name) {
            return Ok(());
        }
        let schema = name.schema_or_public();
        if name.schema.is_some() {
            self.may_in_schema(schema, "usage")?;
        }
        if self.owner(schema, &name.name)? == self.user.name
            || !self.is_relation(schema, &name.name)
        {
            return Ok(());
        }
        Err(SqlError::new(format!("must be owner of relation {}", name.name)))
    }

    fn may_grant(&self, access: &Access) -> Result<(), SqlError> {
        match access {
            Access::Grant { object: Object::Tables(names), .. } => {
                names.iter().try_for_each(|name| self.must_own(name))
            }
            Access::Grant { object: Object::TablesIn(names) | Object::Schemas(names), .. } => {
                names.iter().try_for_each(|name| self.must_own_schema(name))
            }
            Access::Default { owner, .. }
                if owner.as_ref().is_none_or(|name| *name == self.user.name) =>
            {
                Ok(())
            }
            Access::Become(_) if self.login.superuser => Ok(()),
            _ => Err(SqlError::new("permission denied: must be a superuser")),
        }
    }

    pub(super) fn is_relation(&self, schema: &str, name: &str) -> bool {
        let sql =
            "select count(*) from redshift.main.relations where schemaname = ? and relname = ?";
        let count = self.connection.query_row(sql, [schema, name], |row| row.get::<_, i64>(0));
        count.is_ok_and(|count| count > 0)
    }

    /// The owner of a relation, or of a schema when the name is empty.
    fn owner(&self, schema: &str, name: &str) -> Result<String, SqlError> {
        let sql = format!(
            "select owner from redshift_local.owners where schema_name = {} and name = {}",
            literal(schema),
            literal(name)
        );
        let rows = self.rows(&sql, &[])?.rows;
        let owner = rows.into_iter().next().and_then(|row| row.into_iter().next()?.into_text());
        Ok(owner.unwrap_or_else(|| ADMINISTRATOR.to_owned()))
    }

    fn is_granted(
        &self,
        kind: &str,
        schema: &str,
        name: &str,
        privilege: &str,
    ) -> Result<bool, SqlError> {
        let sql = "select count(*) from redshift_local.grants where kind = ? and schema_name = ? \
                   and (name = ? or ? = 'any') and (privilege = ? or ? = 'any') \
                   and list_contains(getvariable('principals'), grantee)";
        let given = params![kind, schema, name, name, privilege, privilege];
        let count = self.connection.query_row(sql, given, |row| row.get::<_, i64>(0));
        Ok(count.map_err(|error| redshift(&error, &[]))? > 0)
    }

    /// Everything that is granted to a user is granted to one of these.
    fn principals(&self, user: &str) -> Result<Vec<String>, SqlError> {
        let mut found = vec![PUBLIC.to_owned(), format!("user:{user}")];
        for _ in 0..ROLE_DEPTH_MAX {
            let members: Vec<String> = found.iter().map(|one| literal(one)).collect();
            let sql = format!(
                "select distinct principal from redshift_local.members where member in ({})",
                members.join(", ")
            );
            let rows = self.rows(&sql, &[])?.rows;
            let of = rows.into_iter().filter_map(|row| row.into_iter().next()?.into_text());
            let more: Vec<String> = of.filter(|principal| !found.contains(principal)).collect();
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        Ok(found)
    }
}

/// Schema and name of what a command makes; an empty name for a schema.
fn made(command: &Command) -> Option<(String, String)> {
    let of = |name: &TableName| (name.schema_or_public().to_owned(), name.name.clone());
    match command {
        Command::CreateSchema { name, .. } => Some((name.clone(), String::new())),
        Command::CreateTable(create) if !create.temporary => Some(of(&create.name)),
        Command::CreateView { name, .. } => Some(of(name)),
        Command::Query(Query { into: Some((name, false)), .. }) => Some(of(name)),
        _ => None,
    }
}

/// Schema and name of what a command drops; no name for a whole schema.
fn dropped(command: &Command) -> Vec<(String, Option<String>)> {
    match command {
        Command::DropSchema { names, .. } => {
            names.iter().map(|name| (name.clone(), None)).collect()
        }
        Command::DropTable { names, .. } | Command::DropView { names, .. } => names
            .iter()
            .map(|name| (name.schema_or_public().to_owned(), Some(name.name.clone())))
            .collect(),
        _ => Vec::new(),
    }
}
