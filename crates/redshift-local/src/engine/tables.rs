//! CREATE and DROP of schemas, tables and views, and what else changes definitions.

use duckdb::params;

use super::catalog::{StoredColumn, Table, execute, next_object_id};
use super::error::SqlError;
use super::locks::Mode;
use super::messages::redshift;
use super::session::{Done, Session};
use super::values::QueryResult;
use crate::dialect::{
    Body, Command, CreateTable, Part, Query, TableAttributes, TableName, literal, quoted,
};

impl Session {
    pub(super) fn create_schema(
        &mut self,
        name: &str,
        if_not_exists: bool,
    ) -> Result<Done, SqlError> {
        if name.starts_with("pg_") || ["redshift_local", "redshift", "main"].contains(&name) {
            return Err(SqlError::new(format!("unacceptable schema name \"{name}\"")));
        }
        self.lock_named(&format!("schema {name}"), Mode::Exclusive)?;
        self.begin()?;
        if self.has_schema(name)? {
            return match if_not_exists {
                true => Ok(Done::default()),
                false => Err(SqlError::new(format!("Schema \"{name}\" already exists"))),
            };
        }
        execute(&self.connection, &format!("create schema {}", quoted(name)))?;
        self.note_written(&format!("schema {name}"), false)?;
        Ok(Done::default())
    }

