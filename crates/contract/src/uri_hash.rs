//! The short form of a URI by which the ledger is sorted.

use md5::{Digest, Md5};

/// Hexadecimal digits of the sum, 60 bits: fewer than a `bigint` has without its sign.
const DIGITS: usize = 15;

/// A number made of a URI, the same that `strtol(substring(md5(uri), 1, 15), 16)` is in the
/// warehouse. Two URIs may have the same.
pub fn uri_hash(uri: &str) -> i64 {
    let sum = Md5::digest(uri.as_bytes());
    let digits = sum.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).take(DIGITS);
    digits.fold(0, |number, digit| number << 4 | i64::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_first_digits_of_the_md5_sum() {
        // md5('') is d41d8cd98f00b204e9800998ecf8427e.
        assert_eq!(uri_hash(""), 0x0d41_d8cd_98f0_0b20);
    }
}
