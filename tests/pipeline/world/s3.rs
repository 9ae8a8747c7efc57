//! S3 behind the SDK's client, without a socket: the calls of Segue's functions.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use super::body;
use super::faults::{Mischief, Trouble};
use super::kill::{Doom, unless_killed};
use super::objects::{Object, Objects};

/// Keys per page; so few that every listing has several pages.
const PAGE_KEYS_MAX: usize = 3;
/// Where the parts of uploads are kept.
const UPLOADS_PREFIX: &str = ".uploads/";

/// S3's message for a throttle.
pub const SLOW_DOWN: (&str, &str) = ("SlowDown", "Please reduce your request rate.");
/// S3's message for an internal error.
pub const INTERNAL_ERROR: (&str, &str) =
    ("InternalError", "We encountered an internal error. Please try again.");

/// A client's connection to the buckets.
pub fn s3(
    objects: Arc<Objects>,
    mischief: Arc<Mischief>,
    doom: Option<Arc<Doom>>,
) -> SharedHttpClient {
    client(move |request| {
        let (objects, mischief) = (Arc::clone(&objects), Arc::clone(&mischief));
        unless_killed(doom.clone(), async move {
            objects.requests.fetch_add(1, Ordering::Relaxed);
            let trouble = mischief.s3();
            let refusal = match trouble {
                Some(Trouble::Throttled) => Some((503, SLOW_DOWN)),
                Some(Trouble::Refused) => Some((500, INTERNAL_ERROR)),
                _ => None,
            };
            if let Some((status, (code, message))) = refusal {
                return Ok(failure(status, code, message));
            }
            let mut answer = answer(&objects, &request);
            let whole = answer.body().bytes().unwrap_or_default().to_vec();
            match trouble {
                Some(Trouble::AnswerBroken) if !whole.is_empty() => {
                    *answer.body_mut() = body::broken(&whole);
                }
                Some(Trouble::AnswerLost | Trouble::AnswerBroken) => {
                    return Err(ConnectorError::io(body::reset().into()));
                }
                Some(Trouble::AnswerSlow) => *answer.body_mut() = body::slow(&whole),
                _ => {}
            }
            Ok(answer)
        })
    })
}

/// An HTTP client that is a closure.
pub fn client<Answer>(
    answer: impl Fn(HttpRequest) -> Answer + Send + Sync + 'static,
) -> SharedHttpClient
where
    Answer: Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'static,
{
    struct Connector<F>(F);
    impl<F> std::fmt::Debug for Connector<F> {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("Connector")
        }
    }
    impl<F, Answer> HttpConnector for Connector<F>
    where
        F: Fn(HttpRequest) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'static,
    {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::new((self.0)(request))
        }
    }
    let connector = SharedHttpConnector::new(Connector(answer));
    http_client_fn(move |_, _| connector.clone())
}

/// An answer with a body.
pub fn response(status: u16, kind: &'static str, body: impl Into<SdkBody>) -> HttpResponse {
    let status = status.try_into().expect("a status");
    let mut response = HttpResponse::new(status, body.into());
    response.headers_mut().insert("content-type", kind);
    response
}

fn failure(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    response(status, "application/xml", body)
}

fn answer(objects: &Objects, request: &HttpRequest) -> HttpResponse {
    let uri = url(request.uri());
    match (request.method(), uri.key.as_str()) {
        _ if !objects.has_bucket(&uri.bucket) => {
            failure(404, "NoSuchBucket", "The specified bucket does not exist.")
        }
        ("GET", "") => list(objects, &uri),
        ("GET", key) if objects.is_archived(&uri.bucket, key) => failure(
            403,
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
        ),
        ("GET", key) => match objects.get(&uri.bucket, key) {
            Some(object) => read(&object),
            None => failure(404, "NoSuchKey", "The specified key does not exist."),
        },
        ("PUT", key) => {
            let body = request.body().bytes().expect("a body in memory").to_vec();
            let key = match (uri.query.get("uploadId"), uri.query.get("partNumber")) {
                (Some(id), Some(part)) => format!("{id}{part:0>5}"),
                _ => key.to_owned(),
            };
            let etag = objects.put(&uri.bucket, &key, body);
            let mut response = response(200, "application/xml", "");
            response.headers_mut().insert("etag", format!("\"{etag}\""));
            response
        }
        ("POST", "") => {
            let body = request.body().bytes().expect("a body in memory");
            delete(objects, &uri, std::str::from_utf8(body).expect("UTF-8"))
        }
        ("POST", key) => upload(objects, &uri, key),
        ("DELETE", _) => {
            drop_parts(objects, &uri);
            response(204, "application/xml", "")
        }
        (method, _) => failure(501, "NotImplemented", &format!("{method} {}", request.uri())),
    }
}

