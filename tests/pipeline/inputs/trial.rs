//! Two warehouses, side by side, that get one input after the other: in one, a COPY reads files as
//! they are; in the other, they are merged first.

use segue::doctor::{Depth, Verdict};
use segue_contract::data_files;
use serde_json::json;
use workflow_local::Ended;

use super::{Input, NEIGHBOUR, NEIGHBOUR_SONG};
use crate::model::{self, Source};
use crate::sample::difference;
use crate::world::{Findings, LANDING_BUCKET, TABLES, World, key};

/// Records of a source that a run may skip, if it may skip any.
const SPARE: u64 = 99;
/// The tables that a run must keep, besides [`TABLES`].
const BOOKS: [&str; 3] = ["ops.loaded_objects", "ops.rejected_rows", "ops.runs"];
/// Words of the inputs, their keys and their names: no statement may contain one.
const TRACES: [&str; 4] = ["Elena", "Setanta", "drop table mart", "_data/"];

/// Carries inputs out: each by itself with no rejects allowed, as is the default; then all refused
/// ones again, together, in a run that may skip records. Returns what people read.
pub async fn carried_out(inputs: &[Input]) -> String {
    let (mut copied, mut merged) = (Trial::new("never").await, Trial::new("always").await);
    let (mut endings, mut refused) = (String::new(), [Vec::new(), Vec::new()]);
    for (number, input) in inputs.iter().enumerate() {
        endings.push_str(&format!("{}\n", input.name));
        for (trial, refused) in [&mut copied, &mut merged].into_iter().zip(&mut refused) {
            let (is_loaded, ending) = trial.alone(input, number).await;
            endings.push_str(&ending);
            if !is_loaded && !input.is_refused {
                refused.push((number, input));
            }
        }
    }
    endings.push_str(&format!("the refused ones together, with {SPARE} records to spare\n"));
    for (trial, refused) in [&mut copied, &mut merged].into_iter().zip(&refused) {
        endings.push_str(&trial.together(refused).await);
    }
    copied.end().await;
    merged.end().await;
    endings
}

/// How a run ended, for people: its status, or its error and the cause, line by line.
pub fn ending(how: &str, run: &str, ended: &Ended) -> String {
    let status = ended.output["status"].as_str().map(ToOwned::to_owned);
    let mut endings = format!("  {how}: {}\n", ended.error.clone().or(status).unwrap_or_default());
    for line in ended.cause.iter().flat_map(|cause| cause.lines()) {
        let line = line.replace(&format!("/{run}/"), "/<run>/");
        endings.push_str(&format!("    | {}\n", line.trim_end()));
    }
    endings
}

/// One of the warehouses, and what it must hold by now.
pub struct Trial {
    pub world: World,
    compact: &'static str,
    files: Vec<(Source, String)>,
}

impl Trial {
    /// A warehouse with a valid event and its song loaded.
    pub async fn new(compact: &'static str) -> Self {
        let mut trial = Self::of(World::new(), compact);
        for (source, text) in [(Source::Events, NEIGHBOUR), (Source::Songs, NEIGHBOUR_SONG)] {
            trial.land(source, &key(source, "neighbour.json"), text);
        }
        trial.world.load().await;
        trial
    }

    /// The empty warehouse of a world.
    pub fn of(world: World, compact: &'static str) -> Self {
        Self { world, compact, files: Vec::new() }
    }

