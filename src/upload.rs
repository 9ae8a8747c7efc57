//! Puts a directory of song and event files into the landing bucket; what is there already stays.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use aws_sdk_s3::{Client, primitives::ByteStream};
use futures::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};

use crate::{
    aws::{self, Clouds},
    errors::{Outcome, Problem, on_file},
    stack::Stack,
    talk,
};

const SONGS_FOLDER: &str = "song_data";
const EVENTS_FOLDER: &str = "log_data";
/// The key that the template expects a JSONPaths file of one's own under.
const JSONPATHS_KEY: &str = "log_json_path.json";
const UPLOADS_AT_ONCE: usize = 32;
/// Larger files would need an upload in parts, whose ETag is not the MD5 of the content.
const FILE_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
const FOLDER_DEPTH_MAX: usize = 16;

/// A directory that has been looked through.
#[derive(Debug)]
pub struct DataSet {
    songs: Vec<DataFile>,
    events: Vec<DataFile>,
    jsonpaths: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct DataFile {
    path: PathBuf,
    /// With `/` between its parts, below the folder of its source.
    name: String,
}

impl DataSet {
    /// Looks through a directory with `song_data/` and `log_data/`.
    pub fn read(directory: &Path) -> Outcome<Self> {
        if !directory.is_dir() {
            return Err(Problem::wrong_use(format!("there is no directory {}", directory.display()))
                .hint("--data wants a directory with song_data/ and log_data/; `segue generate` makes one"));
        }
        Ok(Self {
            songs: source(directory, SONGS_FOLDER)?,
            events: source(directory, EVENTS_FOLDER)?,
            jsonpaths: jsonpaths(directory)?,
        })
    }

    /// Uploads what the bucket does not hold yet, and says how much that was.
    pub async fn upload(&self, clouds: &Clouds, stack: &Stack) -> Outcome {
        let bucket = stack.landing_bucket()?;
        let mut uploads = Vec::new();
        let sources =
            [(stack.songs_prefix()?, &self.songs), (stack.events_prefix()?, &self.events)];
        for (prefix, files) in sources {
            let keyed = |file: &DataFile| (format!("{prefix}{}", file.name), file.path.clone());
            uploads.extend(files.iter().map(keyed));
        }
        uploads.extend(self.jsonpaths.clone().map(|path| (JSONPATHS_KEY.to_owned(), path)));

        let client = clouds.s3();
        let present = etags(&client, bucket).await?;
        let bar = talk::bar("uploading", uploads.len() as u64);
        let total = uploads.len();
        let sent: usize = stream::iter(uploads)
            .map(|(key, path)| {
                let (client, bar) = (client.clone(), bar.clone());
                let etag = present.get(&key).cloned();
                async move {
                    let sent = put_if_other(&client, bucket, &key, &path, etag).await?;
                    bar.inc(1);
                    Ok::<_, Problem>(usize::from(sent))
                }
            })
            .buffer_unordered(UPLOADS_AT_ONCE)
            .try_fold(0, |sum, sent| async move { Ok(sum + sent) })
            .await?;
        bar.finish_and_clear();
        talk::say(format!(
            "uploaded {}, {} there already",
            talk::count(sent, "file"),
            talk::count(total - sent, "file")
        ));
        Ok(())
    }
}

/// The MD5 of every object that was put in one part.
async fn etags(client: &Client, bucket: &str) -> Outcome<HashMap<String, String>> {
    let mut etags = HashMap::new();
    let mut pages = client.list_objects_v2().bucket(bucket).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| aws::problem("list the landing bucket", error))?;
        for object in page.contents.unwrap_or_default() {
            if let (Some(key), Some(etag)) = (object.key, object.e_tag) {
                etags.insert(key, etag.trim_matches('"').to_owned());
            }
        }
    }
    Ok(etags)
}

async fn put_if_other(
    client: &Client,
    bucket: &str,
    key: &str,
    path: &Path,
    etag: Option<String>,
) -> Outcome<bool> {
    let content = tokio::fs::read(path).await.map_err(on_file("read", path))?;
    if etag.is_some_and(|etag| etag == hex::encode(Md5::digest(&content))) {
        return Ok(false);
    }
    let put = client.put_object().bucket(bucket).key(key).content_type("application/json");
    put.body(ByteStream::from(content))
        .send()
        .await
        .map_err(|error| aws::problem(&format!("upload {}", path.display()), error))?;
    Ok(true)
}

fn source(directory: &Path, folder: &str) -> Outcome<Vec<DataFile>> {
    let root = directory.join(folder);
    if !root.is_dir() {
        return Err(Problem::wrong_use(format!(
            "there is no {folder}/ in {}",
            directory.display()
        ))
        .hint("--data wants a directory with song_data/ and log_data/"));
    }
    let mut files = Vec::new();
    list(&root, "", FOLDER_DEPTH_MAX, &mut files)?;
    if files.is_empty() {
        return Err(Problem::wrong_use(format!("there is no .json file in {}", root.display()))
            .hint("files are taken by their ending, .json, in all folders below"));
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn list(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<DataFile>) -> Outcome {
    if depth == 0 {
        return Err(Problem::wrong_use(format!("{} is too deep", folder.display()))
            .hint(format!("files may stand in at most {FOLDER_DEPTH_MAX} folders")));
    }
    for entry in fs::read_dir(folder).map_err(on_file("read", folder))? {
        let path = entry.map_err(on_file("read", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Problem::wrong_use(format!(
                "{} has a name that is not UTF-8",
                path.display()
            ))
            .hint("rename it: an object's key is UTF-8"));
        };
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            list(&path, &format!("{name}/"), depth - 1, files)?;
        } else if name.ends_with(".json") {
            check_size(&path)?;
            files.push(DataFile { path, name });
        }
    }
    Ok(())
}

fn check_size(path: &Path) -> Outcome {
    let bytes = fs::metadata(path).map_err(on_file("read", path))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(Problem::wrong_use(format!("{} has {bytes} bytes", path.display()))
            .hint(format!("split it into files of at most {FILE_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// A JSON file at the top of the directory that says how an event's fields are mapped.
fn jsonpaths(directory: &Path) -> Outcome<Option<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(on_file("read", directory))? {
        let path = entry.map_err(on_file("read", directory))?.path();
        if path.is_file() && path.extension().is_some_and(|ending| ending == "json") {
            let text = fs::read_to_string(&path).map_err(on_file("read", &path))?;
            let parsed: Option<serde_json::Value> = serde_json::from_str(&text).ok();
            if parsed.is_some_and(|json| json.get("jsonpaths").is_some()) {
                found.push(path);
            }
        }
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(Problem::wrong_use(format!(
            "there are {} JSONPaths files in {}",
            found.len(),
            directory.display()
        ))
        .hint("keep the one that describes log_data/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gives_its_files_by_source_and_its_jsonpaths() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        write("song_data/A/B/one.json", "{}");
        write("song_data/notes.txt", "no");
        write("log_data/2018/11/day.json", "{}");
        write("paths.json", r#"{"jsonpaths": []}"#);
        write("other.json", "{}");
        let data = DataSet::read(folder.path()).expect("a data set");
        assert_eq!(data.songs[0].name, "A/B/one.json");
        assert_eq!((data.songs.len(), data.events.len()), (1, 1));
        assert_eq!(data.jsonpaths, Some(folder.path().join("paths.json")));
    }
}
