//! The catalogue: song number n is the same song in every thread and on every machine.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    random::{Kind, pick, popular, stream},
    words,
};

/// Songs in one folder, as in the full catalogue that this imitates.
const SONGS_A_FOLDER: u64 = 24;
/// Folders are named by three letters.
const FOLDERS_MAX: u64 = 26 * 26 * 26;
/// Songs are numbered by five letters.
const FIVE_LETTERS: u64 = 26 * 26 * 26 * 26 * 26;
/// Has no factor in common with a power of 26, so that multiplying by it permutes the numbers.
const SCRAMBLE: u64 = 7_368_787;
/// Long enough for five-letter numbers, with room for folders of equal size.
pub const SONGS_MAX: u64 = 10_000_000;
/// The unit of durations: the files give five decimals.
pub const DURATION_UNITS_A_SECOND: u32 = 100_000;
/// Longer than a text column without a length.
const LONG_TITLE_BYTES: usize = 300;

const REISSUED: f64 = 0.04;
const LONG_TITLE: f64 = 0.01;
const VARIANT_ARTISTS: f64 = 0.05;

/// A catalogue of a given size.
#[derive(Debug, Clone, Copy)]
pub struct Catalogue {
    /// What it is made from.
    pub seed: u64,
    /// How many songs it has.
    pub songs: u64,
}

/// One song, as its file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Song {
    /// Names the file.
    pub track_id: String,
    /// The key.
    pub song_id: String,
    /// May be longer than 256 bytes.
    pub title: String,
    /// As spelled in this file: a few artists are spelled differently elsewhere.
    pub artist: Artist,
    /// In units of [`DURATION_UNITS_A_SECOND`].
    pub duration_units: u32,
    /// 0 when unknown.
    pub year: u16,
}

/// The artist's part of a song file.
#[derive(Debug, Clone, PartialEq)]
pub struct Artist {
    /// The key.
    pub artist_id: String,
    /// The name.
    pub name: String,
    /// Empty when unknown.
    pub location: String,
    /// Latitude and longitude in degrees.
    pub position: Option<(f64, f64)>,
}

impl Catalogue {
    /// The number of folders with songs.
    pub fn folders(self) -> u64 {
        self.songs.div_ceil(self.songs_a_folder())
    }

    /// The numbers of the songs in one folder.
    pub fn songs_in(self, folder: u64) -> std::ops::Range<u64> {
        let size = self.songs_a_folder();
        folder * size..((folder + 1) * size).min(self.songs)
    }

    /// The folder's path below `song_data`.
    pub fn folder_path(self, folder: u64) -> String {
        let letters = letters(folder, 3);
        format!("{}/{}/{}", &letters[..1], &letters[1..2], &letters[2..])
    }

    fn songs_a_folder(self) -> u64 {
        SONGS_A_FOLDER.max(self.songs.div_ceil(FOLDERS_MAX))
    }

    /// Song number `number`.
    pub fn song(self, number: u64) -> Song {
        let mut song = self.original(number);
        let mut random = stream(self.seed, Kind::Song, SONGS_MAX + number);
        // Only odd numbers are reissues, and only of the even number before: no chains.
        if number % 2 == 1 && random.random_bool(REISSUED) {
            let earlier = self.original(number - 1);
            let longer = pick(&mut random, &[0, 0, 1, 2]) * DURATION_UNITS_A_SECOND;
            song.duration_units = earlier.duration_units + longer;
            song.title = earlier.title;
            song.artist = earlier.artist;
        }
        song
    }

    fn original(self, number: u64) -> Song {
        let mut random = stream(self.seed, Kind::Song, number);
        let size = self.songs_a_folder();
        let within = letters((number % size) * SCRAMBLE % (26 * 26), 2);
        let track_id = format!("TR{}{within}{}", letters(number / size, 3), tail(&mut random));
        let scrambled = letters(number * SCRAMBLE % FIVE_LETTERS, 5);
        let song_id = format!("SO{scrambled}{}", tail(&mut random));
        let title = title(&mut random);
        let artists = (self.songs * 7 / 10).max(1);
        let artist = self.artist(popular(&mut random, artists, 2), &mut random);
        let seconds: u32 = (0..4).map(|_| random.random_range(20..110)).sum();
        let fraction = random.random_range(0..DURATION_UNITS_A_SECOND);
        let year = if random.random_bool(0.6) { 0 } else { random.random_range(1955..=2018) };
        let duration_units = seconds * DURATION_UNITS_A_SECOND + fraction;
        Song { track_id, song_id, title, artist, duration_units, year }
    }

