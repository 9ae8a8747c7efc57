//! The columns that the records of a source are staged in, as `sql/create/staging.sql` declares them.

use super::files;

/// One column of a staging table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The most bytes of a text; `None` for other types.
    pub bytes_max: Option<usize>,
    /// Whether a record without it is rejected.
    pub is_required: bool,
}

/// The columns of a source's staging table, in their order: JSONPaths map by position. None if there
/// is no such table.
pub fn columns(source: &str) -> Vec<Column> {
    let ddl = files::text("create/staging.sql");
    let begin = format!(".staging_{source} (");
    ddl.unwrap_or_default()
        .lines()
        .skip_while(|line| !line.contains(&begin))
        .skip(1)
        .take_while(|line| !line.starts_with(')'))
        .filter_map(Column::parse)
        .collect()
}

impl Column {
    /// Reads a line of the DDL, such as `    artist varchar(1024) not null,`.
    fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.trim().trim_end_matches(',').split_once(' ')?;
        let bytes = rest.strip_prefix("varchar(").and_then(|rest| rest.split(')').next());
        Some(Self {
            name: name.to_owned(),
            bytes_max: bytes.and_then(|bytes| bytes.parse().ok()),
            is_required: rest.ends_with("not null"),
        })
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
}
