//! ALTER TABLE. A table that the engine cannot change in place is created again and refilled.

use super::catalog::{StoredColumn, Table, execute};
use super::error::SqlError;
use super::locks::Mode;
use super::session::{Done, Session};
use crate::dialect::{AlterTable, Alteration, ColumnType, TableAttributes, TableName, quoted};

impl Session {
    pub(super) fn alter_table(&mut self, alter: AlterTable) -> Result<Done, SqlError> {
        self.lock(&alter.name, Mode::Exclusive)?;
        self.begin()?;
        let table = self.must_find(&alter.name)?;
        if !table.is_temporary() {
            self.note_written(&format!("{}.{}", table.schema, table.name), true)?;
        }
        match alter.change {
            Alteration::AddColumn(definition) => self.add_column(table, definition)?,
            Alteration::DropColumn { name } => {
                must_have(&table, &name)?;
                if table.columns.len() == 1 {
                    return Err(SqlError::new("cannot drop the only column of a table"));
                }
                let attributes = &table.attributes;
                let keys = attributes.distribution_key.iter().chain(&attributes.sort_keys);
                if keys.chain(&attributes.primary_key).any(|key| *key == name) {
                    return Err(SqlError::new(format!(
                        "cannot drop column \"{name}\": it is a key of the table"
                    )));
                }
                let kept = |column: &&StoredColumn| column.definition.name != name;
                let columns: Vec<StoredColumn> =
                    table.columns.iter().filter(kept).cloned().collect();
                let names = columns.iter().map(|c| quoted(&c.definition.name)).collect();
                self.rebuild(&table, columns, names)?;
            }
            Alteration::RenameColumn { from, to } => {
                must_have(&table, &from)?;
                if table.column(&to).is_some() {
                    return Err(SqlError::new(format!(
                        "column \"{to}\" of relation \"{}\" already exists",
                        table.name
                    )));
                }
                let mut columns = table.columns.clone();
                let names = columns.iter().map(|c| quoted(&c.definition.name)).collect();
                for column in columns.iter_mut().filter(|c| c.definition.name == from) {
                    column.definition.name.clone_from(&to);
                }
                self.rebuild(&table, columns, names)?;
            }
            Alteration::RenameTable { to } => self.rename_table(&table, &to)?,
            Alteration::ColumnType { name, kind } => self.change_type(&table, &name, &kind)?,
            Alteration::ColumnEncodings(encodings) => {
                let mut changed = table.clone();
                for (name, encoding) in encodings {
                    must_have(&table, &name)?;
                    for column in changed.columns.iter_mut().filter(|c| c.definition.name == name) {
                        column.definition.encoding = Some(encoding.clone());
                    }
                }
                self.store_again(&table, &changed)?;
            }
            Alteration::Attributes(attributes) => self.change_attributes(&table, attributes)?,
        }
        Ok(Done::default())
    }

    fn add_column(
        &mut self,
        table: Table,
        definition: crate::dialect::ColumnDefinition,
    ) -> Result<(), SqlError> {
        let name = definition.name.clone();
        if table.column(&name).is_some() {
            return Err(SqlError::new(format!(
                "column \"{name}\" of relation \"{}\" already exists",
                table.name
            )));
        }
        if matches!(definition.default, Some(crate::dialect::ColumnDefault::Identity { .. })) {
            return Err(SqlError::new("ALTER TABLE ADD COLUMN cannot add an identity column"));
        }
        if definition.not_null && definition.default.is_none() {
            return Err(SqlError::new(
                "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression",
            ));
        }
        let mut columns = table.columns.clone();
        let mut names: Vec<String> =
            columns.iter().map(|column| quoted(&column.definition.name)).collect();
        let added = StoredColumn::new(definition);
        names.push(added.engine_default().unwrap_or_else(|| "null".to_owned()));
        columns.push(added);
        self.rebuild(&table, columns, names)
    }

    /// Only a VARCHAR can change its size.
    fn change_type(
        &mut self,
        table: &Table,
        name: &str,
        kind: &ColumnType,
    ) -> Result<(), SqlError> {
        let column = must_have(table, name)?;
        if column.definition.default.is_some()
            || table.attributes.primary_key.iter().any(|key| key == name)
        {
            return Err(SqlError::new(format!(
                "cannot alter type of column \"{name}\": it has a default value or is a key"
            )));
        }
        let both = (&column.definition.kind, kind);
        let (ColumnType::Varchar { .. }, ColumnType::Varchar { bytes_max }) = both else {
            return Err(SqlError::new(format!(
                "cannot alter type of column \"{name}\": only the size of a VARCHAR can change"
            )));
        };
        let sql = format!(
            "select coalesce(max(strlen({})), 0) from {}",
            quoted(name),
            table.engine_name()
        );
        let longest: i64 = self
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(|error| super::messages::redshift(&error, &[]))?;
        if longest > i64::from(*bytes_max) {
            return Err(SqlError::new(format!(
                "cannot alter column \"{name}\" of relation \"{}\", target column size should be \
                 greater than or equal to current maximum column size: {longest}",
                table.name
            )));
        }
        let mut columns = table.columns.clone();
        for column in columns.iter_mut().filter(|column| column.definition.name == name) {
            column.definition.kind = kind.clone();
        }
        let names = columns.iter().map(|c| quoted(&c.definition.name)).collect();
        self.rebuild(table, columns, names)
    }

