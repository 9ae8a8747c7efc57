//! A landing bucket of any size, whose listing is generated page by page; a work bucket that keeps
//! what is written; and a warehouse whose ledger holds the first objects.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_sdk_redshiftdata as data;
use aws_sdk_s3 as s3;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::routing::{get, post, put};
use segue_plan::{Context, Settings};
use segue_warehouse::{Target, Warehouse};
use serde_json::{Value, json};

/// The prefix of all keys.
const PREFIX: &str = "song_data/";
/// The folders of the objects: three letters deep.
const FOLDERS: u64 = 26 * 26 * 26;
/// Objects, or folders, on a page of the listing.
const PAGE_OBJECTS: u64 = 1_000;
/// Rows on a page of the ledger: about a megabyte.
const PAGE_ROWS: u64 = 6_000;
/// Bytes of every object.
pub const OBJECT_BYTES: u64 = 272;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub struct Volume {
    /// Objects in the landing bucket.
    pub objects: u64,
    /// How many of them the ledger holds, the first in key order.
    pub published: u64,
    /// How long every page takes.
    pub latency: Duration,
}

/// The requests to the buckets.
#[derive(Debug, Default)]
pub struct Seen {
    /// Pages of the listing.
    pub pages: u64,
    /// The most pages at once.
    pub pages_at_once: u64,
    /// What was written, by key.
    pub written: BTreeMap<String, Bytes>,
    at_once: u64,
}

/// The running endpoint.
#[derive(Clone)]
pub struct Bucket {
    volume: Volume,
    seen: Arc<Mutex<Seen>>,
}

impl Bucket {
    /// Starts on a free port of this machine; returns its address, too.
    pub async fn start(volume: Volume) -> (Self, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let bucket = Self { volume, seen: Arc::default() };
        let router = Router::new()
            .route("/", post(result_page))
            .route("/landing", get(listing_page))
            .route("/landing/", get(listing_page))
            .route("/work/{*key}", put(write))
            .layer(DefaultBodyLimit::disable())
            .with_state(bucket.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (bucket, address)
    }

    /// The requests so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no test panics with it")
    }

    /// Keys ascend with their numbers.
    fn key(&self, number: u64) -> String {
        let folder = number * FOLDERS / self.volume.objects;
        let letter = |place: u64| char::from(b'A' + (folder / place % 26) as u8);
        format!("{PREFIX}{}/{}/{}/TR{number:012}.json", letter(26 * 26), letter(26), letter(1))
    }

