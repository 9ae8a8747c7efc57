//! JSONPaths files: the one reader, and what makes a file look like one.
//!
//! Paths map to columns by position, so a file that cannot be read as intended is rejected with its
//! reason; it is never ignored.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The one key of a JSONPaths file.
const KEY: &str = "jsonpaths";
/// The first bytes of a file that are searched for the key.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// What the name of a JSONPaths file contains, without separators.
const NAME_PART: &str = "jsonpath";
/// Hexadecimal digits of a digest.
const DIGEST_CHARACTERS: usize = 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A JSONPaths file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPaths {
    /// One path per column, in the order of the columns.
    pub paths: Vec<String>,
    /// The file as a COPY gets it: UTF-8 without a byte order mark.
    pub text: String,
}

impl JsonPaths {
    /// Reads a JSONPaths file.
    ///
    /// # Errors
    /// What was expected and what was found, to follow the file's name.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = text(bytes)?;
        let json: Value = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
        let Value::Object(fields) = &json else {
            return Err(expected(&format!("found {}", kind(&json))));
        };
        let Some(paths) = fields.get(KEY) else {
            let spelt_otherwise = fields.keys().find(|key| key.eq_ignore_ascii_case(KEY));
            return Err(match spelt_otherwise {
                Some(key) => format!("expected the key \"{KEY}\" in lower case, found \"{key}\""),
                None => expected("found no such key"),
            });
        };
        let Value::Array(paths) = paths else {
            return Err(expected(&format!("found {}", kind(paths))));
        };
        let paths = paths.iter().enumerate().map(|(index, path)| match path {
            Value::String(path) if path.starts_with("$.") || path.starts_with("$[") => {
                Ok(path.clone())
            }
            other => {
                Err(format!("expected path {} to begin with $. or $[, found {other}", index + 1))
            }
        });
        Ok(Self { paths: paths.collect::<Result<_, _>>()?, text: text.to_owned() })
    }

    /// Reads a JSONPaths file that must have one path for each of this many columns.
    ///
    /// # Errors
    /// As [`read`](Self::read); another number of paths.
    pub fn read_for(bytes: &[u8], columns: usize) -> Result<Self, String> {
        let found = Self::read(bytes)?;
        match found.paths.len() == columns {
            true => Ok(found),
            false => Err(format!("expected {columns} paths, found {}", found.paths.len())),
        }
    }
}

impl JsonPaths {
    /// Whether a record may be an array: if a path begins with an index, `$[0]` rather than
    /// `$['key']`.
    #[must_use]
    pub fn are_of_arrays(&self) -> bool {
        let first =
            |path: &String| path.strip_prefix("$[").map(|rest| rest.trim_start().to_owned());
        let is_index = |step: String| step.starts_with(|one: char| one.is_ascii_digit());
        self.paths.iter().filter_map(first).any(is_index)
    }

    /// A digest that is equal for files with the same paths in the same order, in any notation.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for path in &self.paths {
            hasher.update((path.len() as u64).to_be_bytes());
            hasher.update(path.as_bytes());
        }
        let mut digest = hex::encode(hasher.finalize());
        digest.truncate(DIGEST_CHARACTERS);
        digest
    }
}

/// Whether a file's name says that it is a JSONPaths file, such as `log_json_path.json`.
pub fn name_says_so(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let plain: String = file.chars().filter(|letter| !"_-. ".contains(*letter)).collect();
    plain.contains(NAME_PART)
}

/// Whether a key is that of a JSONPaths file but for upper and lower case, separators, or an ending
/// that another program has changed or added: `Log_JSON_path.JSON` and `log_json_path.json.txt` for
/// `log_json_path.json`.
pub fn is_nearly(found: &str, expected: &str) -> bool {
    let plain = |key: &str| {
        let mut plain = key.to_lowercase();
        for ending in [".txt", ".json", ".jsonpaths", ".jsonpath"] {
            plain.truncate(plain.strip_suffix(ending).unwrap_or(&plain).len());
        }
        plain.retain(|letter| !"_-. ".contains(letter));
        plain
    };
    found != expected && plain(found) == plain(expected)
}

