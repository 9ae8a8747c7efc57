//! What stands under a prefix, page by page.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use segue_contract::{Failure, layout};
use segue_function::unreadable;

/// One object as it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// `s3://bucket/key`.
    pub uri: String,
    /// Its ETag, without quotes.
    pub etag: String,
    /// Its size.
    pub bytes: u64,
}

/// The pages of a listing, 1,000 objects each.
pub struct Pages<'a> {
    s3: &'a Client,
    bucket: &'a str,
    prefix: &'a str,
    next: Next,
}

enum Next {
    First,
    After(String),
    End,
}

impl<'a> Pages<'a> {
    /// Begins at the first page.
    pub fn new(s3: &'a Client, bucket: &'a str, prefix: &'a str) -> Self {
        Self { s3, bucket, prefix, next: Next::First }
    }

    /// The next page; none after the last.
    ///
    /// # Errors
    /// `SourceUnreadable` when the bucket cannot be listed.
    pub async fn next(&mut self) -> Result<Option<Vec<Object>>, Failure> {
        let token = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::First => None,
            Next::After(token) => Some(token),
        };
        let listed = self
            .s3
            .list_objects_v2()
            .bucket(self.bucket)
            .prefix(self.prefix)
            .set_continuation_token(token)
            .send()
            .await
            .map_err(|error| {
                let place = layout::uri(self.bucket, self.prefix);
                match error.code() {
                    Some(code) => unreadable(format!("{place} cannot be listed"), code),
                    None => {
                        unreadable(format!("{place} cannot be listed"), DisplayErrorContext(&error))
                    }
                }
            })?;
        if let Some(token) = listed.next_continuation_token {
            self.next = Next::After(token);
        }
        let objects = listed.contents.unwrap_or_default().into_iter().filter_map(|object| {
            let key = object.key.filter(|key| holds_data(key))?;
            Some(Object {
                uri: layout::uri(self.bucket, &key),
                etag: object.e_tag.unwrap_or_default().trim_matches('"').to_owned(),
                bytes: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            })
        });
        Ok(Some(objects.collect()))
    }
}

/// Folder markers, and names that begin with `.` or `_`, hold no data: so it is customary where
/// tools leave their own files beside the data.
fn holds_data(key: &str) -> bool {
    !key.rsplit('/').next().is_none_or(|name| name.is_empty() || name.starts_with(['.', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_own_files_are_no_data() {
        assert!(holds_data("song_data/A/a.json") && holds_data("a"));
        for key in ["song_data/", "song_data/.DS_Store", "log_data/_SUCCESS", ""] {
            assert!(!holds_data(key), "{key:?}");
        }
    }
}
