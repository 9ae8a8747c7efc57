//! Listeners and what they do: sessions of pages and plays, levels that change.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{
    catalogue::DURATION_UNITS_A_SECOND,
    random::{Kind, pick, popular, stream},
    words,
};

/// 2018-11-01T00:00:00Z, where the real logs begin.
pub const FIRST_MOMENT_MS: i64 = 1_541_030_400_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// A day in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// The hours at which sessions begin: some more often than others.
const HOURS: [i64; 20] =
    [0, 3, 6, 8, 9, 10, 11, 12, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 20, 22];
const PLAYS_A_SESSION_MAX: u32 = 120;

/// Who listens.
#[derive(Debug)]
pub struct Listener {
    /// The user's id, which the events give as text.
    pub number: u64,
    /// First name.
    pub first_name: &'static str,
    /// Last name.
    pub last_name: &'static str,
    /// `F` or `M`.
    pub gender: &'static str,
    /// Where they live.
    pub location: &'static str,
    /// What they listen with.
    pub user_agent: &'static str,
    /// When they signed up, in milliseconds since 1970.
    pub registered_ms: i64,
}

/// A page of the application, and how the logs record a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// A play.
    NextSong,
    /// The start page.
    Home,
    /// About the company.
    About,
    /// Help.
    Help,
    /// Signing in.
    Login,
    /// Signing out.
    Logout,
    /// Settings.
    Settings,
    /// Settings changed.
    SaveSettings,
    /// Looking at the paid level.
    Upgrade,
    /// Paying.
    SubmitUpgrade,
    /// Looking at the free level.
    Downgrade,
    /// No longer paying.
    SubmitDowngrade,
    /// Not found.
    Error,
}

impl Page {
    /// Name, HTTP method and HTTP status.
    pub fn recorded(self) -> (&'static str, &'static str, u16) {
        match self {
            Page::NextSong => ("NextSong", "PUT", 200),
            Page::Home => ("Home", "GET", 200),
            Page::About => ("About", "GET", 200),
            Page::Help => ("Help", "GET", 200),
            Page::Login => ("Login", "PUT", 307),
            Page::Logout => ("Logout", "PUT", 307),
            Page::Settings => ("Settings", "GET", 200),
            Page::SaveSettings => ("Save Settings", "PUT", 307),
            Page::Upgrade => ("Upgrade", "GET", 200),
            Page::SubmitUpgrade => ("Submit Upgrade", "PUT", 307),
            Page::Downgrade => ("Downgrade", "GET", 200),
            Page::SubmitDowngrade => ("Submit Downgrade", "PUT", 307),
            Page::Error => ("Error", "GET", 404),
        }
    }
}

/// What was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    /// A song of the catalogue, and the units by which its length is off.
    Known { song: u64, off_by: i32 },
    /// A song that the catalogue does not have.
    Unknown { number: u64 },
}

/// One line of a log; the session has the user.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Counts from 0 within the session.
    pub item: u32,
    /// What was visited.
    pub page: Page,
    /// Whether the user pays at this moment.
    pub paid: bool,
    /// Whether the user is known.
    pub logged_in: bool,
    /// What was played, on the page that plays.
    pub play: Option<Play>,
}

/// The events of one visit.
#[derive(Debug)]
pub struct Session {
    /// Whose visit.
    pub listener: u64,
    /// In the order of their items, and never going back in time.
    pub events: Vec<Event>,
}

/// Listener number `number`, counted from 1.
pub fn listener(seed: u64, number: u64) -> Listener {
    let mut random = stream(seed, Kind::Listener, number);
    let (first_name, gender) = pick(&mut random, &words::FIRST_NAMES);
    Listener {
        number,
        first_name,
        last_name: pick(&mut random, &words::LAST_NAMES),
        gender,
        location: pick(&mut random, &words::LISTENER_PLACES),
        user_agent: pick(&mut random, &words::USER_AGENTS),
        registered_ms: FIRST_MOMENT_MS - random.random_range(0..60 * DAY_MS),
    }
}

/// Everything that a listener does in `days` days, with a catalogue of `songs` songs.
pub fn sessions(seed: u64, listener: u64, days: u32, songs: u64) -> Vec<Session> {
    // After the range of all listeners: who they are and what they do are different streams.
    let mut random = stream(seed, Kind::Listener, (1 << 40) + listener);
    let draw: f64 = random.random();
    let eagerness = 0.05 + 0.9 * draw * draw;
    let mut visit = Visit {
        paid: random.random_bool(0.25),
        songs,
        clock_ms: FIRST_MOMENT_MS,
        events: Vec::new(),
        random,
    };
    let mut sessions = Vec::new();
    for day in 0..i64::from(days) {
        if !visit.random.random_bool(eagerness) {
            continue;
        }
        let hour = pick(&mut visit.random, &HOURS);
        let start =
            FIRST_MOMENT_MS + day * DAY_MS + hour * HOUR_MS + visit.random.random_range(0..HOUR_MS);
        // A session that continues into the next day ends first.
        visit.clock_ms = start.max(visit.clock_ms + 10 * MINUTE_MS);
        visit.whole_session();
        let end = FIRST_MOMENT_MS + i64::from(days) * DAY_MS;
        let mut events = std::mem::take(&mut visit.events);
        events.retain(|event| event.at_ms < end);
        if !events.is_empty() {
            sessions.push(Session { listener, events });
        }
    }
    sessions
}

