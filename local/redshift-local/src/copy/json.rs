//! Taking the columns' fields out of a JSON document.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::fields::Refusal;
use crate::engine::SqlError;

/// Error numbers of Redshift's list.
const INVALID_LINE: i32 = 1216;
const INVALID_UTF8: i32 = 1220;

/// One step of a JSONPath after the first key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Which parts of a document are the fields.
#[derive(Debug)]
pub(super) struct Shredder {
    fields: usize,
    any_case: bool,
    /// By a document's key: the fields that it fills, and the path further in.
    keys: HashMap<String, Vec<(usize, Vec<Step>)>>,
    /// Paths into a document that is an array.
    places: Vec<(usize, Vec<Step>)>,
    /// The whole document is the only field.
    whole: bool,
    /// The fields of SUPER columns: they keep a text's quotation marks.
    whole_values: Vec<bool>,
}

impl Shredder {
    /// Keys are the columns' names.
    pub(super) fn by_name(columns: &[String], any_case: bool) -> Self {
        let keys = columns
            .iter()
            .enumerate()
            .map(|(index, name)| (name.clone(), vec![(index, Vec::new())]));
        let keys = keys.collect();
        let (places, whole_values) = (Vec::new(), Vec::new());
        Self { fields: columns.len(), any_case, keys, places, whole: false, whole_values }
    }

    /// Says which fields are values of SUPER columns.
    pub(super) fn with_whole_values(self, whole_values: Vec<bool>) -> Self {
        Self { whole_values, ..self }
    }

    /// A value as a field.
    fn text_of(&self, field: usize, value: &Json) -> Option<String> {
        match value {
            Json::String(text) if !self.is_whole(field) => Some(text.clone()),
            Json::Null => None,
            other => Some(other.to_string()),
        }
    }

    fn is_whole(&self, field: usize) -> bool {
        self.whole_values.get(field).copied().unwrap_or(false)
    }

    /// The document is the one field.
    pub(super) fn whole() -> Self {
        let keys = HashMap::new();
        let (places, whole_values) = (Vec::new(), Vec::new());
        Self { fields: 1, any_case: false, keys, places, whole: true, whole_values }
    }

    /// By the paths of a JSONPaths file; `None` when the file has no paths and `auto` holds.
    pub(super) fn by_paths(text: &[u8], columns: usize) -> Result<Option<Self>, SqlError> {
        let text = text.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(text);
        let parsed: Json = serde_json::from_slice(text)
            .map_err(|error| SqlError::new(format!("Invalid JSONPath format: {error}")))?;
        let Some(paths) = parsed.get("jsonpaths") else { return Ok(None) };
        let paths: Option<Vec<&str>> =
            paths.as_array().map(|paths| paths.iter().filter_map(Json::as_str).collect());
        let paths = paths.ok_or_else(|| {
            SqlError::new("Invalid JSONPath format: jsonpaths must be an array of strings")
        })?;
        if paths.len() != columns {
            return Err(SqlError::new(format!(
                "Number of jsonpaths and the number of columns should match. JSONPath size: {}, Number of columns in table or column list: {columns}",
                paths.len()
            )));
        }
        let mut shredder = Self::by_name(&[], false);
        shredder.fields = columns;
        for (index, path) in paths.iter().enumerate() {
            let mut steps = steps(path)?;
            match steps.first() {
                Some(Step::Key(key)) => {
                    let key = key.clone();
                    steps.remove(0);
                    shredder.keys.entry(key).or_default().push((index, steps));
                }
                Some(Step::Index(_)) => shredder.places.push((index, steps)),
                None => return Err(invalid_path(path)),
            }
        }
        Ok(Some(shredder))
    }

    /// The fields of a document, in the columns' order; `None` is null.
    pub(super) fn shred(&self, document: &str) -> Result<Vec<Option<String>>, Refusal> {
        if self.whole {
            let parsed: Json = serde_json::from_str(document).map_err(|error| invalid(&error))?;
            return Ok(vec![Some(parsed.to_string())]);
        }
        if document.starts_with('[') {
            return self.shred_array(document);
        }
        let mut fields: Vec<Option<String>> = vec![None; self.fields];
        let mut reader = serde_json::Deserializer::from_str(document);
        Keys { shredder: self, fields: &mut fields }
            .deserialize(&mut reader)
            .and_then(|()| reader.end())
            .map_err(|error| invalid(&error))?;
        Ok(fields)
    }

    fn shred_array(&self, document: &str) -> Result<Vec<Option<String>>, Refusal> {
        let parsed: Json = serde_json::from_str(document).map_err(|error| invalid(&error))?;
        if self.places.is_empty() {
            let text = "Invalid JSONPath format: Member is not an object.";
            return Err(Refusal::new(INVALID_LINE, text));
        }
        let mut fields: Vec<Option<String>> = vec![None; self.fields];
        for (index, steps) in &self.places {
            fields[*index] = walk(&parsed, steps).and_then(|value| self.text_of(*index, value));
        }
        Ok(fields)
    }

