//! Which key of a record fills a column: by the path of a JSONPaths file, or by the column's name.

use std::collections::BTreeMap;

use segue_contract::pipeline;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Given;

#[derive(Deserialize)]
struct JsonPaths {
    jsonpaths: Vec<String>,
}

/// Where a record holds a column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The path in the JSONPaths file; `None` if the column's own name is the key.
    written: Option<String>,
    /// The keys and positions that lead to the value.
    steps: Vec<String>,
}

/// What a record has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A value.
    Value(Given),
    /// No value, but a key with a similar spelling.
    Similar(String),
    /// Nothing.
    Nothing,
}

impl Path {
    /// The path that fills a column of a source, by the source's JSONPaths file, if it uses one.
    #[must_use]
    pub fn of(source: &str, column: &str, jsonpaths: Option<&str>) -> Self {
        let paths = jsonpaths.and_then(|text| serde_json::from_str::<JsonPaths>(text).ok());
        let position = pipeline::columns(source).iter().position(|found| found.name == column);
        let written = paths.and_then(|paths| paths.jsonpaths.get(position?).cloned());
        written.map_or_else(|| Self::of_column(column), |path| Self::parse(&path))
    }

    /// The path with this notation in a JSONPaths file.
    #[must_use]
    pub fn parse(written: &str) -> Self {
        Self { written: Some(written.to_owned()), steps: steps(written) }
    }

    /// The path of a column whose own name is the key.
    #[must_use]
    pub fn of_column(column: &str) -> Self {
        Self { written: None, steps: vec![column.to_owned()] }
    }

    /// The key of the record itself that the path begins with.
    #[must_use]
    pub fn first(&self) -> &str {
        self.steps.first().map_or("", String::as_str)
    }

    /// Whether the path leads to a field of the record itself.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.steps.len() == 1
    }

    /// The value there, if any.
    #[must_use]
    pub fn value<'a>(&self, record: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(record, |place, step| match place {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    }

    /// `the record has no itemInSession, by the path $['itemInSession']`, for a record in which
    /// [`find`](Self::find) found no value.
    #[must_use]
    pub fn missing(&self, found: &Found) -> String {
        let by = self.written().map(|path| format!(", by the path {path}")).unwrap_or_default();
        let key = self.key();
        match found {
            Found::Similar(other) => {
                format!("the record has {other}, not {key}{by}: keys are case-sensitive")
            }
            _ => format!("the record has no {key}{by}"),
        }
    }

    /// The key to write: the last one of the path.
    #[must_use]
    pub fn key(&self) -> &str {
        self.steps.last().map_or("", String::as_str)
    }

    /// The path as it is written in the JSONPaths file, if there is one.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        self.written.as_deref()
    }

    /// What a record has there; a number as it is written.
    #[must_use]
    pub fn find(&self, record: &str) -> Found {
        let mut place = record.to_owned();
        for (index, step) in self.steps.iter().enumerate() {
            let is_last = index + 1 == self.steps.len();
            let next = match serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(&place) {
                Ok(mut fields) => match fields.remove(step) {
                    None if is_last => {
                        let similar = fields.into_keys().find(|key| plain(key) == plain(step));
                        return similar.map_or(Found::Nothing, Found::Similar);
                    }
                    value => value,
                },
                Err(_) => item(&place, step),
            };
            match next {
                Some(value) => value.get().clone_into(&mut place),
                None => return Found::Nothing,
            }
        }
        Found::Value(given(&place))
    }
}

/// An item of an array, by its position.
fn item(array: &str, position: &str) -> Option<Box<RawValue>> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(array).ok()?;
    items.into_iter().nth(position.parse().ok()?)
}

/// `userAgent`, `UserAgent` and `user_agent` alike.
#[must_use]
pub fn plain(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Text without quotes and escapes; anything else as written, on one line.
fn given(written: &str) -> Given {
    match serde_json::from_str::<String>(written) {
        Ok(text) => Given::Text(text),
        Err(_) => Given::Other(written.replace(['\n', '\r'], " ")),
    }
}

/// `$['a'].b[0]` → `a`, `b`, `0`.
fn steps(path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while !rest.is_empty() {
        let (step, after) = if let Some(inside) = rest.strip_prefix('[') {
            let (inside, after) = inside.split_once(']').unwrap_or((inside, ""));
            (inside.trim().trim_matches(['\'', '"']), after)
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            name.split_at(name.find(['.', '[']).unwrap_or(name.len()))
        };
        if !step.is_empty() {
            found.push(step.to_owned());
        }
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_in_any_spelling() {
        let read = |path: &str| steps(path).join("/");
        let paths = ["$['a']", "$.a", "$[\"a\"]", "$.e.a", "$['e']['a']", "$.e[0].a", "$.e['a']"];
        assert_eq!(paths.map(read), ["a", "a", "a", "e/a", "e/a", "e/0/a", "e/a"]);
    }

    #[test]
    fn a_value_is_that_of_the_path_and_never_another_field_s() {
        let own = pipeline::jsonpaths("events");
        let own = own.as_deref();
        let record = r#"{"item_in_session": 0, "Song": "x", "e": {"ts": 5}, "artist": null}"#;
        let item = Path::of("events", "item_in_session", own);
        assert_eq!((item.key(), item.written()), ("itemInSession", Some("$['itemInSession']")));
        assert_eq!(item.find(record), Found::Similar("item_in_session".into()));
        assert_eq!(Path::of("events", "auth", own).find(record), Found::Nothing);
        let artist = Path::of("events", "artist", own).find(record);
        assert_eq!(artist, Found::Value(Given::Other("null".into())));
        let nested = own.expect("paths").replace("$['ts']", "$.e.ts");
        let ts = Path::of("events", "ts", Some(&nested));
        assert_eq!(ts.find(record), Found::Value(Given::Other("5".into())));
        let title = Path::of("songs", "title", None);
        assert_eq!((title.key(), title.written()), ("title", None));
        assert_eq!(title.find(r#"{"Title": "x"}"#), Found::Similar("Title".into()));
    }
}
