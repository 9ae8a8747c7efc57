//! Every record is accounted for: the documents of a file are the loaded rows and the rejects,
//! copied or merged, whatever is broken in it and wherever it is truncated.

mod cases;

use std::io::Write;

use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::json;

use crate::converge::in_virtual_time;
use crate::model::{self, Source};
use crate::sample::difference;
use crate::world::{LANDING_BUCKET, World, key};

/// The cases of the property; `SEGUE_CASES` overrides it. Each has two runs.
const CASES: u32 = 8;
/// The most records of a file.
const RECORDS_MAX: usize = 7;
/// Records that a run may skip.
const SPARE: u64 = 99;

/// Records that cannot be loaded, each broken in its own way; the last two are whole documents that
/// the COPY rejects.
const BROKEN: [&str; 16] = [
    r#"{"page": "NextSong", "sessionId": 2, "it"#,
    r#"{"page": "NextSong", "ts":"#,
    r#"{"page": "NextSong", "ts": 15"#,
    r#"{"page": "NextSong","#,
    r#"{"pa"#,
    r#"{bad}"#,
    r#"{"page": oops}"#,
    r#"{"page": "Next, "ts": 1}"#,
    r#"{"page": "Ne"xt", "ts": 1}"#,
    r#"{"page": "x", "user": {"name": oops}, "ids": [{"id": 1}, {"id": 2}]}"#,
    r#"{"page": "x", "ids": [{"id": 1}, {"id": 2}"#,
    r#"{'page': 'NextSong'}"#,
    r#"{"page": "NextSong",}"#,
    "{\"page\": \"Next\nSong\", \"ts\": 1}",
    r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 2, "ts": "yesterday"}"#,
    r#"{"page": "Home", "itemInSession": 1, "ts": 1541105830796}"#,
];

/// What follows each record of a file, and whether records are spread over lines.
const LAYOUTS: [(&str, bool); 8] = [
    ("\n", false),
    ("\r\n", false),
    ("\r", false),
    ("\n   ", false),
    ("\n\n\t", false),
    ("", false),
    ("\n", true),
    ("\r\n ", true),
];

/// Refused layouts: the text before, between and after a file's records.
const REFUSED_LAYOUTS: [(&str, &str, &str); 6] = [
    ("", ",", ","),
    ("", ", ", ""),
    ("", ",\n", "\n"),
    ("[", ", ", "]"),
    ("[\n  ", ",\n  ", "\n]\n"),
    (" [\r\n", ",\r\n", "]"),
];

/// The compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstandard,
}

impl Packing {
    fn pack(self, text: &str) -> Vec<u8> {
        match self {
            Self::Plain => text.into(),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(text.as_bytes()).expect("compresses");
                encoder.finish().expect("compresses")
            }
            Self::Zstandard => zstd::encode_all(text.as_bytes(), 3).expect("compresses"),
        }
    }
}

/// A record of a file: where it begins and ends, on which line, and whether it can be loaded.
#[derive(Debug)]
struct Record {
    begin: usize,
    end: usize,
    line: usize,
    text: String,
    is_good: bool,
}

fn good(number: usize, is_pretty: bool) -> String {
    let rest = json!({
        "sessionId": 8, "itemInSession": number, "ts": 1_541_105_830_796_u64 + number as u64,
        "userId": "9", "level": "free", "song": "a } { [b", "extra": {"ids": [{"id": 1}]},
    });
    match is_pretty {
        true => format!("{{\n  \"page\": \"NextSong\",{}", &format!("{rest:#}")[1..]),
        false => format!("{{\"page\": \"NextSong\", {}", &rest.to_string()[1..]),
    }
}

fn lines(text: &str) -> usize {
    text.replace("\r\n", "\n").matches(['\n', '\r']).count()
}

