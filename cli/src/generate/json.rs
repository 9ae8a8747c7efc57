//! The two JSON dialects of the real files: everything beyond ASCII is escaped, song files have
//! spaces after separators, and event files escape the slash.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// How a file is written.
#[derive(Debug, Clone, Copy)]
pub enum Dialect {
    /// `{"a": 1, "b": 2}`
    Song,
    /// `{"a":1,"b":"x\/y"}`
    Event,
}

/// Appends one document.
pub fn write(out: &mut Vec<u8>, dialect: Dialect, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, dialect)).map_err(io::Error::from)
}

impl Dialect {
    fn separate<W: ?Sized + Write>(self, writer: &mut W, separator: u8) -> io::Result<()> {
        match self {
            Dialect::Song => writer.write_all(&[separator, b' ']),
            Dialect::Event => writer.write_all(&[separator]),
        }
    }
}

impl Formatter for Dialect {
    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { self.separate(writer, b',') }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.separate(writer, b':')
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0; 2];
        for character in fragment.chars() {
            match (character, *self) {
                ('/', Dialect::Event) => writer.write_all(b"\\/")?,
                (plain, _) if plain.is_ascii() => writer.write_all(&[plain as u8])?,
                (other, _) => {
                    for unit in other.encode_utf16(&mut units) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_look_like_the_real_files() {
        #[derive(Serialize)]
        struct Sample {
            name: &'static str,
            length: f64,
            none: Option<u8>,
        }
        let sample = Sample { name: "A/B \"é🎵\"", length: 1_540_919_166_796.0, none: None };
        let mut out = Vec::new();
        write(&mut out, Dialect::Song, &sample).expect("memory takes everything");
        out.push(b'\n');
        write(&mut out, Dialect::Event, &sample).expect("memory takes everything");
        insta::assert_snapshot!(String::from_utf8(out).expect("ASCII"), @r#"
        {"name": "A/B \"\u00e9\ud83c\udfb5\"", "length": 1540919166796.0, "none": null}
        {"name":"A\/B \"\u00e9\ud83c\udfb5\"","length":1540919166796.0,"none":null}
        "#);
    }
}
