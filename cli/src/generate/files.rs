//! Writes a data set as files, in parallel.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::Serialize;

use super::{
    catalogue::{Catalogue, DURATION_UNITS_A_SECOND, unknown_song},
    json::{self, Dialect},
    listening::{DAY_MS, Event, Listener, Play, Session, listener},
};
use crate::errors::{Outcome, Problem, on_file};

/// A song file; the order of the fields is the file's.
#[derive(Serialize)]
struct SongFile<'a> {
    num_songs: u8,
    artist_id: &'a str,
    artist_latitude: Option<f64>,
    artist_longitude: Option<f64>,
    artist_location: &'a str,
    artist_name: &'a str,
    song_id: &'a str,
    title: &'a str,
    duration: f64,
    year: u16,
}

/// A line of an event file; the order of the fields is the file's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventLine<'a> {
    artist: Option<&'a str>,
    auth: &'a str,
    first_name: Option<&'a str>,
    gender: Option<&'a str>,
    item_in_session: u32,
    last_name: Option<&'a str>,
    length: Option<f64>,
    level: &'a str,
    location: Option<&'a str>,
    method: &'a str,
    page: &'a str,
    registration: Option<f64>,
    session_id: u64,
    song: Option<&'a str>,
    status: u16,
    ts: i64,
    user_agent: Option<&'a str>,
    user_id: &'a str,
}

/// Writes one file per song, as `song_data/A/B/C/TRABC….json`.
pub fn write_songs(folder: &Path, catalogue: Catalogue, bar: &ProgressBar) -> Outcome {
    (0..catalogue.folders()).into_par_iter().try_for_each(|number| {
        let folder = folder.join("song_data").join(catalogue.folder_path(number));
        fs::create_dir_all(&folder).map_err(on_file("create", &folder))?;
        let songs = catalogue.songs_in(number);
        let count = songs.end - songs.start;
        let mut content = Vec::new();
        for number in songs {
            content.clear();
            let name = render_song(catalogue, number, &mut content)?;
            let path = folder.join(name);
            fs::write(&path, &content).map_err(on_file("write", &path))?;
        }
        bar.inc(count);
        Ok(())
    })
}

fn render_song(catalogue: Catalogue, number: u64, content: &mut Vec<u8>) -> Outcome<String> {
    let song = catalogue.song(number);
    let artist = &song.artist;
    let file = SongFile {
        num_songs: 1,
        artist_id: &artist.artist_id,
        artist_latitude: artist.position.map(|(latitude, _)| latitude),
        artist_longitude: artist.position.map(|(_, longitude)| longitude),
        artist_location: &artist.location,
        artist_name: &artist.name,
        song_id: &song.song_id,
        title: &song.title,
        duration: seconds(song.duration_units),
        year: song.year,
    };
    json::write(content, Dialect::Song, &file).map_err(unrenderable)?;
    Ok(format!("{}.json", song.track_id))
}

/// An event together with its session: its index in `sessions`, and the session's ID.
type Located<'a> = (&'a Event, &'a Session, u64);

/// Writes one file per day, as `log_data/2018/11/2018-11-01-events.json`; sessions are numbered
/// from 1 in their given order.
///
/// With `events_max`, the last events are dropped.
pub fn write_events(
    folder: &Path,
    catalogue: Catalogue,
    sessions: &[Session],
    events_max: Option<u64>,
) -> Outcome<u64> {
    let mut events: Vec<Located<'_>> = (1..)
        .zip(sessions)
        .flat_map(|(id, session)| session.events.iter().map(move |event| (event, session, id)))
        .collect();
    events.par_sort_unstable_by_key(|(event, _, id)| (event.at_ms, *id, event.item));
    events.truncate(events_max.map_or(usize::MAX, |most| most as usize));
    let mut days: BTreeMap<i64, Vec<Located<'_>>> = BTreeMap::new();
    for located in &events {
        days.entry(located.0.at_ms.div_euclid(DAY_MS)).or_default().push(*located);
    }
    days.into_par_iter().try_for_each(|(day, events)| {
        let path = folder.join("log_data").join(day_path(day)?);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(on_file("create", parent))?;
        }
        let content = render_day(catalogue, &events)?;
        fs::write(&path, content).map_err(on_file("write", &path))
    })?;
    Ok(events.len() as u64)
}

fn day_path(day: i64) -> Outcome<PathBuf> {
    let start = jiff::Timestamp::from_millisecond(day * DAY_MS)
        .map_err(|error| Problem::failed(format!("day {day} is out of range: {error}")))?;
    Ok(PathBuf::from(start.strftime("%Y/%m/%Y-%m-%d-events.json").to_string()))
}

fn render_day(catalogue: Catalogue, events: &[Located<'_>]) -> Outcome<Vec<u8>> {
    let mut content = Vec::new();
    for (event, session, id) in events {
        if !content.is_empty() {
            content.push(b'\n');
        }
        let listener = listener(catalogue.seed, session.listener);
        render_event(catalogue, event, &listener, *id, &mut content)?;
    }
    Ok(content)
}

fn render_event(
    catalogue: Catalogue,
    event: &Event,
    listener: &Listener,
    session_id: u64,
    content: &mut Vec<u8>,
) -> Outcome {
    let known = event.logged_in.then_some(listener);
    let played = event.play.map(|play| played(catalogue, play));
    let (page, method, status) = event.page.recorded();
    let user_id = known.map(|listener| listener.number.to_string()).unwrap_or_default();
    let line = EventLine {
        artist: played.as_ref().map(|(_, artist, _)| artist.as_str()),
        auth: if event.logged_in { "Logged In" } else { "Logged Out" },
        first_name: known.map(|listener| listener.first_name),
        gender: known.map(|listener| listener.gender),
        item_in_session: event.item,
        last_name: known.map(|listener| listener.last_name),
        length: played.as_ref().map(|(_, _, units)| seconds(*units)),
        level: if event.paid { "paid" } else { "free" },
        location: known.map(|listener| listener.location),
        method,
        page,
        registration: known.map(|listener| listener.registered_ms as f64),
        session_id,
        song: played.as_ref().map(|(title, _, _)| title.as_str()),
        status,
        ts: event.at_ms,
        user_agent: known.map(|listener| listener.user_agent),
        user_id: &user_id,
    };
    json::write(content, Dialect::Event, &line).map_err(unrenderable)
}

/// Title, artist and duration of a play.
fn played(catalogue: Catalogue, play: Play) -> (String, String, u32) {
    match play {
        Play::Known { song, off_by } => {
            let song = catalogue.song(song);
            let duration_units = song.duration_units.saturating_add_signed(off_by);
            (song.title, song.artist.name, duration_units)
        }
        Play::Unknown { number } => unknown_song(catalogue.seed, number),
    }
}

fn seconds(units: u32) -> f64 {
    f64::from(units) / f64::from(DURATION_UNITS_A_SECOND)
}

fn unrenderable(error: std::io::Error) -> Problem {
    Problem::failed(format!("cannot render a record: {error}"))
}
