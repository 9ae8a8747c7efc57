//! Everything on stderr: lines, spinners and bars. stdout is for data alone.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::display;

const SPINNER_TICK: Duration = Duration::from_millis(100);

/// Writes lines to stderr; a closed stderr is not an error.
pub fn say(lines: impl AsRef<str>) {
    let _ = writeln!(io::stderr(), "{}", for_people(lines.as_ref()));
}

/// The lines as stderr shows them: nothing in them commands the terminal, and marks have a colour if
/// it is one that takes colours.
pub fn for_people(lines: &str) -> String {
    let lines = display::lines(lines);
    match AutoStream::choice(&io::stderr()) {
        ColorChoice::Never => lines,
        _ => display::coloured(&lines),
    }
}

/// A piece of work that takes a while: a spinner on a terminal, otherwise a line when it ends.
pub struct Step {
    bar: ProgressBar,
    started: Instant,
}

impl Step {
    /// Begins to show `doing`.
    pub fn start(doing: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(target());
        bar.set_style(style("{spinner} {msg} {elapsed}"));
        bar.set_message(doing.into());
        bar.enable_steady_tick(SPINNER_TICK);
        Self { bar, started: Instant::now() }
    }

    /// Replaces the spinner with a line that stays, with the time that it took.
    pub fn done(self, done: impl AsRef<str>) {
        self.bar.finish_and_clear();
        say(format!("{} ({})", done.as_ref(), seconds(self.started.elapsed())));
    }

    /// Ends without a line: the work did not happen, or the caller reports it better.
    pub fn drop_quietly(self) {
        self.bar.finish_and_clear();
    }
}

/// A bar over `total` equal things, hidden if stderr is not a terminal.
pub fn bar(doing: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), target());
    bar.set_style(style("{msg} {wide_bar} {human_pos}/{human_len} {rate} {eta}").with_key(
        "rate",
        |state: &ProgressState, out: &mut dyn fmt::Write| {
            _ = write!(out, "{:.0}/s", state.per_sec());
        },
    ));
    bar.set_message(doing);
    bar
}

/// `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 03 min`.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A forecast, to the second: `40 s`, `1 min 40 s`, `2 h 03 min`. More would be pretence.
pub fn about(duration: Duration) -> String {
    match duration.as_secs_f64().round().max(1.0) as u64 {
        whole @ ..60 => format!("{whole} s"),
        whole => seconds(Duration::from_secs(whole)),
    }
}

/// `1 file`, `2 files`, `71,000 files`.
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    // No count of things in memory or in a bucket is larger.
    let count = number.try_into().unwrap_or(u64::MAX);
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", self::number(count))
}

/// `71,000`
pub fn number(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// Where the progress of something long is shown.
pub trait Screen {
    /// Shows a line that stays.
    fn line(&mut self, line: &str);
    /// Shows what is under way, in place of what was before.
    fn status(&mut self, status: &str);
    /// Ends.
    fn end(&mut self) {}
}

/// stderr: a line that changes on a terminal, otherwise plain lines.
pub fn screen() -> Box<dyn Screen> {
    if is_watched() { Box::new(Spinning::new()) } else { Box::new(Plain::to(|line| say(line))) }
}

struct Spinning(ProgressBar);

impl Spinning {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(target());
        // A longer line would be broken, and then not be replaced.
        bar.set_style(style("{spinner} {wide_msg}"));
        bar.enable_steady_tick(SPINNER_TICK);
        Self(bar)
    }
}

impl Screen for Spinning {
    fn line(&mut self, line: &str) {
        self.0.println(for_people(line));
    }

    fn status(&mut self, status: &str) {
        self.0.set_message(display::visible(status));
    }

    fn end(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How long plain lines may be without news: a share of the time so far, because a log of hours need
/// not have a line for every two seconds.
const SILENCE_MIN: Duration = Duration::from_secs(2);
const SILENCE_MAX: Duration = Duration::from_secs(60);
const SILENCE_SHARE: u32 = 20;

/// Lines; what is under way is one, too, if there was no other for a while.
pub struct Plain<Say> {
    began: tokio::time::Instant,
    said: tokio::time::Instant,
    say: Say,
}

impl<Say: FnMut(&str)> Plain<Say> {
    /// Says each line so.
    pub fn to(say: Say) -> Self {
        let now = tokio::time::Instant::now();
        Self { began: now, said: now, say }
    }
}

impl<Say: FnMut(&str)> Screen for Plain<Say> {
    fn line(&mut self, line: &str) {
        self.said = tokio::time::Instant::now();
        (self.say)(line);
    }

    fn status(&mut self, status: &str) {
        let silence = self.began.elapsed() / SILENCE_SHARE;
        if self.said.elapsed() >= silence.clamp(SILENCE_MIN, SILENCE_MAX) {
            self.line(&format!("  {status}"));
        }
    }
}

/// Whether somebody watches stderr on a terminal that can move its cursor; else plain lines are printed.
pub fn is_watched() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn target() -> ProgressDrawTarget {
    if is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let shown: Vec<String> =
            [40, 12_340, 245_000, 7_380_000].map(Duration::from_millis).map(seconds).into();
        assert_eq!(shown, ["40 ms", "12.3 s", "4 min 05 s", "2 h 03 min"]);
    }

    #[test]
    fn one_thing_is_singular() {
        assert_eq!([count(1_u64, "file"), count(71_000_usize, "file")], ["1 file", "71,000 files"]);
    }
}
