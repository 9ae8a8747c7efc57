//! Patterns, as TO_CHAR, TO_DATE and COPY's TIMEFORMAT take them.

use jiff::civil::{Date, DateTime, Time};

/// One element of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Year(u8),
    Month,
    MonthName { whole: bool, case: Case },
    Day,
    DayOfYear,
    DayOfWeek,
    DayName { whole: bool, case: Case },
    Hour24,
    Hour12,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Meridiem { upper: bool },
    Quarter,
    WeekOfYear,
    IsoWeek,
    IsoYear,
    WeekOfMonth,
    Century,
    JulianDay,
    Zone { upper: bool },
    Offset,
    SecondsOfDay,
    Literal(char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Upper,
    Title,
    Lower,
}

/// A pattern taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    elements: Vec<(Element, bool)>,
}

/// The words of a pattern, longest first where one begins another.
const WORDS: &[(&str, Element)] = &[
    ("IYYY", Element::IsoYear),
    ("YYYY", Element::Year(4)),
    ("YYY", Element::Year(3)),
    ("YY", Element::Year(2)),
    ("SSSS", Element::SecondsOfDay),
    ("HH24", Element::Hour24),
    ("HH12", Element::Hour12),
    ("HH", Element::Hour12),
    ("DDD", Element::DayOfYear),
    ("DD", Element::Day),
    ("IW", Element::IsoWeek),
    ("WW", Element::WeekOfYear),
    ("MI", Element::Minute),
    ("MM", Element::Month),
    ("MS", Element::Millisecond),
    ("SS", Element::Second),
    ("US", Element::Microsecond),
    ("CC", Element::Century),
    ("OF", Element::Offset),
    ("TZ", Element::Zone { upper: true }),
    ("AM", Element::Meridiem { upper: true }),
    ("PM", Element::Meridiem { upper: true }),
    ("Q", Element::Quarter),
    ("W", Element::WeekOfMonth),
    ("D", Element::DayOfWeek),
    ("J", Element::JulianDay),
    ("Y", Element::Year(1)),
];

const MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
];

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Pattern {
    /// Takes a pattern apart; what is no element stands for itself.
    pub(crate) fn new(text: &str) -> Self {
        let mut elements = Vec::new();
        let mut rest = text;
        let mut fill = true;
        while let Some(character) = rest.chars().next() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let end = quoted.find('"').unwrap_or(quoted.len());
                elements.extend(quoted[..end].chars().map(|c| (Element::Literal(c), false)));
                rest = quoted.get(end + 1..).unwrap_or_default();
            } else if rest.get(..2).is_some_and(|mark| mark.eq_ignore_ascii_case("FM")) {
                fill = false;
                rest = &rest[2..];
            } else if rest.get(..2).is_some_and(|mark| mark.eq_ignore_ascii_case("TH")) {
                rest = &rest[2..];
            } else if let Some((element, length)) = element(rest) {
                elements.push((element, fill));
                fill = true;
                rest = &rest[length..];
            } else {
                elements.push((Element::Literal(character), false));
                rest = &rest[character.len_utf8()..];
            }
        }
        Self { elements }
    }
}

fn element(text: &str) -> Option<(Element, usize)> {
    if let Some(named) = name_element(text) {
        return Some(named);
    }
    WORDS.iter().find_map(|(word, element)| {
        let found = text.get(..word.len())?;
        if !found.eq_ignore_ascii_case(word) {
            return None;
        }
        let upper = found.starts_with(|c: char| c.is_ascii_uppercase());
        let element = match element {
            Element::Meridiem { .. } => Element::Meridiem { upper },
            Element::Zone { .. } => Element::Zone { upper },
            element => *element,
        };
        Some((element, word.len()))
    })
}

fn name_element(text: &str) -> Option<(Element, usize)> {
    for word in ["MONTH", "MON", "DAY", "DY"] {
        let Some(found) = text.get(..word.len()) else { continue };
        if !found.eq_ignore_ascii_case(word) {
            continue;
        }
        let case = if found == word {
            Case::Upper
        } else if found.starts_with(|c: char| c.is_ascii_uppercase()) {
            Case::Title
        } else {
            Case::Lower
        };
        let whole = word == "MONTH" || word == "DAY";
        let element = if word.starts_with('M') {
            Element::MonthName { whole, case }
        } else {
            Element::DayName { whole, case }
        };
        return Some((element, word.len()));
    }
    None
}

/// Writes a time by a pattern.
pub(crate) fn format(pattern: &Pattern, time: DateTime) -> String {
    let mut text = String::new();
    for (element, fill) in &pattern.elements {
        text += &element_text(*element, *fill, time);
    }
    text
}

