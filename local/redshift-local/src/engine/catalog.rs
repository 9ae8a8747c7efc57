//! What the warehouse knows of its tables beyond what the engine does.

use duckdb::{Connection, params};

use super::error::SqlError;
use super::messages::redshift;
use crate::dialect::{
    ColumnDefault, ColumnDefinition, ColumnType, TableAttributes, TableName, quoted,
};

/// A table as it is declared.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) object_id: i64,
    /// The schema under which its definition is kept; `pg_temp_…` for a temporary table.
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) columns: Vec<StoredColumn>,
    pub(crate) attributes: TableAttributes,
    pub(crate) is_view: bool,
}

/// A column as it is declared.
#[derive(Debug, Clone)]
pub(crate) struct StoredColumn {
    pub(crate) definition: ColumnDefinition,
    /// What numbers an identity column.
    pub(crate) sequence: Option<String>,
    pub(crate) comment: Option<String>,
}

impl Table {
    /// Whether the table is a session's own.
    pub(crate) fn is_temporary(&self) -> bool {
        self.schema.starts_with("pg_temp")
    }

    /// The table's name for the engine.
    pub(crate) fn engine_name(&self) -> String {
        if self.is_temporary() {
            format!("temp.main.{}", quoted(&self.name))
        } else {
            format!("{}.{}", quoted(&self.schema), quoted(&self.name))
        }
    }

    /// Creates the table and keeps its definition.
    pub(crate) fn create(&mut self, connection: &Connection) -> Result<(), SqlError> {
        for column in &mut self.columns {
            if let Some(ColumnDefault::Identity { .. }) = column.definition.default
                && column.sequence.is_none()
            {
                let name = format!("identity_{}", next_object_id(connection)?);
                execute(connection, &format!("create sequence redshift_local.{name}"))?;
                column.sequence = Some(name);
            }
        }
        let columns: Vec<String> = self.columns.iter().map(StoredColumn::engine_text).collect();
        let name = self.engine_name();
        let temporary = if self.is_temporary() { "temp " } else { "" };
        execute(connection, &format!("create {temporary}table {name} ({})", columns.join(", ")))?;
        self.store(connection)
    }

    /// Keeps the definition.
    pub(crate) fn store(&self, connection: &Connection) -> Result<(), SqlError> {
        let stored = || -> duckdb::Result<()> {
            let attributes = &self.attributes;
            // Appended, for every insert would be parsed, bound and planned.
            let mut tables = connection.appender_to_db("tables", "redshift_local")?;
            tables.append_row(params![
                self.object_id,
                self.schema,
                self.name,
                attributes.distribution_style,
                attributes.distribution_key,
                attributes.sort_style,
                attributes.sort_keys.join(","),
                attributes.primary_key.join(","),
                None::<String>,
            ])?;
            tables.flush()?;
            let mut columns = connection.appender_to_db("columns", "redshift_local")?;
            for (position, column) in self.columns.iter().enumerate() {
                let definition = &column.definition;
                let (default, seed, step, explicit) = match &definition.default {
                    None => (None, None, None, None),
                    Some(ColumnDefault::Expression(text)) => (Some(text.clone()), None, None, None),
                    Some(ColumnDefault::Identity { seed, step, explicit }) => {
                        (None, Some(*seed), Some(*step), Some(*explicit))
                    }
                };
                columns.append_row(params![
                    self.schema,
                    self.name,
                    i32::try_from(position + 1).unwrap_or(i32::MAX),
                    definition.name,
                    definition.kind.display(),
                    definition.encoding,
                    definition.not_null,
                    default,
                    seed,
                    step,
                    explicit,
                    column.sequence,
                    column.comment,
                ])?;
            }
            columns.flush()
        };
        stored().map_err(|error| redshift(&error, &[]))
    }

    /// Forgets the definition.
    pub(crate) fn forget(&self, connection: &Connection) -> Result<(), SqlError> {
        for table in ["tables", "columns"] {
            connection
                .execute(
                    &format!("delete from redshift_local.{table} where schema_name = ? and table_name = ?"),
                    params![self.schema, self.name],
                )
                .map_err(|error| redshift(&error, &[]))?;
        }
        Ok(())
    }

    /// Reads a definition; of a view, what the engine says of it.
    pub(crate) fn load(
        connection: &Connection,
        schema: &str,
        name: &str,
    ) -> Result<Option<Self>, SqlError> {
        if let Some(table) = declared(connection, schema, name)? {
            return Ok(Some(table));
        }
        // The engine searches all columns of all tables for it, so do not ask for a name that it cannot have.
        let temporary = schema.starts_with("pg_temp");
        if !temporary && !is_view(connection, schema, name)? {
            return Ok(None);
        }
        let columns = engine_columns(connection, schema, name)?;
        if columns.is_empty() {
            return Ok(None);
        }
        let (schema, name) = (schema.to_owned(), name.to_owned());
        let attributes = TableAttributes::default();
        Ok(Some(Self { object_id: 0, schema, name, columns, attributes, is_view: !temporary }))
    }

    /// The column of this name.
    pub(crate) fn column(&self, name: &str) -> Option<&StoredColumn> {
        self.columns.iter().find(|column| column.definition.name == name)
    }
}

impl StoredColumn {
    pub(crate) fn new(definition: ColumnDefinition) -> Self {
        Self { definition, sequence: None, comment: None }
    }

    /// A column of a query, by the engine's type.
    pub(crate) fn of_query(name: String, kind: &str) -> Self {
        Self::new(ColumnDefinition {
            name,
            kind: ColumnType::of_engine(kind),
            not_null: false,
            default: None,
            encoding: None,
        })
    }