/// Whether a file's beginning says that it is a JSONPaths file, readable or not.
pub fn content_says_so(bytes: &[u8]) -> bool {
    let cut = &bytes[..bytes.len().min(FILE_BYTES_MAX)];
    // In UTF-16, every other byte is zero.
    let text: String = String::from_utf8_lossy(cut).chars().filter(|one| *one != '\0').collect();
    let text = text.trim_start_matches(['\u{feff}', '\u{fffd}']).trim_start().to_lowercase();
    let Some(rest) = text.strip_prefix('{') else { return false };
    let key = rest.trim_start().trim_start_matches(['"', '\'', '\u{201c}']);
    key.starts_with(KEY)
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
        return Err("expected UTF-8, found UTF-16: save the file as UTF-8".to_owned());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        format!("expected UTF-8, found other bytes after byte {}", error.valid_up_to())
    })
}

/// What is wrong with a text that is not JSON; a comma after the last path is the most common
/// mistake.
fn not_json(text: &str, error: &serde_json::Error) -> String {
    let before: String =
        text.lines().take(error.line()).collect::<Vec<_>>().join("\n").trim_end().to_owned();
    let closes = before.trim_end_matches(|letter: char| "]}".contains(letter));
    let is_behind_comma = closes.trim_end().ends_with(',') && before.len() > closes.len();
    match error.to_string() {
        reason if reason.contains("trailing comma") => {
            format!("line {}: expected no comma after the last path", error.line())
        }
        _ if is_behind_comma && !error.is_eof() => {
            format!("line {}: expected no comma after the last path", error.line())
        }
        reason => expected(&format!("found: {reason}")),
    }
}

fn expected(found: &str) -> String {
    format!("expected {{\"{KEY}\": [\"$.…\", …]}}, {found}")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf_16(text: &str, mark: &[u8]) -> Vec<u8> {
        mark.iter().copied().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    }

    #[test]
    fn a_byte_order_mark_is_no_obstacle() {
        let read = JsonPaths::read_for(b"\xef\xbb\xbf{\"jsonpaths\": [\"$.a\"]}", 1);
        assert_eq!(read.expect("reads").text, "{\"jsonpaths\": [\"$.a\"]}");
    }

    #[test]
    fn what_cannot_be_used_says_why_and_looks_like_what_it_should_be() {
        let json = r#"{"jsonpaths": ["$.a", "$.b"]}"#;
        let files: Vec<Vec<u8>> = vec![
            utf_16(json, b"\xff\xfe"),
            utf_16(json, b""),
            json.replace("]", ",]").into(),
            json.replace("]}", ",\n]\n}\n").into(),
            json.replace("jsonpaths", "jsonPaths").into(),
            json.replace("\"$.b\"", "7").into(),
            json.replace("$.b", "b").into(),
            json.replace("[\"$.a\", \"$.b\"]", "\"$.a\"").into(),
            json.replace("\"$.a\", ", "").into(),
            json.replace("\"", "\u{201c}").into(),
            json.replace("]}", "").into(),
        ];
        let reasons = files.iter().map(|file| {
            assert!(content_says_so(file), "{}", String::from_utf8_lossy(file));
            JsonPaths::read_for(file, 2).expect_err("refused")
        });
        insta::assert_snapshot!(reasons.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_name_that_is_nearly_the_expected_one_is_known() {
        let expected = "log_json_path.json";
        for found in ["log_json_path.JSON", "Log-Json-Path.json", "log_json_path.json.txt"] {
            assert!(is_nearly(found, expected), "{found}");
        }
        for found in
            [expected, "song_json_path.json", "log_json_paths2.json", "a/log_json_path.json"]
        {
            assert!(!is_nearly(found, expected), "{found}");
        }
    }

    #[test]
    fn other_files_do_not_look_like_it() {
        for text in
            ["", "[]", "{}", r#"{"page": "NextSong", "jsonpaths": 1}"#, "jsonpaths", "\u{fe}"]
        {
            assert!(!content_says_so(text.as_bytes()), "{text}");
        }
        assert!(!name_says_so("log_data/2018-11-01-events.json") && !name_says_so("settings.json"));
        for name in
            ["log_json_path.json", "a/song-JSONPaths.json", "log_json_path.JSON", "e.jsonpaths"]
        {
            assert!(name_says_so(name), "{name}");
        }
    }
}
