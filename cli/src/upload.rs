//! Makes the landing bucket hold what a directory of data holds.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use crate::data_set::{DataSet, Unusable};
use aws_sdk_s3::{Client, primitives::ByteStream};
use futures::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};

use crate::{
    aws::{self, AwsClients},
    errors::{Outcome, Problem, on_file},
    stack::Stack,
    ui,
};

const REQUESTS_AT_ONCE: usize = 32;
/// The most keys to name.
const NAMED_MAX: usize = 5;

/// What happens to objects that the directory does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They are removed: the bucket holds what the directory holds.
    Removed,
    /// They stay: the directory is added to the bucket.
    Kept,
}

/// What the bucket holds of a directory.
#[derive(Debug)]
pub struct Uploaded {
    /// The MD5 of every file by its key, which is its object's ETag.
    pub etags: BTreeMap<String, String>,
}

/// The content of an object.
#[derive(Debug, Clone)]
enum Content {
    File(PathBuf),
    Text(String),
}

/// Reads a directory, and rejects one that cannot be used.
pub fn read(directory: &Path) -> Outcome<DataSet> {
    DataSet::read(directory)
        .map_err(|Unusable { message, hint }| Problem::wrong_use(message).hint(hint))
}

/// Uploads what the bucket does not hold yet, removes what the directory does not hold unless
/// others are kept, and says how much.
pub async fn upload(
    data: &DataSet,
    clients: &AwsClients,
    stack: &Stack,
    others: Others,
) -> Outcome<Uploaded> {
    data.lines().for_each(ui::say);
    let (client, landing) = (clients.s3_of(stack), stack.landing()?);
    let bucket = landing.bucket.as_str();
    let mut contents = BTreeMap::new();
    for source in landing.sources() {
        for file in data.of(source.name) {
            let key = format!("{}{}", source.prefix, file.name);
            contents.insert(key, Content::File(file.path.clone()));
        }
        if let Some((path, text)) = data.jsonpaths.get(source.name) {
            let key = source.jsonpaths_key.as_ref().ok_or_else(|| unused(source.name, path))?;
            ui::say(format!("{} are mapped by {}", source.name, path.display()));
            contents.insert(key.clone(), Content::Text(text.clone()));
        }
    }
    let present = etags(&client, bucket).await?;
    let is_ours = |key: &String| {
        let mut sources = landing.sources().iter();
        landing.has_paths_at(key) || sources.any(|source| key.starts_with(&source.prefix))
    };
    let other: Vec<String> = present
        .keys()
        .filter(|key| is_ours(key) && !contents.contains_key(*key))
        .cloned()
        .collect();
    let etags = put_all(&client, bucket, contents, &present).await?;
    match others {
        Others::Removed => remove_all(&client, bucket, &other).await?,
        Others::Kept if !other.is_empty() => {
            let files = ui::count(other.len(), "other file");
            ui::say(format!("the bucket still holds {files}: {}", named(&other)));
        }
        Others::Kept => {}
    }
    Ok(Uploaded { etags })
}

/// Runs would not look for this JSONPaths file.
fn unused(source: &str, path: &Path) -> Problem {
    Problem::wrong_use(format!(
        "expected the stack to have a key for a JSONPaths file of {source}, found none; {} would \
         not be used",
        path.display()
    ))
    .hint("deploy the stack with such a key, or remove the file")
}

async fn put_all(
    client: &Client,
    bucket: &str,
    contents: BTreeMap<String, Content>,
    present: &HashMap<String, String>,
) -> Outcome<BTreeMap<String, String>> {
    let total = contents.len();
    let bar = ui::bar("uploading", total as u64);
    let puts: Vec<(String, String, bool)> = stream::iter(contents)
        .map(|(key, content)| {
            let (client, bar, known) = (client.clone(), bar.clone(), present.get(&key).cloned());
            async move {
                let (etag, is_sent) = put_if_other(&client, bucket, &key, &content, known).await?;
                bar.inc(1);
                Ok::<_, Problem>((key, etag, is_sent))
            }
        })
        .buffer_unordered(REQUESTS_AT_ONCE)
        .try_collect()
        .await?;
    bar.finish_and_clear();
    let sent = puts.iter().filter(|(.., is_sent)| *is_sent).count();
    ui::say(format!(
        "uploaded {}, {} already there",
        ui::count(sent, "file"),
        ui::count(total - sent, "file")
    ));
    Ok(puts.into_iter().map(|(key, etag, _)| (key, etag)).collect())
}

/// The MD5 of every object that was put in one part.
async fn etags(client: &Client, bucket: &str) -> Outcome<HashMap<String, String>> {
    let mut etags = HashMap::new();
    let mut pages = client.list_objects_v2().bucket(bucket).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| aws::problem("list the landing bucket", error))?;
        for object in page.contents.unwrap_or_default() {
            if let Some(key) = object.key {
                let etag = object.e_tag.unwrap_or_default();
                etags.insert(key, etag.trim_matches('"').to_owned());
            }
        }
    }
    Ok(etags)
}

/// The content's MD5, and whether it was uploaded.
async fn put_if_other(
    client: &Client,
    bucket: &str,
    key: &str,
    content: &Content,
    known: Option<String>,
) -> Outcome<(String, bool)> {
    let body = match content {
        Content::File(path) => tokio::fs::read(path).await.map_err(on_file("read", path))?,
        Content::Text(text) => text.clone().into_bytes(),
    };
    let etag = hex::encode(Md5::digest(&body));
    if known.as_ref() == Some(&etag) {
        return Ok((etag, false));
    }
    let put = client.put_object().bucket(bucket).key(key).content_type("application/json");
    put.body(ByteStream::from(body))
        .send()
        .await
        .map_err(|error| aws::problem(&format!("upload {key}"), error))?;
    Ok((etag, true))
}

async fn remove_all(client: &Client, bucket: &str, keys: &[String]) -> Outcome {
    if keys.is_empty() {
        return Ok(());
    }
    stream::iter(keys)
        .map(|key| async move {
            let removed = client.delete_object().bucket(bucket).key(key).send().await;
            removed.map(|_| ()).map_err(|error| aws::problem(&format!("remove {key}"), error))
        })
        .buffer_unordered(REQUESTS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    ui::say(format!(
        "removed {} that the directory does not hold from the bucket: {}; --add keeps such files",
        ui::count(keys.len(), "file"),
        named(keys)
    ));
    Ok(())
}

/// The first of some keys.
fn named(keys: &[String]) -> String {
    let mut keys: Vec<String> = keys.iter().map(|key| key.escape_debug().to_string()).collect();
    keys.sort();
    let more = keys.len().saturating_sub(NAMED_MAX);
    keys.truncate(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    keys.join(", ") + &more
}
