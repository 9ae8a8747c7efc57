//! One account in one process: buckets, warehouse, functions, state machines.

mod body;
mod data_api;
mod doctor;
mod faults;
mod functions;
mod kill;
mod objects;
mod s3;
mod states;
mod wake_ups;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use jiff::Timestamp;
use redshift_local::{
    Clock, Engine, Objects as EngineObjects, Options, QueryResult, Value as Field,
};
use serde_json::{Value, json};
use workflow_local::{Ended, Execution, Region};

use crate::model::{Row, Source, Tables};
pub use doctor::Findings;
pub use faults::Mischief;
pub use functions::{FUNCTIONS, LOAD, RUN_DEADLINE, STEP_DEADLINE, arn};
pub use kill::{Aim, Kill, Moment};
pub use objects::Objects;
pub use wake_ups::WakeUps;

/// The star schema, and the table that decides about users.
pub const TABLES: [&str; 6] = [
    "mart.artists",
    "mart.songplays",
    "mart.songs",
    "mart.time",
    "mart.users",
    "ops.latest_user_events",
];
/// The columns that say which run wrote a row of `mart`, and when.
const LINEAGE: [&str; 2] = ["run_id", "loaded_at"];
/// Where files land.
pub const LANDING_BUCKET: &str = "landing";
/// Where runs keep their files.
pub const WORK_BUCKET: &str = "work";
/// For how many days the staging schema of a failed run is kept.
pub const STAGING_RETENTION_DAYS: u32 = 30;
/// Slices of the warehouse, as the template has them.
const SLICES: &str = "8";
/// The most virtual time of a run: if it takes longer, something waits in vain.
const RUN_TIME_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// Everything around a run, in one Tokio runtime with a paused clock.
pub struct World {
    pub engine: Engine,
    pub objects: Arc<Objects>,
    pub region: Region,
    pub mischief: Arc<Mischief>,
    /// Requests to the Data API.
    pub requests: Arc<AtomicU32>,
    /// Where files land.
    sources: Value,
    runs: AtomicU32,
}

/// The warehouse of a world.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kind {
    /// A cluster, whose numbers of statements are not those of its SYS views; otherwise a
    /// workgroup.
    pub is_cluster: bool,
    /// Its endpoint ignores `WaitTimeSeconds`, and answers at once.
    pub ignores_waits: bool,
    /// The lag of its system views, if it is not the default.
    pub view_lag: Option<Duration>,
    /// The access key of the functions; the administrator's if absent.
    pub access_key: Option<&'static str>,
    /// The database role that may read the star schema.
    pub reader_role: Option<&'static str>,
    /// Whether a warning fails a run.
    pub warnings_fail: bool,
    /// Whether it records what each statement reads.
    pub records_scans: bool,
}

/// Virtual time for the warehouse.
struct VirtualClock {
    base: SystemTime,
    begun: tokio::time::Instant,
}

