//! The JSONPaths file of a source: the landing bucket's own if there is one, otherwise Segue's. The
//! run keeps a copy, so that a retry reads what the plan has read.

use aws_sdk_s3::Client;
use segue_contract::jsonpaths::{self, JsonPaths};
use segue_contract::{ErrorName, Failure, layout, pipeline};
use segue_function::s3_failure;

use crate::work;

/// The JSONPaths file that the COPY of a source uses, and where it is; `None` for a source whose
/// keys are its columns' names. `key` is the key of the landing bucket's own file.
///
/// # Errors
/// `InvalidConfiguration` when the landing bucket's file cannot be used, or does not have one path for
/// each column: paths map by position, so another count would load values into the wrong columns.
/// Also if the file does not exist but one with a similar name does.
pub async fn find(
    s3: &Client,
    bucket: &str,
    source: &str,
    key: Option<&str>,
) -> Result<Option<(String, JsonPaths)>, Failure> {
    let Some(own) = pipeline::jsonpaths(source) else { return Ok(None) };
    let name = format!("sql/stage/{source}.jsonpaths.json");
    let own = JsonPaths::read(own.as_bytes()).map_err(|reason| {
        Failure::new(ErrorName::InvalidConfiguration, format!("{name}: {reason}"))
    })?;
    let Some(key) = key else { return Ok(Some((name, own))) };
    let uri = layout::uri(bucket, key);
    match work::get(s3, bucket, key).await? {
        Some(bytes) => fits(&uri, &bytes, &own).map(|paths| Some((uri, paths))),
        None => refuse_misnamed(s3, bucket, key).await.map(|()| Some((name, own))),
    }
}

fn fits(uri: &str, bytes: &[u8], own: &JsonPaths) -> Result<JsonPaths, Failure> {
    JsonPaths::read_for(bytes, own.paths.len()).map_err(|reason| {
        Failure::new(ErrorName::InvalidConfiguration, format!("{uri}: {reason}")).hint(
            "fix the file: one path for each column, in the order of the columns; or remove it to \
             use Segue's own",
        )
    })
}

/// Keys are case-sensitive, and programs change them: a file next to the expected one, with nearly
/// its name, is probably meant to be it. Only the first page of the folder is read.
async fn refuse_misnamed(s3: &Client, bucket: &str, key: &str) -> Result<(), Failure> {
    let folder = key.rfind('/').map_or("", |end| &key[..=end]);
    let listed = s3.list_objects_v2().bucket(bucket).prefix(folder).delimiter("/").send().await;
    let listed = listed.map_err(|error| {
        let what = format!("{} cannot be listed", layout::uri(bucket, folder));
        s3_failure(what, "s3:ListBucket", &error)
    })?;
    let mut keys = listed.contents().iter().filter_map(|object| object.key());
    match keys.find(|found| jsonpaths::is_nearly(found, key)) {
        None => Ok(()),
        Some(found) => Err(Failure::new(
            ErrorName::InvalidConfiguration,
            format!(
                "expected a JSONPaths file to have the key {}, found {}",
                layout::uri(bucket, key),
                layout::uri(bucket, found)
            ),
        )
        .hint("rename the file, or remove it to use Segue's own")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_would_shift_columns_are_refused() {
        let text = pipeline::jsonpaths("events").expect("events have paths");
        let own = JsonPaths::read(text.as_bytes()).expect("ours");
        assert!(fits("s3://b/k", text.as_bytes(), &own).is_ok());
        let messages: Vec<String> = [
            br#"{"jsonpaths": ["$.a"]}"#.as_slice(),
            b"{}",
            b"no json",
            b"{\"jsonpaths\": [\"\xff\"]}",
        ]
        .into_iter()
        .map(|text| fits("s3://b/k", text, &own).expect_err("refused").to_string())
        .collect();
        insta::assert_snapshot!(messages.join("\n\n"));
    }
}
