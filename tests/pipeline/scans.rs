//! A run reads no more of the large tables than its bounds name, by the engine's own profile, in
//! tables of many row groups.

use std::collections::BTreeMap;

use serde_json::json;

use crate::model::{self, Source};
use crate::sample::assert_same;
use crate::world::{Kind, Mischief, World};

/// Rows of one of the engine's row groups: what it reads or skips as a whole, as Redshift a block.
const ROW_GROUP: u64 = 122_880;
/// Plays that exist: nine row groups. Ten in each session, one a second.
const PLAYS: u64 = 1_000_000;
const PLAYS_OF_A_SESSION: u64 = 10;
/// 2018-01-01.
const BEGIN_MS: u64 = 1_514_764_800_000;
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;
/// In the fifth row group of both tables.
const SESSION: u64 = 50_000;

/// A warehouse with a million plays, which records what statements read.
async fn large() -> World {
    let kind = Kind { records_scans: true, ..Kind::default() };
    let world = World::of(kind, Mischief::none());
    world.put(Source::Events, "first.json", &play(SESSION, 0, BEGIN_MS, ""));
    world.load().await;
    fill(&world).await;
    world.engine.take_scans();
    world
}

/// Adds plays and instants by SQL, in the order of time.
async fn fill(world: &World) {
    let digits =
        (0..10).map(|digit| format!("select {digit} as d")).collect::<Vec<_>>().join(" union all ");
    let numbers = format!(
        "with digits as ({digits}), numbers as (select a.d + 10 * b.d + 100 * c.d + 1000 * d.d \
         + 10000 * e.d + 100000 * f.d as n from digits a, digits b, digits c, digits d, digits e, \
         digits f)"
    );
    let instant = "dateadd(second, n, '2018-01-01 00:00:00'::timestamp)";
    let session = format!("n / {PLAYS_OF_A_SESSION}");
    let item = format!("2 * (n % {PLAYS_OF_A_SESSION})");
    let play = format!(
        "delete from mart.songplays; delete from mart.time; \
         insert into mart.songplays (songplay_id, start_time, user_id, level, session_id, \
         item_in_session, song_title, artist_name, length, row_version) {numbers} select \
         ({session}) || '-' || ({item}), {instant}, 1, 'free', {session}, {item}, 't' || n, 'a', 100, '0' from numbers order by n; \
         insert into mart.time (start_time, hour, day, week, month, year, weekday) {numbers} \
         select {instant}, 0, 1, 1, 1, 2018, 1 from numbers order by n"
    );
    world.engine.query(&play).await.expect("plays");
}

fn play(session: u64, item: u64, ts: u64, title: &str) -> String {
    json!({
        "artist": "a", "auth": "Logged In", "firstName": "f", "gender": "F", "itemInSession": item,
        "lastName": "l", "length": 100.0, "level": "free", "location": "here", "method": "PUT",
        "page": "NextSong", "registration": 1.5e12, "sessionId": session, "song": title,
        "status": 200, "ts": ts, "userAgent": "x", "userId": "1",
    })
    .to_string()
}

/// When the play of this number in a session was. Its item is twice the number: odd ones are new.
fn time_of(session: u64, number: u64) -> u64 {
    BEGIN_MS + (session * PLAYS_OF_A_SESSION + number) * 1_000
}

/// New plays of thirty sessions that exist.
fn file() -> Vec<String> {
    let sessions = SESSION..SESSION + 30;
    sessions.map(|session| play(session, 7, time_of(session, 3) + 500, "t")).collect()
}

/// What a run read of each table: one entry for each scan.
async fn scans_of_a_run(world: &World) -> BTreeMap<String, Vec<u64>> {
    world.engine.take_scans();
    world.load().await;
    let mut scans: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for scan in world.engine.take_scans() {
        scans.entry(scan.table).or_default().push(scan.rows);
    }
    scans
}