impl Clock for VirtualClock {
    fn now(&self) -> SystemTime {
        self.base + self.begun.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl World {
    /// An empty account without faults.
    pub fn new() -> Self {
        Self::with(Mischief::none())
    }

    /// An empty account.
    pub fn with(mischief: Mischief) -> Self {
        // Half of the seeds, so that both kinds also merge objects first.
        let is_cluster = mischief.seed() / 2 % 2 == 1;
        Self::of(Kind { is_cluster, ..Kind::default() }, mischief)
    }

    /// An empty account with this kind of warehouse.
    pub fn of(kind: Kind, mischief: Mischief) -> Self {
        Self::open(kind, mischief, sources(), SLICES)
    }

    /// An empty account whose warehouse has this many slices, and so a source this many parts.
    pub fn with_slices(slices: &'static str) -> Self {
        Self::open(Kind::default(), Mischief::none(), sources(), slices)
    }

    /// An empty account in which files land under other prefixes.
    pub fn with_sources(sources: Value) -> Self {
        Self::open(Kind::default(), Mischief::none(), sources, SLICES)
    }

    /// An empty account in which the functions have only the rights of the role of `access_key`.
    /// The database role may read the star schema.
    pub fn of_role(access_key: &'static str, reader_role: &'static str) -> Self {
        let kind = Kind {
            access_key: Some(access_key),
            reader_role: Some(reader_role),
            ..Kind::default()
        };
        Self::of(kind, Mischief::none())
    }

    fn open(kind: Kind, mischief: Mischief, sources: Value, slices: &'static str) -> Self {
        let mischief = Arc::new(mischief);
        let objects = Arc::new(Objects::default());
        let copied = objects::Copied { objects: objects.clone(), mischief: mischief.clone() };
        let base = SystemTime::now();
        let engine = Engine::open(Options {
            objects: EngineObjects::Store(Arc::new(copied)),
            faults: mischief.warehouse(),
            ignores_waits: kind.ignores_waits,
            records_scans: kind.records_scans,
            system_view_lag: kind.view_lag.unwrap_or(Options::SYSTEM_VIEW_LAG),
            clock: Arc::new(VirtualClock { base, begun: tokio::time::Instant::now() }),
            ..Options::default()
        })
        .expect("a warehouse in memory");
        let created_at = Timestamp::try_from(base).expect("a time");
        let region = Region::new(mischief.seed(), created_at);
        let requests = Arc::default();
        let wire = wire::Wire {
            engine: engine.clone(),
            region: region.downgrade(),
            is_cluster: kind.is_cluster,
            requests: Arc::clone(&requests),
            objects: Arc::clone(&objects),
            mischief: Arc::clone(&mischief),
            access_key: kind.access_key.unwrap_or("id"),
            doom: None,
        };
        functions::deploy(&region, wire, &sources, slices, kind);
        Self { engine, objects, region, mischief, requests, sources, runs: AtomicU32::new(0) }
    }

    /// Puts a file, replacing what was under its key.
    pub fn put(&self, source: Source, name: &str, text: &str) {
        self.objects.put(LANDING_BUCKET, &key(source, name), text.as_bytes().to_vec());
    }

    /// From now on there are no more faults.
    pub fn end_mischief(&self) {
        self.mischief.end();
        self.engine.end_faults();
    }

    /// Starts a run.
    pub fn start(&self, input: Value) -> Execution {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        self.start_as(&format!("run-{number}"), input)
    }

    /// Starts a run under a name.
    pub fn start_as(&self, name: &str, input: Value) -> Execution {
        self.region.start(functions::LOAD, name, input).expect("a new name")
    }

    /// Carries a run out.
    pub async fn run(&self, input: Value) -> Ended {
        self.end(&self.start(input)).await
    }

    /// Waits for a run's end.
    pub async fn end(&self, execution: &Execution) -> Ended {
        match tokio::time::timeout(RUN_TIME_MAX, execution.ended()).await {
            Ok(ended) => ended,
            Err(_) => panic!("{} has not ended in {RUN_TIME_MAX:?}", execution.arn),
        }
    }

    /// Carries a run out that must succeed.
    pub async fn load(&self) -> Ended {
        let ended = self.run(json!({})).await;
        assert!(ended.error.is_none(), "{:?}: {:?}", ended.error, ended.cause);
        ended
    }

    /// The content of [`TABLES`], without which run wrote a row and when: these depend on how the
    /// files were divided into runs.
    pub async fn tables(&self) -> Tables {
        let mut tables = Tables::new();
        for name in TABLES {
            tables.insert(name, self.rows_without(name, &LINEAGE).await);
        }
        tables
    }

    /// The rows of a table, in order, as text, without some of its columns.
    async fn rows_without(&self, table: &str, left_out: &[&str]) -> Vec<Row> {
        let result = self.engine.query(&format!("select * from {table}")).await;
        // Before the first run there is no table.
        let QueryResult { columns, rows, .. } = result.unwrap_or_default();
        let row = |row: Vec<Field>| -> Row {
            let fields = columns.iter().zip(row);
            let kept = fields.filter(|(column, _)| !left_out.contains(&column.name.as_str()));
            kept.map(|(_, field)| text(field)).collect()
        };
        let mut rows: Vec<Row> = rows.into_iter().map(row).collect();
        rows.sort();
        rows
    }

    /// What a run would load if nothing had been loaded, and what it would skip.
    pub async fn preview(&self) -> segue_plan::Preview {
        let wire = self.wire();
        let context = segue_plan::Context {
            s3: wire.s3(),
            warehouse: wire.warehouse(),
            step_functions: wire.step_functions(),
            settings: functions::plan_settings(&self.sources, SLICES),
        };
        let run = segue_contract::Run {
            id: "preview".into(),
            started_at: "2018-11-01T00:00:00Z".into(),
            redrive_count: 0,
            input: segue_contract::RunInput::default(),
        };
        let preview = segue_plan::preview(&context, &run, None, "", usize::MAX).await;
        preview.expect("a preview")
    }

    /// What clients reach, with the administrator's credentials.
    fn wire(&self) -> wire::Wire {
        wire::Wire {
            engine: self.engine.clone(),
            region: self.region.downgrade(),
            is_cluster: false,
            requests: Arc::clone(&self.requests),
            objects: Arc::clone(&self.objects),
            mischief: Arc::clone(&self.mischief),
            access_key: "id",
            doom: None,
        }
    }

    /// The ledger without the run and the time of loading: source, URI, ETag, bytes.
    pub async fn ledger(&self) -> Vec<Row> {
        self.rows("select source, uri, etag, bytes from ops.loaded_objects").await
    }

    /// The rows of a query, in order, as text.
    pub async fn rows(&self, sql: &str) -> Vec<Row> {
        // Before the first run there is no table.
        let result = self.engine.query(sql).await.unwrap_or_default();
        let mut rows: Vec<Row> =
            result.rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect();
        rows.sort();
        rows
    }

    /// The text of every statement that the warehouse received.
    pub async fn statement_texts(&self) -> Vec<String> {
        let (mut texts, mut token) = (Vec::new(), None);
        loop {
            let request = json!({"Status": "ALL", "NextToken": token});
            let page = self.engine.call("ListStatements", request).await.expect("a list");
            for statement in page["Statements"].as_array().into_iter().flatten() {
                let batch = statement["QueryStrings"].as_array().cloned().unwrap_or_default();
                let all = batch.iter().chain([&statement["QueryString"]]);
                texts.extend(all.filter_map(Value::as_str).map(ToOwned::to_owned));
            }
            token = page["NextToken"].as_str().map(ToOwned::to_owned);
            if token.is_none() {
                return texts;
            }
        }
    }

    /// The names of the statements that have not ended.
    pub async fn unfinished_statements(&self) -> Vec<String> {
        let mut unfinished = Vec::new();
        for status in ["SUBMITTED", "PICKED", "STARTED"] {
            let request = json!({"Status": status, "MaxResults": 100});
            // The query may meet a fault, too; their number is limited.
            let listed = loop {
                if let Ok(listed) = self.engine.call("ListStatements", request.clone()).await {
                    break listed;
                }
            };
            let statements = listed["Statements"].as_array().cloned().unwrap_or_default();
            unfinished.extend(statements.iter().map(|one| one["StatementName"].to_string()));
        }
        unfinished
    }
}

/// Where files land, in the functions' settings.
fn sources() -> Value {
    json!({"songs": {"prefix": "song_data/"}, "events": {"prefix": "log_data/"}})
}

/// The key of a file of a source.
pub fn key(source: Source, name: &str) -> String {
    match source {
        Source::Songs => format!("song_data/{name}"),
        Source::Events => format!("log_data/{name}"),
    }
}

fn text(field: Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Boolean(value) => Some(value.to_string()),
        Field::Long(value) => Some(value.to_string()),
        Field::Double(value) => Some(value.to_string()),
        Field::Text(value) => Some(value),
        Field::Bytes(value) => Some(hex::encode(value)),
    }
}
