//! CREATE and DROP of tables, and what else changes one of them.

use duckdb::params;

use super::catalog::{StoredColumn, Table, execute, next_object_id};
use super::error::SqlError;
use super::locks::Mode;
use super::messages::redshift;
use super::session::{Done, Session};
use crate::dialect::{Body, CreateTable, Part, Query, TableAttributes, TableName};

impl Session {
    pub(super) fn create_table(&mut self, create: CreateTable) -> Result<Done, SqlError> {
        let CreateTable { name, temporary, if_not_exists, attributes, body } = create;
        let parts = match body {
            Body::Columns(parts) => parts,
            Body::Query { columns, query } => {
                for relation in &query.relations {
                    self.lock(relation, Mode::Read)?;
                }
                return self.create_table_as(
                    name,
                    temporary,
                    if_not_exists,
                    &columns,
                    &query,
                    attributes,
                );
            }
        };
        if self.is_there_already(&name, temporary, if_not_exists)? {
            return Ok(Done::default());
        }
        for reference in &attributes.references {
            if *reference != name {
                self.must_find(reference)?;
            }
        }
        let columns = self.columns_of(parts)?;
        let mut table = self.new_table(&name, temporary, columns, attributes)?;
        check_columns(&table)?;
        table.create(&self.connection)?;
        self.made_table(&table)?;
        Ok(Done::default())
    }

    /// Locks a name that is to be created; says whether it is taken, when that is no error.
    fn is_there_already(
        &mut self,
        name: &TableName,
        temporary: bool,
        if_not_exists: bool,
    ) -> Result<bool, SqlError> {
        if if_not_exists && !temporary && self.warehouse.must_exist(name).is_ok() {
            // It is there: nobody who works with it needs to be waited for.
            self.begin()?;
            if self.definition(name.schema_or_public(), &name.name)?.is_some() {
                return Ok(true);
            }
        }
        if !temporary {
            let lock = format!("{}.{}", name.schema_or_public(), name.name);
            self.lock_named(&lock, Mode::Exclusive)?;
            self.note_written(&lock, false)?;
        }
        self.begin()?;
        if let Some(schema) = &name.schema
            && !self.sees_schema(schema)?
        {
            return Err(SqlError::new(format!("schema \"{schema}\" does not exist")));
        }
        let taken = match temporary {
            true => self.is_temporary(&name.name),
            false => self.definition(name.schema_or_public(), &name.name)?.is_some(),
        };
        self.defines_table(name.schema_or_public(), &name.name)?;
        match (taken, if_not_exists) {
            (true, false) => {
                Err(SqlError::new(format!("Relation \"{}\" already exists", name.name)))
            }
            (taken, _) => Ok(taken),
        }
    }

    fn new_table(
        &self,
        name: &TableName,
        temporary: bool,
        columns: Vec<StoredColumn>,
        attributes: TableAttributes,
    ) -> Result<Table, SqlError> {
        self.has_temporary_tables.set(self.has_temporary_tables.get() || temporary);
        let schema = match temporary {
            true => self.temporary_schema(),
            false => name.schema_or_public().to_owned(),
        };
        let object_id = next_object_id(&self.connection)?;
        let name = name.name.clone();
        Ok(Table { object_id, schema, name, columns, attributes, is_view: false })
    }

    fn columns_of(&self, parts: Vec<Part>) -> Result<Vec<StoredColumn>, SqlError> {
        let mut columns = Vec::new();
        for part in parts {
            match part {
                Part::Column(definition) => columns.push(StoredColumn::new(definition)),
                Part::Like { table, defaults } => {
                    for mut column in self.must_find(&table)?.columns {
                        let identity = column.sequence.take().is_some();
                        if !defaults || identity {
                            column.definition.default = None;
                        }
                        column.comment = None;
                        columns.push(column);
                    }
                }
            }
        }
        Ok(columns)
    }

