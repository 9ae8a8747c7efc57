//! One worker of a COPY: objects in, typed columns out.

use std::io::{self, BufRead, BufReader, Read};
use std::time::SystemTime;

use duckdb::arrow::array::ArrayRef;

use super::columns::Builder;
use super::delimited::{Records, Shape, fields};
use super::documents::{DOCUMENT_BYTES_MAX, Document, Documents};
use super::fields::{Conversion, Field, Refusal, read};
use super::json::{Shredder, utf8};
use super::source::{Source, connection_error};
use crate::dialect::{ColumnType, Compression};
use crate::engine::LoadError;

/// Rows of one batch on its way to the engine.
const BATCH_ROWS_MAX: usize = 8_192;
/// Bytes of text of one batch, about.
const BATCH_BYTES_MAX: u64 = 8_000_000;
/// What is read at once, in bytes.
const BUFFER_BYTES: usize = 128 * 1024;
/// How much of a record an error shows, in characters.
const RAW_LINE_CHARACTERS_MAX: usize = 1_024;

/// A column that the objects fill.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    pub(super) not_null: bool,
}

/// How records become fields.
#[derive(Debug)]
pub(super) enum Shred {
    Json(Shredder),
    Text { shape: Shape, header_lines: u64, fill: bool, ignore_blank: bool },
}

/// What all workers share.
pub(super) struct Decoding {
    pub(super) targets: Vec<Target>,
    pub(super) shred: Shred,
    pub(super) conversion: Conversion,
    pub(super) compression: Compression,
    pub(super) invalid_characters: Option<char>,
}

/// What a worker has to say.
pub(super) enum Message {
    Rows(Vec<ArrayRef>, usize),
    Rejected(Box<LoadError>),
    File { source: Source, bytes: u64, lines: u64, rejected: u64, started: SystemTime },
    Skipped,
    Failed(String),
}

/// Columns being filled by one worker, over one object after another.
pub(super) struct Decoder<'a> {
    decoding: &'a Decoding,
    builders: Vec<Builder>,
    rows: usize,
    bytes: u64,
}

/// The receiver of messages; `false` means stop.
type Send<'a> = &'a mut dyn FnMut(Message) -> bool;

impl<'a> Decoder<'a> {
    pub(super) fn new(decoding: &'a Decoding) -> Self {
        let builders = decoding.targets.iter().map(|target| Builder::new(&target.kind)).collect();
        Self { decoding, builders, rows: 0, bytes: 0 }
    }

