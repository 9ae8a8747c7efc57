//! Dates and times as text, in Redshift's patterns: `YYYY-MM-DD HH24:MI:SS`.

mod parse;
mod pattern;
mod recognise;

pub(crate) use parse::{parse, parse_leniently};
pub(crate) use pattern::{Pattern, format};
pub(crate) use recognise::{literal, timestamp};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Microseconds since 1970 as a date and time.
pub(crate) fn from_microseconds(microseconds: i64) -> Option<DateTime> {
    let instant = jiff::Timestamp::from_microsecond(microseconds).ok()?;
    Some(instant.to_zoned(TimeZone::UTC).datetime())
}

/// A date and time as microseconds since 1970.
pub(crate) fn to_microseconds(time: DateTime) -> Option<i64> {
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}
