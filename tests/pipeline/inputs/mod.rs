//! Inputs that nobody should send, carried out to the end: each is loaded, with exactly the valid
//! rows, or fails with a name and a message, with star schema and ledger untouched.
//!
//! The snapshots hold what people read. A value that reached SQL as code would be in the statements
//! that the warehouse received, so these are searched.

mod files;
mod keys;
mod requests;
mod settings;
mod trial;
mod values;

use crate::model::Source;
use trial::carried_out;

/// A valid record, from which inputs are made.
const SOUND: &str = r#"{"page": "NextSong", "sessionId": 8, "itemInSession": 1, "ts": 1541105830796, "userId": "9", "level": "free", "song": "Elena"}"#;
/// Another, of the same session.
const NEXT: &str = r#"{"page": "NextSong", "sessionId": 8, "itemInSession": 2, "ts": 1541105830797, "userId": "9", "level": "free", "song": "Elena"}"#;
/// A valid record in its own file, next to every input.
const NEIGHBOUR: &str = r#"{"page": "NextSong", "sessionId": 7, "itemInSession": 1, "ts": 1541105830000, "userId": "9", "level": "paid", "song": "Setanta"}"#;
const NEIGHBOUR_SONG: &str = r#"{"song_id": "S0", "title": "Setanta", "artist_id": "A0", "artist_name": "Elena", "duration": 100, "year": 2000}"#;

/// A file that lands, and which of its records can be loaded.
struct Input {
    name: &'static str,
    source: Source,
    /// The ending of its key.
    file: &'static str,
    text: String,
    /// How the text is encoded in the file.
    encode: fn(&str) -> Vec<u8>,
    sound: String,
    /// Whether it is always refused, even if records may be skipped.
    is_refused: bool,
}

impl Input {
    /// A file of events.
    fn events(name: &'static str, text: impl Into<String>, sound: impl Into<String>) -> Self {
        Self {
            name,
            source: Source::Events,
            file: "input.json",
            text: text.into(),
            encode: |text| text.as_bytes().to_vec(),
            sound: sound.into(),
            is_refused: false,
        }
    }

    fn encoded(self, encode: fn(&str) -> Vec<u8>) -> Self {
        Self { encode, ..self }
    }

    fn refused(self) -> Self {
        Self { is_refused: true, ..self }
    }

    fn under(self, file: &'static str) -> Self {
        Self { file, ..self }
    }

    /// Its key as input number `index`.
    fn key(&self, number: usize) -> String {
        crate::world::key(self.source, &format!("{number:02}/{}", self.file))
    }

    /// The records that a run loads from it, as input number `index`.
    fn sound(&self, number: usize) -> String {
        in_session_of_its_own(&self.sound, number)
    }

    /// The file's content as input number `index`.
    fn body(&self, number: usize) -> Vec<u8> {
        (self.encode)(&in_session_of_its_own(&self.text, number))
    }
}

/// The records of each input differ, so that a lost one is noticed.
fn in_session_of_its_own(text: &str, number: usize) -> String {
    text.replace("\"sessionId\": 8", &format!("\"sessionId\": {}", 100 + number))
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_format_is_named_and_changes_nothing() {
    insta::assert_snapshot!(carried_out(&files::not_json()).await);
}

#[tokio::test(start_paused = true)]
async fn a_document_in_an_odd_shape_is_loaded_or_named() {
    insta::assert_snapshot!(carried_out(&files::nearly_json()).await);
}

#[tokio::test(start_paused = true)]
async fn a_file_of_other_bytes_is_loaded_or_named() {
    insta::assert_snapshot!(carried_out(&files::other_bytes()).await);
}

#[tokio::test(start_paused = true)]
async fn a_compressed_file_is_loaded_or_named() {
    insta::assert_snapshot!(carried_out(&files::compressed()).await);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_time_is_named_and_changes_nothing() {
    insta::assert_snapshot!(carried_out(&values::times()).await);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_number_is_named_and_changes_nothing() {
    insta::assert_snapshot!(carried_out(&values::numbers()).await);
}

#[tokio::test(start_paused = true)]
async fn a_text_that_does_not_fit_is_named_and_an_odd_one_is_loaded() {
    insta::assert_snapshot!(carried_out(&values::texts()).await);
}

#[tokio::test(start_paused = true)]
async fn a_song_that_does_not_fit_is_named_and_changes_nothing() {
    insta::assert_snapshot!(carried_out(&values::songs()).await);
}