fn element_text(element: Element, fill: bool, time: DateTime) -> String {
    let number = |value: i64, width: usize| {
        if fill { format!("{value:0width$}") } else { value.to_string() }
    };
    let year = i64::from(time.year());
    let hour = i64::from(time.hour());
    match element {
        Element::Year(4) => number(year, 4),
        Element::Year(digits) => {
            number(year % 10_i64.pow(u32::from(digits)), usize::from(digits))
        }
        Element::Month => number(time.month().into(), 2),
        Element::MonthName { whole, case } => {
            name(MONTHS[time.month() as usize - 1], whole, case, fill)
        }
        Element::Day => number(time.day().into(), 2),
        Element::DayOfYear => number(time.day_of_year().into(), 3),
        Element::DayOfWeek => (time.weekday().to_sunday_zero_offset() + 1).to_string(),
        Element::DayName { whole, case } => {
            name(DAYS[time.weekday().to_sunday_zero_offset() as usize], whole, case, fill)
        }
        Element::Hour24 => number(hour, 2),
        Element::Hour12 => number((hour + 11) % 12 + 1, 2),
        Element::Minute => number(time.minute().into(), 2),
        Element::Second => number(time.second().into(), 2),
        Element::Millisecond => number(i64::from(time.subsec_nanosecond()) / 1_000_000, 3),
        Element::Microsecond => number(i64::from(time.subsec_nanosecond()) / 1_000, 6),
        Element::Meridiem { upper } => match (hour < 12, upper) {
            (true, true) => "AM".into(),
            (false, true) => "PM".into(),
            (true, false) => "am".into(),
            (false, false) => "pm".into(),
        },
        Element::Quarter => ((time.month() - 1) / 3 + 1).to_string(),
        Element::WeekOfYear => number((i64::from(time.day_of_year()) - 1) / 7 + 1, 2),
        Element::IsoWeek => number(time.date().iso_week_date().week().into(), 2),
        Element::IsoYear => number(time.date().iso_week_date().year().into(), 4),
        Element::WeekOfMonth => ((time.day() - 1) / 7 + 1).to_string(),
        Element::Century => number((year + 99) / 100, 2),
        Element::JulianDay => julian(time.date()).to_string(),
        Element::Zone { upper: true } => "UTC".into(),
        Element::Zone { upper: false } => "utc".into(),
        Element::Offset => "+00".into(),
        Element::SecondsOfDay => {
            (hour * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())).to_string()
        }
        Element::Literal(character) => character.to_string(),
    }
}

fn julian(date: Date) -> i64 {
    let epoch = Date::constant(1970, 1, 1);
    2_440_588 + date.since(epoch).map_or(0, |span| i64::from(span.get_days()))
}

fn name(whole_name: &str, whole: bool, case: Case, fill: bool) -> String {
    let text = if whole { whole_name } else { &whole_name[..3] };
    let text = match case {
        Case::Upper => text.to_uppercase(),
        Case::Title => text.to_owned(),
        Case::Lower => text.to_lowercase(),
    };
    if whole && fill { format!("{text:<9}") } else { text }
}

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
    rest.trim().is_empty().then_some(())?;
    reading.finish()
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
            let same = first == character || !first.is_alphanumeric() && !character.is_alphanumeric();
            same.then(|| &text[first.len_utf8()..])?
        }
        Element::Year(digits) => {
            let (value, rest, read) = digits_of(text, usize::from(digits))?;
            reading.year = match read {
                0..=2 if digits == 2 || read <= 2 => {
                    value + if value < 70 { 2000 } else { 1900 }
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> DateTime {
        DateTime::constant(2018, 11, 21, 21, 56, 47, 796_000_000)
    }

    #[test]
    fn a_pattern_writes_what_it_names() {
        let written = |pattern: &str| format(&Pattern::new(pattern), time());
        assert_eq!(written("YYYYMMDDHH24MISSUS"), "20181121215647796000");
        assert_eq!(written("YYYY-MM-DD HH12:MI:SS.MS AM"), "2018-11-21 09:56:47.796 PM");
        assert_eq!(written("DY, DD Mon YYYY"), "WED, 21 Nov 2018");
        assert_eq!(written("FMMonth FMDD, Q"), "November 21, 4");
    }

    #[test]
    fn a_pattern_reads_what_it_writes() {
        let pattern = Pattern::new("YYYY-MM-DD HH24:MI:SS");
        let read = parse(&pattern, "2018-11-21 21:56:47").expect("fits");
        assert_eq!(format(&pattern, read), "2018-11-21 21:56:47");
        assert_eq!(parse(&pattern, "2018-13-21 21:56:47"), None);
        assert_eq!(parse(&pattern, "hello"), None);
        let american = parse(&Pattern::new("MM/DD/YY"), "11/21/18").expect("fits");
        assert_eq!(american.date(), Date::constant(2018, 11, 21));
    }
}
