//! A run reads no more of the large tables than its bounds name, by the engine's own profile, in
//! tables of many row groups.

use std::time::Duration;

use crate::converge::in_virtual_time;
use crate::large::{
    BEGIN_MS, PLAYS_OF_A_SESSION, ROW_GROUP, ledger, new_plays, play, scans_of_a_run, song,
    take_scans, time_of, warehouse,
};
use crate::model::{self, Source};
use crate::sample::assert_same;
use crate::world::{Kind, Mischief, WakeUps, World, key};

/// Plays that exist: nine row groups.
const PLAYS: u64 = 1_000_000;
/// In the fifth row group of both tables.
const SESSION: u64 = 50_000;
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;
/// Objects that are in the ledger: five row groups.
const OBJECTS: u64 = 500_000;
/// Longer than a batching window and a run.
const A_RUN: Duration = Duration::from_secs(5 * 60);

/// New plays of thirty sessions.
fn file() -> Vec<String> {
    new_plays(SESSION..SESSION + 30)
}

#[tokio::test(start_paused = true)]
async fn a_new_file_reads_only_the_row_groups_of_its_sessions_and_instants() {
    let world = warehouse(PLAYS).await;
    world.put(Source::Events, "new.json", &file().join("\n"));
    let scans = scans_of_a_run(&world).await;
    let (plays, instants) = (&scans["mart.songplays"], &scans["mart.time"]);
    assert_eq!((plays.len(), instants.len()), (2, 1), "one read, and one to delete: {scans:?}");
    assert!(plays.iter().chain(instants).all(|rows| *rows <= ROW_GROUP), "{scans:?}");
}

#[test]
fn a_run_on_arrival_reads_only_the_row_groups_of_the_ledger_that_its_objects_are_in() {
    in_virtual_time(async {
        let kind = Kind { records_scans: true, ..Kind::default() };
        let world = World::of(kind, Mischief::none());
        let queue = WakeUps::of_world(&world);
        for name in ["first.json", "new.json", "new.json"] {
            world.put(Source::Events, name, &play(0, 1, BEGIN_MS));
            queue.arrive(&key(Source::Events, name));
            world.engine.take_scans();
            tokio::time::sleep(A_RUN).await;
            let scans = take_scans(&world);
            if name == "first.json" {
                world.engine.query(&ledger(OBJECTS)).await.expect("a large ledger");
            } else {
                // That of the hash, and the last, which holds what this version has loaded.
                let ledger = &scans["ops.loaded_objects"];
                assert!(ledger.iter().all(|rows| *rows <= 2 * ROW_GROUP), "{name}: {scans:?}");
            }
        }
        let uris = "select uri from ops.loaded_objects where run_id <> 'old'";
        assert_eq!(world.rows(uris).await.len(), 2);
    });
}

#[tokio::test(start_paused = true)]
async fn an_outlier_does_not_widen_what_is_read() {
    let world = warehouse(PLAYS).await;
    let far = [play(3, 7, time_of(3, 3) + 500), play(9_000_000, 1, BEGIN_MS + YEAR_MS)];
    world.put(Source::Events, "new.json", &[file(), far.into()].concat().join("\n"));
    let scans = scans_of_a_run(&world).await;
    // A read and a delete, each of the first and the fifth row group; nobody has been to the ninth.
    let read = |table: &str| scans[table].iter().sum::<u64>();
    assert!(read("mart.songplays") <= 2 * 2 * ROW_GROUP, "{scans:?}");
    assert!(read("mart.time") <= 2 * ROW_GROUP, "{scans:?}");
}

#[tokio::test(start_paused = true)]
async fn a_version_a_year_later_supersedes_a_play_within_the_same_bounds() {
    let world = warehouse(PLAYS).await;
    let later = time_of(SESSION, 3) + YEAR_MS;
    world.put(Source::Events, "later.json", &play(SESSION, 6, later));
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
    let (events, songs) = (play(7, 1, BEGIN_MS), song(1));
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

#[tokio::test(start_paused = true)]
async fn a_late_song_reads_only_the_row_groups_of_its_plays() {
    let world = warehouse(PLAYS).await;
    world.put(Source::Songs, "late.json", &song(SESSION * PLAYS_OF_A_SESSION));
    let scans = scans_of_a_run(&world).await;
    let plays = &scans["mart.songplays"];
    assert!(plays.len() == 2 && plays.iter().all(|rows| *rows <= ROW_GROUP), "{scans:?}");
    let matched = "select count(*) from mart.songplays where song_id is not null";
    assert_eq!(world.rows(matched).await, [[Some("100".to_owned())]]);
}

/// As an earlier version publishes, which knows nothing of these tables.
#[tokio::test(start_paused = true)]
async fn titles_that_are_not_complete_are_completed_before_they_are_trusted() {
    let world = World::new();
    let events = [play(7, 1, BEGIN_MS), play(9_000_000, 1, BEGIN_MS)].join("\n");
    world.put(Source::Events, "a.json", &events);
    world.load().await;
    let forget = "delete from ops.played_titles; delete from ops.titled_runs";
    world.engine.query(forget).await.expect("forgotten");
    let (other, song) = (song(100_000), song(100));
    for (name, text) in [("a.json", &other), ("b.json", &song)] {
        world.put(Source::Songs, name, text);
        world.load().await;
        let lacking = "select count(*) from ops.runs left join ops.titled_runs \
            on runs.run_id = titled_runs.run_id where titled_runs.run_id is null";
        assert_eq!(world.rows(lacking).await, [[Some("0".to_owned())]], "{name}");
    }
    let files = [(Source::Events, &events), (Source::Songs, &other), (Source::Songs, &song)];
    let files = files.into_iter().map(|(source, text)| (source, text.as_str()));
    assert_same(&world.tables().await, &model::tables(files));
}

/// Years that no literal of four digits can write have no bound on that side.
#[tokio::test(start_paused = true)]
async fn the_first_and_last_of_all_times_and_sessions_are_published_once() {
    let world = World::new();
    let text = |session: i64, ts: i64| {
        play(0, 1, 0)
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
