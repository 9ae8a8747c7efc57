//! CREATE and DROP of schemas.

use duckdb::Connection;

use super::catalog::execute;
use super::error::SqlError;
use super::locks::Mode;
use super::messages::redshift;
use super::session::{Done, Session, Transaction};
use super::values::Value;
use crate::dialect::{TableName, literal, quoted};

impl Session {
    pub(super) fn create_schema(
        &mut self,
        name: &str,
        if_not_exists: bool,
    ) -> Result<Done, SqlError> {
        if name.starts_with("pg_") || ["redshift_local", "redshift", "main"].contains(&name) {
            return Err(SqlError::new(format!("unacceptable schema name \"{name}\"")));
        }
        if if_not_exists && has_schema(&self.warehouse.database.root(), name)? {
            // It is there: nobody who works with it needs to be waited for.
            self.begin()?;
            if self.has_schema(name)? {
                return Ok(Done::default());
            }
        }
        self.lock_named(&format!("schema {name}"), Mode::Exclusive)?;
        self.begin()?;
        if self.has_schema(name)? {
            return match if_not_exists {
                true => Ok(Done::default()),
                false => Err(SqlError::new(format!("Schema \"{name}\" already exists"))),
            };
        }
        let most = self.warehouse.schemas_max;
        if count_schemas(&self.connection)? >= most {
            return Err(SqlError::new(format!(
                "cannot create schema {name}: the database has {most} schemas, the most that its \
                 quota allows"
            )));
        }
        execute(&self.connection, &format!("create schema {}", quoted(name)))?;
        self.note_written(&format!("schema {name}"), false)?;
        Ok(Done::default())
    }

    pub(super) fn has_schema(&self, name: &str) -> Result<bool, SqlError> {
        has_schema(&self.connection, name)
    }

    /// Whether the transaction sees the schema; looked up once, because a client that creates one table creates many.
    pub(super) fn sees_schema(&mut self, name: &str) -> Result<bool, SqlError> {
        let seen = |open: &Transaction| open.schemas.contains(name);
        if self.transaction.as_ref().is_some_and(seen) {
            return Ok(true);
        }
        let found = self.has_schema(name)?;
        if let Some(open) = self.transaction.as_mut().filter(|_| found) {
            open.schemas.insert(name.to_owned());
        }
        Ok(found)
    }

    pub(super) fn drop_schemas(
        &mut self,
        names: &[String],
        if_exists: bool,
        cascade: bool,
    ) -> Result<Done, SqlError> {
        for name in names {
            self.lock_named(&format!("schema {name}"), Mode::Exclusive)?;
            self.begin()?;
            if !self.has_schema(name)? {
                if if_exists {
                    continue;
                }
                return Err(SqlError::new(format!("schema \"{name}\" does not exist")));
            }
            let tables = self.names_in(name)?;
            if !cascade && !tables.is_empty() {
                return Err(SqlError::new(format!(
                    "cannot drop schema {name} because other objects depend on it"
                )));
            }
            // Views may be in the schema, or read from it.
            if self.has_views()? {
                self.defines()?;
            }
            if let Some(open) = &mut self.transaction {
                open.schemas.remove(name);
            }
            for table in tables {
                self.defines_table(name, &table)?;
                self.lock_named(&format!("{name}.{table}"), Mode::Exclusive)?;
                self.note_written(&format!("{name}.{table}"), false)?;
                let table = TableName { schema: Some(name.clone()), name: table };
                self.drop_dependent_views(&table, true)?;
                // One by one: the engine's own cascade cannot commit when this transaction has
                // made and filled a table of the schema.
                execute(&self.connection, &format!("drop table if exists {}", table.engine()))?;
            }
            execute(&self.connection, &format!("drop schema if exists {} cascade", quoted(name)))?;
            self.drop_sequences(name, None)?;
            for table in ["tables", "columns", "views"] {
                let sql = format!("delete from redshift_local.{table} where schema_name = ?");
                self.connection.execute(&sql, [name]).map_err(|error| redshift(&error, &[]))?;
            }
        }
        Ok(Done::default())
    }

    fn names_in(&self, schema: &str) -> Result<Vec<String>, SqlError> {
        let sql = format!(
            "select table_name from redshift_local.tables where schema_name = {0} union all \
             select view_name from redshift_local.views where schema_name = {0} order by 1",
            literal(schema)
        );
        let rows = self.rows(&sql, &[])?.rows;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next()?.into_text()).collect())
    }

    /// Drops what numbered the identity columns of a table, or of all tables of a schema.
    pub(super) fn drop_sequences(&self, schema: &str, table: Option<&str>) -> Result<(), SqlError> {
        let one = table.map(|name| format!(" and table_name = {}", literal(name)));
        let sql = format!(
            "select identity_sequence from redshift_local.columns \
             where identity_sequence is not null and schema_name = {}{}",
            literal(schema),
            one.unwrap_or_default()
        );
        for row in self.rows(&sql, &[])?.rows {
            for name in row.into_iter().filter_map(Value::into_text) {
                let sql = format!("drop sequence if exists redshift_local.{}", quoted(&name));
                execute(&self.connection, &sql)?;
            }
        }
        Ok(())
    }
}

fn has_schema(connection: &Connection, name: &str) -> Result<bool, SqlError> {
    let sql = "select count(*) from duckdb_schemas() \
               where database_name = current_database() and schema_name = ?";
    let count = connection.query_row(sql, [name], |row| row.get::<_, i64>(0));
    Ok(count.map_err(|error| redshift(&error, &[]))? > 0)
}

/// How many schemas people have made.
fn count_schemas(connection: &Connection) -> Result<u64, SqlError> {
    let sql = "select count(*) from duckdb_schemas() where database_name = current_database() \
               and not internal and schema_name not in ('public', 'redshift', 'redshift_local')";
    let count = connection.query_row(sql, [], |row| row.get::<_, u64>(0));
    count.map_err(|error| redshift(&error, &[]))
}