    /// Reads an object to its end; `false` when the receiver stops it.
    pub(super) fn object(
        &mut self,
        source: &Source,
        input: Box<dyn Read + std::marker::Send>,
        started: SystemTime,
        send: Send<'_>,
    ) -> bool {
        let url = source.url();
        let opened: io::Result<Box<dyn BufRead>> = match self.decoding.compression {
            Compression::None => Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, input))),
            Compression::Gzip => {
                let unzipped = flate2::read::MultiGzDecoder::new(input);
                Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, unzipped)))
            }
            Compression::Zstd => zstd::Decoder::new(input).map(|decoder| {
                Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)) as Box<dyn BufRead>
            }),
        };
        let read = opened.and_then(|input| match &self.decoding.shred {
            Shred::Json(shredder) => self.documents(shredder, &url, input, send),
            Shred::Text { .. } => self.records(&url, input, send),
        });
        match read {
            Ok(Some((bytes, lines, rejected))) => {
                let source = source.clone();
                send(Message::File { source, bytes, lines, rejected, started })
            }
            Ok(None) => false,
            Err(error) => {
                send(Message::Failed(self.unreadable(&url, &error)));
                false
            }
        }
    }

    fn unreadable(&self, url: &str, error: &io::Error) -> String {
        // Not what was read is broken.
        if let Some(reason) = connection_error(url, error) {
            return reason;
        }
        match self.decoding.compression {
            Compression::Gzip => format!(
                "failed to inflate with gzip: invalid or incomplete deflate data. zlib error code: -3. File: {url} ({error})"
            ),
            Compression::Zstd => format!("failed to decompress zstd data. File: {url} ({error})"),
            Compression::None => format!("S3 Query Exception (Fetch): {url}: {error}"),
        }
    }

    fn documents(
        &mut self,
        shredder: &Shredder,
        url: &str,
        input: Box<dyn BufRead>,
        send: Send<'_>,
    ) -> io::Result<Option<(u64, u64, u64)>> {
        let mut documents = Documents::new(input);
        let mut rejected = 0;
        loop {
            let before = documents.bytes();
            let refusal = match documents.next()? {
                Document::End => break,
                Document::Broken(reason, shown, line) => {
                    let refusal = Refusal::new(1216, reason);
                    Some(self.rejection(url, line, &shown, None, &refusal, ""))
                }
                Document::Whole(bytes, line) => {
                    let shredded = utf8(bytes, self.decoding.invalid_characters)
                        .and_then(|text| shredder.shred(&text));
                    match shredded {
                        Ok(fields) => self.row(&fields).err().map(|(column, refusal)| {
                            let raw = fields[column].as_deref().unwrap_or_default();
                            self.rejection(url, line, bytes, Some(column), &refusal, raw)
                        }),
                        Err(refusal) => Some(self.rejection(url, line, bytes, None, &refusal, "")),
                    }
                }
            };
            self.bytes += documents.bytes() - before;
            if let Some(refusal) = refusal {
                rejected += 1;
                if !send(Message::Rejected(Box::new(refusal))) {
                    return Ok(None);
                }
            }
            if !self.flush_if_full(send) {
                return Ok(None);
            }
        }
        Ok(Some((documents.bytes(), documents.lines(), rejected)))
    }

    fn records(
        &mut self,
        url: &str,
        input: Box<dyn BufRead>,
        send: Send<'_>,
    ) -> io::Result<Option<(u64, u64, u64)>> {
        let Shred::Text { shape, header_lines, fill, ignore_blank } = self.decoding.shred else {
            return Ok(None);
        };
        let mut records = Records::new(input, shape);
        records.skip(header_lines)?;
        let mut rejected = 0;
        loop {
            let before = records.bytes();
            let Some((bytes, line)) = records.next()? else { break };
            if bytes.is_empty() && ignore_blank {
                continue;
            }
            let bytes = bytes.to_vec();
            let outcome = self.record(&bytes, shape, fill);
            self.bytes += records.bytes() - before;
            if let Err((column, refusal, raw)) = outcome {
                rejected += 1;
                let error = self.rejection(url, line, &bytes, column, &refusal, &raw);
                if !send(Message::Rejected(Box::new(error))) {
                    return Ok(None);
                }
            }
            if !self.flush_if_full(send) {
                return Ok(None);
            }
        }
        Ok(Some((records.bytes(), records.lines(), rejected)))
    }

    fn record(
        &mut self,
        bytes: &[u8],
        shape: Shape,
        fill: bool,
    ) -> Result<(), (Option<usize>, Refusal, String)> {
        let none = |refusal: Refusal| (None, refusal, String::new());
        if bytes.len() > DOCUMENT_BYTES_MAX {
            let text = "Invalid input line: the line exceeds the maximum of 4194304 bytes";
            return Err(none(Refusal::new(1216, text)));
        }
        let text = utf8(bytes, self.decoding.invalid_characters).map_err(none)?;
        let mut found = fields(&text, shape).map_err(none)?;
        let wanted = self.decoding.targets.len();
        if found.len() == wanted + 1 && shape.may_end_in_delimiter() {
            found.pop_if(|last| last.is_empty());
        }
        if found.len() > wanted {
            return Err(none(Refusal::new(1202, "Extra column(s) found")));
        }
        if found.len() < wanted && !fill {
            return Err(none(Refusal::new(1214, "Delimiter not found")));
        }
        let mut row: Vec<Option<String>> = found.into_iter().map(Some).collect();
        // "If the missing column is a VARCHAR column, zero-length strings are loaded."
        let missing = self.decoding.targets[row.len()..].iter().map(|target| match target.kind {
            ColumnType::Varchar { .. } => Some(String::new()),
            _ => None,
        });
        row.extend(missing);
        self.row(&row).map_err(|(column, refusal)| {
            let raw = row[column].clone().unwrap_or_default();
            (Some(column), refusal, raw)
        })
    }

    /// Adds a row, whole or not at all.
    fn row(&mut self, fields: &[Option<String>]) -> Result<(), (usize, Refusal)> {
        let mut values = Vec::with_capacity(fields.len());
        for (index, (target, field)) in self.decoding.targets.iter().zip(fields).enumerate() {
            let value = match field {
                None => Field::Null,
                Some(text) => read(&target.kind, text, &self.decoding.conversion)
                    .map_err(|refusal| (index, refusal))?,
            };
            if value == Field::Null && target.not_null {
                let refusal = Refusal::new(1213, "Missing data for not-null field");
                return Err((index, refusal));
            }
            values.push(value);
        }
        for (builder, value) in self.builders.iter_mut().zip(values) {
            builder.append(value);
        }
        self.rows += 1;
        Ok(())
    }

    fn rejection(
        &self,
        url: &str,
        line: u64,
        record: &[u8],
        column: Option<usize>,
        refusal: &Refusal,
        raw_value: &str,
    ) -> LoadError {
        let target = column.map(|index| &self.decoding.targets[index]);
        let cut = |text: &str| text.chars().take(RAW_LINE_CHARACTERS_MAX).collect::<String>();
        let shown = &record[..record.len().min(4 * RAW_LINE_CHARACTERS_MAX)];
        LoadError {
            file: url.to_owned(),
            line,
            column: target.map(|target| target.name.clone()).unwrap_or_default(),
            column_type: target.map(|target| target.kind.udt().to_owned()).unwrap_or_default(),
            column_length: target.map(|target| length(&target.kind)).unwrap_or_default(),
            position: 0,
            code: refusal.code,
            message: refusal.message.clone(),
            raw_line: cut(&String::from_utf8_lossy(shown)),
            raw_value: cut(raw_value),
        }
    }

    fn flush_if_full(&mut self, send: Send<'_>) -> bool {
        if self.rows < BATCH_ROWS_MAX && self.bytes < BATCH_BYTES_MAX {
            return true;
        }
        self.flush(send)
    }

    /// Passes on what is there.
    pub(super) fn flush(&mut self, send: Send<'_>) -> bool {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            return true;
        }
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        send(Message::Rows(columns, rows))
    }
}

/// A column's declared length, as the load errors show it.
fn length(kind: &ColumnType) -> String {
    match kind {
        ColumnType::Char { bytes_max }
        | ColumnType::Varchar { bytes_max }
        | ColumnType::Varbyte { bytes_max } => bytes_max.to_string(),
        ColumnType::Decimal { precision, scale } => format!("{precision}, {scale}"),
        _ => "0".to_owned(),
    }
}
