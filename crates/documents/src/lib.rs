//! Reads the JSON documents of a file: the one answer to "where does the next record begin".
//!
//! A file contains documents one after another: each on one line or several, with blanks, line ends
//! (`\n`, `\r\n` or `\r`) or nothing between them, with or without a byte order mark. It may be
//! compressed. Anything else is a reject, and reading resumes at the next record; so every document
//! of a file is either passed on or a reject, whatever is broken in it.
//!
//! Documents that are separated by commas or wrapped in an array are not such a file: a COPY does
//! not accept them, so the file is refused as a whole.

mod decode;
mod gzip;
mod layout;
mod record;
mod resume;
mod scan;
mod zstandard;

use std::io;

pub use decode::{Decoder, Stopped};
pub use record::{DOCUMENT_BYTES_MAX, Records};
pub use scan::Documents;

/// The most bytes of a rejected record that are kept.
pub const RAW_BYTES_MAX: usize = 256 << 10;

/// Where documents go.
pub trait Sink {
    /// Takes a document: valid JSON in UTF-8, an object (or an array, where those are records),
    /// perhaps over several lines, and the line on which it begins, from 1.
    ///
    /// # Errors
    /// When it cannot be written.
    fn document(&mut self, document: &[u8], line: u64) -> io::Result<()>;

    /// Takes a reject.
    ///
    /// # Errors
    /// When it cannot be written.
    fn reject(&mut self, reject: Reject) -> io::Result<()>;
}

/// Bytes of a file that are not a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reject {
    /// Where they begin in the file's text, in bytes from 0.
    pub offset: u64,
    /// The line on which they begin, from 1.
    pub line: u64,
    /// How many lines they touch.
    pub lines: u64,
    /// How many bytes there are.
    pub bytes: u64,
    /// What was expected and what was found.
    pub reason: String,
    /// The bytes themselves, the first [`RAW_BYTES_MAX`].
    pub raw: Vec<u8>,
    /// Whether the whole file is refused for its layout, not one record of it.
    pub is_file: bool,
}

/// Reads a whole file from memory, with any compression.
///
/// # Errors
/// When the sink cannot write.
pub fn read(file: &[u8], records: Records, sink: &mut impl Sink) -> io::Result<()> {
    let mut decoder = Decoder::Unknown;
    let mut documents = Documents::new(records);
    let taken = decoder.push(file, |text| documents.push(text, sink));
    let ended = taken.and_then(|()| decoder.finish(|text| documents.push(text, sink)));
    match ended {
        Ok(()) => documents.finish(None, sink),
        Err(Stopped::Broken(reason)) => documents.finish(Some(&reason), sink),
        Err(Stopped::Sink(error)) => Err(error),
    }
}