    fn places_of(&self, key: &str) -> Option<&Vec<(usize, Vec<Step>)>> {
        match self.any_case {
            true => self.keys.get(&key.to_lowercase()),
            false => self.keys.get(key),
        }
    }
}

fn invalid(error: &serde_json::Error) -> Refusal {
    let text = error.to_string();
    let text = text.split(" at line").next().unwrap_or_default().to_owned();
    Refusal::new(INVALID_LINE, format!("Invalid JSON: {text}, position {}", error.column()))
}

/// Visits a document's keys and keeps the values that are wanted.
struct Keys<'a> {
    shredder: &'a Shredder,
    fields: &'a mut Vec<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        use serde::de::Error;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let Some(places) = self.shredder.places_of(&key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: &RawValue = map.next_value()?;
            for (index, steps) in places {
                self.fields[*index] = match steps.is_empty() {
                    true if self.shredder.is_whole(*index) && value.get() != "null" => {
                        Some(value.get().to_owned())
                    }
                    true => raw_text(value.get()).map_err(M::Error::custom)?,
                    false => {
                        let parsed: Json =
                            serde_json::from_str(value.get()).map_err(M::Error::custom)?;
                        let found = walk(&parsed, steps);
                        found.and_then(|value| self.shredder.text_of(*index, value))
                    }
                };
            }
        }
        Ok(())
    }
}

/// A value as a field: text without its quotes, the rest as it is written.
fn raw_text(raw: &str) -> serde_json::Result<Option<String>> {
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).map(Some),
        Some(b'n') => Ok(None),
        _ => Ok(Some(raw.to_owned())),
    }
}

fn walk<'a>(value: &'a Json, steps: &[Step]) -> Option<&'a Json> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

fn invalid_path(path: &str) -> SqlError {
    SqlError::new(format!("Invalid JSONPath format: {path}"))
}

/// `$['a']['b'][0]` or `$.a.b[0]`.
fn steps(path: &str) -> Result<Vec<Step>, SqlError> {
    let error = || invalid_path(path);
    let mut rest = path.trim().strip_prefix('$').ok_or_else(error)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'));
            if let Some(quote) = quote {
                let end = inside[1..].find(&format!("{quote}]")).ok_or_else(error)?;
                steps.push(Step::Key(inside[1..=end].to_owned()));
                rest = &inside[end + 3..];
            } else {
                let end = inside.find(']').ok_or_else(error)?;
                steps.push(Step::Index(inside[..end].trim().parse().map_err(|_| error())?));
                rest = &inside[end + 1..];
            }
        } else {
            let name = rest.strip_prefix('.').ok_or_else(error)?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end == 0 || name.starts_with('*') {
                return Err(error());
            }
            steps.push(Step::Key(name[..end].to_owned()));
            rest = &name[end..];
        }
    }
    Ok(steps)
}

/// A record's text; what is no UTF-8 is replaced, byte by byte, or refused.
pub(super) fn utf8(bytes: &[u8], replacement: Option<char>) -> Result<Cow<'_, str>, Refusal> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(Cow::Borrowed(text)),
        Err(error) => error,
    };
    let Some(replacement) = replacement else {
        let start = error.valid_up_to();
        let length = error.error_len().unwrap_or(1);
        let sequence = bytes[start..(start + length).min(bytes.len())]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(" ");
        return Err(Refusal::new(
            INVALID_UTF8,
            format!(
                "String contains invalid or unsupported UTF8 codepoints. Bad UTF8 hex sequence: {sequence} (error 4)"
            ),
        ));
    };
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n(replacement, chunk.invalid().len()));
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_map_by_position() {
        let paths = br#"{"jsonpaths": ["$['b']['c'][1]", "$.a"]}"#;
        let shredder = Shredder::by_paths(paths, 2).expect("valid").expect("paths");
        let fields = shredder.shred(r#"{"a": "x", "b": {"c": [1, 2.50]}}"#).expect("valid");
        assert_eq!(fields, [Some("2.5".to_owned()), Some("x".to_owned())]);
        assert!(Shredder::by_paths(paths, 3).is_err());
        assert!(Shredder::by_paths(br#"{"paths": []}"#, 0).expect("falls back").is_none());
    }

    #[test]
    fn a_number_keeps_its_digits() {
        let shredder = Shredder::by_name(&["n".to_owned()], false);
        let fields = shredder.shred(r#"{"n": 35.14968000, "N": 1}"#).expect("valid");
        assert_eq!(fields, [Some("35.14968000".to_owned())]);
    }
}
