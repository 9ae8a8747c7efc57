//! The files of one UNLOAD: by slice and part, whole in memory until they are put.

use std::io;
use std::time::SystemTime;

use super::compress::Body;
use crate::copy::{Source, service_error};
use crate::dialect::{FileFormat, Unload};
use crate::engine::{Session, SqlError, UnloadedFile};
use crate::objects::ObjectStore;

/// What unfinished files may take in memory together, in bytes.
const HELD_BYTES_MAX: u64 = 4_000_000_000;

/// All files of one UNLOAD; rows go to the slices in turn.
pub(super) struct Files<'a> {
    session: &'a Session,
    store: &'a dyn ObjectStore,
    unload: &'a Unload,
    target: Source,
    header: Option<Vec<u8>>,
    slices: Vec<Slice>,
    next: usize,
    held: u64,
    written: Vec<UnloadedFile>,
}

#[derive(Default)]
struct Slice {
    /// The number of the file.
    part: usize,
    file: Option<File>,
}

struct File {
    body: Body,
    started: SystemTime,
    /// Before compression.
    bytes: u64,
    lines: u64,
}

impl File {
    fn push(&mut self, line: &[u8]) -> io::Result<()> {
        self.bytes += line.len() as u64;
        self.lines += 1;
        self.body.push(line)
    }
}

impl<'a> Files<'a> {
    pub(super) fn new(
        session: &'a Session,
        store: &'a dyn ObjectStore,
        unload: &'a Unload,
        target: Source,
        slices: u32,
    ) -> Self {
        let slices = (0..slices).map(|_| Slice::default()).collect();
        let (header, written) = (None, Vec::new());
        Self { session, store, unload, target, header, slices, next: 0, held: 0, written }
    }

    /// Lets every file begin with this line.
    pub(super) fn begin_with(&mut self, header: Vec<u8>) {
        self.header = Some(header);
    }

    /// The files that are written, in the order of their names.
    pub(super) fn written(&self) -> &[UnloadedFile] {
        &self.written
    }

    pub(super) fn into_written(self) -> Vec<UnloadedFile> {
        self.written
    }

    /// Adds one row to the slice whose turn it is.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<(), SqlError> {
        let slice = self.next;
        self.next = (slice + 1) % self.slices.len();
        let length = line.len() as u64;
        let is_full = |file: &File| file.bytes + length > self.unload.file_bytes_max;
        if self.slices[slice].file.as_ref().is_some_and(is_full) {
            self.put(slice)?;
        }
        self.held += length;
        if self.held > HELD_BYTES_MAX {
            return Err(SqlError::unsupported(&format!(
                "UNLOAD with {HELD_BYTES_MAX} bytes in unfinished files, without a smaller \
                 MAXFILESIZE,"
            )));
        }
        self.file(slice).and_then(|file| file.push(line)).map_err(|error| broken(&error))
    }

    /// The slice's open file, begun if there is none.
    fn file(&mut self, slice: usize) -> io::Result<&mut File> {
        let place = &mut self.slices[slice].file;
        if place.is_none() {
            let body = Body::new(self.unload.compression)?;
            let started = self.session.warehouse_now();
            let mut file = File { body, started, bytes: 0, lines: 0 };
            if let Some(header) = &self.header {
                file.push(header)?;
            }
            *place = Some(file);
        }
        place.as_mut().ok_or_else(|| io::Error::other("no file"))
    }

    /// Puts what is not yet put. CSV without rows is one empty file, other formats have none.
    pub(super) fn finish(&mut self) -> Result<(), SqlError> {
        let is_empty =
            self.written.is_empty() && self.slices.iter().all(|slice| slice.file.is_none());
        if is_empty && self.unload.format == FileFormat::Csv {
            self.file(0).map_err(|error| broken(&error))?;
        }
        (0..self.slices.len()).try_for_each(|slice| self.put(slice))?;
        self.written.sort_by(|one, other| one.url.cmp(&other.url));
        Ok(())
    }

    /// Puts the slice's open file.
    fn put(&mut self, slice: usize) -> Result<(), SqlError> {
        let Some(file) = self.slices[slice].file.take() else { return Ok(()) };
        let part = self.slices[slice].part;
        self.slices[slice].part += 1;
        self.held = self.held.saturating_sub(file.bytes);
        let extension = &self.unload.extension;
        let name = match self.unload.parallel {
            true => format!("{slice:04}_part_{part:02}{extension}"),
            false => format!("{part:03}{extension}"),
        };
        let body = file.body.finish().map_err(|error| broken(&error))?;
        let bytes = body.len() as u64;
        let url = self.put_object(&name, body)?;
        let ended = self.session.warehouse_now();
        let (started, lines) = (file.started, file.lines);
        self.written.push(UnloadedFile { url, slice, bytes, lines, started, ended });
        Ok(())
    }

    /// Puts the manifest.
    pub(super) fn put_manifest(&self, text: &str) -> Result<(), SqlError> {
        self.put_object("manifest", text.as_bytes().to_vec()).map(|_| ())
    }

    fn put_object(&self, name: &str, body: Vec<u8>) -> Result<String, SqlError> {
        let bucket = self.target.bucket.clone();
        let place = Source { bucket, key: format!("{}{name}", self.target.key) };
        self.session.wait_for(async {
            let put = self.store.put(&place.bucket, &place.key, body.into()).await;
            put.map_err(|error| service_error(&error))
        })?;
        Ok(place.url())
    }
}

fn broken(error: &io::Error) -> SqlError {
    SqlError::new(format!("Problem writing the files of UNLOAD: {error}"))
}
