//! The messages of the queue: something has landed, there is nothing to do, or the message is
//! unknown.

use jiff::Timestamp;
use segue_contract::data_files;
use serde::Deserialize;
use serde_json::{Value, json};

/// The `detail-type` of the message that this function sends itself.
const WAKE_UP: &str = "Wake-up";
/// The `detail-type` of S3's events, as EventBridge passes them on.
const OBJECT_CREATED: &str = "Object Created";
/// The `eventSource` of S3's own notifications.
const S3: &str = "aws:s3";
/// The prefix of the `eventName` of a notification about a new object.
const CREATED: &str = "ObjectCreated:";
/// The test message that S3 sends when a bucket's notifications are configured.
const TEST_EVENT: &str = "s3:TestEvent";

/// What a message requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A run that lists what had landed by this time; `None` if the message does not say when.
    Run(Option<Timestamp>),
    /// Nothing: a test message, an object that was removed, or one that is not data.
    Nothing,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    /// An event of EventBridge, or a wake-up.
    Event {
        #[serde(rename = "detail-type")]
        detail_type: String,
        time: Option<String>,
        #[serde(default)]
        detail: Value,
    },
    /// A notification that S3 sends directly to the queue.
    Notification {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    /// The test message of such notifications.
    Test {
        #[serde(rename = "Event")]
        event: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_source: String,
    event_name: String,
    event_time: Option<String>,
    #[serde(default)]
    s3: Value,
}

/// Reads a message; `None` if it is neither from S3 nor a wake-up.
pub(crate) fn read(body: &str) -> Option<Wish> {
    match serde_json::from_str(body).ok()? {
        Body::Event { detail_type, time, detail } => [OBJECT_CREATED, WAKE_UP]
            .contains(&detail_type.as_str())
            .then(|| match is_data(&detail["object"]) {
                true => Wish::Run(timestamp(time.as_deref())),
                false => Wish::Nothing,
            }),
        Body::Notification { records } => {
            let is_s3 = |record: &Record| record.event_source == S3;
            (!records.is_empty() && records.iter().all(is_s3)).then(|| notified(&records))
        }
        Body::Test { event } => (event == TEST_EVENT).then_some(Wish::Nothing),
    }
}

fn notified(records: &[Record]) -> Wish {
    let created = records.iter().filter(|record| record.event_name.starts_with(CREATED));
    let created = created.filter(|record| is_data(&record.s3["object"]));
    let times = created.map(|record| timestamp(record.event_time.as_deref()));
    // A missing time counts as the newest.
    let newest = times.max_by_key(|time| (time.is_none(), *time));
    newest.map_or(Wish::Nothing, Wish::Run)
}

/// Whether an object may be data, by its own name and size. Folders are left to the listing, which
/// knows the prefix; an object that the message does not describe may be data.
fn is_data(object: &Value) -> bool {
    let Some(key) = object["key"].as_str() else { return true };
    let name = key.rsplit('/').next().unwrap_or(key);
    let bytes = object["size"].as_u64().unwrap_or(1);
    data_files::by_name_and_size(name, bytes).is_ok()
}

fn timestamp(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// The message that requests a later run, which lists what had landed by this time.
pub(crate) fn wake_up(landed: Timestamp) -> String {
    json!({ "detail-type": WAKE_UP, "time": landed }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Option<Wish> {
        Some(Wish::Run(Some(time.parse().expect("a time"))))
    }

    #[test]
    fn an_event_and_a_notification_say_when_something_landed() {
        let event = r#"{"detail-type": "Object Created", "time": "2018-11-01T20:57:10Z"}"#;
        assert_eq!(read(event), at("2018-11-01T20:57:10Z"));
        let record = |name: &str, time: &str| json!({"eventSource": "aws:s3", "eventName": name, "eventTime": time});
        let notification = json!({"Records": [
            record("ObjectCreated:Put", "2018-11-01T20:57:10.796Z"),
            record("ObjectCreated:CompleteMultipartUpload", "2018-11-01T20:57:12Z"),
            record("ObjectRemoved:Delete", "2018-11-01T21:00:00Z"),
        ]});
        assert_eq!(read(&notification.to_string()), at("2018-11-01T20:57:12Z"));
        let landed = "2018-11-01T20:57:10Z".parse().expect("a time");
        assert_eq!(read(&wake_up(landed)), at("2018-11-01T20:57:10Z"));
    }

    #[test]
    fn a_message_without_a_time_still_asks_for_a_run() {
        let bodies = [
            r#"{"detail-type": "Object Created"}"#,
            r#"{"detail-type": "Object Created", "time": "yesterday"}"#,
            r#"{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}"#,
        ];
        for body in bodies {
            assert_eq!(read(body), Some(Wish::Run(None)), "{body}");
        }
    }

    #[test]
    fn a_removed_object_and_a_test_message_ask_for_nothing() {
        let removed =
            r#"{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete"}]}"#;
        let test = r#"{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "landing"}"#;
        for body in [removed, test] {
            assert_eq!(read(body), Some(Wish::Nothing), "{body}");
        }
    }

    #[test]
    fn an_object_that_is_not_data_asks_for_nothing() {
        let event = |key: &str, size: u64| {
            let object = json!({"key": key, "size": size});
            let event = json!({"detail-type": "Object Created", "detail": {"object": object}});
            let record = json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": object}});
            (read(&event.to_string()), read(&json!({"Records": [record]}).to_string()))
        };
        for (key, size) in [
            ("log_data/_SUCCESS", 1),
            ("log_data/a.json", 0),
            ("log_data/", 0),
            ("log_data/a.tmp", 9),
        ] {
            assert_eq!(event(key, size), (Some(Wish::Nothing), Some(Wish::Nothing)), "{key}");
        }
        for key in ["log_data/a.json", "_landing/part-00000", "log_data/a+b.JSON.gz"] {
            assert_eq!(event(key, 9), (Some(Wish::Run(None)), Some(Wish::Run(None))), "{key}");
        }
    }

    #[test]
    fn other_messages_are_not_understood() {
        let bodies = [
            "no json",
            "{}",
            "[1]",
            r#"{"detail-type": "Tag Removed"}"#,
            r#"{"Event": "s3:OtherEvent"}"#,
            r#"{"Records": []}"#,
            r#"{"Records": [{"eventSource": "aws:sqs", "eventName": "ObjectCreated:Put"}]}"#,
        ];
        for body in bodies {
            assert_eq!(read(body), None, "{body}");
        }
    }
}