    /// Artist number `number`, in a spelling that `spelling` chooses when there are several.
    fn artist(self, number: u64, spelling: &mut ChaCha8Rng) -> Artist {
        let mut random = stream(self.seed, Kind::Artist, number);
        let scrambled = letters(number * SCRAMBLE % FIVE_LETTERS, 5);
        let artist_id = format!("AR{scrambled}{}", tail(&mut random));
        let mut name = artist_name(&mut random);
        let place = pick(&mut random, &words::ARTIST_PLACES);
        let (mut location, mut position) = match random.random_range(0..100) {
            0..45 => (place.0.to_owned(), Some((place.1, place.2))),
            45..60 => (place.0.to_owned(), None),
            _ => (String::new(), None),
        };
        if random.random_bool(VARIANT_ARTISTS) {
            match spelling.random_range(0..4) {
                0 => name = format!("{name} & Friends"),
                1 => name = name.to_uppercase(),
                2 => (location, position) = (String::new(), None),
                _ => {}
            }
        }
        Artist { artist_id, name, location, position }
    }
}

/// A song that is in no catalogue: title, artist, and a duration.
pub fn unknown_song(seed: u64, number: u64) -> (String, String, u32) {
    let mut random = stream(seed, Kind::Unknown, number);
    let duration = random.random_range(90..420) * DURATION_UNITS_A_SECOND
        + random.random_range(0..DURATION_UNITS_A_SECOND);
    (title(&mut random), artist_name(&mut random), duration)
}

fn title(random: &mut ChaCha8Rng) -> String {
    if random.random_bool(LONG_TITLE) {
        let mut long = "Medley: ".to_owned();
        while long.len() < LONG_TITLE_BYTES {
            long.push_str(&short_title(random));
            long.push_str(" / ");
        }
        return long + &short_title(random);
    }
    short_title(random)
}

fn short_title(random: &mut ChaCha8Rng) -> String {
    let adjective = pick(random, &words::ADJECTIVES);
    let noun = pick(random, &words::NOUNS);
    let other = pick(random, &words::NOUNS);
    let mut title = match random.random_range(0..10) {
        0..3 => format!("{adjective} {noun}"),
        3 => format!("{noun} of the {adjective} {other}"),
        4 => format!("The {noun} and the {other}"),
        5 => format!("My {adjective} {noun}"),
        6 => format!("Don't Wake the {noun}"),
        7 => format!("{noun} \"{other}\""),
        8 => pick(random, &words::FOREIGN_TITLES).to_owned(),
        _ => noun.to_owned(),
    };
    if random.random_bool(0.15) {
        title.push_str(pick(random, &words::TITLE_TAILS));
    }
    title
}

fn artist_name(random: &mut ChaCha8Rng) -> String {
    let adjective = pick(random, &words::ADJECTIVES);
    let noun = pick(random, &words::NOUNS);
    let (first, _) = pick(random, &words::FIRST_NAMES);
    let last = pick(random, &words::LAST_NAMES);
    match random.random_range(0..8) {
        0 => format!("The {adjective} {noun}s"),
        1 => format!("{adjective} {noun}"),
        2 => format!("DJ {noun}"),
        3 => format!("{last} & {noun}"),
        4 => format!("{first} {last} / The {noun}s"),
        _ => format!("{first} {last}"),
    }
}

/// The meaningless part of a key: eleven hexadecimal digits.
fn tail(random: &mut ChaCha8Rng) -> String {
    format!("{:011X}", random.random_range(0..1u64 << 44))
}

/// A number in letters, the most significant first.
fn letters(number: u64, count: u32) -> String {
    let letter = |position| char::from(b'A' + (number / 26u64.pow(position) % 26) as u8);
    (0..count).rev().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const CATALOGUE: Catalogue = Catalogue { seed: 7, songs: 3_000 };

    #[test]
    fn keys_are_unique() {
        let songs: Vec<Song> = (0..CATALOGUE.songs).map(|number| CATALOGUE.song(number)).collect();
        let distinct = |key: fn(&Song) -> &String| songs.iter().map(key).collect::<HashSet<_>>();
        assert_eq!(distinct(|song| &song.song_id).len(), songs.len());
        assert_eq!(distinct(|song| &song.track_id).len(), songs.len());
    }

    #[test]
    fn a_catalogue_has_what_makes_loading_hard() {
        let songs: Vec<Song> = (0..CATALOGUE.songs).map(|number| CATALOGUE.song(number)).collect();
        let keys: HashSet<_> = songs.iter().map(|song| &song.artist.artist_id).collect();
        let spelled: HashSet<_> = songs
            .iter()
            .map(|song| (&song.artist.artist_id, &song.artist.name, &song.artist.location))
            .collect();
        assert!(keys.len() < songs.len() && spelled.len() > keys.len());
        assert!(songs.iter().any(|song| song.title.len() > 256 && song.title.len() < 1024));
        assert!(songs.iter().any(|song| !song.title.is_ascii()));
        assert!(songs.iter().any(|song| song.year == 0));
        assert!(songs.windows(2).any(|pair| pair[0].title == pair[1].title
            && pair[0].duration_units == pair[1].duration_units));
    }

    #[test]
    fn every_song_is_in_one_folder() {
        let folders = 0..CATALOGUE.folders();
        let numbers: Vec<u64> = folders.flat_map(|folder| CATALOGUE.songs_in(folder)).collect();
        assert_eq!(numbers, (0..CATALOGUE.songs).collect::<Vec<_>>());
    }
}
