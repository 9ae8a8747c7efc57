//! The objects of one source, kept small: about 40 bytes for each of perhaps ten million.
//!
//! Keys are in order and share prefixes, so only the end that differs from the previous one is
//! kept; an ETag is nearly always an MD5 sum, which is half as long in bytes.

use segue_buckets::Object;
use segue_contract::compaction::Volume;

/// An ETag that is an MD5 sum, one of the parts of a multipart upload, and any other.
const ETAG_SUM: u8 = 0;
const ETAG_PARTS: u8 = 1;
const ETAG_TEXT: u8 = 2;
/// Bytes of an MD5 sum.
const SUM_BYTES: usize = 16;

/// Objects in the order in which they were added.
#[derive(Debug, Default)]
pub struct Objects {
    packed: Vec<u8>,
    last_uri: String,
    volume: Volume,
}

impl Objects {
    /// Adds an object; it is small only after one with a similar URI.
    pub fn add(&mut self, object: &Object) {
        let shared = shared_bytes(&self.last_uri, &object.uri);
        let rest = &object.uri[shared..];
        put_number(&mut self.packed, shared as u64);
        put_text(&mut self.packed, rest);
        put_etag(&mut self.packed, &object.etag);
        put_number(&mut self.packed, object.bytes);
        self.last_uri.truncate(shared);
        self.last_uri.push_str(rest);
        self.volume.objects += 1;
        self.volume.bytes += object.bytes;
    }

    /// The number of objects, and their bytes.
    pub fn volume(&self) -> Volume {
        self.volume
    }

    /// The objects, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Object> + '_ {
        let mut unread = self.packed.as_slice();
        let mut uri = String::new();
        (0..self.volume.objects).map(move |_| {
            uri.truncate(take_number(&mut unread) as usize);
            uri.push_str(take_text(&mut unread));
            let etag = take_etag(&mut unread);
            let bytes = take_number(&mut unread);
            Object { uri: uri.clone(), etag, bytes, written_second: 0 }
        })
    }
}

/// The length of the common prefix of two texts, at a character boundary.
fn shared_bytes(one: &str, other: &str) -> usize {
    let alike = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    other.floor_char_boundary(alike)
}

/// Seven bits a byte, the lowest first; the eighth says that there is more.
fn put_number(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

fn take_number(unread: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(unread, 1).first().copied().unwrap_or_default();
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn put_text(packed: &mut Vec<u8>, text: &str) {
    put_number(packed, text.len() as u64);
    packed.extend(text.bytes());
}

fn take_text<'a>(unread: &mut &'a [u8]) -> &'a str {
    let length = take_number(unread) as usize;
    std::str::from_utf8(take(unread, length)).unwrap_or_default()
}

fn put_etag(packed: &mut Vec<u8>, etag: &str) {
    let (sum, parts) = etag.split_once('-').unwrap_or((etag, ""));
    let mut bytes = [0; SUM_BYTES];
    let plain = !sum.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_sum = plain && hex::decode_to_slice(sum, &mut bytes).is_ok();
    let count: Option<u64> = parts.parse().ok().filter(|count: &u64| count.to_string() == parts);
    match (is_sum, count) {
        (true, None) if !etag.contains('-') => {
            packed.push(ETAG_SUM);
            packed.extend(bytes);
        }
        (true, Some(count)) => {
            packed.push(ETAG_PARTS);
            packed.extend(bytes);
            put_number(packed, count);
        }
        _ => {
            packed.push(ETAG_TEXT);
            put_text(packed, etag);
        }
    }
}

fn take_etag(unread: &mut &[u8]) -> String {
    match take(unread, 1) {
        [ETAG_SUM] => hex::encode(take(unread, SUM_BYTES)),
        [ETAG_PARTS] => {
            let sum = hex::encode(take(unread, SUM_BYTES));
            format!("{sum}-{}", take_number(unread))
        }
        _ => take_text(unread).to_owned(),
    }
}

fn take<'a>(unread: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = unread.split_at(count.min(unread.len()));
    *unread = rest;
    taken
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that an object of the full data set may take.
    const OBJECT_BYTES_MAX: usize = 48;

    proptest! {
        #[test]
        fn objects_come_back_as_they_went_in(
            parts in prop::collection::vec(
                ("[aé/]{0,4}", "([0-9a-f]{32}|[0-9A-F]{32}|[0-9a-f]{32}-[0-9]{1,4}|.{0,9})", any::<u64>()), 0..20,
            ),
        ) {
            let objects: Vec<Object> = parts
                .into_iter()
                .map(|(uri, etag, bytes)| Object {
                    uri,
                    etag,
                    bytes: bytes >> 8,
                    written_second: 0,
                })
                .collect();
            let mut packed = Objects::default();
            objects.iter().for_each(|object| packed.add(object));
            prop_assert_eq!(packed.volume().objects, objects.len() as u64);
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), objects);
        }
    }

    #[test]
    fn an_object_of_the_full_data_set_takes_few_bytes() {
        let letters: Vec<char> = ('A'..='Z').collect();
        let mut packed = Objects::default();
        let objects = 26 * 26 * 26 * 4;
        for number in 0..objects {
            let letter = |power: u32| letters[number / 4 / 26usize.pow(power) % 26];
            let name = format!(
                "TR{}{}{}AB{:08X}{number:06}",
                letter(2),
                letter(1),
                letter(0),
                number * 77_777
            );
            packed.add(&Object {
                uri: format!(
                    "s3://landing/song_data/{}/{}/{}/{name}.json",
                    letter(2),
                    letter(1),
                    letter(0)
                ),
                etag: format!("{number:032x}"),
                bytes: 272,
                written_second: 0,
            });
        }
        let per_object = packed.packed.len() / objects;
        assert!(per_object <= OBJECT_BYTES_MAX, "{per_object} bytes an object");
    }
}
