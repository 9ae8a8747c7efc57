//! The JSONPaths file that a run would use, read as a run reads it.

use segue_contract::{jsonpaths::JsonPaths, pipeline};

use super::{Source, files::Files};
use crate::errors::{Outcome, Problem};

/// Where the paths of a source come from, and the paths; `None` where keys are columns' names.
///
/// # Errors
/// A file that cannot be used.
pub async fn find(source: &Source, files: &Files<'_>) -> Outcome<Option<(String, JsonPaths)>> {
    let Some(own) = pipeline::jsonpaths(source.name) else { return Ok(None) };
    let brought = match &source.jsonpaths_key {
        Some(key) => {
            files.read(key).await?.map(|bytes| (format!("s3://{}/{key}", files.landing), bytes))
        }
        None => None,
    };
    let (whose, bytes) = brought.unwrap_or_else(|| {
        (format!("sql/stage/{}.jsonpaths.json", source.name), own.as_bytes().to_vec())
    });
    let paths = JsonPaths::read(&bytes).map_err(|reason| {
        Problem::failed(format!("{whose}: {reason}")).hint(
            "fix the file, or remove it to use Segue's own: one path for each column, in the order \
                   of sql/create/staging.sql",
        )
    })?;
    Ok(Some((whose, paths)))
}
