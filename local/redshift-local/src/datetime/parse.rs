//! Reading a text by a pattern.

use jiff::civil::{Date, DateTime, Time};

use super::pattern::{DAYS, Element, MONTHS, Pattern};

/// What has been read so far.
struct Reading {
    year: i16,
    month: i8,
    day: i8,
    day_of_year: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    afternoon: Option<bool>,
    /// Seconds east of UTC.
    offset_seconds: i64,
}

/// Reads a time by a pattern; `None` when the text does not fit.
pub(crate) fn parse(pattern: &Pattern, text: &str) -> Option<DateTime> {
    read_all(pattern, text)?.finish()
}

/// The same, but what is more than a month's days or a day's hours runs over into the next.
pub(crate) fn parse_leniently(pattern: &Pattern, text: &str) -> Option<DateTime> {
    let mut reading = read_all(pattern, text)?;
    let hours = i64::from(reading.hour);
    let days = i64::from(reading.day) - 1;
    if hours >= 24 || days >= 28 {
        (reading.hour, reading.day) = (0, 1);
        let more = jiff::SignedDuration::from_hours(hours + 24 * days);
        return reading.finish()?.checked_add(more).ok();
    }
    reading.finish()
}

fn read_all(pattern: &Pattern, text: &str) -> Option<Reading> {
    let mut reading = Reading {
        year: 1,
        month: 1,
        day: 1,
        day_of_year: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        afternoon: None,
        offset_seconds: 0,
    };
    let mut rest = text.trim();
    let separated = !pattern.elements.windows(2).any(|pair| {
        !matches!(pair[0].0, Element::Literal(_)) && !matches!(pair[1].0, Element::Literal(_))
    });
    for (element, _) in &pattern.elements {
        rest = read(*element, rest, separated, &mut reading)?;
    }
    // Seconds may carry a fraction that the pattern does not name.
    rest = fraction(rest, &mut reading);
    rest.trim().is_empty().then_some(reading)
}

fn read<'a>(
    element: Element,
    text: &'a str,
    separated: bool,
    reading: &mut Reading,
) -> Option<&'a str> {
    let width = |fixed: usize| if separated { fixed.max(2) } else { fixed };
    Some(match element {
        Element::Literal(' ') => text.trim_start(),
        Element::Literal(character) => {
            // Another separator than the pattern's is accepted.
            let first = text.chars().next()?;
            let same =
                first == character || !first.is_alphanumeric() && !character.is_alphanumeric();
            same.then(|| &text[first.len_utf8()..])?
        }
        Element::Year(digits) => {
            let (value, rest, read) = digits_of(text, usize::from(digits))?;
            reading.year = match read {
                0..=2 if digits == 2 || read <= 2 => value + if value < 70 { 2000 } else { 1900 },
                _ => value,
            } as i16;
            rest
        }
        Element::Month => into(digits_of(text, width(2))?, &mut reading.month),
        Element::Day => into(digits_of(text, width(2))?, &mut reading.day),
        Element::Hour24 | Element::Hour12 => into(digits_of(text, width(2))?, &mut reading.hour),
        Element::Minute => into(digits_of(text, width(2))?, &mut reading.minute),
        Element::Second => into(digits_of(text, width(2))?, &mut reading.second),
        Element::Millisecond => subsecond(text, 3, reading)?,
        Element::Microsecond => subsecond(text, 6, reading)?,
        Element::DayOfYear => {
            let (value, rest, _) = digits_of(text, 3)?;
            reading.day_of_year = i16::try_from(value).ok();
            rest
        }
        Element::MonthName { .. } => {
            let position = MONTHS.iter().position(|name| starts(text, &name[..3]))?;
            reading.month = position as i8 + 1;
            text.trim_start_matches(|c: char| c.is_alphabetic())
        }
        Element::DayName { .. } => {
            DAYS.iter().find(|name| starts(text, &name[..3]))?;
            text.trim_start_matches(|c: char| c.is_alphabetic())
        }
        Element::Meridiem { .. } => {
            reading.afternoon = Some(starts(text, "p"));
            if !starts(text, "a") && !starts(text, "p") {
                return None;
            }
            text.trim_start_matches(|c: char| c.is_alphabetic() || c == '.')
        }
        Element::Zone { .. } | Element::Offset => offset(text, reading)?,
        _ => return None,
    })
}

fn starts(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn digits_of(text: &str, most: usize) -> Option<(i32, &str, usize)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let value = text[..digits].parse().ok()?;
    Some((value, &text[digits..], digits))
}

fn into<'a>((value, rest, _): (i32, &'a str, usize), field: &mut i8) -> &'a str {
    *field = i8::try_from(value).unwrap_or(i8::MAX);
    rest
}

fn subsecond<'a>(text: &'a str, digits: u32, reading: &mut Reading) -> Option<&'a str> {
    let (value, rest, read) = digits_of(text, digits as usize)?;
    reading.nanosecond = value * 10_i32.pow(9 - u32::try_from(read).ok()?);
    Some(rest)
}

fn fraction<'a>(text: &'a str, reading: &mut Reading) -> &'a str {
    match text.strip_prefix('.').and_then(|digits| digits_of(digits, 6)) {
        Some((value, rest, read)) => {
            reading.nanosecond = value * 10_i32.pow(9 - read as u32);
            rest.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        None => text,
    }
}

fn offset<'a>(text: &'a str, reading: &mut Reading) -> Option<&'a str> {
    let text = text.trim_start();
    for zone in ["UTC", "GMT", "Z"] {
        if starts(text, zone) {
            return Some(&text[zone.len()..]);
        }
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, rest, _) = digits_of(&text[1..], 2)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let (minutes, rest, _) = digits_of(rest, 2).unwrap_or((0, rest, 0));
    reading.offset_seconds = sign * i64::from(hours * 3600 + minutes * 60);
    Some(rest)
}

impl Reading {
    fn finish(self) -> Option<DateTime> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let midnight_after = hour == 24 && self.minute == 0 && self.second == 0;
        let hour = if midnight_after { 0 } else { hour };
        let time = Time::new(hour, self.minute, self.second, self.nanosecond).ok()?;
        let mut date = Date::new(self.year, self.month, self.day).ok()?;
        if let Some(days) = self.day_of_year {
            let first = Date::new(self.year, 1, 1).ok()?;
            date = first.checked_add(jiff::Span::new().days(i64::from(days) - 1)).ok()?;
        }
        let moved = jiff::SignedDuration::from_secs(
            if midnight_after { 86_400 } else { 0 } - self.offset_seconds,
        );
        DateTime::from_parts(date, time).checked_add(moved).ok()
    }
}
