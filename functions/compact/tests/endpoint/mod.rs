//! An S3 endpoint in this process: what the function needs, and the faults it can inject.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

/// Bytes that are sent at once before a connection breaks.
const PIECE_BYTES: usize = 64 << 10;

/// The objects of the endpoint, and its planned faults.
#[derive(Default)]
pub struct Objects {
    objects: BTreeMap<String, Bytes>,
    uploads: HashMap<String, BTreeMap<u32, Bytes>>,
    throttles: HashMap<String, u32>,
    breaks: HashMap<String, usize>,
    replacements: HashMap<String, Bytes>,
    loses_completion: bool,
    requests: u64,
    at_once: usize,
    at_once_most: usize,
    latency: Duration,
}

/// The running endpoint.
#[derive(Clone, Default)]
pub struct Endpoint {
    state: Arc<Mutex<Objects>>,
    address: String,
}

impl Endpoint {
    /// Starts on a free port of this machine.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let endpoint = Self { state: Arc::default(), address };
        let router = Router::new()
            .route("/{bucket}/{*key}", axum::routing::any(serve))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(endpoint.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    /// Where it listens, as a URL.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The configuration of a client for it.
    pub fn config(&self) -> Builder {
        config(self.address())
    }

    /// Puts an object by its URI without the scheme: `bucket/key`.
    pub fn put(&self, path: &str, body: impl Into<Bytes>) {
        self.lock().objects.insert(path.to_owned(), body.into());
    }

    /// The object at this URI.
    pub fn get(&self, path: &str) -> Option<Bytes> {
        self.lock().objects.get(path).cloned()
    }

    /// The next requests for the object are throttled.
    pub fn throttle(&self, path: &str, times: u32) {
        self.lock().throttles.insert(path.to_owned(), times);
    }

    /// The next answer with the object breaks off after this many bytes.
    pub fn break_after(&self, path: &str, bytes: usize) {
        self.lock().breaks.insert(path.to_owned(), bytes);
    }

    /// Another object replaces it as soon as an answer with the first has broken off.
    pub fn replace_after_break(&self, path: &str, body: impl Into<Bytes>) {
        self.lock().replacements.insert(path.to_owned(), body.into());
    }

    /// The next multipart upload is completed, but the answer is lost.
    pub fn lose_completion(&self) {
        self.lock().loses_completion = true;
    }

    /// Removes the object.
    pub fn remove(&self, path: &str) {
        self.lock().objects.remove(path);
    }

    /// Every request takes this long.
    pub fn set_latency(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    /// The requests so far, and the most at once.
    pub fn requests(&self) -> (u64, usize) {
        let state = self.lock();
        (state.requests, state.at_once_most)
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.state.lock().expect("no test panics with it")
    }

    fn respond(
        &self,
        method: &Method,
        path: &str,
        query: &HashMap<String, String>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response {
        let upload = query.get("uploadId");
        match (method.as_str(), upload) {
            ("GET", _) => self.read(path, headers),
            ("PUT", Some(id)) => {
                let number = query["partNumber"].parse().expect("a number");
                let etag = etag(&body);
                let mut state = self.lock();
                state.uploads.get_mut(id).expect("begun").insert(number, body);
                [("ETag", etag)].into_response()
            }
            ("PUT", None) => {
                let etag = etag(&body);
                self.put(path, body);
                [("ETag", etag)].into_response()
            }
            ("POST", None) => {
                self.lock().uploads.insert(path.to_owned(), BTreeMap::new());
                format!(
                    "<InitiateMultipartUploadResult><UploadId>{path}</UploadId>\
                     </InitiateMultipartUploadResult>"
                )
                .into_response()
            }
            ("POST", Some(id)) => {
                let Some(parts) = self.lock().uploads.remove(id) else {
                    return error(StatusCode::NOT_FOUND, "NoSuchUpload");
                };
                let whole: Vec<u8> = parts.into_values().flatten().collect();
                self.put(path, whole);
                if std::mem::take(&mut self.lock().loses_completion) {
                    return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError");
                }
                "<CompleteMultipartUploadResult/>".into_response()
            }
            ("DELETE", Some(id)) => {
                self.lock().uploads.remove(id);
                StatusCode::NO_CONTENT.into_response()
            }
            other => panic!("{other:?} is not served here"),
        }
    }

    fn read(&self, path: &str, headers: &HeaderMap) -> Response {
        let mut state = self.lock();
        if let Some(left) = state.throttles.get_mut(path).filter(|left| **left > 0) {
            *left -= 1;
            return error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown");
        }
        let Some(body) = state.objects.get(path).cloned() else {
            return error(StatusCode::NOT_FOUND, "NoSuchKey");
        };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if header("if-match").is_some_and(|expected| expected != etag(&body)) {
            return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let from = header("range").map_or(0, |range| {
            range.trim_start_matches("bytes=").trim_end_matches('-').parse().expect("a number")
        });
        let served = body.slice(from..);
        let head = [("ETag", etag(&body)), ("Content-Length", served.len().to_string())];
        match state.breaks.remove(path) {
            Some(bytes) => {
                if let Some(other) = state.replacements.remove(path) {
                    state.objects.insert(path.to_owned(), other);
                }
                let sent: Vec<Bytes> =
                    served[..bytes].chunks(PIECE_BYTES).map(Bytes::copy_from_slice).collect();
                let broken = Err(std::io::Error::other("broken"));
                let pieces: Vec<_> = sent.into_iter().map(Ok).chain([broken]).collect();
                (head, Body::from_stream(futures::stream::iter(pieces))).into_response()
            }
            None => (head, served).into_response(),
        }
    }
}

/// The configuration of a client for an endpoint.
pub fn config(address: &str) -> Builder {
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(address)
        .force_path_style(true)
        .http_client(
            aws_smithy_http_client::Builder::new()
                .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
                    aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
                ))
                .build_https(),
        )
}

async fn serve(
    State(endpoint): State<Endpoint>,
    method: Method,
    Path((bucket, key)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let latency = {
        let mut state = endpoint.lock();
        state.requests += 1;
        state.at_once += 1;
        state.at_once_most = state.at_once_most.max(state.at_once);
        state.latency
    };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let answer = endpoint.respond(&method, &format!("{bucket}/{key}"), &query, &headers, body);
    endpoint.lock().at_once -= 1;
    answer
}

/// The same bytes have the same ETag, which is all that is needed here.
pub fn etag(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("\"{:032x}\"", hasher.finish())
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, format!("<Error><Code>{code}</Code><Message>as planned</Message></Error>"))
        .into_response()
}
