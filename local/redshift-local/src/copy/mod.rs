//! COPY from S3: objects read at once by several workers, decoded here, and appended to the
//! table in the statement's own transaction, all of them or none.

mod columns;
mod decode;
mod delimited;
mod documents;
mod fields;
mod json;
mod load;
mod sink;
mod source;

use crate::dialect::{ColumnDefault, ColumnType, Copy, Format, JsonMapping};
use crate::engine::{Done, Session, SqlError, Table};
use decode::{Decoding, Shred, Target};
use delimited::Shape;
use fields::Conversion;
use json::Shredder;
pub(crate) use source::{Source, service_error, store};

impl Session {
    /// Runs a COPY.
    pub(crate) fn copy(&mut self, copy: &Copy, query_id: i64) -> Result<Done, SqlError> {
        self.lock_to_write(&copy.table, false)?;
        self.begin()?;
        let table = self.must_find(&copy.table)?;
        if table.is_view {
            return Err(SqlError::new(format!("\"{}\" is not a table", table.name)));
        }
        let targets = targets(&table, copy)?;
        let store = source::store(&self.warehouse)?;
        let sources = self.wait_for(source::sources(store, copy))?;
        let shred = match &copy.format {
            Format::Json(mapping) => Shred::Json(self.shredder(mapping, &targets)?),
            Format::Csv { .. } | Format::Delimited { .. } => Shred::Text {
                shape: Shape::new(copy),
                header_lines: copy.header_lines,
                fill: copy.fill_record,
                ignore_blank: copy.ignore_blank_lines,
            },
        };
        let decoding = Decoding {
            targets,
            shred,
            conversion: Conversion::new(copy),
            compression: copy.compression,
            invalid_characters: copy.invalid_characters,
        };
        self.load(copy, &table, decoding, sources, query_id)
    }

    /// Waits for something of the network's, unless the statement is cancelled first.
    pub(crate) fn wait_for<T>(
        &self,
        future: impl Future<Output = Result<T, SqlError>>,
    ) -> Result<T, SqlError> {
        self.warehouse.runtime.block_on(async {
            tokio::select! {
                outcome = future => outcome,
                () = self.cancel.cancelled() => Err(SqlError::Cancelled),
            }
        })
    }

    fn shredder(&self, mapping: &JsonMapping, targets: &[Target]) -> Result<Shredder, SqlError> {
        let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
        let whole = targets.iter().map(|target| target.kind == ColumnType::Super).collect();
        let shredder = match mapping {
            JsonMapping::Auto => Shredder::by_name(&names, false),
            JsonMapping::AutoIgnoreCase => Shredder::by_name(&names, true),
            JsonMapping::NoShred if names.len() == 1 => Shredder::whole(),
            JsonMapping::NoShred => {
                return Err(SqlError::new("JSON noshred requires a table with one SUPER column"));
            }
            JsonMapping::Paths(url) => {
                let store = source::store(&self.warehouse)?;
                let place = Source::parse(url)?;
                let text = self.wait_for(source::read_small(store, &place))?;
                // A file without paths is taken as if it were not there.
                Shredder::by_paths(&text, names.len())?
                    .unwrap_or_else(|| Shredder::by_name(&names, false))
            }
        };
        Ok(shredder.with_whole_values(whole))
    }
}

/// The columns that the objects fill, in the order of the column list or of the table.
fn targets(table: &Table, copy: &Copy) -> Result<Vec<Target>, SqlError> {
    let is_numbered = |name: &str| {
        let default = table.column(name).and_then(|column| column.definition.default.as_ref());
        matches!(default, Some(ColumnDefault::Identity { explicit: false, .. }))
    };
    refuse_identity(table, copy)?;
    let names: Vec<String> = match copy.columns.as_slice() {
        [] => {
            let all = table.columns.iter().map(|column| column.definition.name.clone());
            all.filter(|name| copy.explicit_ids || !is_numbered(name)).collect()
        }
        names => names.to_vec(),
    };
    let target = |name: &String| {
        let column = table.column(name).ok_or_else(|| {
            SqlError::new(format!(
                "column \"{name}\" of relation \"{}\" does not exist",
                table.name
            ))
        })?;
        Ok(Target {
            name: name.clone(),
            kind: column.definition.kind.clone(),
            not_null: column.definition.not_null,
        })
    };
    names.iter().map(target).collect()
}

/// An identity column takes the objects' values with EXPLICIT_IDS, or when it was declared to take
/// values BY DEFAULT; and with EXPLICIT_IDS it must be among the columns.
fn refuse_identity(table: &Table, copy: &Copy) -> Result<(), SqlError> {
    let is_json = matches!(copy.format, Format::Json(_));
    for column in &table.columns {
        let name = &column.definition.name;
        let Some(ColumnDefault::Identity { explicit, .. }) = column.definition.default else {
            if column.definition.not_null
                && column.definition.default.is_none()
                && !copy.columns.is_empty()
                && !copy.columns.contains(name)
            {
                return Err(SqlError::new(format!(
                    "NOT NULL column without DEFAULT must be included in column list: {name}"
                )));
            }
            continue;
        };
        match (copy.columns.contains(name), copy.explicit_ids) {
            (true, false) if !explicit => {
                return Err(SqlError::new(format!(
                    "cannot set an identity column to a value: {name}; COPY does with EXPLICIT_IDS"
                )));
            }
            (false, true) if !copy.columns.is_empty() => {
                return Err(SqlError::new(format!(
                    "EXPLICIT_IDS requires the identity column {name} in the column list"
                )));
            }
            // Which fields a record then has is not documented.
            (false, false) if copy.columns.is_empty() && explicit == is_json => {
                return Err(SqlError::unsupported(
                    "COPY without a column list into a table with such an IDENTITY column",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}
