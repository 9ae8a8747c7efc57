//! The queue of wake-ups and the function behind it, as SQS and Lambda call it, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use workflow_local::Region;

use super::s3::{client, response};
use super::states::step_functions;

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
    visible_at: Instant,
    receives: u32,
    body: String,
}

impl WakeUps {
    /// An empty queue, whose function starts runs of this machine.
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
        let queue = Self { shared: Arc::default() };
        let context = segue_start::Context {
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
        self.add(Waiting { visible_at: Instant::now(), receives: 0, body: body.to_owned() });
    }

    /// Sends EventBridge's event for an object that lands now.
    pub fn land(&self, region: &Region) {
        let event = json!({"detail-type": "Object Created", "time": region.now()});
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
        let message = |(number, message): (usize, &Waiting)| segue_start::Message {
            message_id: number.to_string(),
            body: message.body.clone(),
        };
        let records = batch.iter().enumerate().map(message).collect();
        let event = segue_start::Messages { records };
        let response = segue_start::handle_at(context, event, region.now()).await;
        let again: Vec<usize> = match response {
            Err(_) => (0..batch.len()).collect(),
            Ok(response) => response
                .batch_item_failures
                .iter()
                .map(|failure| failure.item_identifier.parse().expect("a number"))
                .collect(),
        };
        for number in again {
            let Waiting { receives, body, .. } = batch[number].clone();
            if receives + 1 >= RECEIVES_MAX {
                self.shared.dead.lock().expect("no panic").push(body);
            } else {
                let visible_at = Instant::now() + VISIBILITY_TIMEOUT;
                self.add(Waiting { visible_at, receives: receives + 1, body });
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
        let body = message["MessageBody"].as_str().expect("a body").to_owned();
        let visible_at = Instant::now() + Duration::from_secs(delay);
        self.add(Waiting { visible_at, receives: 0, body });
    }
}
