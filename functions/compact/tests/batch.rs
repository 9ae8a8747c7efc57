//! Whole batches, against an S3 endpoint in this process.

mod endpoint;

use std::io::{Read, Write};
use std::time::Duration;

use endpoint::{Endpoint, etag};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use segue_compact::{Context, Settings, handle};
use segue_contract::messages::{CompactRequest, Compacted, Merged};
use segue_contract::rejects::Reject;
use segue_contract::{ErrorName, Failure, Run, RunInput};
use serde_json::{Value, json};

const PART: &str = "work/runs/r/parts/songs/00003.json.zst";
const INDEX: &str = "work/runs/r/parts/songs/00003.index.json.gz";
const OBJECTS: &str = "work/runs/r/objects/songs/00003.json.gz";
const REJECTS: &str = "work/runs/r/rejects/songs/00003.json.gz";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("compresses");
    encoder.finish().expect("compresses")
}

/// Puts the objects into the landing bucket, and their list where the plan puts it.
fn land(endpoint: &Endpoint, objects: &[(&str, Vec<u8>)]) {
    let mut list = String::new();
    for (key, body) in objects {
        endpoint.put(&format!("landing/{key}"), body.clone());
        let etag = etag(body).trim_matches('"').to_owned();
        let line = json!({"uri": format!("s3://landing/{key}"), "etag": etag, "bytes": body.len()});
        list += &format!("{line}\n");
    }
    endpoint.put("work/runs/r/batches/songs/00003.json.gz", gzip(list.as_bytes()));
}

async fn compact(endpoint: &Endpoint) -> Result<Compacted, Failure> {
    compact_skipping(endpoint, 0).await
}

/// Compacts the batch; `max_rejects` records may be skipped.
async fn compact_skipping(endpoint: &Endpoint, max_rejects: u64) -> Result<Compacted, Failure> {
    let settings =
        Settings { work_bucket: "work".into(), connections_max: Settings::CONNECTIONS_MAX };
    let run = Run {
        id: "r".into(),
        started_at: "2018-11-01T00:00:00Z".into(),
        redrive_count: 0,
        input: RunInput::default(),
    };
    let request = CompactRequest { run, source: "songs".into(), batch: 3, max_rejects };
    let mut compacted = handle(&Context::new(endpoint.config(), settings), request).await?;
    // Only the duration differs between calls.
    compacted.merged.milliseconds = 0;
    Ok(compacted)
}

fn text(endpoint: &Endpoint, path: &str) -> String {
    let body = endpoint.get(path).unwrap_or_else(|| panic!("{path} is there"));
    let text = match path.ends_with(".zst") {
        true => zstd::decode_all(body.as_ref()).expect("whole"),
        false => {
            let mut text = Vec::new();
            GzDecoder::new(body.as_ref()).read_to_end(&mut text).expect("whole");
            text
        }
    };
    String::from_utf8(text).expect("UTF-8")
}

