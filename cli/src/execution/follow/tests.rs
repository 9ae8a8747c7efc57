//! A run of 50,000 objects, watched on a virtual clock.

use std::sync::{Arc, Mutex};

use aws_sdk_sfn::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_runtime_api::http::StatusCode;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segue_contract::compaction::{BATCHES_MAX, Volume, decide};
use serde_json::{Value, json};

use super::*;
use crate::ui;

const ARN: &str = "arn:aws:states:us-east-1:1:execution:load:run";
const OBJECTS: u64 = 50_000;
const BYTES: u64 = 50_000 * 272;
/// How many batches are merged at once where they are merged slowly.
const AT_ONCE: [usize; 2] = [2, 4];

/// An execution whose events are known beforehand, and happen when their time comes.
#[derive(Debug, Clone)]
struct Scripted {
    begun: Instant,
    start: f64,
    /// With the seconds after the start.
    events: Arc<Vec<(f64, Value)>>,
    /// Those of the execution that it waits for.
    nested: Arc<Vec<(f64, Value)>>,
}

/// The execution that another one waits for.
const NESTED: &str = "arn:aws:states:us-east-1:1:execution:statement:one";

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body: Value =
            serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        let operation = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let answer = match operation.as_str() {
            "AWSStepFunctions.DescribeExecution" => self.described(),
            "AWSStepFunctions.GetExecutionHistory" => self.history(&body),
            other => panic!("unexpected {other}"),
        };
        let mut response = HttpResponse::new(
            StatusCode::try_from(200).expect("a status"),
            answer.to_string().into(),
        );
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Scripted {
    fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    fn described(&self) -> Value {
        let (end, _) = self.events.last().expect("an end");
        let mut described = json!({
            "executionArn": ARN, "stateMachineArn": "m", "name": "run", "startDate": self.start,
            "status": "RUNNING", "input": "{}",
        });
        if self.now() >= *end {
            described["status"] = "SUCCEEDED".into();
            described["stopDate"] = (self.start + end).into();
            described["output"] =
                json!({"status": "loaded", "objects": OBJECTS}).to_string().into();
        }
        described
    }

    fn history(&self, request: &Value) -> Value {
        let count = request["maxResults"].as_u64().expect("a number") as usize;
        let is_nested = request["executionArn"] == NESTED;
        let events = if is_nested { &self.nested } else { &self.events };
        let happened = events.iter().enumerate().filter(|(_, (at, _))| *at <= self.now());
        let mut events: Vec<Value> = happened
            .map(|(index, (at, event))| {
                let mut event = event.clone();
                event["id"] = (index + 1).into();
                event["timestamp"] = (self.start + at).into();
                event
            })
            .collect();
        if request["reverseOrder"] == true {
            events.reverse();
        }
        let from = request["nextToken"].as_str().map_or(0, |from| from.parse().expect("a number"));
        let next = (from + count < events.len()).then(|| (from + count).to_string());
        let page: Vec<Value> = events.into_iter().skip(from).take(count).collect();
        json!({"events": page, "nextToken": next})
    }

    fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }
}

fn entered(kind: &str, name: &str) -> Value {
    json!({"type": format!("{kind}StateEntered"), "stateEnteredEventDetails": {"name": name}})
}

fn exited(kind: &str, name: &str, output: &Value) -> Value {
    let details = json!({"name": name, "output": output.to_string()});
    json!({"type": format!("{kind}StateExited"), "stateExitedEventDetails": details})
}

/// Plan, Compact and Stage; returns the events, and when Compact begins and ends.
fn script(seed: u64) -> (Vec<(f64, Value)>, f64, f64) {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let volume = Volume { objects: OBJECTS, bytes: BYTES, mixed: false };
    let batches = decide(Default::default(), volume, 8, BATCHES_MAX) as usize;
    let plan = json!({"Payload": {
        "sources": [{"source": "songs", "objects": OBJECTS, "bytes": BYTES}],
        "batches": vec![json!({"source": "songs"}); batches],
        "loads": [{"step": "stage/songs"}, {"step": "plan/objects"}],
    }});
    let mut events = vec![(0.0, entered("Task", PLAN)), (8.3, exited("Task", PLAN, &plan))];
    let start = 8.4;
    events.push((start, entered("Map", "Compact")));
    let length =
        json!({"type": "MapStateStarted", "mapStateStartedEventDetails": {"length": batches}});
    events.push((start, length));
    let mut free: Vec<f64> = vec![start; AT_ONCE[seed as usize % 2]];
    for index in 0..batches {
        let next = free.iter_mut().min_by(|one, other| one.total_cmp(other)).expect("a place");
        let details = json!({"name": "Compact", "index": index});
        let begun =
            json!({"type": "MapIterationStarted", "mapIterationStartedEventDetails": details});
        events.push((*next, begun));
        // Far slower than a Lambda, which takes two seconds.
        *next += 12.0 * draw.random_range(0.8..1.25);
        let done =
            json!({"type": "MapIterationSucceeded", "mapIterationSucceededEventDetails": details});
        events.push((*next, done));
    }
    let end = free.into_iter().fold(0.0, f64::max);
    events.push((end, exited("Map", "Compact", &json!([]))));
    events.push((end, entered("Map", STAGE)));
    events.push((end + 9.0, exited("Map", STAGE, &json!([]))));
    events.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    (events, start, end)
}

/// Everything that was shown, with its time.
#[derive(Clone)]
struct Recorded {
    begun: Instant,
    shown: Arc<Mutex<Vec<(f64, String)>>>,
}

impl Recorded {
    fn add(&self, text: &str) {
        let at = self.begun.elapsed().as_secs_f64();
        self.shown.lock().expect("unbroken").push((at, text.to_owned()));
    }
}

