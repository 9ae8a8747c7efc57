//! Decompresses a file, a bounded piece at a time.
//!
//! The first bytes decide: they are reliable, and a name is not. No JSON begins like a compressed
//! file. A broken file passes on everything before the break.

use std::io;

use crate::gzip::{self, Gzip};
use crate::zstandard::{self, Zstandard};

/// Decodes one file.
pub enum Decoder {
    /// Nothing has been read yet.
    Unknown,
    /// The text itself.
    Plain,
    /// Gzip, one member or several.
    Gzip(Box<Gzip>),
    /// Zstandard, one frame or several.
    Zstandard(Box<Zstandard>),
}

/// Why the decoding of one file stopped: its content, or the sink.
#[derive(Debug)]
pub enum Stopped {
    /// The file is not what it seems to be: why, and where.
    Broken(String),
    /// The sink failed.
    Sink(io::Error),
}

impl Decoder {
    /// Decodes some bytes and passes on the text, piece by piece. The first call must have at least
    /// four bytes, if the file has that many.
    ///
    /// # Errors
    /// [`Stopped`]; the file is at its end then.
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
            Self::Gzip(gzip) => gzip.push(bytes, &mut text),
            Self::Zstandard(zstandard) => zstandard.push(bytes, &mut text),
        }
    }

    /// Ends the file and passes on the rest of its text.
    ///
    /// # Errors
    /// [`Stopped`], when the file ends before its content does, or something else follows it.
    pub fn finish(self, _text: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Stopped> {
        match self {
            Self::Unknown | Self::Plain => Ok(()),
            Self::Gzip(gzip) => gzip.finish(),
            Self::Zstandard(zstandard) => zstandard.finish(),
        }
    }

    fn for_beginning(bytes: &[u8]) -> Result<Self, Stopped> {
        if bytes.starts_with(gzip::MAGIC) {
            return Ok(Self::Gzip(Box::default()));
        }
        if bytes.starts_with(zstandard::MAGIC) {
            return Ok(Self::Zstandard(Box::new(Zstandard::new().map_err(Stopped::Sink)?)));
        }
        Ok(Self::Plain)
    }
}

