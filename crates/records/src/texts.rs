//! Reads refused records again from the files that they stand in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io::{self, BufRead, BufReader};

use aws_sdk_s3::Client;
use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Compressed bytes of a file that is read again at most: a merged part has up to 60 MB.
const FILE_BYTES_MAX: i64 = 64 << 20;
/// Lines over which a document is looked for at most.
const DOCUMENT_LINES_MAX: usize = 200;

/// The texts of the records that end on these lines of a file. What cannot be read again is left
/// out: whoever asks goes on without it.
pub async fn texts(s3: &Client, file: &str, lines: &BTreeSet<u64>) -> BTreeMap<u64, String> {
    match read(s3, file, lines).await {
        Ok(texts) => texts,
        Err(error) => {
            tracing::warn!(file, %error, "a refused record cannot be read again");
            BTreeMap::new()
        }
    }
}

async fn read(
    s3: &Client,
    file: &str,
    lines: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, String>, Box<dyn std::error::Error + Send + Sync>> {
    let place = file.strip_prefix("s3://").and_then(|place| place.split_once('/'));
    let (bucket, key) = place.ok_or("expected s3://bucket/key")?;
    let object = s3.get_object().bucket(bucket).key(key).send().await?;
    if object.content_length.is_some_and(|length| length > FILE_BYTES_MAX) {
        return Err(format!("expected at most {FILE_BYTES_MAX} bytes").into());
    }
    let bytes = object.body.collect().await?.into_bytes();
    Ok(match key.rsplit('.').next() {
        Some("gz") => find(BufReader::new(MultiGzDecoder::new(bytes.as_ref())), lines)?,
        Some("zst") => find(BufReader::new(zstd::Decoder::new(bytes.as_ref())?), lines)?,
        _ => find(bytes.as_ref(), lines)?,
    })
}

/// Holds no more than the lines that a document may have.
fn find(mut input: impl BufRead, wanted: &BTreeSet<u64>) -> io::Result<BTreeMap<u64, String>> {
    let mut found = BTreeMap::new();
    let mut window: VecDeque<String> = VecDeque::new();
    let last = wanted.last().copied().unwrap_or_default();
    for number in 1..=last {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if window.len() == DOCUMENT_LINES_MAX {
            window.pop_front();
        }
        window.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        if wanted.contains(&number) {
            found.insert(number, document(&window));
        }
    }
    Ok(found)
}

/// The document that ends on the last of the lines; where none does, that line as it is.
fn document(lines: &VecDeque<String>) -> String {
    let mut text = String::new();
    for line in lines.iter().rev() {
        text.insert_str(0, line);
        if line.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok() {
            return text;
        }
        text.insert(0, '\n');
    }
    lines.back().cloned().unwrap_or_default()
}

/// What a record has for a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Text, without quotes and escapes.
    Text(String),
    /// Anything else, as it is written, on one line: `1e9` is no `1000000000.0` to whoever looks for
    /// it in the file.
    Other(String),
}

impl Given {
    /// What a COPY takes of it for a text.
    pub fn text(&self) -> &str {
        let (Self::Text(text) | Self::Other(text)) = self;
        text
    }
}

impl fmt::Display for Given {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "{text:?}"),
            Self::Other(written) => formatter.write_str(written),
        }
    }
}

/// What a record has for a column: the value of the key that has the column's name, in whatever
/// case and with or without underscores, as `userAgent` is to `user_agent`.
pub fn value(record: &str, column: &str) -> Option<Given> {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(record).ok()?;
    let (_, value) = fields.into_iter().find(|(key, _)| plain(key) == plain(column))?;
    let text = serde_json::from_str(value.get()).map(Given::Text);
    Some(text.unwrap_or_else(|_| Given::Other(value.get().replace(['\n', '\r'], " "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, line: u64) -> Option<String> {
        find(text.as_bytes(), &BTreeSet::from([line])).expect("memory").remove(&line)
    }

    #[test]
    fn a_record_is_the_document_that_ends_on_the_line() {
        let text = "{\"a\": 1}\n{\n  \"a\": {\n    \"b\": 2}\n}\n{\"a\": oops}\n";
        assert_eq!(found(text, 1).as_deref(), Some("{\"a\": 1}"));
        assert_eq!(found(text, 5).as_deref(), Some("{\n  \"a\": {\n    \"b\": 2}\n}"));
        assert_eq!(found(text, 6).as_deref(), Some("{\"a\": oops}"));
        assert_eq!(found(text, 7), None);
    }

    #[test]
    fn a_column_s_value_is_found_by_its_key() {
        let record = "{\"userAgent\": \"a \\\"b\\\"\", \"ts\": 1e9, \"song\": null}";
        let shown = |column| value(record, column).map(|given| given.to_string());
        assert_eq!(value(record, "user_agent"), Some(Given::Text("a \"b\"".into())));
        assert_eq!(shown("user_agent").as_deref(), Some(r#""a \"b\"""#));
        assert_eq!(shown("ts").as_deref(), Some("1e9"));
        assert_eq!(shown("song").as_deref(), Some("null"));
        assert_eq!(shown("artist"), None);
    }
}