/// A listener in front of the application.
struct Visit {
    random: ChaCha8Rng,
    songs: u64,
    paid: bool,
    clock_ms: i64,
    events: Vec<Event>,
}

impl Visit {
    fn whole_session(&mut self) {
        if self.random.random_bool(0.12) {
            self.logged_out_start();
            self.click(Page::Home, true);
        } else if self.random.random_bool(0.5) {
            self.click(Page::Home, true);
        }
        let plays_mean = if self.paid { 15.0 } else { 5.0 };
        for _ in 0..PLAYS_A_SESSION_MAX {
            if self.random.random_bool(1.0 / plays_mean) {
                break;
            }
            self.play();
            if self.random.random_bool(0.07) {
                self.wander();
            }
        }
        if self.events.is_empty() || self.random.random_bool(0.03) {
            self.click(Page::Home, true);
        }
        if self.random.random_bool(0.1) {
            self.click(Page::Logout, true);
            if self.random.random_bool(0.6) {
                self.click(Page::Home, false);
            }
        }
    }

    fn logged_out_start(&mut self) {
        if self.random.random_bool(0.7) {
            self.click(Page::Home, false);
        }
        if self.random.random_bool(0.1) {
            let page = pick(&mut self.random, &[Page::About, Page::Help]);
            self.click(page, false);
        }
        self.click(Page::Login, false);
    }

    fn play(&mut self) {
        let draw: f64 = self.random.random();
        let song = popular(&mut self.random, self.songs, 3);
        let tenths = self.random.random_range(3..25);
        let sign = if self.random.random() { 1 } else { -1 };
        let off_by = sign * tenths * (DURATION_UNITS_A_SECOND / 10) as i32;
        let play = match draw {
            ..0.33 => Play::Known { song, off_by: 0 },
            ..0.38 => Play::Known { song, off_by },
            _ => Play::Unknown { number: popular(&mut self.random, 1 << 40, 6) },
        };
        self.record(Page::NextSong, true, Some(play));
        // Most songs are heard to the end, some are skipped.
        let heard_seconds = if self.random.random_bool(0.1) { 5..60 } else { 120..330 };
        self.clock_ms += self.random.random_range(heard_seconds) * 1000;
    }

    fn wander(&mut self) {
        let draw = self.random.random_range(0..100);
        match (draw, self.paid) {
            (0..55, _) => self.click(Page::Home, true),
            (55..65, _) => {
                self.click(Page::Settings, true);
                if self.random.random_bool(0.2) {
                    self.click(Page::SaveSettings, true);
                }
            }
            (65..72, _) => self.click(Page::Help, true),
            (72..76, _) => self.click(Page::About, true),
            (76..78, _) => self.click(Page::Error, true),
            (_, false) => {
                self.click(Page::Upgrade, true);
                if self.random.random_bool(0.35) {
                    self.click(Page::SubmitUpgrade, true);
                    self.paid = true;
                }
            }
            (_, true) => {
                self.click(Page::Downgrade, true);
                if self.random.random_bool(0.06) {
                    self.click(Page::SubmitDowngrade, true);
                    self.paid = false;
                }
            }
        }
    }

    /// Looks at a page for a while; sometimes the next thing happens in the same millisecond.
    fn click(&mut self, page: Page, logged_in: bool) {
        self.record(page, logged_in, None);
        if !self.random.random_bool(0.2) {
            self.clock_ms += self.random.random_range(500..40_000);
        }
    }

    fn record(&mut self, page: Page, logged_in: bool, play: Option<Play>) {
        let item = self.events.len() as u32;
        let event = Event { at_ms: self.clock_ms, item, page, paid: self.paid, logged_in, play };
        self.events.push(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Vec<Session> {
        (1..=200).flat_map(|number| sessions(3, number, 30, 500)).collect()
    }

    #[test]
    fn items_count_from_zero_and_time_never_goes_back() {
        for session in everything() {
            let items: Vec<u32> = session.events.iter().map(|event| event.item).collect();
            assert_eq!(items, (0..items.len() as u32).collect::<Vec<_>>());
            assert!(session.events.is_sorted_by_key(|event| event.at_ms));
        }
    }

    #[test]
    fn about_a_third_of_the_plays_are_in_the_catalogue() {
        let sessions = everything();
        let plays: Vec<Play> = sessions
            .iter()
            .flat_map(|session| &session.events)
            .filter_map(|event| event.play)
            .collect();
        let exact =
            plays.iter().filter(|play| matches!(play, Play::Known { off_by: 0, .. })).count();
        let share = exact as f64 / plays.len() as f64;
        assert!((0.25..0.42).contains(&share), "{share}");
    }

    #[test]
    fn levels_change_in_both_directions_and_strangers_come_by() {
        let events: Vec<Event> =
            everything().into_iter().flat_map(|session| session.events).collect();
        for page in [Page::SubmitUpgrade, Page::SubmitDowngrade, Page::Login, Page::Error] {
            assert!(events.iter().any(|event| event.page == page), "{page:?}");
        }
        assert!(events.iter().any(|event| !event.logged_in));
    }
}