impl Screen for Recorded {
    fn line(&mut self, line: &str) {
        self.add(line);
    }

    fn status(&mut self, status: &str) {
        self.add(status);
    }
}

/// `about 1 min 40 s left`, in seconds.
fn left(text: &str) -> Option<f64> {
    let words: Vec<&str> = text.split_once("about ")?.1.split_once(" left")?.0.split(' ').collect();
    let seconds = |pair: &[&str]| {
        let unit = match pair[1] {
            "h" => 3_600.0,
            "min" => 60.0,
            _ => 1.0,
        };
        pair[0].parse::<f64>().expect("a number") * unit
    };
    Some(words.chunks(2).map(seconds).sum())
}

#[tokio::test(start_paused = true)]
async fn a_long_run_is_never_silent_and_its_time_left_is_about_right() {
    for seed in 0..20 {
        let (events, start, end) = script(seed);
        let begun = Instant::now();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let scripted = Scripted {
            begun,
            start: wall.as_secs_f64(),
            events: Arc::new(events),
            nested: Arc::default(),
        };
        let screen = Recorded { begun, shown: Arc::default() };
        let report = follow(&scripted.client(), ARN, None, &mut screen.clone()).await;
        assert_eq!(report.expect("it ends").status, "loaded");

        let shown = screen.shown.lock().expect("unbroken");
        let times = shown.iter().map(|(at, _)| *at);
        let longest = times.clone().skip(1).zip(times).map(|(next, at)| next - at);
        let longest = longest.fold(0.0, f64::max);
        assert!(longest <= 2.0, "{longest} s without a word");
        let lasted = end - start;
        let forecasts = shown.iter().filter_map(|(at, text)| Some((*at, left(text)?)));
        let mut judged = 0;
        for (at, left) in forecasts.filter(|(at, _)| *at >= start + lasted / 10.0 && *at < end) {
            let truth = end - at;
            // What is shown is rounded to the second, and may be as old as the last poll.
            let slack = 5.0;
            assert!(
                left <= 2.0 * truth + slack && left >= truth / 2.0 - slack,
                "seed {seed}: {left} s left at {at}, and it was {truth}"
            );
            judged += 1;
        }
        assert!(judged > 20, "{judged} forecasts of a run of {lasted} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watched_run_reads_like_this() {
    let (events, ..) = script(7);
    let begun = Instant::now();
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let scripted = Scripted {
        begun,
        start: wall.as_secs_f64(),
        events: Arc::new(events),
        nested: Arc::default(),
    };
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let said = Arc::clone(&lines);
    let mut plain = ui::Plain::to(move |line| said.lock().expect("unbroken").push(line.to_owned()));
    follow(&scripted.client(), ARN, None, &mut plain).await.expect("it ends");
    let lines = lines.lock().expect("unbroken");
    let some: Vec<&str> = lines.iter().step_by(4).map(String::as_str).collect();
    insta::assert_snapshot!(some.join("\n"), @"
      Plan 2.0 s
    ✓ Plan                    8.3 s
      Compact 9.4 s, about 51 s left: 0 of 16 batches, 0 of 50,000 files, 0 B of 13.6 MB
      Compact 18.9 s, about 31 s left: 4 of 16 batches, 12,500 of 50,000 files, 3.4 MB of 13.6 MB, 661 files/s
      Compact 29.6 s, about 22 s left: 8 of 16 batches, 25,000 of 50,000 files, 6.8 MB of 13.6 MB, 844 files/s
      Compact 41.2 s, about 10 s left: 12 of 16 batches, 37,500 of 50,000 files, 10.2 MB of 13.6 MB, 910 files/s
      Stage 4.1 s
    ");
}

#[tokio::test(start_paused = true)]
async fn what_a_step_tries_again_is_shown_with_its_reason() {
    let submitted = json!({"type": "TaskSubmitted", "taskSubmittedEventDetails": {
        "resourceType": "states", "resource": "startExecution.sync:2",
        "output": json!({"ExecutionArn": NESTED}).to_string(),
    }});
    let events = vec![
        (0.0, entered("Task", "Transform")),
        (0.1, submitted),
        (60.0, exited("Task", "Transform", &json!({}))),
    ];
    let failed = json!({"type": "TaskFailed", "taskFailedEventDetails": {
        "resourceType": "lambda", "resource": "invoke", "error": "WarehouseUnreachable",
        "cause": json!({"errorMessage": "the warehouse does not answer"}).to_string(),
    }});
    let scheduled = json!({"type": "TaskScheduled", "taskScheduledEventDetails": {
        "resourceType": "lambda", "resource": "invoke", "region": "us-east-1", "parameters": "{}",
    }});
    let nested = vec![
        (0.2, entered("Task", "Poll statement")),
        (0.2, scheduled.clone()),
        (20.0, failed),
        (40.0, scheduled),
    ];
    let begun = Instant::now();
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let start = wall.as_secs_f64();
    let scripted = Scripted { begun, start, events: Arc::new(events), nested: Arc::new(nested) };
    let screen = Recorded { begun, shown: Arc::default() };
    follow(&scripted.client(), ARN, None, &mut screen.clone()).await.expect("it ends");
    let shown = screen.shown.lock().expect("unbroken");
    let texts: Vec<&str> = shown.iter().map(|(_, text)| text.as_str()).collect();
    let reason = "WarehouseUnreachable: the warehouse does not answer";
    let waiting = format!(", waiting for attempt 2 after {reason}");
    assert!(texts.iter().any(|text| text.ends_with(&waiting)), "{texts:?}");
    assert!(texts.contains(&&*format!("  Transform: attempt 2, after {reason}")), "{texts:?}");
    assert_eq!(texts.last(), Some(&"✓ Transform          1 min 00 s"));
}
