//! Gzip, by RFC 1952: members one after another, each with a header, deflated text, and its
//! checksum and length. The crates for gzip lose the last output of a broken member, so only the
//! inflating is theirs.

use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::decode::{Stopped, broken};

/// What a member begins with.
pub const MAGIC: &[u8] = b"\x1f\x8b";

/// Bytes of text that are passed on at once.
const TEXT_BYTES: usize = 64 << 10;
/// The most bytes of a header: names and comments are short in a real one.
const HEADER_BYTES_MAX: usize = 128 << 10;
/// The fixed bytes of a header, and the bytes of the checksum and length at a member's end.
const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;
/// What follows the fixed bytes of a header.
const HAS_CHECKSUM: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;

/// The state of a gzip file.
pub struct Gzip {
    place: Place,
    /// The beginning of an incomplete header or trailer.
    partial: Vec<u8>,
    inflate: Decompress,
    checksum: Crc,
    text: Vec<u8>,
    /// Bytes of the file that have been read.
    read: u64,
    /// Bytes after the last member, and where they begin.
    behind: u64,
    behind_at: u64,
    /// Whether all of them are zeros.
    is_padding: bool,
}

/// Where in the file the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Text,
    Trailer,
    /// After a member: another may follow, or padding.
    Between,
    /// After the last one.
    Behind,
}

impl Default for Gzip {
    fn default() -> Self {
        Self {
            place: Place::Header,
            partial: Vec::new(),
            inflate: Decompress::new(false),
            checksum: Crc::new(),
            text: vec![0; TEXT_BYTES],
            read: 0,
            behind: 0,
            behind_at: 0,
            is_padding: true,
        }
    }
}

impl Gzip {
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
            let used = match self.place {
                Place::Header => self.header(bytes)?,
                Place::Text => self.inflate(bytes, text)?,
                Place::Trailer => self.trailer(bytes)?,
                Place::Between => self.between(bytes),
                Place::Behind => {
                    self.is_padding &= bytes.iter().all(|byte| *byte == 0);
                    self.behind += bytes.len() as u64;
                    bytes.len()
                }
            };
            self.read += used as u64;
            bytes = &bytes[used..];
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Stopped`], when a member is incomplete, or something other than padding follows the last.
    pub fn finish(self) -> Result<(), Stopped> {
        let behind = self.behind + self.partial.len() as u64;
        match self.place {
            Place::Header | Place::Text | Place::Trailer => {
                Err(broken("gzip", "its end", self.read))
            }
            Place::Between if self.partial.is_empty() => Ok(()),
            Place::Behind if self.is_padding => Ok(()),
            Place::Between | Place::Behind => {
                let found = format!("{behind} bytes after the last member that are not gzip");
                Err(broken("gzip", &found, self.behind_at))
            }
        }
    }

    fn header(&mut self, bytes: &[u8]) -> Result<usize, Stopped> {
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        match header_bytes(&self.partial) {
            Some(length) => {
                // A method other than deflate, or reserved bits.
                if self.partial[2] != 8 || self.partial[3] & 0xe0 != 0 {
                    return Err(broken("gzip", "an unknown header", self.read));
                }
                self.partial.clear();
                self.inflate.reset(false);
                self.checksum.reset();
                self.place = Place::Text;
                Ok(length - before)
            }
            None if self.partial.len() > HEADER_BYTES_MAX => {
                Err(broken("gzip", "a header without an end", self.read))
            }
            None => Ok(bytes.len()),
        }
    }

    fn inflate(
        &mut self,
        bytes: &[u8],
        text: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<usize, Stopped> {
        let mut used = 0;
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let step =
                self.inflate.decompress(&bytes[used..], &mut self.text, FlushDecompress::None);
            // Even if it fails now: its output before that is text.
            let given = (self.inflate.total_out() - before_out) as usize;
            self.checksum.update(&self.text[..given]);
            text(&self.text[..given]).map_err(Stopped::Sink)?;
            used += (self.inflate.total_in() - before_in) as usize;
            match step {
                Ok(Status::StreamEnd) => {
                    self.place = Place::Trailer;
                    return Ok(used);
                }
                Ok(_) if used == bytes.len() && given < self.text.len() => return Ok(used),
                Ok(_) if given > 0 || before_in < self.inflate.total_in() => {}
                Ok(_) | Err(_) => {
                    return Err(broken("gzip", "corrupt compressed data", self.read + used as u64));
                }
            }
        }
    }

    fn trailer(&mut self, bytes: &[u8]) -> Result<usize, Stopped> {
        let used = bytes.len().min(TRAILER_BYTES - self.partial.len());
        self.partial.extend_from_slice(&bytes[..used]);
        if let Some(trailer) = self.partial.as_chunks::<4>().0.get(..2) {
            let (sum, length) = (u32::from_le_bytes(trailer[0]), u32::from_le_bytes(trailer[1]));
            if (sum, length) != (self.checksum.sum(), self.checksum.amount()) {
                return Err(broken("gzip", "a checksum that does not match", self.read));
            }
            self.partial.clear();
            self.place = Place::Between;
            self.behind_at = self.read + used as u64;
        }
        Ok(used)
    }

    /// Takes byte by byte until it is clear what follows a member.
    fn between(&mut self, bytes: &[u8]) -> usize {
        self.partial.push(bytes[0]);
        if self.partial == MAGIC {
            self.place = Place::Header;
        } else if !MAGIC.starts_with(&self.partial) {
            self.is_padding = self.partial.iter().all(|byte| *byte == 0);
            self.behind = self.partial.len() as u64;
            self.partial.clear();
            self.place = Place::Behind;
        }
        1
    }
}

/// How long the header is that the bytes begin with; `None` if it is incomplete.
fn header_bytes(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut at = HEADER_BYTES;
    if flags & HAS_EXTRA != 0 {
        let length = bytes.get(at..at + 2)?;
        at += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    for _ in 0..[HAS_NAME, HAS_COMMENT].iter().filter(|flag| flags & **flag != 0).count() {
        at += memchr::memchr(0, bytes.get(at..)?)? + 1;
    }
    if flags & HAS_CHECKSUM != 0 {
        at += 2;
    }
    (bytes.len() >= at).then_some(at)
}
