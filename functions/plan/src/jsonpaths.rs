//! The JSONPaths file of a source: the landing bucket's own where there is one, else Segue's. The run
//! keeps a copy, so that a retry reads what the plan has seen.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use segue_contract::{ErrorName, Failure, Run, layout, pipeline};
use segue_function::{s3_failure, unreadable};
use serde::Deserialize;

use crate::manifest::put;
use crate::settings::{Settings, Source};

#[derive(Deserialize)]
struct JsonPaths {
    jsonpaths: Vec<String>,
}

/// Writes the JSONPaths file that the COPY of this source uses, if it uses one.
///
/// # Errors
/// `InvalidConfiguration` when the landing bucket's file is none, or does not have one path for each
/// column: paths map by position, so another count would load values into the wrong columns.
pub async fn write(
    s3: &Client,
    settings: &Settings,
    run: &Run,
    source: &Source,
) -> Result<(), Failure> {
    let Some(own) = pipeline::jsonpaths(&source.name) else { return Ok(()) };
    let brought = match &source.jsonpaths_key {
        Some(key) => brought(s3, &settings.landing_bucket, key).await?,
        None => None,
    };
    if let (Some(bytes), Some(key)) = (&brought, &source.jsonpaths_key) {
        fits(&layout::uri(&settings.landing_bucket, key), bytes, own)?;
    }
    let body = brought.unwrap_or_else(|| own.into());
    put(s3, &settings.work_bucket, &layout::jsonpaths_key(run, &source.name), body).await
}

async fn brought(s3: &Client, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let place = || format!("{} cannot be read", layout::uri(bucket, key));
    let object = match s3.get_object().bucket(bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
        Err(error) => return Err(s3_failure(place(), "s3:GetObject", &error)),
    };
    let bytes = object.body.collect().await.map_err(|error| unreadable(place(), error))?;
    Ok(Some(bytes.to_vec()))
}

fn fits(uri: &str, bytes: &[u8], own: &str) -> Result<(), Failure> {
    let invalid = |reason: String| {
        Failure::new(ErrorName::InvalidConfiguration, format!("{uri}: {reason}")).hint(
            "remove the file to use Segue's own, or mend it: one path a column, in their order",
        )
    };
    let read = |bytes: &[u8]| serde_json::from_slice::<JsonPaths>(bytes);
    let found = read(bytes)
        .map_err(|error| invalid(format!("expected {{\"jsonpaths\": […]}}, found: {error}")))?;
    let expected = read(own.as_bytes()).map(|own| own.jsonpaths.len()).unwrap_or_default();
    if found.jsonpaths.len() == expected {
        return Ok(());
    }
    Err(invalid(format!("expected {expected} paths, found {}", found.jsonpaths.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_would_shift_columns_are_refused() {
        let own = pipeline::jsonpaths("events").expect("events have paths");
        assert!(fits("s3://b/k", own.as_bytes(), own).is_ok());
        let messages: Vec<String> = [
            br#"{"jsonpaths": ["$.a"]}"#.as_slice(),
            b"{}",
            b"no json",
            b"{\"jsonpaths\": [\"\xff\"]}",
        ]
        .into_iter()
        .map(|text| fits("s3://b/k", text, own).expect_err("refused").to_string())
        .collect();
        insta::assert_snapshot!(messages.join("\n\n"));
    }
}