    fn how(&self) -> &'static str {
        if self.compact == "never" { "copied" } else { "merged" }
    }

    /// Loads an input by itself; if it is refused, it is removed again.
    async fn alone(&mut self, input: &Input, number: usize) -> (bool, String) {
        let before = self.world.ledger().await;
        self.put(input, number);
        let doctor = self.doctor().await;
        let run = format!("alone-{number}");
        let asked = json!({"compact": self.compact, "allowDrop": true});
        let ended = self.world.end(&self.world.start_as(&run, asked)).await;
        if ended.error.is_none() {
            self.loaded(input, number).await;
            self.compare(input.name).await;
        } else {
            self.world.objects.remove(LANDING_BUCKET, &input.key(number));
            assert_eq!(self.world.ledger().await, before, "{}", input.name);
        }
        if let Some(diagnosis) = doctor {
            let bad = diagnosis.lines(Verdict::Bad);
            assert_eq!(diagnosis.is_healthy(), ended.error.is_none(), "{}: {bad:?}", input.name);
        }
        (ended.error.is_none(), ending(self.how(), &run, &ended))
    }

    /// The doctor's findings; its rehearsal is a COPY, so it is compared with runs that copy.
    async fn doctor(&self) -> Option<Findings> {
        match self.compact {
            "never" => Some(self.world.doctor(Depth::EveryFile).await),
            _ => None,
        }
    }

    /// Loads inputs that were refused alone, in one run that may skip records.
    async fn together(&mut self, refused: &[(usize, &Input)]) -> String {
        self.compare("after all that were refused").await;
        for (number, input) in refused {
            self.put(input, *number);
        }
        let doctor = self.doctor().await;
        let spare = json!({"events": SPARE, "songs": SPARE});
        let asked = json!({"compact": self.compact, "maxRejects": spare, "allowDrop": true});
        let ended = self.world.end(&self.world.start_as("together", asked)).await;
        if ended.error.is_none() {
            for (number, input) in refused {
                self.loaded(input, *number).await;
            }
        }
        self.compare("together").await;
        if let Some(diagnosis) = doctor {
            // A run that may leave records out merges, and reads some files that no COPY reads: those
            // that are compressed and have no such ending.
            let bad = diagnosis.bad_files();
            let uris = self.world.rows("select distinct uri from ops.rejected_rows").await.concat();
            assert!(uris.iter().flatten().all(|uri| bad.contains(uri)), "{uris:?} {bad:?}");
        }
        let left_out = self.world.rows("select uri, line from ops.rejected_rows").await.len();
        assert_eq!(ended.output["rejected"].as_u64().unwrap_or_default(), left_out as u64);
        let endings = ending(self.how(), "together", &ended);
        format!("{endings}    {left_out} records of {} files are skipped\n", refused.len())
    }

    /// Lets a valid file land, whose records must be there from the next run on.
    pub fn land(&mut self, source: Source, key: &str, text: &str) {
        self.world.objects.put(LANDING_BUCKET, key, text.into());
        self.files.push((source, text.to_owned()));
    }

    fn put(&self, input: &Input, number: usize) {
        self.world.objects.put(LANDING_BUCKET, &input.key(number), input.body(number));
    }

    /// Notes that the valid records of an input must be there from now on, and its file in the
    /// ledger.
    async fn loaded(&mut self, input: &Input, number: usize) {
        self.files.push((input.source, input.sound(number)));
        let uri = format!("s3://{LANDING_BUCKET}/{}", input.key(number));
        let noted =
            self.world.ledger().await.iter().filter(|row| row[1].as_ref() == Some(&uri)).count();
        // Runs ignore objects that are not data.
        let (name, bytes) = (input.key(number), input.body(number).len() as u64);
        let expected = usize::from(data_files::by_name_and_size(&name, bytes).is_ok());
        assert_eq!(noted, expected, "{}, {}: {uri}", input.name, self.how());
    }

    /// Compares the star schema with the model's over all that has been loaded.
    pub async fn compare(&self, what: &str) {
        let files = self.files.iter().map(|(source, text)| (*source, text.as_str()));
        let difference = difference(&self.world.tables().await, &model::tables(files));
        assert!(difference.is_none(), "{what}, {}: {}", self.how(), difference.unwrap_or_default());
    }

    /// Fails if a table is gone, a statement is still running, or a word of an input is part of any
    /// SQL.
    pub async fn end(&self) {
        for table in TABLES.into_iter().chain(BOOKS) {
            let counted = self.world.engine.query(&format!("select count(*) from {table}")).await;
            assert!(counted.is_ok(), "{table} is there: {counted:?}");
        }
        assert_eq!(self.world.unfinished_statements().await, Vec::<String>::new());
        let texts = self.world.statement_texts().await;
        assert!(texts.iter().any(|text| text.contains("staging_")), "the runs' SQL is searched");
        for trace in TRACES {
            let traced = texts.iter().find(|text| text.contains(trace));
            assert_eq!(traced, None, "{trace} is no part of SQL");
        }
    }
}