#[tokio::test(start_paused = true)]
async fn a_new_file_reads_only_the_row_groups_of_its_sessions_and_instants() {
    let world = large().await;
    world.put(Source::Events, "new.json", &file().join("\n"));
    let scans = scans_of_a_run(&world).await;
    let (plays, instants) = (&scans["mart.songplays"], &scans["mart.time"]);
    assert_eq!((plays.len(), instants.len()), (2, 1), "one read, and one to delete: {scans:?}");
    assert!(plays.iter().chain(instants).all(|rows| *rows <= ROW_GROUP), "{scans:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outlier_does_not_widen_what_is_read() {
    let world = large().await;
    let far = [play(3, 7, time_of(3, 3) + 500, "t"), play(9_000_000, 1, BEGIN_MS + YEAR_MS, "t")];
    world.put(Source::Events, "new.json", &[file(), far.into()].concat().join("\n"));
    let scans = scans_of_a_run(&world).await;
    // A read and a delete, each of the first and the fifth row group; nobody has been to the ninth.
    let read = |table: &str| scans[table].iter().sum::<u64>();
    assert!(read("mart.songplays") <= 2 * 2 * ROW_GROUP, "{scans:?}");
    assert!(read("mart.time") <= 2 * ROW_GROUP, "{scans:?}");
}

#[tokio::test(start_paused = true)]
async fn a_version_a_year_later_supersedes_a_play_within_the_same_bounds() {
    let world = large().await;
    let later = time_of(SESSION, 3) + YEAR_MS;
    world.put(Source::Events, "later.json", &play(SESSION, 6, later, "t"));
    let scans = scans_of_a_run(&world).await;
    assert!(scans["mart.songplays"].iter().all(|rows| *rows <= ROW_GROUP), "{scans:?}");
    let of_play = format!(
        "select count(*), min(start_time)::varchar from mart.songplays where session_id = {SESSION} \
         and item_in_session = 6"
    );
    let found = [Some("1".to_owned()), Some("2019-01-06 18:53:23".to_owned())];
    assert_eq!(world.rows(&of_play).await, [found.to_vec()]);
    let count = |table: &str| format!("select count(*) from {table}");
    assert_eq!(world.rows(&count("mart.songplays")).await, [[Some(PLAYS.to_string())]]);
    assert_eq!(world.rows(&count("mart.time")).await, [[Some((PLAYS + 1).to_string())]]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_brings_nothing_is_not_touched() {
    let kind = Kind { records_scans: true, ..Kind::default() };
    let world = World::of(kind, Mischief::none());
    let song = json!({
        "num_songs": 1, "artist_id": "A", "artist_latitude": null, "artist_longitude": null,
        "artist_location": "", "artist_name": "a", "song_id": "S", "title": "t",
        "duration": 1.5, "year": 0,
    });
    let (events, songs) = (play(7, 1, BEGIN_MS, "t"), song.to_string());
    let of_events = ["mart.users", "mart.time", "ops.latest_user_events", ".new_songplays"];
    let of_songs = ["mart.artists", ".new_songs", ".known_songs", ".late_matches"];
    let cases = [(Source::Events, &events, &of_songs[..]), (Source::Songs, &songs, &of_events[..])];
    for (number, (source, text, absent)) in cases.into_iter().enumerate() {
        world.put(source, "a.json", text);
        world.load().await;
        let of_run = format!("staging_run_{number}");
        let texts = world.statement_texts().await;
        let of_run: Vec<_> = texts.iter().filter(|sql| sql.contains(&of_run)).collect();
        assert!(!of_run.is_empty());
        for table in absent {
            let named: Vec<_> = of_run.iter().filter(|sql| sql.contains(table)).collect();
            assert!(named.is_empty(), "{table}: {named:#?}");
        }
    }
    let files = [(Source::Events, events.as_str()), (Source::Songs, songs.as_str())];
    assert_same(&world.tables().await, &model::tables(files.into_iter()));
}

/// Years that no literal of four digits can write have no bound on that side.
#[tokio::test(start_paused = true)]
async fn the_first_and_last_of_all_times_and_sessions_are_published_once() {
    let world = World::new();
    let text = |session: i64, ts: i64| {
        play(0, 1, 0, "t")
            .replace("\"sessionId\":0", &format!("\"sessionId\":{session}"))
            .replace("\"ts\":0", &format!("\"ts\":{ts}"))
    };
    let times = [-100_000_000_000_000, -62_135_596_800_001, 0, 253_402_200_000_000];
    let sessions = [i64::MIN, -1, 9_007_199_254_740_993, i64::MAX];
    let plays = sessions.iter().zip(times).map(|(session, ts)| text(*session, ts));
    let plays = plays.collect::<Vec<_>>().join("\n");
    for name in ["a.json", "b.json"] {
        world.put(Source::Events, name, &plays);
        world.load().await;
    }
    let count = |table: &str| format!("select count(*) from {table}");
    for table in ["mart.songplays", "mart.time"] {
        assert_eq!(world.rows(&count(table)).await, [[Some("4".to_owned())]], "{table}");
    }
}