    fn engine_text(&self) -> String {
        let definition = &self.definition;
        let name = quoted(&definition.name);
        let mut text = format!("{name} {}", definition.kind.engine());
        if definition.not_null {
            text += " not null";
        }
        if let Some(default) = self.engine_default() {
            text += &format!(" default {default}");
        }
        if let Some(check) = definition.kind.check(&name) {
            text += &format!(" check ({check})");
        }
        text
    }

    /// What fills the column when nothing else does.
    pub(crate) fn engine_default(&self) -> Option<String> {
        match (&self.definition.default, &self.sequence) {
            (Some(ColumnDefault::Expression(text)), _) => Some(text.clone()),
            (Some(ColumnDefault::Identity { seed, step, .. }), Some(sequence)) => {
                Some(format!("{seed} + (nextval('redshift_local.{sequence}') - 1) * {step}"))
            }
            _ => None,
        }
    }
}

fn list(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A table that was declared.
fn declared(connection: &Connection, schema: &str, name: &str) -> Result<Option<Table>, SqlError> {
    let read = |error: duckdb::Error| redshift(&error, &[]);
    let mut select = connection
        .prepare(
            "select object_id, distribution_style, distribution_key, sort_style, sort_keys, \
             primary_key from redshift_local.tables where schema_name = ? and table_name = ?",
        )
        .map_err(read)?;
    let mut rows = select.query([schema, name]).map_err(read)?;
    let Some(row) = rows.next().map_err(read)? else { return Ok(None) };
    let attributes = TableAttributes {
        distribution_style: row.get(1).map_err(read)?,
        distribution_key: row.get(2).map_err(read)?,
        sort_style: row.get(3).map_err(read)?,
        sort_keys: list(row.get(4).map_err(read)?),
        primary_key: list(row.get(5).map_err(read)?),
        ..TableAttributes::default()
    };
    Ok(Some(Table {
        object_id: row.get(0).map_err(read)?,
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: declared_columns(connection, schema, name)?,
        attributes,
        is_view: false,
    }))
}

/// Whether somebody made a view of this name.
pub(super) fn is_view(connection: &Connection, schema: &str, name: &str) -> Result<bool, SqlError> {
    let sql = "select count(*) from redshift_local.views where schema_name = ? and view_name = ?";
    let count = connection.query_row(sql, [schema, name], |row| row.get::<_, i64>(0));
    Ok(count.map_err(|error| redshift(&error, &[]))? > 0)
}

fn declared_columns(
    connection: &Connection,
    schema: &str,
    name: &str,
) -> Result<Vec<StoredColumn>, SqlError> {
    let read = |error: duckdb::Error| redshift(&error, &[]);
    let mut select = connection
        .prepare(
            "select column_name, type, encoding, not_null, default_text, identity_seed, \
             identity_step, identity_explicit, identity_sequence, comment \
             from redshift_local.columns where schema_name = ? and table_name = ? order by ordinal",
        )
        .map_err(read)?;
    let mut rows = select.query([schema, name]).map_err(read)?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next().map_err(read)? {
        let kind: String = row.get(1).map_err(read)?;
        let text: Option<String> = row.get(4).map_err(read)?;
        let seed: Option<i64> = row.get(5).map_err(read)?;
        let default = match (text, seed) {
            (Some(text), _) => Some(ColumnDefault::Expression(text)),
            (None, Some(seed)) => {
                let step = row.get::<_, Option<i64>>(6).map_err(read)?.unwrap_or(1);
                let explicit = row.get::<_, Option<bool>>(7).map_err(read)?.unwrap_or(false);
                Some(ColumnDefault::Identity { seed, step, explicit })
            }
            (None, None) => None,
        };
        columns.push(StoredColumn {
            definition: ColumnDefinition {
                name: row.get(0).map_err(read)?,
                kind: ColumnType::from_display(&kind)?,
                not_null: row.get(3).map_err(read)?,
                default,
                encoding: row.get(2).map_err(read)?,
            },
            sequence: row.get(8).map_err(read)?,
            comment: row.get(9).map_err(read)?,
        });
    }
    Ok(columns)
}

fn engine_columns(
    connection: &Connection,
    schema: &str,
    name: &str,
) -> Result<Vec<StoredColumn>, SqlError> {
    let read = |error: duckdb::Error| redshift(&error, &[]);
    let place = if schema.starts_with("pg_temp") {
        "database_name = 'temp' and schema_name <> ?"
    } else {
        "database_name = current_database() and schema_name = ?"
    };
    let mut select = connection
        .prepare(&format!(
            "select column_name, data_type, is_nullable from duckdb_columns() \
             where {place} and table_name = ? order by column_index"
        ))
        .map_err(read)?;
    let mut rows = select.query([schema, name]).map_err(read)?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next().map_err(read)? {
        let kind: String = row.get(1).map_err(read)?;
        let nullable: bool = row.get(2).map_err(read)?;
        columns.push(StoredColumn::new(ColumnDefinition {
            name: row.get(0).map_err(read)?,
            kind: ColumnType::of_engine(&kind),
            not_null: !nullable,
            default: None,
            encoding: None,
        }));
    }
    Ok(columns)
}

/// A number for a new object.
pub(crate) fn next_object_id(connection: &Connection) -> Result<i64, SqlError> {
    connection
        .query_row("select nextval('redshift_local.object_ids')", [], |row| row.get(0))
        .map_err(|error| redshift(&error, &[]))
}

/// Runs a statement that is the warehouse's own.
pub(crate) fn execute(connection: &Connection, sql: &str) -> Result<u64, SqlError> {
    let named: [TableName; 0] = [];
    connection.execute(sql, []).map(|rows| rows as u64).map_err(|error| redshift(&error, &named))
}
