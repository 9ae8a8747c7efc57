//! How foreign text is shown: no character of it may control a terminal, reverse the reading
//! direction, or end a cell.

use std::fmt::Write as _;

/// Whether a character is a control character: C0, DEL, C1, the separators of lines and paragraphs,
/// and those that change the direction of writing.
fn is_command(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The text on one line, with control characters as `\n`, `\x1b` or `\u202e`.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let written = match character {
            '\n' => write!(shown, "\\n"),
            '\r' => write!(shown, "\\r"),
            '\t' => write!(shown, "\\t"),
            one if is_command(one) && u32::from(one) < 0x100 => {
                write!(shown, "\\x{:02x}", u32::from(one))
            }
            one if is_command(one) => write!(shown, "\\u{:04x}", u32::from(one)),
            one => write!(shown, "{one}"),
        };
        // Writing to a string cannot fail.
        _ = written;
    }
    shown
}

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
}
