//! Patterns, as TO_CHAR, TO_DATE and COPY's TIMEFORMAT take them.

use jiff::civil::{Date, DateTime};

/// One element of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Year(u8),
    Month,
    MonthName { whole: bool, case: Case },
    Day,
    DayOfYear,
    DayOfWeek,
    IsoDayOfWeek,
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
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

/// A pattern taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(super) elements: Vec<(Element, bool)>,
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
    ("ID", Element::IsoDayOfWeek),
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

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Pattern {
    /// Parses a pattern; text that is not an element is literal.
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
        Element::Year(digits) => number(year % 10_i64.pow(u32::from(digits)), usize::from(digits)),
        Element::Month => number(time.month().into(), 2),
        Element::MonthName { whole, case } => {
            name(MONTHS[time.month() as usize - 1], whole, case, fill)
        }
        Element::Day => number(time.day().into(), 2),
        Element::DayOfYear => number(time.day_of_year().into(), 3),
        Element::DayOfWeek => (time.weekday().to_sunday_zero_offset() + 1).to_string(),
        Element::IsoDayOfWeek => time.weekday().to_monday_one_offset().to_string(),
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

#[cfg(test)]
mod tests {
    use super::super::parse;
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
