//! How the page shows values.

use jiff::Timestamp;
use minijinja::{Output, State, Value, escape_formatter};
use segue_contract::visible::visible;

/// The most characters of one text: a record or a cause may be megabytes.
const TEXT_CHARACTERS_MAX: usize = 4_000;

/// Prints a value: escaped, with control characters and those that reverse the reading direction made
/// visible, and not too long. Only the program's own templates and style are printed as they are.
pub fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(shown(text))),
        _ => escape_formatter(out, state, value),
    }
}

/// The text with its lines, and nothing else that could move the others.
fn shown(text: &str) -> String {
    let mut rest = text.char_indices().skip(TEXT_CHARACTERS_MAX);
    let (text, more) = match rest.next() {
        None => (text, 0),
        Some((end, _)) => (&text[..end], 1 + rest.count()),
    };
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    let shown = lines.join("\n");
    if more == 0 { shown } else { format!("{shown} … ({more} more characters)") }
}

/// `14,896`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `3.8 MB`.
#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let mut shown = number as f64 / 1_000.0;
    let mut unit = 0;
    while shown >= 999.95 && unit + 1 < UNITS.len() {
        shown /= 1_000.0;
        unit += 1;
    }
    format!("{shown:.1} {}", UNITS[unit])
}

/// Milliseconds as `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 03 min`.
#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub fn duration(milliseconds: i64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        ..1 => format!("{milliseconds} ms"),
        1..60 => format!("{:.1} s", milliseconds as f64 / 1_000.0),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `2018-11-01 00:00:42 UTC`; text that is no time stays as it is.
pub fn moment(time: String) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => time,
    }
}

/// `1 file`, `71,000 files`.
pub fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 999, 14_896, 1_000_000].map(thousands), ["0", "999", "14,896", "1,000,000"]);
        let sizes = [0, 999, 1_000, 3_755_598, 999_999, 5_000_000_000_000];
        assert_eq!(sizes.map(bytes), ["0 B", "999 B", "1.0 kB", "3.8 MB", "1.0 MB", "5.0 TB"]);
        let spans = [0, 850, 12_340, 245_000, 7_380_000];
        assert_eq!(spans.map(duration), ["0 ms", "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min"]);
        assert_eq!([count(1, "file"), count(2_000, "file")], ["1 file", "2,000 files"]);
    }

    #[test]
    fn a_text_is_shown_with_its_lines_and_no_other_command() {
        assert_eq!(shown("a\n\u{202e}b\u{1b}[2J"), "a\n\\u202eb\\x1b[2J");
        let long = shown(&"é".repeat(TEXT_CHARACTERS_MAX + 7));
        assert!(long.ends_with("é … (7 more characters)"), "{long}");
    }
}
