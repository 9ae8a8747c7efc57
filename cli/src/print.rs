//! Everything that is written to stdout: data, and nothing else.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::{
    display,
    errors::{Outcome, Problem},
};

/// Blanks between columns where there is no place for bars.
const GAP: usize = 2;
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
/// a terminal that is too narrow for it, it loses its bars, or else each row becomes lines of names and
/// values.
pub fn table<R, C>(headers: &[&str], rows: R, numbers: &[usize]) -> String
where
    R: IntoIterator<Item = C>,
    C: IntoIterator<Item = String>,
{
    let width = terminal_width();
    let rows = rows.into_iter().map(|cells| cells.into_iter().collect()).collect();
    fitting(width, headers, rows, numbers)
}

#[cfg(not(test))]
fn terminal_width() -> Option<u16> {
    let is_terminal = io::stdout().is_terminal();
    is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0)
}

#[cfg(test)]
thread_local! {
    static WIDTH: std::cell::Cell<Option<u16>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
fn terminal_width() -> Option<u16> {
    WIDTH.get()
}

/// What is shown on terminals of three widths, and in a pipe if that differs from the widest.
#[cfg(test)]
pub fn at_widths(show: impl Fn() -> String) -> String {
    let at = |width| {
        WIDTH.set(width);
        let shown = show();
        WIDTH.set(None);
        shown
    };
    let [wide, middle, narrow] = [120, 80, 40].map(|width| at(Some(width)));
    assert_eq!(at(None), at(Some(u16::MAX)), "a pipe has any width");
    format!("120 columns\n\n{wide}\n\n80 columns\n\n{middle}\n\n40 columns\n\n{narrow}")
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
    let compact = columns.iter().map(|column| usize::from(*column) + GAP).sum::<usize>() - GAP;
    if compact <= usize::from(width) && headers.len() > COLUMNS_TO_WRAP_MAX {
        return without_bars(table);
    }
    if headers.len() <= COLUMNS_TO_WRAP_MAX {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        return table.to_string();
    }
    expanded(headers, &rows)
}

/// The same table with blanks between its columns, which is narrower.
fn without_bars(mut table: Table) -> String {
    table.load_style(presets::NOTHING);
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP as u16));
    }
    let shown = table.to_string();
    shown.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
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
