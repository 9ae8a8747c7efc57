//! Everything that is written to stdout: data, and nothing else.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::{
    display,
    errors::{Outcome, Problem},
};

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
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)
    })
}

/// One line.
pub fn line(text: &str) -> Outcome {
    with(|out| writeln!(out, "{text}"))
}

/// A table for people, which is a table in Markdown too; `numbers` are the columns to align right. On
/// a terminal that is too narrow for it, cells are wrapped.
pub fn table<R, C>(headers: &[&str], rows: R, numbers: &[usize]) -> Table
where
    R: IntoIterator<Item = C>,
    C: IntoIterator<Item = String>,
{
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(headers.iter().map(|header| display::cell(header)));
    if let (true, Some((width, _))) = (io::stdout().is_terminal(), terminal_size::terminal_size()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.0);
    }
    for cells in rows {
        table.add_row(cells.into_iter().map(|cell| display::cell(&cell)));
    }
    for number in numbers {
        if let Some(column) = table.column_mut(*number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
