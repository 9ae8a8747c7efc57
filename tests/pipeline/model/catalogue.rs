//! Songs and artists.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::decimal::Decimal;
use super::{Row, content, known, owned};

/// A record of a song file.
#[derive(Debug, Deserialize)]
pub struct Song<'a> {
    artist_id: String,
    #[serde(borrow)]
    artist_latitude: Option<&'a RawValue>,
    #[serde(borrow)]
    artist_longitude: Option<&'a RawValue>,
    artist_location: Option<String>,
    artist_name: String,
    song_id: String,
    title: String,
    #[serde(borrow)]
    duration: &'a RawValue,
    year: Option<i64>,
}

/// A song in the catalogue: the version that won.
pub struct CataloguedSong<'a> {
    pub record: &'a Song<'a>,
    pub duration: Decimal,
    version: String,
}

impl CataloguedSong<'_> {
    /// Its row of `mart.songs`.
    pub fn row(&self) -> Row {
        let song = self.record;
        vec![
            Some(song.song_id.clone()),
            Some(song.title.clone()),
            Some(song.artist_id.clone()),
            Some(song.artist_name.clone()),
            song.year.map(|year| year.to_string()),
            Some(self.duration.to_string()),
            Some(self.version.clone()),
        ]
    }

    pub fn title(&self) -> &str {
        &self.record.title
    }

    pub fn artist_name(&self) -> &str {
        &self.record.artist_name
    }

    pub fn song_id(&self) -> &str {
        &self.record.song_id
    }

    pub fn artist_id(&self) -> &str {
        &self.record.artist_id
    }
}

/// One version of a song wins: a known year before an unknown one, then the greatest content.
pub fn songs<'a>(records: &'a [Song<'a>]) -> Vec<CataloguedSong<'a>> {
    let mut songs: BTreeMap<&str, CataloguedSong<'a>> = BTreeMap::new();
    for record in records {
        let duration = Decimal::new(record.duration);
        let year = record.year.map(|year| year.to_string());
        let known_year = record.year.is_some_and(|year| year > 0);
        let digest = content(&[
            Some(&record.title),
            Some(&record.artist_id),
            Some(&record.artist_name),
            year.as_deref(),
            Some(&duration.to_string()),
        ]);
        let version = format!("{}{digest}", u8::from(known_year));
        let song = CataloguedSong { record, duration, version };
        let winner = songs.get(record.song_id.as_str());
        if winner.is_none_or(|winner| winner.version < song.version) {
            songs.insert(&record.song_id, song);
        }
    }
    songs.into_values().collect()
}

/// One variant of an artist wins: the most known facts, then the greatest content.
pub fn artists(records: &[Song<'_>]) -> Vec<Row> {
    let mut artists: BTreeMap<&str, (String, Row)> = BTreeMap::new();
    for record in records {
        let coordinate = |raw: Option<&RawValue>| raw.map(|raw| Decimal::new(raw).to_string());
        let location = known(record.artist_location.as_deref());
        let latitude = coordinate(record.artist_latitude);
        let longitude = coordinate(record.artist_longitude);
        let facts = [location.is_some(), latitude.is_some(), longitude.is_some()];
        let facts = facts.into_iter().filter(|fact| *fact).count();
        let digest = content(&[
            Some(&record.artist_name),
            location,
            latitude.as_deref(),
            longitude.as_deref(),
        ]);
        let version = format!("{facts}{digest}");
        let row = vec![
            Some(record.artist_id.clone()),
            Some(record.artist_name.clone()),
            owned(location),
            latitude,
            longitude,
            Some(version.clone()),
        ];
        let winner = artists.get(record.artist_id.as_str());
        if winner.is_none_or(|(best, _)| *best < version) {
            artists.insert(&record.artist_id, (version, row));
        }
    }
    artists.into_values().map(|(_, row)| row).collect()
}
