//! The allowed records of a source: objects, and also arrays if its JSONPaths index arrays.

use aws_sdk_s3::error::ProvideErrorMetadata;
use segue_contract::jsonpaths::JsonPaths;
use segue_contract::messages::CompactRequest;
use segue_contract::{Failure, layout, pipeline};
use segue_documents::Records;
use segue_function::{s3_failure, unreadable};

use crate::Context;

/// Reads the JSONPaths file that the run's COPY of the source uses.
///
/// # Errors
/// `SourceUnreadable` when the work bucket does not answer.
pub async fn of(context: &Context, request: &CompactRequest) -> Result<Records, Failure> {
    if pipeline::jsonpaths(&request.source).is_none() {
        return Ok(Records::Objects);
    }
    let bucket = &context.settings.work_bucket;
    let key = layout::jsonpaths_key(&request.run, &request.source);
    let what = format!("{} cannot be read", layout::uri(bucket, &key));
    let object = match context.writing.get_object().bucket(bucket).key(&key).send().await {
        Ok(object) => object,
        Err(error) if error.code() == Some("NoSuchKey") => return Ok(Records::Objects),
        Err(error) => return Err(s3_failure(&what, "s3:GetObject", &error)),
    };
    let text = object.body.collect().await.map_err(|error| unreadable(&what, error))?;
    Ok(by_paths(&text.into_bytes()))
}

/// A file that cannot be read here is left for the COPY to reject.
fn by_paths(text: &[u8]) -> Records {
    match JsonPaths::read(text).is_ok_and(|paths| paths.are_of_arrays()) {
        true => Records::ObjectsAndArrays,
        false => Records::Objects,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_arrays_where_a_path_begins_with_an_index() {
        let records = |path: &str| by_paths(format!("{{\"jsonpaths\": [\"{path}\"]}}").as_bytes());
        assert_eq!(records("$[0]"), Records::ObjectsAndArrays);
        assert_eq!(records("$[3]['name']"), Records::ObjectsAndArrays);
        assert_eq!(records("$['name'][0]"), Records::Objects);
        assert_eq!(records("$.name"), Records::Objects);
        assert_eq!(by_paths(b"no JSON"), Records::Objects);
    }
}
