//! Plays, the people who play, and the instants at which they do.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::catalogue::CataloguedSong;
use super::decimal::Decimal;
use super::{Row, content, known, owned};

/// A record of an event log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    artist: Option<String>,
    first_name: Option<String>,
    gender: Option<String>,
    item_in_session: i64,
    last_name: Option<String>,
    #[serde(borrow)]
    length: Option<&'a RawValue>,
    level: Option<String>,
    location: Option<String>,
    page: String,
    session_id: i64,
    song: Option<String>,
    ts: i64,
    user_agent: Option<String>,
    user_id: Option<String>,
}

impl Event<'_> {
    fn is_play(&self) -> bool {
        self.page == "NextSong"
    }

    /// Nobody, for events of people who are logged out.
    fn user(&self) -> Option<i64> {
        known(self.user_id.as_deref()).map(|user| user.parse().expect("a number"))
    }

    fn time(&self) -> DateTime {
        let instant = Timestamp::from_millisecond(self.ts).expect("a time");
        instant.to_zoned(TimeZone::UTC).datetime()
    }
}

/// As the Data API writes it: without trailing zeros after the second.
fn text(time: DateTime) -> String {
    let text = time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text that sorts as time does.
fn sortable(time: DateTime) -> String {
    time.strftime("%Y%m%d%H%M%S%6f").to_string()
}

/// The newest event of a user decides, play or not: time, then session, item, content. `players`
/// omits users who never played a song.
pub fn users(events: &[Event<'_>], players: bool) -> Vec<Row> {
    let shown: BTreeSet<i64> =
        events.iter().filter(|event| event.is_play()).filter_map(Event::user).collect();
    let mut users: BTreeMap<i64, (String, Row)> = BTreeMap::new();
    for event in events {
        let Some(user) = event.user() else { continue };
        if players && !shown.contains(&user) {
            continue;
        }
        let facts = [&event.first_name, &event.last_name, &event.gender, &event.level]
            .map(|fact| known(fact.as_deref()));
        let version = format!(
            "{}{:020}{:010}{}",
            sortable(event.time()),
            event.session_id,
            event.item_in_session,
            content(&facts)
        );
        let mut row = vec![Some(user.to_string())];
        row.extend(facts.map(owned));
        row.extend([Some(text(event.time())), Some(version.clone())]);
        if users.get(&user).is_none_or(|(best, _)| *best < version) {
            users.insert(user, (version, row));
        }
    }
    users.into_values().map(|(_, row)| row).collect()
}

/// Every instant at which anything was played, even by a record that lost to another of its play:
/// as with artists and users, a dimension keeps what any record named.
pub fn time(events: &[Event<'_>]) -> Vec<Row> {
    let plays = events.iter().filter(|event| event.is_play());
    let instants: BTreeSet<DateTime> = plays.map(Event::time).collect();
    let row = |time: DateTime| {
        let parts = [
            i64::from(time.hour()),
            i64::from(time.day()),
            i64::from(time.date().iso_week_date().week()),
            i64::from(time.month()),
            i64::from(time.year()),
            i64::from(time.weekday().to_sunday_zero_offset()),
        ];
        let parts = parts.into_iter().map(|part| Some(part.to_string()));
        std::iter::once(Some(text(time))).chain(parts).collect()
    };
    instants.into_iter().map(row).collect()
}

/// One play per session and item: if records differ, the latest wins, then the greatest content.
pub fn songplays(events: &[Event<'_>], catalogue: &[CataloguedSong<'_>]) -> Vec<Row> {
    let mut plays: BTreeMap<(i64, i64), (String, &Event<'_>)> = BTreeMap::new();
    for event in events.iter().filter(|event| event.is_play()) {
        let user = event.user().map(|user| user.to_string());
        let length = event.length.map(|length| Decimal::new(length).to_string());
        let digest = content(&[
            user.as_deref(),
            known(event.level.as_deref()),
            known(event.song.as_deref()),
            known(event.artist.as_deref()),
            length.as_deref(),
            known(event.location.as_deref()),
            known(event.user_agent.as_deref()),
        ]);
        let version = format!("{}{digest}", sortable(event.time()));
        let key = (event.session_id, event.item_in_session);
        if plays.get(&key).is_none_or(|(best, _)| *best < version) {
            plays.insert(key, (version, event));
        }
    }
    plays.into_values().map(|(version, event)| play(event, version, catalogue)).collect()
}

fn play(event: &Event<'_>, version: String, catalogue: &[CataloguedSong<'_>]) -> Row {
    let song = matched(event, catalogue);
    vec![
        Some(format!("{}-{}", event.session_id, event.item_in_session)),
        Some(text(event.time())),
        event.user().map(|user| user.to_string()),
        owned(known(event.level.as_deref())),
        song.map(|song| song.song_id().to_owned()),
        song.map(|song| song.artist_id().to_owned()),
        Some(event.session_id.to_string()),
        Some(event.item_in_session.to_string()),
        owned(known(event.song.as_deref())),
        owned(known(event.artist.as_deref())),
        event.length.map(|length| Decimal::new(length).to_string()),
        owned(known(event.location.as_deref())),
        owned(known(event.user_agent.as_deref())),
        Some(version),
    ]
}

/// Same title and artist; the nearest duration wins, then the smallest song_id. A play without a
/// length is equally near to all.
fn matched<'c>(
    event: &Event<'_>,
    catalogue: &'c [CataloguedSong<'_>],
) -> Option<&'c CataloguedSong<'c>> {
    let (title, artist) = (known(event.song.as_deref())?, known(event.artist.as_deref())?);
    let same = |song: &&CataloguedSong<'_>| song.title() == title && song.artist_name() == artist;
    let distance = |song: &CataloguedSong<'_>| {
        event.length.map(|length| (song.duration.0 - Decimal::new(length).0).abs())
    };
    let nearest = catalogue.iter().filter(same);
    nearest.min_by(|one, other| {
        distance(one).cmp(&distance(other)).then(one.song_id().cmp(other.song_id()))
    })
}
