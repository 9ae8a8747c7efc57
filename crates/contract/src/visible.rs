//! How foreign text is shown: no character of it may control a terminal, reverse the reading
//! direction, or hide.

use std::fmt::Write as _;

/// Whether a character is a control character: C0, DEL, C1, the separators of lines and paragraphs,
/// and those that change the direction of writing.
pub fn is_command(character: char) -> bool {
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
