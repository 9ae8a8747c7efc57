//! How text is shown to people. No character of foreign text may control a terminal, reverse the
//! reading direction, or end a cell.

use std::fmt::Write as _;

use anstyle::AnsiColor;
use jiff::Timestamp;
use segue_contract::visible::is_command;
pub use segue_contract::visible::visible;

/// The text as a cell of a table in Markdown: visible, and no `|` in it ends the cell.
pub fn cell(text: &str) -> String {
    let mut shown = String::new();
    let mut backslashes = 0;
    for character in visible(text).chars() {
        if character == '|' {
            // Markdown reads `\\` as a backslash: double those before the bar.
            shown.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if character == '\\' { backslashes + 1 } else { 0 };
        shown.push(character);
    }
    shown
}

/// A JSON document with control characters written as `\u…`; every reader reads the same.
pub fn json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for character in document.chars() {
        // Between values, the only control character of JSON is the end of a line.
        if is_command(character) && character != '\n' {
            _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The text with its line ends, and every other control character visible.
pub fn lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// What makes a line good, bad, or advice, and its colour.
const COLOURS: [(&str, AnsiColor); 6] = [
    ("✓", AnsiColor::Green),
    ("✗", AnsiColor::Red),
    ("error:", AnsiColor::Red),
    ("hint:", AnsiColor::Cyan),
    ("warning:", AnsiColor::Yellow),
    ("report:", AnsiColor::Cyan),
];

/// The text with the marks at the beginnings of its lines, and of the cells of its tables, in colour.
pub fn coloured(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let mut shown = line.to_owned();
        for (mark, colour) in COLOURS {
            let style = colour.on_default().bold();
            let painted = format!("{style}{mark}{style:#}");
            if let Some(rest) = shown.trim_start().strip_prefix(mark) {
                let indent = shown.len() - shown.trim_start().len();
                shown = format!("{}{painted}{rest}", &shown[..indent]);
            }
            for before in ["| ", "  "] {
                let cell = format!("{before}{mark} ");
                shown = shown.replace(&cell, &format!("{before}{painted} "));
            }
        }
        shown
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `272 B`, `3.8 MB`.
pub fn bytes(bytes: u64) -> String {
    let mut shown = bytes as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        // What would be rounded to 1000.0 is one of the next.
        if shown < 999.95 {
            break;
        }
        (shown, unit) = (shown / 1_000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{shown:.1} {unit}") }
}

/// How long ago something was, as people say it: `3 min ago`; after two days, the time itself.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    match seconds {
        ..10 => "just now".to_owned(),
        10..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => then.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_what_would_command_the_terminal() {
        assert_eq!(cell("\u{1b}[2J\u{7}\r\n\t"), "\\x1b[2J\\x07\\r\\n\\t");
        assert_eq!(cell("\u{85}\u{9b}31m \u{202e}abc\u{2066}"), "\\x85\\x9b31m \\u202eabc\\u2066");
        assert_eq!(cell("Björk, ☃ 𝄞"), "Björk, ☃ 𝄞");
    }

    #[test]
    fn a_bar_does_not_end_a_cell() {
        assert_eq!(cell("Intro | Outro"), "Intro \\| Outro");
        assert_eq!(cell("a\\|b"), "a\\\\\\|b");
        assert_eq!(cell("a\\b"), "a\\b");
    }

    #[test]
    fn json_stays_the_same_to_its_readers() {
        let document = serde_json::to_string("\u{1b}\u{9b}\u{202e}\u{7f}é").expect("JSON");
        let shown = json(&document);
        assert_eq!(shown, r#""\u001b\u009b\u202e\u007fé""#);
        let read: String = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read, "\u{1b}\u{9b}\u{202e}\u{7f}é");
    }

    #[test]
    fn only_marks_are_coloured() {
        let shown = coloured("✓ Find ✓\n  hint: a hint: b\n| a | ✗ failed |\nreporting");
        let plain = anstream::adapter::strip_str(&shown).to_string();
        assert_eq!(plain, "✓ Find ✓\n  hint: a hint: b\n| a | ✗ failed |\nreporting");
        assert_eq!(shown.matches("\u{1b}[0m").count(), 3, "{shown:?}");
    }

    #[test]
    fn sizes_and_times_read_as_people_say_them() {
        let sizes = [0, 999, 1_000, 999_949, 999_950, 3_755_598, 5_000_000_000].map(bytes);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "3.8 MB", "5.0 GB"]);
        let then =
            |seconds| ago(Timestamp::UNIX_EPOCH, Timestamp::from_second(seconds).expect("a time"));
        let times = [-3, 9, 59, 3_599, 172_799, 172_800].map(then);
        let expected =
            ["just now", "just now", "59 s ago", "59 min ago", "47 h ago", "1970-01-01 00:00 UTC"];
        assert_eq!(times, expected);
    }
}