fn lines(endpoint: &Endpoint, path: &str) -> Vec<Value> {
    text(endpoint, path).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn objects_of_every_kind_become_one_part_in_their_order() {
    let endpoint = Endpoint::start().await;
    let zipped = zstd::encode_all(b"{\"n\": 6}\n".as_slice(), 3).expect("compresses");
    let objects = [
        ("s/a.json", b"{\"n\": 1}".to_vec()),
        (
            "s/b.json",
            b"\xef\xbb\xbf{\"n\": 2}\r\n{\"n\": 3}{\n  \"n\": [\n    4\n  ]\n}\n\n".to_vec(),
        ),
        ("s/c.json.gz", [gzip(b"{\"n\":"), gzip(b" 5}")].concat()),
        ("s/d.json.zst", zipped),
        ("s/empty.json", Vec::new()),
        ("s/ünï codé+%.json", b"{\"n\": \"\xc3\xa9\"}".to_vec()),
    ];
    land(&endpoint, &objects);
    let bytes_read = objects.iter().map(|(_, body)| body.len() as u64).sum();
    let compacted = compact(&endpoint).await.expect("merges");
    let bytes_written = endpoint.get(PART).expect("written").len() as u64;
    let merged =
        Merged { objects: 6, documents: 7, bytes_read, bytes_written, ..Merged::default() };
    assert_eq!(compacted, Compacted { source: "songs".into(), batch: 3, merged });
    assert_eq!(
        text(&endpoint, PART),
        "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}\n{   \"n\": [     4   ] }\n{\"n\": 5}\n{\"n\": 6}\n{\"n\": \"é\"}\n"
    );
    let index = lines(&endpoint, INDEX);
    assert_eq!(
        index[1],
        json!({"line": 2, "documents": 3, "uri": "s3://landing/s/b.json", "places": [[1, 1, 1], [3, 2, 0]]})
    );
    assert_eq!(index[2], json!({"line": 5, "documents": 1, "uri": "s3://landing/s/c.json.gz"}));
    let read = lines(&endpoint, OBJECTS);
    assert_eq!(read.len(), 6);
    assert_eq!(read[0]["source"], "songs");
    assert_eq!(read[0]["etag"], etag(b"{\"n\": 1}").trim_matches('"'));
    assert_eq!(text(&endpoint, REJECTS), "", "nothing was set aside");
}

#[tokio::test]
async fn a_retried_batch_writes_the_same_bytes() {
    let endpoint = Endpoint::start().await;
    let objects: Vec<(String, Vec<u8>)> = (0..300)
        .map(|n| (format!("s/{n:03}.json"), format!("{{\"n\": {n}}}\n").repeat(n).into_bytes()))
        .collect();
    let objects: Vec<(&str, Vec<u8>)> =
        objects.iter().map(|(key, body)| (key.as_str(), body.clone())).collect();
    land(&endpoint, &objects);
    let kept = |endpoint: &Endpoint| [PART, INDEX, OBJECTS].map(|path| endpoint.get(path));
    let first = compact(&endpoint).await.expect("merges");
    let files = kept(&endpoint);
    endpoint.set_latency(Duration::from_millis(1));
    endpoint.throttle("landing/s/007.json", 2);
    endpoint.break_after("landing/s/200.json", 50);
    assert_eq!(compact(&endpoint).await.expect("merges"), first);
    assert!(kept(&endpoint) == files);
    assert!(endpoint.requests().1 <= Settings::CONNECTIONS_MAX + 1, "{:?}", endpoint.requests());
}

#[tokio::test]
async fn an_object_that_vanished_is_skipped_and_one_that_changed_is_recorded_as_read() {
    let endpoint = Endpoint::start().await;
    let one = |n: u32| format!("{{\"n\": {n}}}").into_bytes();
    land(&endpoint, &[("s/a.json", one(1)), ("s/b.json", one(2)), ("s/c.json", one(3))]);
    endpoint.put("landing/s/c.json", "{\"n\": 33}");
    endpoint.remove("landing/s/b.json");
    let merged = compact(&endpoint).await.expect("merges").merged;
    assert_eq!((merged.objects, merged.vanished, merged.changed, merged.documents), (2, 1, 1, 2));
    assert_eq!(text(&endpoint, PART), "{\"n\": 1}\n{\"n\": 33}\n");
    let read = lines(&endpoint, OBJECTS);
    assert_eq!(read.len(), 2);
    assert_eq!(read[1]["etag"], etag(b"{\"n\": 33}").trim_matches('"'));
    assert_eq!(read[1]["bytes"], 9);
    assert_eq!(
        lines(&endpoint, INDEX)[1],
        json!({"vanished": true, "uri": "s3://landing/s/b.json"})
    );
}

#[tokio::test]
async fn broken_records_are_counted_and_kept_with_their_place_and_bytes() {
    let endpoint = Endpoint::start().await;
    let mut cut = gzip(&b"{\"n\": 5}\n".repeat(9_000));
    cut.truncate(cut.len() - 9);
    land(
        &endpoint,
        &[
            ("s/a.json", b"{\"n\": 1}\n{\"n\": x\n{\"n\": 2}\n".to_vec()),
            ("s/b.json", b"{\"n\": \"\xff\"}".to_vec()),
            ("s/c.json.gz", cut),
            ("s/d.json", b"[{\"n\": 1},\n{\"n\": 2}]".to_vec()),
        ],
    );
    let merged = compact(&endpoint).await.expect("reads all").merged;
    assert_eq!((merged.rejected, merged.refused, merged.bytes_written), (3, 1, 0));
    let rejects = lines(&endpoint, REJECTS);
    let place = ["line", "lines", "offset", "bytes"].map(|key| rejects[0][key].as_u64());
    assert_eq!(place, [2, 1, 9, 7].map(Some));
    assert_eq!(rejects[0]["raw_value"], "{\"n\": x");
    assert_eq!(rejects[0]["raw_base64"], Value::Null);
    assert_eq!(rejects[1]["raw_base64"], "eyJuIjogIv8ifQ==");
    assert_eq!(rejects[2]["uri"], "s3://landing/s/c.json.gz");
    let file = (&rejects[3]["uri"], &rejects[3]["is_file"]);
    assert_eq!(file, (&json!("s3://landing/s/d.json"), &json!(true)));
    assert_eq!(endpoint.get(PART), None, "what is not to be loaded is not written");
}

#[tokio::test]
async fn broken_records_that_may_be_skipped_are_skipped_and_kept() {
    let endpoint = Endpoint::start().await;
    land(&endpoint, &[("s/a.json", b"{\"n\": 1}\n{\"n\": x\n{\"n\": 2}\n".to_vec())]);
    let merged = compact_skipping(&endpoint, 1).await.expect("merges").merged;
    assert_eq!((merged.documents, merged.rejected), (2, 1));
    assert_eq!(text(&endpoint, PART), "{\"n\": 1}\n{\"n\": 2}\n");
    let reject: Reject = serde_json::from_value(lines(&endpoint, REJECTS)[0].clone()).expect("one");
    assert_eq!((reject.uri.as_str(), reject.line), ("s3://landing/s/a.json", 2));
    assert_eq!((reject.run_id.as_str(), reject.source.as_str()), ("r", "songs"));
}

#[tokio::test]
async fn a_large_object_is_streamed_and_taken_up_where_its_connection_broke() {
    let endpoint = Endpoint::start().await;
    let document =
        |n: u64| format!("{{\"n\": {n}, \"x\": {:?}}}\n", format!("{:x}", n.wrapping_mul(n)));
    let large: Vec<u8> =
        (0..400_000).flat_map(|n| document(n * 0x9e37_79b9).into_bytes()).collect();
    land(&endpoint, &[("s/a.json", b"{}".to_vec()), ("s/b.json", large.clone())]);
    endpoint.break_after("landing/s/b.json", 3_000_001);
    let merged = compact(&endpoint).await.expect("merges").merged;
    assert_eq!(merged.documents, 400_001);
    assert_eq!(merged.bytes_read, large.len() as u64 + 2);
    assert_eq!(text(&endpoint, PART).len(), large.len() + 3);
}

/// Documents that are larger than one part of an upload even when compressed.
fn dense(bytes: usize) -> Vec<u8> {
    let mut random = 1u64;
    let mut text = Vec::new();
    while text.len() < bytes {
        text.extend(b"{\"n\": \"");
        for _ in 0..64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.extend(format!("{random:016x}").bytes());
        }
        text.extend(b"\"}\n");
    }
    text
}

