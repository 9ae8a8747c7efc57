//! Functions that make a short code of a value.

use duckdb::arrow::array::{Array, RecordBatch};
use duckdb::arrow::datatypes::DataType;

use super::scalars::{Answer, integer, numbers, text, texts};

/// `FNV_HASH`: FNV-1a over the value's bytes, 64 bits.
pub(super) fn fnv(input: &RecordBatch) -> Answer {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    numbers(input, |row| {
        let value = input.column(0);
        let seed = input.columns().get(1).map(|seed| integer(seed, row));
        let start = seed.map_or(BASIS, |seed| seed as u64);
        let fold = |bytes: &[u8]| {
            bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
        };
        let hash = match value.data_type() {
            DataType::Utf8 => fold(text(value, row).as_bytes()),
            _ => fold(&integer(value, row).to_le_bytes()),
        };
        Ok(Some(hash as i64))
    })
}

/// `SHA2(text, bits)`.
pub(super) fn sha2(input: &RecordBatch) -> Answer {
    use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
    texts(input, |row| {
        let value = text(input.column(0), row).as_bytes();
        match integer(input.column(1), row) {
            0 | 256 => Ok(Some(hex::encode(Sha256::digest(value)))),
            224 => Ok(Some(hex::encode(Sha224::digest(value)))),
            384 => Ok(Some(hex::encode(Sha384::digest(value)))),
            512 => Ok(Some(hex::encode(Sha512::digest(value)))),
            _ => Ok(None),
        }
    })
}

/// `SOUNDEX`: a letter and three digits for how an English word sounds.
pub(super) fn soundex_code(input: &RecordBatch) -> Answer {
    texts(input, |row| Ok(Some(soundex(text(input.column(0), row)))))
}

fn soundex(word: &str) -> String {
    let digit = |letter: char| match letter {
        'B' | 'F' | 'P' | 'V' => Some('1'),
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => Some('2'),
        'D' | 'T' => Some('3'),
        'L' => Some('4'),
        'M' | 'N' => Some('5'),
        'R' => Some('6'),
        _ => None,
    };
    let mut code = String::new();
    let mut last = None;
    for letter in word.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()) {
        let found = digit(letter);
        if code.is_empty() {
            code.push(letter);
        } else if let Some(digit) = found.filter(|_| found != last) {
            code.push(digit);
        }
        // H and W do not part two letters of the same sound.
        if !matches!(letter, 'H' | 'W') {
            last = found;
        }
        if code.len() == 4 {
            break;
        }
    }
    if code.is_empty() { code } else { format!("{code:0<4}") }
}
