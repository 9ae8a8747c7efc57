//! Everything that is written to stdout: data, and nothing else.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::{
    display,
    errors::{Outcome, Problem},
};

/// A table of so few columns is wrapped where it does not fit: they are names and texts.
const COLUMNS_TO_WRAP_MAX: usize = 2;

/// Lets `write` write to stdout. A reader that stops early (`| head`) is not an error.
pub fn with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Outcome {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Problem::failed(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// One JSON document, for people too.
pub fn json(value: &impl Serialize) -> Outcome {
    with(|out| {
        let document = serde_json::to_string_pretty(value)?;
        writeln!(out, "{}", display::json(&document))
    })
}

/// Lines of text. Nothing in them commands a terminal, and on one that takes colours, marks have one.
pub fn line(text: &str) -> Outcome {
    let shown = match (io::stdout().is_terminal(), AutoStream::choice(&io::stdout())) {
        (false, _) => text.to_owned(),
        (true, ColorChoice::Never) => display::lines(text),
        (true, _) => display::coloured(&display::lines(text)),
    };
    with(|out| writeln!(out, "{shown}"))
}

/// A table for people, which is a table in Markdown too; `numbers` are the columns to align right. On
/// a terminal that is too narrow for it, each row becomes lines of names and values.
pub fn table<R, C>(headers: &[&str], rows: R, numbers: &[usize]) -> String
where
    R: IntoIterator<Item = C>,
    C: IntoIterator<Item = String>,
{
    let width = match io::stdout().is_terminal() {
        true => terminal_size::terminal_size().map(|(width, _)| width.0),
        false => None,
    };
    let rows = rows.into_iter().map(|cells| cells.into_iter().collect()).collect();
    fitting(width, headers, rows, numbers)
}

/// The same for a terminal of this width, or for something without one.
fn fitting(
    width: Option<u16>,
    headers: &[&str],
    rows: Vec<Vec<String>>,
    numbers: &[usize],
) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(headers.iter().map(|header| display::cell(header)));
    for cells in &rows {
        table.add_row(cells.iter().map(|cell| display::cell(cell)));
    }
    for number in numbers {
        if let Some(column) = table.column_mut(*number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let Some(width) = width else { return table.to_string() };
    // A bar and two blanks for each column, and the last bar.
    let columns = table.column_max_content_widths();
    let needed = columns.iter().map(|column| usize::from(*column) + 3).sum::<usize>() + 1;
    if needed <= usize::from(width) {
        return table.to_string();
    }
    if headers.len() <= COLUMNS_TO_WRAP_MAX {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        return table.to_string();
    }
    expanded(headers, &rows)
}

/// Each row as lines of a name and a value, an empty line between rows.
fn expanded(headers: &[&str], rows: &[Vec<String>]) -> String {
    let headers: Vec<String> = headers.iter().map(|header| display::visible(header)).collect();
    let longest = headers.iter().map(|header| header.chars().count()).max().unwrap_or_default();
    let lines = |cells: &Vec<String>| {
        let pairs = headers.iter().zip(cells);
        let lines = pairs.map(|(header, cell)| {
            format!("{header:<longest$}  {}", display::visible(cell)).trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(lines).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADERS: [&str; 4] = ["run", "outcome", "loaded", "started"];

    fn rows() -> Vec<Vec<String>> {
        let rows = [
            ["1f0e8400", "✓ loaded", "101 files, 8,127 rows", "3 min ago"],
            ["77b1c2d3", "✗ LoadRejected", "", "2018-11-01 00:00 UTC"],
        ];
        rows.map(|row| row.map(str::to_owned).into()).into()
    }

    #[test]
    fn a_table_that_does_not_fit_becomes_lines() {
        let at = |width| fitting(width, &HEADERS, rows(), &[]);
        insta::assert_snapshot!(at(Some(80)), @"
        | run      | outcome        | loaded                | started              |
        |----------|----------------|-----------------------|----------------------|
        | 1f0e8400 | ✓ loaded       | 101 files, 8,127 rows | 3 min ago            |
        | 77b1c2d3 | ✗ LoadRejected |                       | 2018-11-01 00:00 UTC |
        ");
        insta::assert_snapshot!(at(Some(40)), @"
        run      1f0e8400
        outcome  ✓ loaded
        loaded   101 files, 8,127 rows
        started  3 min ago

        run      77b1c2d3
        outcome  ✗ LoadRejected
        loaded
        started  2018-11-01 00:00 UTC
        ");
        assert_eq!(at(Some(80)), at(None));
        assert_eq!(at(Some(80)), at(Some(120)));
    }

    proptest! {
        #[test]
        fn no_character_of_the_data_commands_a_terminal(
            cells in proptest::collection::vec("[\\x00-\\x{9f}a|\u{202e}\u{2066}\u{2028}]{0,12}", 4),
            width in proptest::option::of(10_u16..120),
        ) {
            let shown = fitting(width, &HEADERS, vec![cells.clone(), cells], &[1]);
            prop_assert_eq!(display::lines(&shown), shown);
        }

        #[test]
        fn no_character_of_a_message_commands_a_terminal(text in any::<String>()) {
            let shown = crate::ui::for_people(&text);
            prop_assert!(!shown.contains(|one: char| one != '\n' && one.is_control()), "{:?}", shown);
        }
    }
}
