//! Times and dates without a given pattern.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};

use super::parse::parse;
use super::pattern::Pattern;

/// The ways of writing a date that `auto` knows, beside ISO's own.
static DATES: LazyLock<Vec<Pattern>> = LazyLock::new(|| DATE_FORMS.map(Pattern::new).into());

const DATE_FORMS: [&str; 13] = [
    "YYYY-MM-DD",
    "YYYY/MM/DD",
    "YYYYMMDD",
    "MM/DD/YYYY",
    "MM-DD-YYYY",
    "DD Mon YYYY",
    "DD-Mon-YYYY",
    "YYYY-Mon-DD",
    "Mon-DD-YYYY",
    "Mon DD YYYY",
    "Mon DD, YYYY",
    "Mon DD,YYYY",
    "MM/DD/YY",
];

/// The ways of writing a time of the day after it.
static TIMES: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let times = [" HH24:MI:SS", " HH24:MI", " HH12:MI:SS AM", " HH12:MI AM", " HH24MISS"];
    let both = |date| times.map(|time| Pattern::new(&format!("{date}{time}")));
    DATE_FORMS.iter().flat_map(both).collect()
});

/// A time of any common form; an offset moves it to UTC.
pub(crate) fn timestamp(text: &str) -> Option<DateTime> {
    let text = text.trim();
    if let Ok(instant) = text.replacen(' ', "T", 1).parse::<jiff::Timestamp>() {
        return Some(instant.to_zoned(jiff::tz::TimeZone::UTC).datetime());
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return Some(time);
    }
    let spaced = text.replacen('T', " ", usize::from(text.as_bytes().get(10) == Some(&b'T')));
    TIMES
        .iter()
        .find_map(|pattern| parse(pattern, &spaced))
        .or_else(|| date(&spaced).map(|date| date.at(0, 0, 0, 0)))
}

/// A time without a zone as SQL writes it, with the words that mean one.
pub(crate) fn literal(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let now = || jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let days = match text.to_lowercase().as_str() {
        "epoch" => return Some(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)),
        "now" => return Some(now()),
        "today" => 0,
        "tomorrow" => 1,
        "yesterday" => -1,
        _ if text.replacen(' ', "T", 1).parse::<jiff::Timestamp>().is_ok() => return None,
        _ => return timestamp(text),
    };
    let today = now().date().at(0, 0, 0, 0);
    today.checked_add(jiff::Span::new().days(days)).ok()
}

/// A date of any common form.
fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    if let Ok(date) = text.parse::<Date>() {
        return Some(date);
    }
    DATES.iter().find_map(|pattern| parse(pattern, text)).map(DateTime::date)
}
