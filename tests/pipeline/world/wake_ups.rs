//! The queue of wake-ups and the function behind it, as SQS and Lambda call it, in virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use workflow_local::Region;

use super::faults::Mischief;
use super::functions::LOAD;
use super::s3::{client, response};
use super::states::step_functions;
use super::wire::s3_client;
use super::{WORK_BUCKET, World};

/// As in the template.
const BATCHING_WINDOW: Duration = Duration::from_secs(60);
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(660);
const RECEIVES_MAX: u32 = 5;
const WAKE_UP_SECONDS: i64 = 60;
/// What SQS allows.
const DELAY_SECONDS_MAX: u64 = 900;

/// A queue with its function.
#[derive(Clone)]
pub struct WakeUps {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Vec<Waiting>>,
    dead: Mutex<Vec<String>>,
    sent: Notify,
}

#[derive(Debug, Clone)]
struct Waiting {
    id: String,
    visible_at: Instant,
    receives: u32,
    body: String,
}

impl Waiting {
    fn new(visible_at: Instant, body: &str) -> Self {
        static SENT: AtomicU64 = AtomicU64::new(0);
        let id = SENT.fetch_add(1, Ordering::Relaxed).to_string();
        Self { id, visible_at, receives: 0, body: body.to_owned() }
    }
}

impl WakeUps {
    /// An empty queue, whose function starts runs of this machine, which do not look at the inbox.
    pub fn of(region: &Region, machine: &str, run_interval_minutes: i64) -> Self {
        Self::gathered(region, machine, run_interval_minutes, BATCHING_WINDOW)
    }

    /// The same, with this batching window.
    pub fn gathered(
        region: &Region,
        machine: &str,
        run_interval_minutes: i64,
        window: Duration,
    ) -> Self {
        let s3 = s3_client(Arc::default(), Arc::new(Mischief::none()));
        Self::begin(region, machine, run_interval_minutes, window, s3)
    }

    /// An empty queue, whose function starts runs that load.
    pub fn of_world(world: &World) -> Self {
        let s3 = s3_client(Arc::clone(&world.objects), Arc::clone(&world.mischief));
        Self::begin(&world.region, LOAD, 0, BATCHING_WINDOW, s3)
    }

    fn begin(
        region: &Region,
        machine: &str,
        run_interval_minutes: i64,
        window: Duration,
        s3: aws_sdk_s3::Client,
    ) -> Self {
        let queue = Self { shared: Arc::default() };
        let context = segue_start::Context {
            s3,
            work_bucket: WORK_BUCKET.into(),
            step_functions: step_functions(region.downgrade()),
            sqs: queue.client(),
            state_machine_arn: machine.to_owned(),
            queue_url: "https://sqs.test/queue".into(),
            wake_up_seconds: WAKE_UP_SECONDS,
            run_interval_minutes,
        };
        let (taken, region) = (queue.clone(), region.clone());
        tokio::spawn(async move { taken.work(&context, &region, window).await });
        queue
    }

    /// Sends a message.
    pub fn send(&self, body: &str) {
        self.add(Waiting::new(Instant::now(), body));
    }

    /// Sends EventBridge's event for an object, without naming it.
    pub fn land(&self) {
        self.send(&json!({"detail-type": "Object Created"}).to_string());
    }

    /// Sends EventBridge's event for this object.
    pub fn arrive(&self, key: &str) {
        let event = json!({"detail-type": "Object Created", "detail": {"object": {"key": key}}});
        self.send(&event.to_string());
    }

    /// How many messages there are, delayed ones included.
    pub fn len(&self) -> usize {
        self.shared.waiting.lock().expect("no panic").len()
    }

    /// Messages that were received too often.
    pub fn dead(&self) -> Vec<String> {
        self.shared.dead.lock().expect("no panic").clone()
    }

    fn add(&self, message: Waiting) {
        self.shared.waiting.lock().expect("no panic").push(message);
        self.shared.sent.notify_one();
    }

    /// Gathers messages for the batching window from the first visible one, and calls the function.
    async fn work(&self, context: &segue_start::Context, region: &Region, window: Duration) {
        loop {
            let first = {
                let waiting = self.shared.waiting.lock().expect("no panic");
                waiting.iter().map(|message| message.visible_at).min()
            };
            let sent = self.shared.sent.notified();
            match first {
                None => sent.await,
                Some(first) if first > Instant::now() => tokio::select! {
                    () = tokio::time::sleep_until(first) => {}
                    () = sent => {}
                },
                Some(_) => {
                    tokio::time::sleep(window).await;
                    self.deliver(context, region).await;
                }
            }
        }
    }

    async fn deliver(&self, context: &segue_start::Context, region: &Region) {
        let mut batch = Vec::new();
        self.shared.waiting.lock().expect("no panic").retain(|message| {
            let is_visible = message.visible_at <= Instant::now();
            batch.extend(is_visible.then(|| message.clone()));
            !is_visible
        });
        let message = |message: &Waiting| segue_start::Message {
            message_id: message.id.clone(),
            body: message.body.clone(),
        };
        let records = batch.iter().map(message).collect();
        let event = segue_start::Messages { records };
        let response = segue_start::handle_at(context, event, || region.now()).await;
        if let Ok(response) = response {
            let failures = response.batch_item_failures;
            batch.retain(|one| failures.iter().any(|failure| failure.item_identifier == one.id));
        }
        for message in batch {
            let receives = message.receives + 1;
            if receives >= RECEIVES_MAX {
                self.shared.dead.lock().expect("no panic").push(message.body);
            } else {
                let visible_at = Instant::now() + VISIBILITY_TIMEOUT;
                self.add(Waiting { visible_at, receives, ..message });
            }
        }
    }

    fn client(&self) -> aws_sdk_sqs::Client {
        use aws_sdk_sqs::config::{BehaviorVersion, Config, Credentials, Region};
        let queue = self.clone();
        let http = client(move |request| {
            queue.receive(&request);
            async move { Ok(response(200, "application/x-amz-json-1.0", r#"{"MessageId": "m"}"#)) }
        });
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .http_client(http);
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    fn receive(&self, request: &HttpRequest) {
        let target = request.headers().get("x-amz-target");
        assert_eq!(target, Some("AmazonSQS.SendMessage"));
        let body = request.body().bytes().unwrap_or_default();
        let message: Value = serde_json::from_slice(body).expect("JSON");
        let delay = message["DelaySeconds"].as_u64().unwrap_or_default();
        assert!(delay <= DELAY_SECONDS_MAX, "SQS refuses a delay of {delay} seconds");
        let body = message["MessageBody"].as_str().expect("a body");
        self.add(Waiting::new(Instant::now() + Duration::from_secs(delay), body));
    }
}
