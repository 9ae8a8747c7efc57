//! Deterministic data sets in the format that the pipeline loads: the same options and the same
//! seed give the same bytes, on any machine and with any number of threads.

mod catalogue;
mod files;
mod json;
mod listening;
mod random;
mod words;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use rayon::prelude::*;

use self::{
    catalogue::{Catalogue, SONGS_MAX},
    listening::Session,
};
use crate::{
    errors::{Outcome, Problem, on_file},
    ui::{self, Step},
};

/// The JSONPaths file of events, and its name in real data.
const JSONPATHS: &str = include_str!("../../../sql/stage/events.jsonpaths.json");
const JSONPATHS_NAME: &str = "log_json_path.json";
const EVENTS_MAX: u64 = 10_000_000;
const LISTENERS_MAX: u64 = 1_000_000;
const DAYS_MAX: i64 = 3_650;
/// Events of a listener in a day, to estimate how many listeners are needed.
const EVENTS_A_LISTENER_DAY: u64 = 3;

/// What to generate.
#[derive(Debug, Args)]
pub struct Options {
    /// Songs in the catalogue
    #[arg(long, value_name = "N", default_value_t = 500,
          value_parser = clap::value_parser!(u64).range(1..=SONGS_MAX))]
    pub songs: u64,
    /// Events in total, by as many listeners as needed
    #[arg(long, value_name = "N", conflicts_with = "users",
          value_parser = clap::value_parser!(u64).range(1..=EVENTS_MAX))]
    pub events: Option<u64>,
    /// Listeners
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..=LISTENERS_MAX))]
    pub users: u64,
    /// Days, starting on 2018-11-01
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    pub days: u32,
    /// The seed; another seed gives another data set
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

/// Generates a data set in `out`, which must not exist yet, or be empty.
///
/// It is moved into place as a whole: an interrupted command leaves `out` as it was.
pub fn generate(out: &Path, options: &Options) -> Outcome {
    refuse_used(out)?;
    let draft = draft_beside(out)?;
    let made = fill(&draft, options).and_then(|counts| {
        if out.exists() {
            fs::remove_dir(out).map_err(on_file("replace", out))?;
        }
        fs::rename(&draft, out).map_err(on_file("create", out))?;
        Ok(counts)
    });
    match made {
        Ok(counts) => {
            ui::say(format!("generated {}: {counts}", out.display()));
            Ok(())
        }
        Err(problem) => {
            // The first problem is the one to report.
            let _ = fs::remove_dir_all(&draft);
            Err(problem)
        }
    }
}

fn refuse_used(out: &Path) -> Outcome {
    let first = match fs::read_dir(out) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(Problem::wrong_use(format!("cannot use {}: {error}", out.display())));
        }
    };
    match first {
        None => Ok(()),
        Some(_) => Err(Problem::wrong_use(format!("{} is not empty", out.display()))
            .hint("name another directory with --out, or remove this one first")),
    }
}

/// Next to its destination: it can only be moved within one file system.
fn draft_beside(out: &Path) -> Outcome<PathBuf> {
    let name = out.file_name().ok_or_else(|| {
        Problem::wrong_use(format!("cannot create {}", out.display()))
            .hint("--out needs the name of a new directory")
    })?;
    let draft = format!(".{}.draft-{}", name.to_string_lossy(), std::process::id());
    let draft = out.with_file_name(draft);
    fs::create_dir_all(&draft).map_err(on_file("create", &draft))?;
    Ok(draft)
}

fn fill(folder: &Path, options: &Options) -> Outcome<String> {
    let catalogue = Catalogue { seed: options.seed, songs: options.songs };
    let bar = ui::bar("songs", options.songs);
    files::write_songs(folder, catalogue, &bar)?;
    bar.finish_and_clear();
    let step = Step::start("events");
    let mut sessions = match options.events {
        Some(events) => enough_sessions(options, events),
        None => sessions_of(options, 1..=options.users),
    };
    sessions.par_sort_unstable_by_key(|session| (session.events[0].at_ms, session.listener));
    let events = files::write_events(folder, catalogue, &sessions, options.events)?;
    let jsonpaths = folder.join(JSONPATHS_NAME);
    fs::write(&jsonpaths, JSONPATHS).map_err(on_file("write", &jsonpaths))?;
    step.drop_quietly();
    let songs = ui::count(options.songs as usize, "song");
    Ok(format!("{songs}, {}", ui::count(events as usize, "event")))
}

/// Adds listeners until there are at least `events` events.
fn enough_sessions(options: &Options, events: u64) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let (mut listeners, mut found) = (0, 0);
    while found < events {
        let missing = events - found;
        let more = (missing / (EVENTS_A_LISTENER_DAY * u64::from(options.days))).max(1);
        let added = sessions_of(options, listeners + 1..=listeners + more);
        found += added.iter().map(|session| session.events.len() as u64).sum::<u64>();
        listeners += more;
        sessions.extend(added);
    }
    sessions
}

fn sessions_of(options: &Options, listeners: std::ops::RangeInclusive<u64>) -> Vec<Session> {
    listeners
        .into_par_iter()
        .flat_map_iter(|number| {
            listening::sessions(options.seed, number, options.days, options.songs)
        })
        .collect()
}
