//! The tables of the warehouse, as the DDL in `sql/create` declares them. Whatever depends on a
//! table's columns and keys is rendered from here.

use super::{files, staging_table};

/// The line of a table's comment that names the source whose records fill it.
const SOURCE_HEADER: &str = "-- Source: ";
/// The schema of the tables that people query.
const MART: &str = "mart";

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Its name, without a schema.
    pub name: String,
    /// The source whose records fill it, if the DDL says so.
    pub source: Option<String>,
    /// In their order: JSONPaths map by position.
    pub columns: Vec<Column>,
    /// The columns of its primary key.
    pub key: Vec<String>,
    /// Its foreign keys.
    pub references: Vec<Reference>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The most bytes of a text; `None` for other types.
    pub bytes_max: Option<usize>,
    /// Whether a record without it is rejected.
    pub is_required: bool,
}

/// A foreign key of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The column that refers.
    pub column: String,
    /// The table that it refers to, without its schema.
    pub table: String,
    /// The column of that table.
    pub key: String,
}

/// The tables of `mart`, in the order of their creation.
pub fn tables() -> Vec<Table> {
    let files = files::templates("create").into_iter();
    let texts = files.filter_map(|file| files::text(&format!("{file}.sql")));
    texts.flat_map(|text| of_schema(&text, MART)).collect()
}

/// The columns of a source's staging table. None if there is no such table.
pub fn columns(source: &str) -> Vec<Column> {
    let (ddl, table) =
        (files::text("create/staging.sql").unwrap_or_default(), staging_table(source));
    let staged = of_schema(&ddl, "{{ staging }}").into_iter().find(|one| one.name == table);
    staged.map(|table| table.columns).unwrap_or_default()
}

/// The tables that a file creates in a schema.
fn of_schema(ddl: &str, schema: &str) -> Vec<Table> {
    let (mut tables, mut table, mut source) = (Vec::new(), None::<Table>, None);
    for line in ddl.lines() {
        if let Some(open) = &mut table {
            if !line.starts_with(')') {
                open.add(line.trim().trim_end_matches(','));
                continue;
            }
            tables.extend(table.take());
        } else if let Some(named) = line.strip_prefix(SOURCE_HEADER) {
            source = Some(named.trim_end_matches('.').to_owned());
        } else if let Some(name) = created(line, schema) {
            let source = source.take();
            table = Some(Table { name: name.to_owned(), source, ..Table::default() });
        } else if line.trim().is_empty() {
            source = None;
        }
    }
    tables
}

/// The name in `create table if not exists mart.songs (`.
fn created<'a>(line: &'a str, schema: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("create table ")?;
    let rest = rest.strip_prefix("if not exists ").unwrap_or(rest);
    rest.strip_prefix(schema)?.strip_prefix('.')?.strip_suffix(" (")
}

impl Table {
    /// Reads a line of the DDL, such as `artist varchar(1024) not null` or `primary key (song_id)`.
    fn add(&mut self, line: &str) {
        if let Some(names) = line.strip_prefix("primary key ") {
            self.key = names.trim_matches(['(', ')']).split(", ").map(str::to_owned).collect();
        } else if let Some(foreign) = line.strip_prefix("foreign key ") {
            self.references.extend(Reference::parse(foreign));
        } else {
            self.columns.extend(Column::parse(line));
        }
    }
}

impl Column {
    fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once(' ')?;
        let bytes = rest.strip_prefix("varchar(").and_then(|rest| rest.split(')').next());
        Some(Self {
            name: name.to_owned(),
            bytes_max: bytes.and_then(|bytes| bytes.parse().ok()),
            is_required: rest.contains("not null"),
        })
    }
}

impl Reference {
    /// Reads `(artist_id) references mart.artists (artist_id)`.
    fn parse(text: &str) -> Option<Self> {
        let (column, target) = text.split_once(" references mart.")?;
        let (table, key) = target.split_once(' ')?;
        let plain = |name: &str| name.trim_matches(['(', ')']).to_owned();
        Some(Self { column: plain(column), table: table.to_owned(), key: plain(key) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_ddl() {
        let (songs, events) = (columns("songs"), columns("events"));
        assert_eq!((songs.len(), events.len()), (10, 18));
        assert_eq!((&*songs[0].name, &*songs[9].name), ("num_songs", "year"));
        assert_eq!(&*events[17].name, "user_id");
        let artist =
            Column { name: "artist_name".into(), bytes_max: Some(1024), is_required: true };
        assert_eq!(songs[5], artist);
        assert_eq!((songs[0].bytes_max, songs[0].is_required), (None, false));
        assert!(columns("planets").is_empty());
    }

    #[test]
    fn tables_have_the_keys_and_sources_of_the_ddl() {
        let shown = tables().into_iter().map(|table| {
            let to = |one: &Reference| format!("{} -> {}.{}", one.column, one.table, one.key);
            let references = table.references.iter().map(to).collect::<Vec<_>>().join(", ");
            let source = table.source.unwrap_or_default();
            format!("{} ({}) of {source}: {references}", table.name, table.key.join(", "))
        });
        insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"), @r"
        users (user_id) of events: 
        artists (artist_id) of songs: 
        songs (song_id) of songs: artist_id -> artists.artist_id
        time (start_time) of events: 
        songplays (songplay_id) of events: start_time -> time.start_time, user_id -> users.user_id, song_id -> songs.song_id, artist_id -> artists.artist_id
        ");
    }
}