    /// Makes the table again with other columns, filled by `expressions` over the old ones.
    fn rebuild(
        &mut self,
        table: &Table,
        columns: Vec<StoredColumn>,
        expressions: Vec<String>,
    ) -> Result<(), SqlError> {
        let old = TableName { schema: Some(table.schema.clone()), name: table.name.clone() };
        let remains: Vec<&str> = columns.iter().map(|c| c.definition.name.as_str()).collect();
        if table.columns.iter().any(|c| !remains.contains(&c.definition.name.as_str())) {
            self.drop_dependent_views(&old, false)?;
        }
        table.forget(&self.connection)?;
        let mut new = Table { columns, ..table.clone() };
        new.name = format!("{}_{}", table.name, table.object_id);
        new.create(&self.connection)?;
        let fill = format!(
            "insert into {} select {} from {}",
            new.engine_name(),
            expressions.join(", "),
            table.engine_name()
        );
        execute(&self.connection, &fill)?;
        execute(&self.connection, &format!("drop table {}", table.engine_name()))?;
        let rename = format!("alter table {} rename to {}", new.engine_name(), quoted(&table.name));
        execute(&self.connection, &rename)?;
        new.forget(&self.connection)?;
        new.name.clone_from(&table.name);
        new.store(&self.connection)
    }

    fn rename_table(&mut self, table: &Table, to: &str) -> Result<(), SqlError> {
        let lock = format!("{}.{to}", table.schema);
        if !table.is_temporary() {
            self.lock_named(&lock, Mode::Exclusive)?;
        }
        if self.definition(&table.schema, to)?.is_some() {
            return Err(SqlError::new(format!("Relation \"{to}\" already exists")));
        }
        let sql = format!("alter table {} rename to {}", table.engine_name(), quoted(to));
        execute(&self.connection, &sql)?;
        let renamed = Table { name: to.to_owned(), ..table.clone() };
        self.store_again(table, &renamed)?;
        if !table.is_temporary() {
            self.rename_owned(&table.schema, &table.name, to)?;
            self.note_written(&lock, false)?;
        }
        Ok(())
    }

    fn change_attributes(
        &mut self,
        table: &Table,
        attributes: TableAttributes,
    ) -> Result<(), SqlError> {
        let mut changed = table.clone();
        let kept = &mut changed.attributes;
        if attributes.distribution_key.is_some() {
            kept.distribution_key = attributes.distribution_key;
            kept.distribution_style = Some("key".to_owned());
        }
        if attributes.distribution_style.is_some() {
            kept.distribution_style = attributes.distribution_style;
        }
        if matches!(kept.distribution_style.as_deref(), Some("all" | "even" | "auto")) {
            kept.distribution_key = None;
        }
        if !attributes.sort_keys.is_empty() || attributes.sort_style.is_some() {
            kept.sort_keys = attributes.sort_keys;
            kept.sort_style = attributes.sort_style;
        }
        if !attributes.primary_key.is_empty() {
            for key in &attributes.primary_key {
                if !must_have(table, key)?.definition.not_null {
                    return Err(SqlError::new(format!(
                        "column \"{key}\" is not NOT NULL: it cannot be in a primary key"
                    )));
                }
            }
            kept.primary_key = attributes.primary_key;
        }
        let keys = kept.distribution_key.iter().chain(&kept.sort_keys).chain(&kept.primary_key);
        for key in keys {
            must_have(table, key)?;
        }
        self.store_again(table, &changed)
    }

    fn store_again(&self, old: &Table, new: &Table) -> Result<(), SqlError> {
        old.forget(&self.connection)?;
        new.store(&self.connection)
    }
}

fn must_have<'a>(table: &'a Table, column: &str) -> Result<&'a StoredColumn, SqlError> {
    table.column(column).ok_or_else(|| {
        SqlError::new(format!("column \"{column}\" of relation \"{}\" does not exist", table.name))
    })
}