/// A file of good and broken records. Without anything in between, no two broken ones touch: what is
/// cut within a text and what is cut at its beginning may read as one text.
fn file(kinds: &[Option<usize>], (between, is_pretty): (&str, bool)) -> (String, Vec<Record>) {
    let (mut text, mut records) = (String::new(), Vec::new());
    for (number, kind) in kinds.iter().enumerate() {
        let touches =
            between.is_empty() && records.last().is_some_and(|last: &Record| !last.is_good);
        let kind = kind.filter(|_| !touches);
        let record = match kind {
            Some(kind) => BROKEN[kind % BROKEN.len()].to_owned(),
            None => good(number, is_pretty),
        };
        let (begin, line) = (text.len(), 1 + lines(&text));
        text.push_str(&record);
        let is_good = kind.is_none();
        records.push(Record { begin, end: text.len(), line, text: record, is_good });
        text.push_str(between);
    }
    (text, records)
}

/// Loads the file with records to spare; returns the rejects, by line and text.
async fn load(
    body: &[u8],
    name: &str,
    compact: &str,
    good: &[&Record],
) -> Result<Option<Vec<(usize, String)>>, TestCaseError> {
    let world = World::new();
    world.objects.put(LANDING_BUCKET, &key(Source::Events, name), body.to_vec());
    let ended = world.run(json!({"compact": compact, "maxRejects": {"events": SPARE}})).await;
    if let Some(error) = ended.error {
        let cause = ended.cause.unwrap_or_default();
        prop_assert_eq!(&error, "LoadRejected", "{}: {}", compact, cause);
        prop_assert!(cause.contains(&format!("log_data/{name} line ")), "{}: {}", compact, cause);
        prop_assert!(world.ledger().await.is_empty());
        return Ok(None);
    }
    let files = good.iter().map(|record| (Source::Events, record.text.as_str()));
    let difference = difference(&world.tables().await, &model::tables(files));
    prop_assert!(difference.is_none(), "{}: {:?}", compact, difference);
    let sql = "select line, raw_value from ops.rejected_rows order by line";
    let rows = world.rows(sql).await.into_iter();
    let mut rejects: Vec<(usize, String)> = rows
        .map(|row| {
            let line = row[0].as_deref().and_then(|line| line.parse().ok()).unwrap_or_default();
            (line, row[1].clone().unwrap_or_default())
        })
        .collect();
    rejects.sort();
    prop_assert_eq!(ended.output["rejected"].as_u64().unwrap_or_default(), rejects.len() as u64);
    Ok(Some(rejects))
}

/// A whole file: its good records are there, and its broken ones are the rejects, each with its line
/// and its text.
async fn whole(text: &str, records: &[Record], packing: Packing) -> Result<(), TestCaseError> {
    let good: Vec<&Record> = records.iter().filter(|record| record.is_good).collect();
    let broken = records.iter().filter(|record| !record.is_good);
    let mut expected: Vec<_> = broken.map(|one| (one.line, one.text.clone())).collect();
    expected.sort();
    for compact in ["never", "always"] {
        let rejects = load(&packing.pack(text), "a.json", compact, &good).await?;
        prop_assert_eq!(rejects.as_ref(), Some(&expected), "{}", compact);
    }
    Ok(())
}

/// The beginning of a packed file, up to this share of it; at least one byte.
fn truncated(text: &str, packing: Packing, at: f64) -> Vec<u8> {
    let mut body = packing.pack(text);
    let end = (body.len() as f64 * at) as usize;
    body.truncate(end.max(1));
    body
}

/// A truncated file: records that end before the cut are as in the whole file, and one reject
/// covers what is missing.
async fn cut(
    text: &str,
    records: &[Record],
    packing: Packing,
    at: f64,
) -> Result<(), TestCaseError> {
    let body = truncated(text, packing, at);
    let (body, readable) = (body.as_slice(), readable(&body, packing));
    let before = records.iter().filter(|record| record.end <= readable);
    let good: Vec<&Record> = before.clone().filter(|record| record.is_good).collect();
    let is_within = |record: &Record| record.begin < readable && readable < record.end;
    let is_broken = records.iter().any(is_within) || packing != Packing::Plain;
    let broken = before.filter(|record| !record.is_good).count() + usize::from(is_broken);
    let one = load(body, "a.json", "never", &good).await?;
    let other = load(body, "a.json", "always", &good).await?;
    prop_assert_eq!(&one, &other);
    let Some(one) = one else { return Err(TestCaseError::fail("refused")) };
    // Where the file breaks behind a broken record, one reject is both.
    let ends_broken = records.iter().rfind(|record| record.end <= readable);
    let ends_broken = ends_broken.is_some_and(|record| !record.is_good);
    let is_both = packing != Packing::Plain && ends_broken && one.len() + 1 == broken;
    prop_assert!(one.len() == broken || is_both, "{:?}, expected {}", one, broken);
    Ok(())
}