    /// CREATE TABLE AS, and SELECT INTO: the columns' types are those of the query.
    pub(super) fn create_table_as(
        &mut self,
        name: TableName,
        temporary: bool,
        if_not_exists: bool,
        names: &[String],
        query: &Query,
        attributes: TableAttributes,
    ) -> Result<Done, SqlError> {
        if self.is_there_already(&name, temporary, if_not_exists)? {
            return Ok(Done::default());
        }
        let named: Vec<TableName> = query.relations.iter().cloned().collect();
        let bound = query.bind(self)?;
        let described = self.rows(&format!("describe {}", bound.sql), &named)?;
        let mut table = self.new_table(&name, temporary, Vec::new(), attributes)?;
        for (position, row) in described.rows.into_iter().enumerate() {
            let mut texts = row.into_iter().map(|value| value.into_text().unwrap_or_default());
            let (found, kind) =
                (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
            let name = names.get(position).cloned().unwrap_or(found);
            let mut column = StoredColumn::of_query(name, &kind);
            let known = bound.fields.as_ref().and_then(|fields| fields.get(position));
            if let Some(known) = known.and_then(|field| field.kind.clone()) {
                column.definition.kind = known;
            }
            table.columns.push(column);
        }
        if !names.is_empty() && names.len() != table.columns.len() {
            return Err(SqlError::new(
                "CREATE TABLE AS specifies the wrong number of column names",
            ));
        }
        check_columns(&table)?;
        table.create(&self.connection)?;
        self.made_table(&table)?;
        let sql = format!("insert into {} {}", table.engine_name(), bound.sql);
        let rows = self.connection.execute(&sql, []).map_err(|error| redshift(&error, &named))?;
        self.note_scans();
        Ok(Done { rows: rows as u64, ..Done::default() })
    }

    pub(super) fn drop_tables(
        &mut self,
        names: &[TableName],
        if_exists: bool,
        cascade: bool,
    ) -> Result<Done, SqlError> {
        for name in names {
            self.lock(name, Mode::Exclusive)?;
            self.begin()?;
            if name.schema.is_some() && !self.has_schema(name.schema_or_public())? && !if_exists {
                let schema = name.schema_or_public();
                return Err(SqlError::new(format!("schema \"{schema}\" does not exist")));
            }
            let Some(table) = self.find(name)? else {
                if if_exists {
                    continue;
                }
                return Err(SqlError::new(format!("Table \"{}\" does not exist", name.name)));
            };
            self.defines_table(&table.schema, &table.name)?;
            self.drop_dependent_views(name, cascade)?;
            execute(&self.connection, &format!("drop table {}", table.engine_name()))?;
            self.drop_sequences(&table.schema, Some(&table.name))?;
            table.forget(&self.connection)?;
            if !table.is_temporary() {
                self.note_written(&format!("{}.{}", table.schema, table.name), false)?;
            }
        }
        Ok(Done::default())
    }

    /// TRUNCATE commits the transaction that it is in.
    pub(super) fn truncate(&mut self, name: &TableName) -> Result<Done, SqlError> {
        self.lock(name, Mode::Exclusive)?;
        self.begin()?;
        let table = self.must_find(name)?;
        if !table.is_temporary() {
            self.note_written(&format!("{}.{}", table.schema, table.name), false)?;
        }
        execute(&self.connection, &format!("truncate {}", table.engine_name()))?;
        self.commit()?;
        Ok(Done::default())
    }

    pub(super) fn comment(
        &mut self,
        name: &TableName,
        column: Option<&str>,
        text: Option<&str>,
    ) -> Result<Done, SqlError> {
        self.begin()?;
        let table = self.must_find(name)?;
        self.defines()?;
        let outcome = match column {
            None => self.connection.execute(
                "update redshift_local.tables set comment = ? where schema_name = ? and table_name = ?",
                params![text, table.schema, table.name],
            ),
            Some(column) => {
                if table.column(column).is_none() {
                    return Err(SqlError::new(format!("column \"{column}\" does not exist")));
                }
                self.connection.execute(
                    "update redshift_local.columns set comment = ? \
                     where schema_name = ? and table_name = ? and column_name = ?",
                    params![text, table.schema, table.name, column],
                )
            }
        };
        outcome.map_err(|error| redshift(&error, &[]))?;
        Ok(Done::default())
    }
}

/// Columns must differ in name, and keys must be columns.
fn check_columns(table: &Table) -> Result<(), SqlError> {
    let names: Vec<&str> = table.columns.iter().map(|c| c.definition.name.as_str()).collect();
    for (position, name) in names.iter().enumerate() {
        if names[..position].contains(name) {
            return Err(SqlError::new(format!("column \"{name}\" specified more than once")));
        }
    }
    let attributes = &table.attributes;
    let keys = attributes.distribution_key.iter().chain(&attributes.sort_keys);
    for key in keys.chain(&attributes.primary_key) {
        if !names.contains(&key.as_str()) {
            return Err(SqlError::new(format!("column \"{key}\" named in key does not exist")));
        }
    }
    Ok(())
}