fn read(object: &Object) -> HttpResponse {
    let mut response = response(200, "binary/octet-stream", object.body.to_vec());
    response.headers_mut().insert("etag", format!("\"{}\"", object.etag));
    response.headers_mut().insert("content-length", object.body.len().to_string());
    response
}

/// `DeleteObjects`: a key that is not there is deleted, too.
fn delete(objects: &Objects, uri: &Url, body: &str) -> HttpResponse {
    let keys = body.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
    keys.for_each(|(key, _)| objects.remove(&uri.bucket, key));
    response(200, "application/xml", "<DeleteResult></DeleteResult>")
}

/// Starts a multipart upload, or completes it. Its parts have their own keys.
fn upload(objects: &Objects, uri: &Url, key: &str) -> HttpResponse {
    let Some(id) = uri.query.get("uploadId") else {
        let id = format!("{UPLOADS_PREFIX}{key}/");
        let body = format!(
            "<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>",
            escaped(&id)
        );
        return response(200, "application/xml", body);
    };
    let parts = objects.under(&uri.bucket, id);
    if parts.is_empty() {
        return failure(404, "NoSuchUpload", "The specified multipart upload does not exist.");
    }
    let body: Vec<u8> = parts.iter().flat_map(|(_, part)| part.body.to_vec()).collect();
    let etag = objects.put(&uri.bucket, key, body);
    drop_parts(objects, uri);
    let body = format!(
        "<CompleteMultipartUploadResult><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>"
    );
    response(200, "application/xml", body)
}

fn drop_parts(objects: &Objects, uri: &Url) {
    let id = uri.query.get("uploadId").map_or("", String::as_str);
    for (key, _) in objects.under(&uri.bucket, id) {
        objects.remove(&uri.bucket, &key);
    }
}

/// `ListObjectsV2`: keys, or with a delimiter the folders among them, page by page.
fn list(objects: &Objects, uri: &Url) -> HttpResponse {
    let parameter = |name: &str| uri.query.get(name).cloned().unwrap_or_default();
    let (prefix, delimiter) = (parameter("prefix"), parameter("delimiter"));
    let after = match parameter("continuation-token") {
        token if token.is_empty() => parameter("start-after"),
        token => token,
    };
    let (mut contents, mut folders, mut last) = (String::new(), BTreeSet::new(), String::new());
    let (mut keys, mut truncated) = (0, false);
    for (key, object) in objects.under(&uri.bucket, &prefix) {
        if key.as_str() <= after.as_str() {
            continue;
        }
        let folder = match delimiter.as_str() {
            "" => None,
            delimiter => key[prefix.len()..].find(delimiter).map(|end| prefix.len() + end + 1),
        };
        let is_new = match folder {
            Some(end) => !folders.contains(&key[..end]),
            None => true,
        };
        if is_new && keys == PAGE_KEYS_MAX {
            truncated = true;
            break;
        }
        keys += usize::from(is_new);
        match folder {
            Some(end) => _ = folders.insert(key[..end].to_owned()),
            None => {
                contents.push_str(&format!(
                    "<Contents><Key>{}</Key><ETag>&quot;{}&quot;</ETag><Size>{}</Size>\
                     <StorageClass>{}</StorageClass></Contents>",
                    escaped(&key),
                    object.etag,
                    object.body.len(),
                    if objects.is_archived(&uri.bucket, &key) { "GLACIER" } else { "STANDARD" },
                ));
            }
        }
        last = key;
    }
    for folder in &folders {
        let prefix = escaped(folder);
        contents.push_str(&format!("<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>"));
    }
    let next = match truncated {
        true => format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(&last)),
        false => String::new(),
    };
    let body = format!(
        "<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{next}{contents}</ListBucketResult>"
    );
    response(200, "application/xml", body)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

struct Url {
    bucket: String,
    key: String,
    query: BTreeMap<String, String>,
}

/// `http://host/bucket/key?name=value`.
fn url(uri: &str) -> Url {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    Url {
        bucket: decoded(bucket),
        key: decoded(key),
        query: pairs.map(|(name, value)| (decoded(name), decoded(value))).collect(),
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
