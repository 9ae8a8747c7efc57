use proptest::prelude::*;

use super::*;
use crate::DOCUMENT_BYTES_MAX;

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    documents: Vec<String>,
    lines: Vec<u64>,
    rejects: Vec<Reject>,
}

impl Sink for Seen {
    fn document(&mut self, document: &[u8], line: u64) -> io::Result<()> {
        self.documents.push(String::from_utf8(document.to_vec()).expect("UTF-8"));
        self.lines.push(line);
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> io::Result<()> {
        self.rejects.push(reject);
        Ok(())
    }
}

fn scan(text: &[u8], step: usize) -> Seen {
    let mut seen = Seen::default();
    let mut documents = Documents::new(Records::Objects);
    for chunk in text.chunks(step.max(1)) {
        documents.push(chunk, &mut seen).expect("takes");
    }
    documents.finish(None, &mut seen).expect("takes");
    seen
}

#[test]
fn every_way_of_writing_documents_is_read() {
    let two = [r#"{"a": 1}"#, r#"{"b": {"c": [1, "}{"]}}"#];
    for text in [
        "{\"a\": 1}\n{\"b\": {\"c\": [1, \"}{\"]}}",
        "{\"a\": 1}\r\n{\"b\": {\"c\": [1, \"}{\"]}}\r\n",
        "{\"a\": 1}{\"b\": {\"c\": [1, \"}{\"]}}",
        "\u{feff}{\"a\": 1}\n\n\n  {\"b\": {\"c\": [1, \"}{\"]}}\n\n",
    ] {
        for step in [1, 2, 3, 7, 1_000] {
            let seen = scan(text.as_bytes(), step);
            assert_eq!(seen.documents, two, "{text:?} by {step}");
            assert!(seen.rejects.is_empty(), "{:?}", seen.rejects);
        }
    }
    assert_eq!(scan(b"", 1), Seen::default());
    assert_eq!(scan(b" \n\xef\xbb\xbf", 1).rejects.len(), 1, "a mark is one at the beginning only");
}

/// Records that are broken, each in its own way.
const BROKEN: [&str; 17] = [
    r#"{"page": "NextSong", "sessionId": 2, "it"#,
    r#"{"page": "NextSong", "ts":"#,
    r#"{"page": "NextSong", "ts": 15"#,
    r#"{"page": "NextSong", "#,
    r#"{"pa"#,
    r#"{"#,
    r#"{bad}"#,
    r#"{"page": oops}"#,
    r#"{"page": "Next, "ts": 1}"#,
    r#"{"page": "Ne"xt", "ts": 1}"#,
    r#"{"page": "x", "user": {"name": oops}, "ids": [{"id": 1}, {"id": 2}]}"#,
    r#"{"page": "x", "user": {"name": "y"}"#,
    r#"{"page": "x", "ids": [{"id": 1}, {"id": 2}"#,
    r#"{'page': 'NextSong'}"#,
    r#"{"page": "NextSong",}"#,
    "{\"page\": \"Next\nSong\", \"ts\": 1}",
    r#"{"page": "NextSong", "ts": 1]"#,
];

/// The separators of the records of a file, and whether each record is spread over lines.
const LAYOUTS: [(&str, bool); 9] = [
    ("\n", false),
    ("\r\n", false),
    ("\r", false),
    ("\n  ", false),
    ("\n\n\t", false),
    ("", false),
    (" ", false),
    ("\n", true),
    ("\n ", true),
];

fn good(number: usize, is_pretty: bool) -> String {
    let rest =
        serde_json::json!({"sessionId": number, "user": {"name": "a } { b", "ids": [{"id": 1}]}});
    match is_pretty {
        true => format!("{{\n  \"page\": \"NextSong\",{}", &format!("{rest:#}")[1..]),
        false => format!("{{\"page\": \"NextSong\", {}", &rest.to_string()[1..]),
    }
}

/// Good and broken records in a layout: the text, and the good ones.
fn file(order: &[Option<usize>], layout: (&str, bool)) -> (String, Vec<String>) {
    let (mut text, mut expected) = (String::new(), Vec::new());
    for (number, record) in order.iter().enumerate() {
        match record {
            Some(kind) => text.push_str(BROKEN[*kind]),
            None => {
                let record = good(number, layout.1);
                text.push_str(&record);
                expected.push(record);
            }
        }
        text.push_str(layout.0);
    }
    (text, expected)
}

#[test]
fn every_broken_record_is_one_reject_in_every_layout() {
    for layout in LAYOUTS {
        for (kind, text) in BROKEN.iter().enumerate() {
            let broken = Some(kind);
            for order in [vec![None, broken, None], vec![broken, None, None], vec![None, broken]] {
                one_reject(text.trim_end(), &order, layout);
            }
        }
    }
}

fn one_reject(broken: &str, order: &[Option<usize>], layout: (&str, bool)) {
    let (text, expected) = file(order, layout);
    for step in [1, 1_000] {
        let seen = scan(text.as_bytes(), step);
        assert_eq!(seen.documents, expected, "{text:?} by {step}: {:?}", seen.rejects);
        let raw: Vec<_> =
            seen.rejects.iter().map(|one| String::from_utf8_lossy(&one.raw)).collect();
        assert_eq!(raw, [broken], "{text:?} by {step}");
    }
}

#[test]
fn a_reject_says_where_it_is_and_what() {
    let text = "{\"a\": 1}\r\n{\"b\": \r\nnothing\r\n{\"c\": 3}\r\n";
    for step in [1, 5, 1_000] {
        let seen = scan(text.as_bytes(), step);
        assert_eq!(seen.documents, [r#"{"a": 1}"#, r#"{"c": 3}"#]);
        assert_eq!(seen.lines, [1, 4]);
        let [cut, other] = seen.rejects.as_slice() else { panic!("{:?}", seen.rejects) };
        assert_eq!((cut.offset, cut.line, cut.lines, cut.bytes), (10, 2, 1, 5));
        assert_eq!(cut.raw, b"{\"b\":");
        assert!(cut.reason.starts_with("expected valid JSON, found: "), "{}", cut.reason);
        assert_eq!(
            (other.offset, other.line, other.raw.as_slice()),
            (18, 3, b"nothing".as_slice())
        );
    }
}

#[test]
fn text_that_is_not_an_object_is_named() {
    let reason = |text: &[u8]| scan(text, 3).rejects.first().map(|reject| reject.reason.clone());
    assert_eq!(reason(b"[1]").as_deref(), Some("expected a JSON object, found an array"));
    assert_eq!(reason(b"id,name\n").as_deref(), Some("expected a JSON object, found 'i'"));
    assert_eq!(
        reason(b"\xff\xfe{\0").as_deref(),
        Some("expected a JSON object, found the byte 0xff")
    );
    assert_eq!(
        reason(b"{\"a\": \"\xc3\x28\"}").as_deref(),
        Some("expected UTF-8, found another byte at 7 of the document")
    );
    assert_eq!(
        reason(b"{\"a\": {}").as_deref(),
        Some("expected the end of the document, found the end of the file")
    );
}

#[test]
fn a_document_is_as_long_as_a_copy_takes_and_no_longer() {
    let document = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let text = [document(DOCUMENT_BYTES_MAX), document(DOCUMENT_BYTES_MAX + 1), "{}".into()];
    let seen = scan(text.join("\n").as_bytes(), 100_000);
    assert_eq!(seen.documents.len(), 2);
    let [reject] = seen.rejects.as_slice() else { panic!("{}", seen.rejects.len()) };
    assert_eq!(reject.bytes, DOCUMENT_BYTES_MAX as u64 + 1);
    assert_eq!(reject.raw.len(), RAW_BYTES_MAX);
    assert!(reject.reason.contains("at most 4194304 bytes"), "{}", reject.reason);
}

#[test]
fn an_object_that_ends_too_early_keeps_what_is_whole() {
    let mut seen = Seen::default();
    let mut documents = Documents::new(Records::Objects);
    documents.push(b"{\"a\": 1}\n{\"b\"", &mut seen).expect("takes");
    documents.finish(Some("expected a complete gzip object"), &mut seen).expect("takes");
    assert_eq!(seen.documents, [r#"{"a": 1}"#]);
    assert_eq!(seen.rejects[0].raw, b"{\"b\"");
    assert_eq!(seen.rejects[0].reason, "expected a complete gzip object");
    // The scan is as new afterwards.
    documents.push(b"{}", &mut seen).expect("takes");
    documents.finish(None, &mut seen).expect("takes");
    assert_eq!(seen.documents.len(), 2);
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[ -~é\n\"{}\\[\\]]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z\"{}]{0,3}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn documents_in_are_documents_out_whatever_the_shape_of_the_file(
        documents in prop::collection::vec(
            (prop::collection::btree_map("[a-z]{1,3}", value(), 0..4), any::<bool>(), 0usize..5), 0..8,
        ),
        mark in any::<bool>(), step in 1usize..40,
    ) {
        let mut text = if mark { "\u{feff}".to_owned() } else { String::new() };
        let mut expected = Vec::new();
        for (fields, is_pretty, gap) in documents {
            let document = serde_json::Value::Object(fields.into_iter().collect());
            text += &if is_pretty { format!("{document:#}") } else { document.to_string() };
            text += ["", "\n", "\r\n", " ", "\n\n\t"][gap];
            expected.push(document);
        }
        let seen = scan(text.as_bytes(), step);
        prop_assert!(seen.rejects.is_empty(), "{:?}", seen.rejects);
        let read: Vec<serde_json::Value> = seen.documents.iter()
            .map(|document| serde_json::from_str(document).expect("JSON")).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn nothing_is_lost_and_pieces_do_not_matter(text in prop::collection::vec(
        prop::sample::select(b"{}[]\",:\n 1a\\\xc3\xef".to_vec()), 0..120), step in 1usize..20,
    ) {
        let seen = scan(&text, step);
        prop_assert_eq!(&seen, &scan(&text, text.len()));
        if seen.rejects.iter().any(|reject| reject.is_file) {
            return Ok(());
        }
        let kept: usize = seen.documents.iter().map(String::len).sum::<usize>()
            + seen.rejects.iter().map(|reject| reject.raw.len()).sum::<usize>();
        let visible = |bytes: &[u8]| bytes.iter().filter(|b| !b.is_ascii_whitespace()).count();
        let kept_visible: usize = seen.documents.iter().map(|d| visible(d.as_bytes())).sum::<usize>()
            + seen.rejects.iter().map(|reject| visible(&reject.raw)).sum::<usize>();
        prop_assert!(kept <= text.len());
        prop_assert_eq!(kept_visible, visible(&text));
    }
}
