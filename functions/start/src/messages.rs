//! The messages of the queue: something has landed, there is nothing to do, or the message is
//! unknown.

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A run that looks at these objects; `None` stands for one that the message does not name.
    Look(Vec<Option<String>>),
    /// A run, if none has looked at what had arrived by this time; `None` if the wake-up does not say
    /// when.
    WakeUp(Option<Timestamp>),
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
    #[serde(default)]
    s3: Value,
}

/// Reads a message; `None` if it is neither from S3 nor a wake-up.
pub(crate) fn read(body: &str) -> Option<Wish> {
    match serde_json::from_str(body).ok()? {
        Body::Event { detail_type, time, detail } => match detail_type.as_str() {
            OBJECT_CREATED => Some(look(arrived(&detail["object"], str::to_owned))),
            WAKE_UP => Some(Wish::WakeUp(time.and_then(|time| time.parse().ok()))),
            _ => None,
        },
        Body::Notification { records } => {
            let is_s3 = |record: &Record| record.event_source == S3;
            (!records.is_empty() && records.iter().all(is_s3)).then(|| notified(&records))
        }
        Body::Test { event } => (event == TEST_EVENT).then_some(Wish::Nothing),
    }
}

fn notified(records: &[Record]) -> Wish {
    let created = records.iter().filter(|record| record.event_name.starts_with(CREATED));
    look(created.filter_map(|record| arrived(&record.s3["object"], decoded)))
}

fn look(objects: impl IntoIterator<Item = Option<String>>) -> Wish {
    let objects: Vec<_> = objects.into_iter().collect();
    if objects.is_empty() { Wish::Nothing } else { Wish::Look(objects) }
}

/// The object of a message: its key, or `None` in place of a key that the message does not have.
/// No object at all if it cannot be data, by its own name and size. Folders are left to the run,
/// which knows the prefix.
fn arrived(object: &Value, read: impl Fn(&str) -> String) -> Option<Option<String>> {
    let Some(key) = object["key"].as_str().map(read) else { return Some(None) };
    let name = key.rsplit('/').next().unwrap_or(&key);
    let bytes = object["size"].as_u64().unwrap_or(1);
    data_files::by_name_and_size(name, bytes).is_ok().then_some(Some(key))
}

/// A key as S3's own notifications write it: as in a form, with `+` for a blank.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// The message that requests a later run, unless one has looked at what had arrived by this time.
pub(crate) fn wake_up(arrived: Timestamp) -> String {
    json!({ "detail-type": WAKE_UP, "time": arrived }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_at(keys: &[&str]) -> Option<Wish> {
        Some(Wish::Look(keys.iter().map(|key| Some((*key).to_owned())).collect()))
    }

    fn event(object: &Value) -> String {
        json!({"detail-type": "Object Created", "detail": {"object": object}}).to_string()
    }

    fn notification(name: &str, object: &Value) -> String {
        let record = json!({"eventSource": "aws:s3", "eventName": name, "s3": {"object": object}});
        json!({"Records": [record]}).to_string()
    }

    #[test]
    fn an_event_and_a_notification_name_what_has_arrived() {
        assert_eq!(
            read(&event(&json!({"key": "log_data/a+b %41.json"}))),
            look_at(&["log_data/a+b %41.json"])
        );
        let put = |key: &str| json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}});
        let removed = json!({"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "c"}}});
        let records = json!({"Records": [put("log_data/a+b+%2B%C3%BC.json"), removed, put("d")]});
        assert_eq!(read(&records.to_string()), look_at(&["log_data/a b +ü.json", "d"]));
    }

    #[test]
    fn a_wake_up_says_when_something_had_arrived() {
        let arrived: Timestamp = "2018-11-01T20:57:10Z".parse().expect("a time");
        assert_eq!(read(&wake_up(arrived)), Some(Wish::WakeUp(Some(arrived))));
        let unknown = r#"{"detail-type": "Wake-up", "time": "yesterday"}"#;
        assert_eq!(read(unknown), Some(Wish::WakeUp(None)));
    }

    #[test]
    fn a_message_without_a_key_asks_for_everything() {
        let bodies = [
            r#"{"detail-type": "Object Created"}"#,
            r#"{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}"#,
        ];
        for body in bodies {
            assert_eq!(read(body), Some(Wish::Look(vec![None])), "{body}");
        }
    }

    #[test]
    fn a_removed_object_and_a_test_message_ask_for_nothing() {
        let removed = notification("ObjectRemoved:Delete", &json!({"key": "log_data/a.json"}));
        let test = r#"{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "landing"}"#;
        for body in [removed.as_str(), test] {
            assert_eq!(read(body), Some(Wish::Nothing), "{body}");
        }
    }

    #[test]
    fn an_object_that_is_not_data_asks_for_nothing() {
        let both = |key: &str, size: u64| {
            let object = json!({"key": key, "size": size});
            (read(&event(&object)), read(&notification("ObjectCreated:Put", &object)))
        };
        for (key, size) in [
            ("log_data/_SUCCESS", 1),
            ("log_data/a.json", 0),
            ("log_data/", 0),
            ("log_data/a.tmp", 9),
        ] {
            assert_eq!(both(key, size), (Some(Wish::Nothing), Some(Wish::Nothing)), "{key}");
        }
        for key in ["log_data/a.json", "_landing/part-00000", "log_data/b.JSON.gz"] {
            assert_eq!(both(key, 9), (look_at(&[key]), look_at(&[key])), "{key}");
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
