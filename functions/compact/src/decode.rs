//! Takes the compression off an object, a bounded piece at a time.
//!
//! The first bytes decide: they are certain, and a name is not. No JSON begins like a compressed
//! object.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{self, DParameter, Operation};

const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// Compressed bytes that are taken at once: gzip makes at most a thousand times as many of them.
const GZIP_STEP_BYTES: usize = 4 << 10;
/// Bytes that Zstandard gives at once.
const ZSTD_STEP_BYTES: usize = 128 << 10;
/// The window that a Zstandard object may ask for, as a power of two: 32 MB, enough for level 20.
const ZSTD_WINDOW_LOG_MAX: u32 = 25;

/// Decodes one object.
pub enum Decoder {
    /// Nothing has been read yet.
    Unknown,
    /// The text itself.
    Plain,
    /// Gzip, one member or several.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// Zstandard, one frame or several.
    Zstd(Box<Zstd>),
}

/// The state of a Zstandard object.
pub struct Zstd {
    decoder: raw::Decoder<'static>,
    text: Vec<u8>,
    is_complete: bool,
}

/// What ends the decoding of one object: its content, or the place where the text goes.
#[derive(Debug)]
pub enum Stopped {
    /// The object is not what it seems to be; says why.
    Broken(String),
    /// The text could not be taken.
    Sink(io::Error),
}

impl Decoder {
    /// Decodes some bytes and hands on the text, piece by piece. The first bytes must be at least
    /// four, where the object has as many.
    ///
    /// # Errors
    /// [`Stopped`]; the object is at its end then.
    pub fn push(
        &mut self,
        bytes: &[u8],
        mut text: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Stopped> {
        if matches!(self, Self::Unknown) {
            *self = Self::for_beginning(bytes)?;
        }
        match self {
            Self::Unknown | Self::Plain => text(bytes).map_err(Stopped::Sink),
            Self::Gzip(decoder) => {
                for step in bytes.chunks(GZIP_STEP_BYTES) {
                    decoder.write_all(step).map_err(|error| broken("gzip", &error))?;
                    text(decoder.get_ref()).map_err(Stopped::Sink)?;
                    decoder.get_mut().clear();
                }
                Ok(())
            }
            Self::Zstd(decoder) => decoder.push(bytes, text),
        }
    }

    /// Ends the object and hands on what is left of its text.
    ///
    /// # Errors
    /// [`Stopped`], when the object ends before its content does.
    pub fn finish(self, mut text: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Stopped> {
        match self {
            Self::Unknown | Self::Plain => Ok(()),
            Self::Gzip(mut decoder) => {
                decoder.try_finish().map_err(|error| broken("gzip", &error))?;
                text(decoder.get_ref()).map_err(Stopped::Sink)
            }
            Self::Zstd(zstd) if zstd.is_complete => Ok(()),
            Self::Zstd(_) => Err(broken("Zstandard", &io::ErrorKind::UnexpectedEof.into())),
        }
    }

    fn for_beginning(bytes: &[u8]) -> Result<Self, Stopped> {
        if bytes.starts_with(GZIP_MAGIC) {
            return Ok(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))));
        }
        if !bytes.starts_with(ZSTD_MAGIC) {
            return Ok(Self::Plain);
        }
        let mut decoder = raw::Decoder::new().map_err(Stopped::Sink)?;
        let window = DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX);
        decoder.set_parameter(window).map_err(Stopped::Sink)?;
        let text = vec![0; ZSTD_STEP_BYTES];
        Ok(Self::Zstd(Box::new(Zstd { decoder, text, is_complete: false })))
    }
}

impl Zstd {
    fn push(
        &mut self,
        mut bytes: &[u8],
        mut text: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Stopped> {
        loop {
            let step = self.decoder.run_on_buffers(bytes, &mut self.text);
            let step = step.map_err(|error| broken("Zstandard", &error))?;
            bytes = &bytes[step.bytes_read..];
            if step.bytes_read > 0 || step.bytes_written > 0 {
                self.is_complete = step.remaining == 0;
            }
            text(&self.text[..step.bytes_written]).map_err(Stopped::Sink)?;
            // A full piece may leave more behind, even when every byte has been taken.
            if bytes.is_empty() && step.bytes_written < self.text.len() {
                return Ok(());
            }
        }
    }
}

fn broken(kind: &str, error: &io::Error) -> Stopped {
    Stopped::Broken(format!("expected a whole {kind} object, found: {error}"))
}

#[cfg(test)]
mod tests {
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8], step: usize) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        let mut decoder = Decoder::Unknown;
        let said = |stopped: Stopped| format!("{stopped:?}");
        for chunk in bytes.chunks(step) {
            let taken = decoder.push(chunk, |piece| {
                text.extend_from_slice(piece);
                Ok(())
            });
            taken.map_err(said)?;
        }
        let finished = decoder.finish(|piece| {
            text.extend_from_slice(piece);
            Ok(())
        });
        finished.map_err(said)?;
        Ok(text)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("compresses");
        encoder.finish().expect("compresses")
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 3).expect("compresses")
    }

    proptest! {
        #[test]
        fn text_comes_out_whatever_the_compression_and_the_pieces(
            one in "[ -~]{0,300}", other in "[ -~]{0,300}", step in 4usize..64,
        ) {
            for compress in [gzip, zstd, |text: &[u8]| [b"{".as_slice(), text].concat()] {
                let object = [compress(one.as_bytes()), compress(other.as_bytes())].concat();
                let text = decoded(&object, step).expect("whole");
                let text: Vec<u8> = text.into_iter().filter(|byte| *byte != b'{').collect();
                prop_assert_eq!(text, (one.clone() + &other).replace('{', "").into_bytes());
            }
        }
    }

    #[test]
    fn an_object_that_is_cut_off_is_broken() {
        let text = b"{\"a\": 1}".repeat(1_000);
        for (kind, object) in [("gzip", gzip(&text)), ("Zstandard", zstd(&text))] {
            let error = decoded(&object[..object.len() - 5], 64).expect_err(kind);
            assert!(error.contains(&format!("expected a whole {kind} object")), "{error}");
        }
        let mut garbled = gzip(&text);
        let middle = garbled.len() / 2;
        garbled[middle] ^= 0x55;
        assert!(decoded(&garbled, 64).is_err());
    }

    #[test]
    fn a_bomb_comes_out_in_pieces() {
        for object in [gzip(&vec![b' '; 64 << 20]), zstd(&vec![b' '; 64 << 20])] {
            let (mut total, mut largest) = (0, 0);
            let mut decoder = Decoder::Unknown;
            let mut count = |piece: &[u8]| {
                total += piece.len();
                largest = largest.max(piece.len());
                Ok(())
            };
            decoder.push(&object, &mut count).expect("whole");
            decoder.finish(&mut count).expect("whole");
            assert_eq!(total, 64 << 20);
            assert!(largest <= 8 << 20, "{largest}");
        }
    }
}