    fn has_schema(&self, name: &str) -> Result<bool, SqlError> {
        let sql = "select count(*) from duckdb_schemas() \
                   where database_name = current_database() and schema_name = ?";
        let count = self.connection.query_row(sql, [name], |row| row.get::<_, i64>(0));
        Ok(count.map_err(|error| redshift(&error, &[]))? > 0)
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
            for table in tables {
                self.lock_named(&format!("{name}.{table}"), Mode::Exclusive)?;
                self.note_written(&format!("{name}.{table}"), false)?;
                let table = TableName { schema: Some(name.clone()), name: table };
                self.drop_dependent_views(&table, true)?;
                // One by one: the engine's own cascade cannot commit when this transaction has
                // made and filled a table of the schema.
                if let Some(found) = self.find(&table)? {
                    execute(&self.connection, &format!("drop table {}", found.engine_name()))?;
                }
            }
            execute(&self.connection, &format!("drop schema if exists {} cascade", quoted(name)))?;
            for table in ["tables", "columns", "views"] {
                let sql = format!("delete from redshift_local.{table} where schema_name = ?");
                self.connection.execute(&sql, [name]).map_err(|error| redshift(&error, &[]))?;
            }
        }
        Ok(Done::default())
    }

    fn names_in(&self, schema: &str) -> Result<Vec<String>, SqlError> {
        let sql = format!(
            "select relname from redshift.main.relations where schemaname = {} order by relname",
            literal(schema)
        );
        let rows = self.rows(&sql, &[])?.rows;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next()?.into_text()).collect())
    }

    pub(super) fn create_table(&mut self, create: CreateTable) -> Result<Done, SqlError> {
        let CreateTable { name, temporary, if_not_exists, attributes, body } = create;
        let parts = match body {
            Body::Columns(parts) => parts,
            Body::Query { columns, query } => {
                for relation in &query.relations {
                    self.lock(relation, Mode::Read)?;
                }
                return self.create_table_as(
                    name, temporary, if_not_exists, &columns, &query, attributes,
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
        Ok(Done::default())
    }

    /// Locks a name that is to be created; says whether it is taken, when that is no error.
    fn is_there_already(
        &mut self,
        name: &TableName,
        temporary: bool,
        if_not_exists: bool,
    ) -> Result<bool, SqlError> {
        if !temporary {
            let lock = format!("{}.{}", name.schema_or_public(), name.name);
            self.lock_named(&lock, Mode::Exclusive)?;
            self.note_written(&lock, false)?;
        }
        self.begin()?;
        if let Some(schema) = &name.schema
            && !self.has_schema(schema)?
        {
            return Err(SqlError::new(format!("schema \"{schema}\" does not exist")));
        }
        let taken = match temporary {
            true => self.is_temporary(&name.name),
            false => Table::load(&self.connection, name.schema_or_public(), &name.name)?.is_some(),
        };
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
        let schema = match temporary {
            true => self.temporary_schema(),
            false => name.schema_or_public().to_owned(),
        };
        let object_id = next_object_id(&self.connection)?;
        Ok(Table { object_id, schema, name: name.name.clone(), columns, attributes })
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
        let described = self.rows(&format!("describe {}", query.sql), &named)?;
        let mut table = self.new_table(&name, temporary, Vec::new(), attributes)?;
        for (position, row) in described.rows.into_iter().enumerate() {
            let mut texts = row.into_iter().map(|value| value.into_text().unwrap_or_default());
            let (found, kind) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
            let name = names.get(position).cloned().unwrap_or(found);
            table.columns.push(StoredColumn::of_query(name, &kind));
        }
        if !names.is_empty() && names.len() != table.columns.len() {
            return Err(SqlError::new("CREATE TABLE AS specifies the wrong number of column names"));
        }
        check_columns(&table)?;
        table.create(&self.connection)?;
        let sql = format!("insert into {} {}", table.engine_name(), query.sql);
        let rows = self.connection.execute(&sql, []).map_err(|error| redshift(&error, &named))?;
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
            self.drop_dependent_views(name, cascade)?;
            execute(&self.connection, &format!("drop table {}", table.engine_name()))?;
            table.forget(&self.connection)?;
            if !table.is_temporary() {
                self.note_written(&format!("{}.{}", table.schema, table.name), false)?;
            }
        }
        Ok(Done::default())
    }

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
        if Table::load(&self.connection, name.schema_or_public(), &name.name)?.is_some() && !known {
            return Err(SqlError::new(format!("\"{}\" is not a view", name.name)));
        }
        let named: Vec<TableName> = query.relations.iter().cloned().collect();
        if !late {
            // A view that binds is checked now.
            self.rows(&format!("describe {}", query.sql), &named)?;
        }
        let list = match columns.as_slice() {
            [] => String::new(),
            names => {
                format!(" ({})", names.iter().map(|n| quoted(n)).collect::<Vec<_>>().join(", "))
            }
        };
        let full = TableName { schema: Some(name.schema_or_public().into()), name: name.name.clone() };
        // A late-binding view names tables that need not be there: it is created over nothing,
        // and its text is put in when it is read.
        let sql = format!("create or replace view {}{list} as {}", full.engine(), query.sql);
        self.connection.execute(&sql, []).map_err(|error| redshift(&error, &named))?;
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
                    query.sql
                ],
            )
            .map_err(|error| redshift(&error, &[]))?;
        Ok(Done::default())
    }

    fn view(&self, name: &TableName) -> Result<bool, SqlError> {
        let sql = "select count(*) from redshift_local.views where schema_name = ? and view_name = ?";
        let count = self
            .connection
            .query_row(sql, [name.schema_or_public(), &name.name], |row| row.get::<_, i64>(0));
        Ok(count.map_err(|error| redshift(&error, &[]))? > 0)
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
            execute(&self.connection, &format!("drop view {}", name.engine()))?;
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
            let mut texts = row.into_iter().filter_map(super::values::Value::into_text);
            let (schema, name) = (texts.next(), texts.next().unwrap_or_default());
            self.drop_views(&[TableName { schema, name }], true)?;
        }
        Ok(())
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

    pub(super) fn analyze_compression(&mut self, name: &TableName) -> Result<Done, SqlError> {
        self.begin()?;
        let table = self.must_find(name)?;
        let rows = table.columns.iter().map(|column| {
            let encoding = column.definition.encoding.clone().unwrap_or_else(|| "raw".into());
            vec![table.name.clone(), column.definition.name.clone(), encoding, "0.00".into()]
        });
        let names = ["Table", "Column", "Encoding", "Est_reduction_pct"];
        let result = QueryResult::text(&names, rows.collect());
        Ok(Done { rows: result.rows.len() as u64, result: Some(result), query_id: 0 })
    }

    /// The plan is the engine's, in one column as Redshift has it.
    pub(super) fn explain(&mut self, command: Command) -> Result<Done, SqlError> {
        self.begin()?;
        let (sql, named) = match &command {
            Command::Query(query) => (query.sql.clone(), query.relations.clone()),
            Command::Write(write) => (write.sql.clone(), write.relations.clone()),
            _ => return Err(SqlError::unsupported("EXPLAIN of this statement")),
        };
        let named: Vec<TableName> = named.into_iter().collect();
        let plan = self.rows(&format!("explain {sql}"), &named)?;
        let texts = plan.rows.into_iter().filter_map(|row| row.into_iter().nth(1)?.into_text());
        let lines = texts.flat_map(|text| {
            text.lines().map(|line| vec![line.to_owned()]).collect::<Vec<_>>()
        });
        let result = QueryResult::text(&["QUERY PLAN"], lines.collect());
        Ok(Done { rows: result.rows.len() as u64, result: Some(result), query_id: 0 })
    }

    /// SHOW TABLE: a CREATE TABLE that would make the table again.
    pub(super) fn show_table(&mut self, name: &TableName) -> Result<Done, SqlError> {
        self.begin()?;
        let table = self.must_find(name)?;
        let columns = table.columns.iter().map(|column| {
            let definition = &column.definition;
            let not_null = if definition.not_null { " NOT NULL" } else { "" };
            format!("    {} {}{not_null}", definition.name, definition.kind.display())
        });
        let columns = columns.collect::<Vec<_>>().join(",\n");
        let text = format!("CREATE TABLE {}.{} (\n{columns}\n)", table.schema, table.name);
        let result = QueryResult::text(&["Show Table DDL statement"], vec![vec![text]]);
        Ok(Done { rows: 1, result: Some(result), query_id: 0 })
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