/// A file that breaks at one of its own bytes, before decompression.
pub fn broken(kind: &str, found: &str, at: u64) -> Stopped {
    Stopped::Broken(format!("expected a complete {kind} file, found {found} at its byte {at}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    /// The text that came out, and why it ended, if it did too early.
    fn decoded(bytes: &[u8], step: usize) -> (Vec<u8>, Option<String>) {
        let mut text = Vec::new();
        let mut decoder = Decoder::Unknown;
        let mut take = |piece: &[u8]| {
            text.extend_from_slice(piece);
            Ok(())
        };
        let pushed = bytes.chunks(step).try_for_each(|chunk| decoder.push(chunk, &mut take));
        let reason = match pushed.and_then(|()| decoder.finish(&mut take)) {
            Ok(()) => None,
            Err(Stopped::Broken(reason)) => Some(reason),
            Err(Stopped::Sink(error)) => panic!("{error}"),
        };
        (text, reason)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("compresses");
        encoder.finish().expect("compresses")
    }

    fn zstandard(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 3).expect("compresses")
    }

    /// Text that does not compress well, so that a file of it has many blocks.
    fn long_text(lines: u64) -> Vec<u8> {
        let line = |n: u64| format!("{{\"n\": {}}}\n", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        (0..lines).map(line).collect::<String>().into_bytes()
    }

    proptest! {
        #[test]
        fn text_comes_out_whatever_the_compression_and_the_pieces(
            one in "[ -~]{0,300}", other in "[ -~]{0,300}", step in 4usize..64,
        ) {
            for compress in [gzip, zstandard, |text: &[u8]| [b"{".as_slice(), text].concat()] {
                let file = [compress(one.as_bytes()), compress(other.as_bytes())].concat();
                let (text, reason) = decoded(&file, step);
                prop_assert_eq!(reason, None);
                let text: Vec<u8> = text.into_iter().filter(|byte| *byte != b'{').collect();
                prop_assert_eq!(text, (one.clone() + &other).replace('{', "").into_bytes());
            }
        }

        #[test]
        fn a_file_that_is_cut_anywhere_gives_what_comes_before_the_cut(
            lines in 1u64..3_000, at in 0.0f64..1.0, step in 4usize..9_000,
        ) {
            let text = long_text(lines);
            for file in [gzip(&text), zstandard(&text)] {
                let cut = ((file.len() as f64 * at) as usize).clamp(4, file.len() - 1);
                let (found, reason) = decoded(&file[..cut], step);
                prop_assert!(reason.is_some());
                prop_assert!(text.starts_with(&found));
                prop_assert_eq!(&found, &decoded(&file[..cut], cut).0, "pieces do not matter");
            }
        }
    }

    #[test]
    fn the_output_of_a_gzip_file_before_it_breaks_is_not_lost() {
        let text = long_text(10_000);
        let whole = gzip(&text);
        let mut wrong = whole.clone();
        let last = wrong.len() - 6;
        wrong[last] ^= 0x55;
        let garbage = [whole.as_slice(), b"garbage"].concat();
        for (file, found) in [(&wrong, "a checksum"), (&garbage, "7 bytes after the last")] {
            for step in [5, 1_000, usize::MAX] {
                let (out, reason) = decoded(file, step.min(file.len()));
                assert_eq!(out.len(), text.len());
                let reason = reason.expect("broken");
                assert!(reason.starts_with("expected a complete gzip file, found "), "{reason}");
                assert!(reason.contains(found), "{reason}");
            }
        }
        // The last twelve bytes hold the checksum, the length and the very end of the text.
        let (out, _) = decoded(&whole[..whole.len() - 12], 700);
        assert!(text.len() - out.len() < 100, "{} bytes are lost", text.len() - out.len());
    }

    #[test]
    fn zeros_after_gzip_are_padding_and_after_zstandard_they_are_not() {
        let text = long_text(3);
        for step in [4, 100, 10_000] {
            let padded = [gzip(&text), vec![0; 3_000]].concat();
            assert_eq!(decoded(&padded, step), (text.clone(), None));
            let then_more = [padded, gzip(&text)].concat();
            assert_eq!(decoded(&then_more, step).0, text);
            let reason =
                decoded(&then_more, step).1.expect("gzip(1) ignores it, and it holds data");
            assert!(reason.contains("after the last member"), "{reason}");
            let (out, reason) = decoded(&[zstandard(&text), vec![0; 9]].concat(), step);
            assert_eq!(out, text);
            assert!(reason.expect("broken").contains("9 bytes after the last frame"));
        }
    }

    #[test]
    fn a_block_that_is_garbled_costs_what_comes_after_it() {
        let text = long_text(60_000);
        for file in [gzip(&text), zstandard(&text)] {
            let mut garbled = file.clone();
            let middle = garbled.len() / 2;
            garbled[middle..middle + 64].fill(0x55);
            let (out, reason) = decoded(&garbled, 4_096);
            assert!(reason.is_some());
            assert!(out.len() > text.len() / 4, "{} of {}", out.len(), text.len());
            assert_eq!(decoded(&garbled, 4_096).0, decoded(&garbled, 17).0);
        }
    }

    #[test]
    fn a_bomb_comes_out_in_pieces() {
        for file in [gzip(&vec![b' '; 64 << 20]), zstandard(&vec![b' '; 64 << 20])] {
            let (mut total, mut largest) = (0, 0);
            let mut decoder = Decoder::Unknown;
            let mut count = |piece: &[u8]| {
                total += piece.len();
                largest = largest.max(piece.len());
                Ok(())
            };
            decoder.push(&file, &mut count).expect("whole");
            decoder.finish(&mut count).expect("whole");
            assert_eq!(total, 64 << 20);
            assert!(largest <= 256 << 10, "{largest}");
        }
    }
}
