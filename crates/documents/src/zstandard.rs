//! Zstandard, frame after frame.

use std::io;

use zstd::stream::raw::{self, DParameter, Operation};

use crate::decode::{Stopped, broken};

/// What a frame begins with.
pub const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// Bytes of text that are passed on at once: the most in a block.
const TEXT_BYTES: usize = 128 << 10;
/// The window that a file may ask for, as a power of two: 32 MB, enough for level 20.
const WINDOW_LOG_MAX: u32 = 25;

/// The state of a Zstandard file.
pub struct Zstandard {
    decoder: raw::Decoder<'static>,
    text: Vec<u8>,
    /// How many bytes the decoder asks for next: those of one block. With more, it would take
    /// several blocks at once, and lose all of them if one is broken.
    wanted: usize,
    is_complete: bool,
    /// Bytes of the file that have been read, and where its last frame ends.
    read: u64,
    end: u64,
    /// The bytes after a frame, as long as they may begin another, and all of them after that.
    beginning: Vec<u8>,
    behind: u64,
}

impl Zstandard {
    /// Before the first frame.
    ///
    /// # Errors
    /// If there is no memory for a decoder.
    pub fn new() -> io::Result<Self> {
        let mut decoder = raw::Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        let text = vec![0; TEXT_BYTES];
        let beginning = Vec::new();
        Ok(Self {
            decoder,
            text,
            wanted: 0,
            is_complete: true,
            read: 0,
            end: 0,
            beginning,
            behind: 0,
        })
    }

    /// Decodes some bytes.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        text: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Stopped> {
        while !bytes.is_empty() {
            let used = match self.is_complete {
                true => self.between(bytes, text)?,
                false => self.frame(bytes, text)?,
            };
            self.read += used as u64;
            bytes = &bytes[used..];
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Stopped`], when a frame is incomplete, or something else follows the last.
    pub fn finish(self) -> Result<(), Stopped> {
        let behind = self.behind + self.beginning.len() as u64;
        match (self.is_complete, behind) {
            (true, 0) => Ok(()),
            (true, _) => {
                let found = format!("{behind} bytes after the last frame that are not Zstandard");
                Err(broken("Zstandard", &found, self.end))
            }
            (false, _) => Err(broken("Zstandard", "its end", self.read)),
        }
    }

    /// Takes byte by byte until it is clear whether another frame follows.
    fn between(
        &mut self,
        bytes: &[u8],
        text: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<usize, Stopped> {
        if self.behind > 0 {
            self.behind += bytes.len() as u64;
            return Ok(bytes.len());
        }
        self.beginning.push(bytes[0]);
        if !begins_frame(&self.beginning) {
            self.behind = self.beginning.len() as u64;
            self.beginning.clear();
        } else if self.beginning.len() == MAGIC.len() {
            let beginning = std::mem::take(&mut self.beginning);
            (self.is_complete, self.wanted) = (false, beginning.len());
            self.frame(&beginning, text)?;
        }
        Ok(1)
    }

    fn frame(
        &mut self,
        bytes: &[u8],
        text: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<usize, Stopped> {
        let mut used = 0;
        loop {
            let next = bytes.len().min(used + self.wanted.max(1));
            let step = self.decoder.run_on_buffers(&bytes[used..next], &mut self.text);
            let step = step.map_err(|error| {
                broken("Zstandard", &error.to_string(), self.read + used as u64)
            })?;
            used += step.bytes_read;
            text(&self.text[..step.bytes_written]).map_err(Stopped::Sink)?;
            if step.remaining == 0 {
                (self.is_complete, self.end) = (true, self.read + used as u64);
                return Ok(used);
            }
            self.wanted = step.remaining;
            // A full output buffer may mean more output, even if every byte has been consumed.
            if used == bytes.len() && step.bytes_written < self.text.len() {
                return Ok(used);
            }
        }
    }
}

/// Whether a frame may begin like this: one of text, or a skippable one.
fn begins_frame(bytes: &[u8]) -> bool {
    let is_skipped =
        |bytes: &[u8]| bytes[0] & 0xf0 == 0x50 && b"\x2a\x4d\x18".starts_with(&bytes[1..]);
    MAGIC.starts_with(bytes) || is_skipped(bytes)
}