/// A file of another layout, whole or cut: it is refused by its name both ways; or so little of it is
/// there that nothing says so, and its documents are the rows and the rejects, the same both ways.
async fn of_another_layout(
    text: &str,
    records: &[Record],
    packing: Packing,
    at: f64,
) -> Result<(), TestCaseError> {
    let body = truncated(text, packing, at);
    let (body, readable) = (body.as_slice(), readable(&body, packing));
    let good = records.iter().filter(|record| record.end <= readable && record.is_good);
    let good: Vec<&Record> = good.collect();
    let one = load(body, "a.json", "never", &good).await?;
    let other = load(body, "a.json", "always", &good).await?;
    prop_assert_eq!(&one, &other);
    let begun = records.iter().filter(|record| record.begin < readable).count();
    prop_assert!(one.is_none() || good.len() <= 1, "{:?} of {}", one, text);
    if let Some(rejects) = one {
        // Also text before the first record, and where a compressed file breaks.
        let documents = good.len() + rejects.len();
        prop_assert!((begun..=begun + 2).contains(&documents), "{:?}, {} begun", rejects, begun);
    }
    Ok(())
}

/// How much of its text a file gives, according to a reader other than Segue's, byte by byte.
#[expect(clippy::unbuffered_bytes, reason = "a buffer would lose what comes before an error")]
fn readable(body: &[u8], packing: Packing) -> usize {
    use std::io::Read;
    let input: Box<dyn Read> = match packing {
        Packing::Plain => return body.len(),
        Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(body)),
        Packing::Zstandard => match zstd::Decoder::new(body) {
            Ok(decoder) => Box::new(decoder),
            Err(_) => return 0,
        },
    };
    input.bytes().take_while(Result::is_ok).count()
}

fn kinds() -> impl Strategy<Value = Vec<Option<usize>>> {
    prop::collection::vec(prop::option::of(0..BROKEN.len()), 1..=RECORDS_MAX)
}

fn packing() -> impl Strategy<Value = Packing> {
    prop::sample::select(vec![Packing::Plain, Packing::Gzip, Packing::Zstandard])
}

proptest! {
    #![proptest_config(crate::converge::configuration(CASES))]

    #[test]
    fn documents_are_rows_and_rejects_whatever_is_broken(
        kinds in kinds(), layout in prop::sample::select(LAYOUTS.to_vec()), packing in packing(),
    ) {
        let (text, records) = file(&kinds, layout);
        in_virtual_time(whole(&text, &records, packing))?;
    }

    #[test]
    fn a_file_that_is_cut_anywhere_loses_what_the_cut_has_taken(
        kinds in kinds(), layout in prop::sample::select(LAYOUTS.to_vec()), packing in packing(),
        at in 0.05f64..1.0,
    ) {
        let (text, records) = file(&kinds, layout);
        in_virtual_time(cut(&text, &records, packing, at))?;
    }

    #[test]
    fn a_file_of_another_layout_is_refused_or_accounted_for(
        kinds in kinds(), layout in prop::sample::select(REFUSED_LAYOUTS.to_vec()),
        packing in packing(), at in prop_oneof![Just(1.0), 0.0f64..1.0],
    ) {
        let (before, between, behind) = layout;
        let (text, mut records) = file(&kinds, (between, false));
        let text = format!("{before}{}{behind}", text.strip_suffix(between).unwrap_or(&text));
        for record in &mut records {
            record.begin += before.len();
            record.end += before.len();
        }
        in_virtual_time(of_another_layout(&text, &records, packing, at))?;
    }
}