    /// The first number from which on keys are no longer so.
    fn first_not(&self, is_so: impl Fn(&str) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.volume.objects);
        while low < high {
            let middle = low.midpoint(high);
            if is_so(&self.key(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn page(&self, query: &HashMap<String, String>) -> String {
        let parameter = |name: &str| query.get(name).map(String::as_str);
        let prefix = parameter("prefix").unwrap_or_default();
        let end = self.first_not(|key| key < prefix || key.starts_with(prefix));
        let begin = match (parameter("continuation-token"), parameter("start-after")) {
            (Some(token), _) => token.parse().expect("a token of ours"),
            (None, Some(after)) => self.first_not(|key| key <= after),
            (None, None) => self.first_not(|key| key < prefix),
        };
        match parameter("delimiter") {
            Some(_) => self.folders(prefix, begin, end),
            None => self.objects(begin, end),
        }
    }

    fn folders(&self, prefix: &str, mut next: u64, end: u64) -> String {
        let mut page = String::from("<ListBucketResult>");
        while next < end {
            let key = self.key(next);
            let Some(length) = key[prefix.len()..].find('/') else { break };
            let folder = &key[..=prefix.len() + length];
            write!(page, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>")
                .expect("text");
            next = self.first_not(|key| key < folder || key.starts_with(folder));
        }
        page + "<IsTruncated>false</IsTruncated></ListBucketResult>"
    }

    fn objects(&self, begin: u64, end: u64) -> String {
        let after = end.min(begin + PAGE_OBJECTS);
        let mut page = String::from("<ListBucketResult>");
        for number in begin..after {
            write!(
                page,
                "<Contents><Key>{}</Key><LastModified>2018-11-30T00:00:00.000Z</LastModified>\
                 <ETag>&quot;{}&quot;</ETag><Size>{OBJECT_BYTES}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                self.key(number),
                etag(number),
            )
            .expect("text");
        }
        if after < end {
            write!(page, "<NextContinuationToken>{after}</NextContinuationToken>").expect("text");
        }
        let is_truncated = after < end;
        write!(page, "<IsTruncated>{is_truncated}</IsTruncated></ListBucketResult>").expect("text");
        page
    }

    fn ledger(&self, request: &Value) -> Value {
        let begin = request["NextToken"].as_str().map_or(0, |token| token.parse().expect("ours"));
        let after = self.volume.published.min(begin + PAGE_ROWS);
        let field = |text: String| json!({"stringValue": text});
        let row = |number: u64| {
            let uri = format!("s3://landing/{}", self.key(number));
            json!([field("songs".into()), field(uri), field(etag(number))])
        };
        let mut page = json!({"Records": (begin..after).map(row).collect::<Vec<_>>()});
        if after < self.volume.published {
            page["NextToken"] = after.to_string().into();
        }
        page
    }
}

/// Numbers of 128 bits that look like sums.
fn etag(number: u64) -> String {
    format!(
        "{:032x}",
        u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    )
}

async fn listing_page(
    State(bucket): State<Bucket>,
    Query(query): Query<HashMap<String, String>>,
) -> String {
    {
        let mut seen = bucket.seen();
        seen.pages += 1;
        seen.at_once += 1;
        seen.pages_at_once = seen.pages_at_once.max(seen.at_once);
    }
    tokio::time::sleep(bucket.volume.latency).await;
    let page = bucket.page(&query);
    bucket.seen().at_once -= 1;
    page
}

async fn write(State(bucket): State<Bucket>, Path(key): Path<String>, body: Bytes) {
    bucket.seen().written.insert(key, body);
}

async fn result_page(State(bucket): State<Bucket>, body: Bytes) -> String {
    tokio::time::sleep(bucket.volume.latency).await;
    let request: Value = serde_json::from_slice(&body).expect("JSON");
    // The first result is the ledger, the third counts objects by their JSONPaths.
    match request["Id"].as_str().is_some_and(|id| id.ends_with(":3")) {
        true => json!({"Records": []}).to_string(),
        false => bucket.ledger(&request).to_string(),
    }
}

/// The function's context, for an endpoint at this address.
pub fn context(address: &str) -> Context {
    let http = || {
        aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https()
    };
    let storage = s3::Config::builder()
        .behavior_version(s3::config::BehaviorVersion::latest())
        .credentials_provider(s3::config::Credentials::new("id", "secret", None, None, "test"))
        .region(s3::config::Region::from_static("us-east-1"))
        .endpoint_url(address)
        .force_path_style(true)
        .http_client(http());
    let warehouse = data::Config::builder()
        .behavior_version(data::config::BehaviorVersion::latest())
        .credentials_provider(data::config::Credentials::new("id", "secret", None, None, "test"))
        .region(data::config::Region::from_static("us-east-1"))
        .endpoint_url(address)
        .http_client(http());
    let target = Target::new("dev".into(), Some("workgroup".into()), None, None);
    let sources = json!({"songs": {"prefix": PREFIX}, "events": {"prefix": "log_data/"}});
    let (landing, work) = ("landing".into(), "work".into());
    Context {
        s3: s3::Client::from_conf(storage.build()),
        warehouse: Warehouse::new(
            data::Client::from_conf(warehouse.build()),
            target.expect("one target"),
        ),
        step_functions: aws_sdk_sfn::Client::from_conf(
            aws_sdk_sfn::Config::builder()
                .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
                .endpoint_url(address)
                .http_client(http())
                .build(),
        ),
        settings: Settings::new(landing, work, "8", &sources.to_string()).expect("settings"),
    }
}