#[tokio::test]
async fn a_part_whose_completion_was_lost_is_written_again_by_a_retry() {
    let endpoint = Endpoint::start().await;
    land(&endpoint, &[("s/a.json", dense(24 << 20))]);
    endpoint.lose_completion();
    // The client's own retry no longer finds an upload.
    let failure = compact(&endpoint).await.expect_err("lost");
    assert_eq!(failure.name, ErrorName::SourceUnreadable, "{failure}");
    assert!(failure.message.contains("NoSuchUpload"), "{failure}");
    let first = endpoint.get(PART).expect("completed");
    compact(&endpoint).await.expect("merges");
    assert!(endpoint.get(PART) == Some(first));
}

#[tokio::test]
async fn an_object_replaced_while_it_is_read_is_named_and_merged_as_it_is_by_a_retry() {
    let endpoint = Endpoint::start().await;
    let body = |letter: &str| format!("{{\"n\": \"{}\"}}", letter.repeat(3_000_000)).into_bytes();
    land(&endpoint, &[("s/a.json", body("a"))]);
    endpoint.break_after("landing/s/a.json", 2_000_000);
    endpoint.replace_after_break("landing/s/a.json", body("b"));
    let failure = compact(&endpoint).await.expect_err("changed");
    assert_eq!(failure.name, ErrorName::SourceUnreadable);
    assert!(failure.message.starts_with("s3://landing/s/a.json was replaced"), "{failure}");
    assert_eq!(compact(&endpoint).await.expect("merges").merged.changed, 1);
}

#[tokio::test]
async fn a_missing_list_is_not_an_empty_batch() {
    let endpoint = Endpoint::start().await;
    let failure = compact(&endpoint).await.expect_err("no list");
    assert_eq!(failure.name, ErrorName::SourceUnreadable);
    assert!(failure.message.contains("s3://work/runs/r/batches/songs/00003.json.gz"), "{failure}");
}
