//! Views, those that bind to their tables and those that do so late.

use duckdb::params;

use super::catalog::{execute, is_view, next_object_id};
use super::error::SqlError;
use super::locks::Mode;
use super::messages::redshift;
use super::session::{Done, Session};
use super::values::Value;
use crate::dialect::{Command, TableName, literal, quoted};

impl Session {
    pub(super) fn create_view(&mut self, command: Command) -> Result<Done, SqlError> {
        let Command::CreateView { name, replace, columns, late, query, text } = command else {
            return Err(SqlError::syntax("view"));
        };
        let lock = format!("{}.{}", name.schema_or_public(), name.name);
        self.lock_named(&lock, Mode::Exclusive)?;
        self.begin()?;
        let known = self.view(&name)?;
        if known && !replace {
            return Err(SqlError::new(format!("Relation \"{}\" already exists", name.name)));
        }
        self.defines()?;
        if self.definition(name.schema_or_public(), &name.name)?.is_some() && !known {
            return Err(SqlError::new(format!("\"{}\" is not a view", name.name)));
        }
        let named: Vec<TableName> = query.relations.iter().cloned().collect();
        let full =
            TableName { schema: Some(name.schema_or_public().into()), name: name.name.clone() };
        let text_of_names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let list = match columns.is_empty() {
            true => String::new(),
            false => format!(" ({})", text_of_names.join(", ")),
        };
        let bound = query.bind(self)?;
        let sql = format!("create or replace view {}{list} as {}", full.engine(), bound.sql);
        // Tables of a late-binding view may come later; the view is then made when it is read.
        let waits = late && named.iter().any(|table| !self.find(table).is_ok_and(|t| t.is_some()));
        if waits {
            execute(&self.connection, &format!("drop view if exists {}", full.engine()))?;
        } else {
            self.connection.execute(&sql, []).map_err(|error| redshift(&error, &named))?;
        }
        self.forget_view(&full)?;
        let relations: Vec<String> = query
            .relations
            .iter()
            .map(|relation| format!("{}.{}", relation.schema_or_public(), relation.name))
            .collect();
        let object_id = next_object_id(&self.connection)?;
        self.connection
            .execute(
                "insert into redshift_local.views values (?, ?, ?, ?, ?, ?, ?)",
                params![
                    object_id,
                    full.schema_or_public(),
                    full.name,
                    late,
                    text,
                    relations.join(" "),
                    sql
                ],
            )
            .map_err(|error| redshift(&error, &[]))?;
        Ok(Done::default())
    }

    fn view(&self, name: &TableName) -> Result<bool, SqlError> {
        is_view(&self.connection, name.schema_or_public(), &name.name)
    }

    fn forget_view(&self, name: &TableName) -> Result<(), SqlError> {
        let sql = "delete from redshift_local.views where schema_name = ? and view_name = ?";
        self.connection
            .execute(sql, [name.schema_or_public(), &name.name])
            .map_err(|error| redshift(&error, &[]))?;
        Ok(())
    }

    pub(super) fn drop_views(
        &mut self,
        names: &[TableName],
        if_exists: bool,
    ) -> Result<Done, SqlError> {
        for name in names {
            self.lock(name, Mode::Exclusive)?;
            self.begin()?;
            if !self.view(name)? {
                if if_exists {
                    continue;
                }
                return Err(SqlError::new(format!("View \"{}\" does not exist", name.name)));
            }
            self.defines()?;
            execute(&self.connection, &format!("drop view if exists {}", name.engine()))?;
            self.forget_view(name)?;
        }
        Ok(Done::default())
    }

    /// Views that bind keep their tables from being dropped, unless they go too.
    pub(super) fn drop_dependent_views(
        &mut self,
        table: &TableName,
        cascade: bool,
    ) -> Result<(), SqlError> {
        if !self.has_views()? {
            return Ok(());
        }
        let full = format!("{}.{}", table.schema_or_public(), table.name);
        let sql = format!(
            "select schema_name, view_name from redshift_local.views where not late_binding \
             and list_contains(string_split(relations, ' '), {})",
            literal(&full)
        );
        for row in self.rows(&sql, &[])?.rows {
            if !cascade {
                return Err(SqlError::new(format!(
                    "cannot drop table {} because other objects depend on it",
                    table.name
                )));
            }
            let mut texts = row.into_iter().filter_map(Value::into_text);
            let (schema, name) = (texts.next(), texts.next().unwrap_or_default());
            self.drop_views(&[TableName { schema, name }], true)?;
        }
        Ok(())
    }

    /// Makes the late-binding views among these that could not be made before.
    pub(super) fn bind_late_views(&mut self, relations: &[TableName]) -> Result<(), SqlError> {
        let wanted: Vec<String> = relations
            .iter()
            .map(|name| literal(&format!("{}.{}", name.schema_or_public(), name.name)))
            .collect();
        if wanted.is_empty() || !self.has_views()? {
            return Ok(());
        }
        let sql = format!(
            "select engine_text, relations from redshift_local.views as kept where late_binding \
             and schema_name || '.' || view_name in ({}) \
             and not exists (select 1 from duckdb_views() as made \
                 where made.database_name = current_database() \
                 and made.schema_name = kept.schema_name and made.view_name = kept.view_name)",
            wanted.join(", ")
        );
        for row in self.rows(&sql, &[])?.rows {
            let mut texts = row.into_iter().filter_map(Value::into_text);
            let (text, over) = (texts.next().unwrap_or_default(), texts.next());
            let over = over.unwrap_or_default();
            let named: Vec<TableName> = over
                .split(' ')
                .filter_map(|name| name.split_once('.'))
                .map(|(schema, name)| TableName { schema: Some(schema.into()), name: name.into() })
                .collect();
            self.defines()?;
            self.connection.execute(&text, []).map_err(|error| redshift(&error, &named))?;
        }
        Ok(())
    }
}
