//! A warehouse with very many plays, which records what statements read.

use std::collections::BTreeMap;

use serde_json::json;

use crate::model::Source;
use crate::world::{Kind, Mischief, World};

/// Rows of one of the engine's row groups: what it reads or skips as a whole, as Redshift a block.
pub const ROW_GROUP: u64 = 122_880;
/// Plays of a session: one a second, with even items.
pub const PLAYS_OF_A_SESSION: u64 = 10;
/// Plays of a title, one after the other.
const PLAYS_OF_A_TITLE: u64 = 100;
/// 2018-01-01.
pub const BEGIN_MS: u64 = 1_514_764_800_000;

/// A warehouse that holds this many plays, in the order of time, and their instants.
pub async fn warehouse(plays: u64) -> World {
    let kind = Kind { records_scans: true, ..Kind::default() };
    let world = World::of(kind, Mischief::none());
    world.put(Source::Events, "first.json", &play(0, 1, BEGIN_MS));
    world.load().await;
    world.engine.query(&fill(plays)).await.expect("plays");
    world
}

/// A common table expression of the numbers below `count`.
fn numbers(count: u64) -> String {
    let digits = (0..10).map(|digit| format!("select {digit} as d"));
    let digits = digits.collect::<Vec<_>>().join(" union all ");
    let places = 0..count.to_string().len();
    let number = places.clone().map(|place| format!("{} * d{place}.d", 10_u64.pow(place as u32)));
    let number = number.collect::<Vec<_>>().join(" + ");
    let tables = places.map(|place| format!("digits d{place}")).collect::<Vec<_>>().join(", ");
    format!(
        "with digits as ({digits}), all_numbers as (select {number} as n from {tables}), \
         numbers as (select n from all_numbers where n < {count})"
    )
}

/// The SQL that adds this many objects to the ledger, in the order of their hashes.
pub fn ledger(objects: u64) -> String {
    let numbers = numbers(objects);
    format!(
        "insert into ops.loaded_objects (uri_hash, source, uri, etag, bytes, run_id, loaded_at) \
         {numbers}, uris as (select 's3://landing/log_data/old/' || n as uri from numbers) \
         select strtol(substring(md5(uri), 1, 15), 16) as uri_hash, 'events', uri, 'e', 1, 'old', \
         getdate() from uris order by uri_hash"
    )
}

/// The SQL that replaces all plays and instants.
fn fill(plays: u64) -> String {
    let numbers = numbers(plays);
    let instant = "dateadd(second, n, '2018-01-01 00:00:00'::timestamp)";
    let session = format!("n / {PLAYS_OF_A_SESSION}");
    let item = format!("2 * (n % {PLAYS_OF_A_SESSION})");
    let title = format!("'t' || (n / {PLAYS_OF_A_TITLE})");
    format!(
        "delete from ops.played_titles; \
         insert into ops.played_titles (song_title, artist_name, first_session, last_session) \
         {numbers} select {title}, 'a', min({session}), max({session}) from numbers group by 1; \
         delete from mart.songplays; delete from mart.time; \
         insert into mart.songplays (songplay_id, start_time, user_id, level, session_id, \
         item_in_session, song_title, artist_name, length, row_version) {numbers} select \
         ({session}) || '-' || ({item}), {instant}, 1, 'free', {session}, {item}, {title}, 'a', \
         100, '0' from numbers order by n; \
         insert into mart.time (start_time, hour, day, week, month, year, weekday) {numbers} \
         select {instant}, 0, 1, 1, 1, 2018, 1 from numbers order by n"
    )
}

/// When the play of this number in a session was. Its item is twice the number: odd ones are new.
pub fn time_of(session: u64, number: u64) -> u64 {
    BEGIN_MS + (session * PLAYS_OF_A_SESSION + number) * 1_000
}

/// The record of a play.
pub fn play(session: u64, item: u64, ts: u64) -> String {
    json!({
        "artist": "a", "auth": "Logged In", "firstName": "f", "gender": "F", "itemInSession": item,
        "lastName": "l", "length": 100.0, "level": "free", "location": "here", "method": "PUT",
        "page": "NextSong", "registration": 1.5e12, "sessionId": session, "song": "t1",
        "status": 200, "ts": ts, "userAgent": "x", "userId": "1",
    })
    .to_string()
}

/// A new play in each of these sessions, between those that exist.
pub fn new_plays(sessions: impl Iterator<Item = u64>) -> Vec<String> {
    sessions.map(|session| play(session, 7, time_of(session, 3) + 500)).collect()
}

/// The record of the song that the play of this number has.
pub fn song(play: u64) -> String {
    let number = play / PLAYS_OF_A_TITLE;
    json!({
        "num_songs": 1, "artist_id": "A", "artist_latitude": null, "artist_longitude": null,
        "artist_location": "", "artist_name": "a", "song_id": format!("S{number}"),
        "title": format!("t{number}"), "duration": 1.5, "year": 0,
    })
    .to_string()
}

/// What a run reads of each table: an entry for each scan.
pub async fn scans_of_a_run(world: &World) -> BTreeMap<String, Vec<u64>> {
    world.engine.take_scans();
    world.load().await;
    take_scans(world)
}

/// What was read of each table since the last time.
pub fn take_scans(world: &World) -> BTreeMap<String, Vec<u64>> {
    let mut scans: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for scan in world.engine.take_scans() {
        scans.entry(scan.table).or_default().push(scan.rows);
    }
    scans
}
