//! Rows of spreadsheet files.

use encoding_rs::WINDOWS_1252;

pub(crate) const MAX_ROWS: usize = 20_000;

pub(super) const MAX_COLUMNS: usize = 200;

/// How many lines with a title or notes may precede the header.
pub(super) const MAX_ROWS_BEFORE_HEADER: usize = 10;

/// The rows of a file that aren't empty, header included.
#[derive(Debug, PartialEq)]
pub(super) struct Spreadsheet {
    /// The detected format, such as “CSV (UTF-8, comma)”.
    pub(super) format: String,
    pub(super) rows: Vec<SpreadsheetRow>,
}

#[derive(Debug, PartialEq)]
pub(super) struct SpreadsheetRow {
    /// Its number in a spreadsheet, from 1; empty rows are counted.
    pub(super) number: usize,
    pub(super) cells: Vec<String>,
}

impl Spreadsheet {
    /// Undoes what a program did that read UTF-8 with a byte order mark as Windows-1252, and saved that.
    pub(super) fn repair(&mut self) {
        let header = self.rows.first().and_then(|row| row.cells.first());
        if !header.is_some_and(|cell| cell.starts_with("\u{ef}\u{bb}\u{bf}")) {
            return;
        }
        for cell in self.rows.iter_mut().flat_map(|row| &mut row.cells) {
            let (bytes, _, is_unmappable) = WINDOWS_1252.encode(cell);
            if !is_unmappable && let Ok(text) = std::str::from_utf8(&bytes) {
                *cell = text.trim_start_matches('\u{feff}').to_owned();
            }
        }
    }
}

pub(super) fn add_row(
    rows: &mut Vec<SpreadsheetRow>,
    number: usize,
    mut cells: Vec<String>,
) -> Result<(), String> {
    let length = cells.iter().rposition(|cell| !cell.trim().is_empty());
    let Some(last) = length else {
        return Ok(());
    };
    if last >= MAX_COLUMNS {
        return Err(format!("A file can have up to {MAX_COLUMNS} columns."));
    }
    // One more for the header.
    if rows.len() > MAX_ROWS {
        return Err(format!("A file can have up to {MAX_ROWS} rows."));
    }
    cells.truncate(MAX_COLUMNS);
    rows.push(SpreadsheetRow { number, cells });
    Ok(())
}
