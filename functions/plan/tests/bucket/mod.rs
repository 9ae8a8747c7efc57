//! A landing bucket of any size, whose listing is generated page by page; a work bucket that keeps
//! what is written; and a warehouse that has published the first objects and unloads the others.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_sdk_redshiftdata as data;
use aws_sdk_s3 as s3;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::routing::{get, post, put};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::SignedDuration;
use segue_buckets::Landing;
use segue_contract::messages::{FindRequest, Plan, PlanRequest};
use segue_contract::{Failure, Run, RunInput};
use segue_plan::{Context, Settings};
use segue_warehouse::{Target, Warehouse};
use serde_json::{Value, json};

/// The prefix of all keys.
const PREFIX: &str = "song_data/";
/// The folders of the objects: three letters deep.
const FOLDERS: u64 = 26 * 26 * 26;
/// Objects, or folders, on a page of the listing.
const PAGE_OBJECTS: u64 = 1_000;
/// Rows of a file that the warehouse unloads.
const UNLOADED_ROWS: u64 = 200_000;
/// Where it unloads them.
const UNLOADED: &str = "runs/r/new/0-1/";
/// Bytes of every object.
pub const OBJECT_BYTES: u64 = 272;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub struct Volume {
    /// Objects in the landing bucket.
    pub objects: u64,
    /// How many of them were published, the first in key order.
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
            .route("/work/{*key}", put(write).get(unloaded))
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

    /// A result of the step that subtracts.
    fn result(&self, id: &str) -> Value {
        let (text, number) =
            (|text: &str| json!({"stringValue": text}), |number: u64| json!({"longValue": number}));
        let counted = |outcome: &str, objects: u64| {
            let place = format!("s3://work/{UNLOADED}");
            json!([text("songs"), text(outcome), number(objects), text(&place)])
        };
        let Volume { objects, published, .. } = self.volume;
        let records = match id.rsplit(':').next() {
            Some("2") => vec![json!([number(published.min(1))])],
            Some("8") => vec![counted("known", published), counted("new", objects - published)],
            _ => Vec::new(),
        };
        json!({"Records": records})
    }

    /// A file that the warehouse has unloaded.
    fn unloaded(&self, name: &str) -> Vec<u8> {
        let Volume { objects, published, .. } = self.volume;
        if name == "manifest" {
            let files = (objects - published).div_ceil(UNLOADED_ROWS);
            let url = |file: u64| json!({"url": format!("s3://work/{UNLOADED}{file}")});
            return json!({"entries": (0..files).map(url).collect::<Vec<_>>()}).to_string().into();
        }
        let file: u64 = name.parse().expect("a number");
        let begin = published + file * UNLOADED_ROWS;
        let mut rows = GzEncoder::new(Vec::new(), Compression::fast());
        for number in begin..objects.min(begin + UNLOADED_ROWS) {
            let row = json!({
                "source": "songs", "uri": format!("s3://landing/{}", self.key(number)),
                "etag": etag(number), "bytes": OBJECT_BYTES, "written_second": 1_543_536_000,
                "outcome": "new",
            });
            writeln!(rows, "{row}").expect("memory");
        }
        rows.finish().expect("memory")
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
    bucket.result(request["Id"].as_str().unwrap_or_default()).to_string()
}

async fn unloaded(State(bucket): State<Bucket>, Path(key): Path<String>) -> Vec<u8> {
    bucket.unloaded(key.strip_prefix(UNLOADED).expect("only what was unloaded is read"))
}

/// Finds and plans, as a run does.
///
/// # Errors
/// As the functions.
pub async fn plan(address: &str, input: RunInput) -> Result<Plan, Failure> {
    let run =
        Run { id: "r".into(), started_at: "2018-11-01T00:00:00Z".into(), redrive_count: 0, input };
    let context = context(address);
    let settings = segue_find::Settings {
        landing: context.settings.landing.clone(),
        work_bucket: context.settings.work_bucket.clone(),
        warehouse: String::new(),
        listing_interval: SignedDuration::ZERO,
    };
    let find = segue_find::Context { s3: context.s3.clone(), settings };
    let request = FindRequest { run: run.clone(), everything: false };
    let found = segue_find::handle(&find, request).await?;
    let request = PlanRequest {
        run,
        found,
        subtract_statement_id: "s".into(),
        execution_arn: "arn:aws:states:us-east-1:123456789012:execution:load:r".into(),
    };
    segue_plan::handle(&context, request).await
}

/// The function's context, for an endpoint at this address.
fn context(address: &str) -> Context {
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
    let landing = Landing::new("landing".into(), &sources.to_string()).expect("sources");
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
        settings: Settings::new(landing, "work".into(), "8").expect("settings"),
    }
}
