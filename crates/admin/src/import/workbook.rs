//! Rows of Excel workbooks (.xlsx).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};
use zip::ZipArchive;

use crate::import::cell;
use crate::import::spreadsheet::{MAX_COLUMNS, MAX_ROWS_BEFORE_HEADER, Spreadsheet, add_row};

/// The maximum size of a workbook when decompressed (bytes).
const MAX_UNCOMPRESSED: u64 = 64 << 20;

/// The maximum number of cells that aren't empty.
const MAX_CELLS: usize = 1_000_000;

/// Parses the first visible sheet of a workbook. Formulas have the values that were stored with them.
pub(super) fn read(bytes: &[u8]) -> Result<Spreadsheet, String> {
    check_size(bytes)?;
    // calamine panics if some numbers in a file are too large.
    std::panic::catch_unwind(|| read_sheet(bytes))
        .unwrap_or_else(|_| Err(unreadable("it is damaged")))
}

fn unreadable(error: impl Display) -> String {
    format!("The Excel file could not be read: {error}.")
}

fn read_sheet(bytes: &[u8]) -> Result<Spreadsheet, String> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let mut sheets = book.sheets_metadata().iter();
    let sheet = sheets
        .find(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible);
    let name = sheet.ok_or("The Excel file has no sheet.")?.name.clone();
    let mut reader = book.worksheet_cells_reader(&name).map_err(unreadable)?;
    let mut cells: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    // Other methods expand shared formulas, which takes as much memory as the file says.
    while let Some(cell) = reader
        .next_cell_with_formula_metadata()
        .map_err(unreadable)?
    {
        let (row, column) = cell.pos;
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        let text = match &cell.value {
            DataRef::Empty if cell.formula.is_some() => cell::UNCALCULATED.to_owned(),
            value => cell_text(value),
        };
        if text.trim().is_empty() {
            continue;
        }
        if column >= MAX_COLUMNS {
            return Err(format!("A file can have up to {MAX_COLUMNS} columns."));
        }
        count += 1;
        if count > MAX_CELLS {
            return Err(format!("A file can have up to {MAX_CELLS} cells."));
        }
        let cells = cells.entry(row).or_default();
        cells.resize(cells.len().max(column + 1), String::new());
        cells[column] = text;
    }
    let first = cells.values().take(MAX_ROWS_BEFORE_HEADER);
    let width = first.map(Vec::len).max().unwrap_or_default();
    let mut rows = Vec::new();
    for (row, mut cells) in cells {
        cells.resize(cells.len().max(width), String::new());
        let number = usize::try_from(row).unwrap_or(usize::MAX).saturating_add(1);
        add_row(&mut rows, number, cells)?;
    }
    Ok(Spreadsheet {
        format: format!("Excel workbook (.xlsx), sheet “{name}”"),
        rows,
    })
}

/// Rejects workbooks that take too much memory: large when decompressed, or with a number of strings, which calamine
/// trusts, that can't be true.
fn check_size(bytes: &[u8]) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    // For example one of LibreOffice, Word or Numbers.
    if !archive.file_names().any(|name| name.starts_with("xl/")) {
        return Err(
            "This is not an Excel workbook (.xlsx). Save it as .xlsx, or as CSV.".to_owned(),
        );
    }
    let mut left = MAX_UNCOMPRESSED;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(unreadable)?;
        let has_strings = file
            .name()
            .to_ascii_lowercase()
            .ends_with("sharedstrings.xml");
        let mut content = Vec::new();
        let mut file = file.take(left + 1);
        let size = if has_strings {
            file.read_to_end(&mut content).map(|size| size as u64)
        } else {
            std::io::copy(&mut file, &mut std::io::sink())
        };
        let size = size.map_err(unreadable)?;
        left = left.checked_sub(size).ok_or_else(|| {
            let limit = MAX_UNCOMPRESSED >> 20;
            format!("The Excel file is larger than {limit} MB when it is decompressed.")
        })?;
        if string_count(&content).is_some_and(|count| count > size) {
            return Err(unreadable("too many strings"));
        }
    }
    Ok(())
}

/// The number of shared strings that a file declares.
fn string_count(content: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"uniqueCount";
    let start = content
        .windows(NAME.len())
        .position(|bytes| bytes == NAME)?;
    let value = content[start + NAME.len()..].iter();
    let digits = value
        .skip_while(|byte| !byte.is_ascii_digit())
        .take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |count: u64, digit| {
        count
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}

/// The text of a cell as in a CSV file.
fn cell_text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.replace("\r\n", "\n")
        }
        DataRef::SharedString(text) => text.replace("\r\n", "\n"),
        DataRef::Bool(true) => "TRUE".to_owned(),
        DataRef::Bool(false) => "FALSE".to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::DateTime(moment) => match moment.as_datetime() {
            // Excel stores a time as a fraction of day 0.
            Some(time) if moment.as_f64() < 1.0 => time.format("%H:%M:%S").to_string(),
            Some(time) if moment.as_f64().fract() == 0.0 => time.format("%Y-%m-%d").to_string(),
            Some(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
            None => number_text(moment.as_f64()),
        },
        DataRef::Error(error) => error.to_string(),
    }
}

/// A number with the 15 significant digits that Excel shows.
fn number_text(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse().unwrap_or(number);
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::workbook;
    use super::*;

    const STRINGS: &str = "<sst uniqueCount=\"2\"><si><t>Caf\u{e9}</t></si><si><r><t xml:space=\"preserve\">two </t></r><r><t>runs</t></r></si></sst>";

    fn cells(sheet: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
        let sheet = read(&workbook(sheet, STRINGS))?;
        assert_eq!(sheet.format, "Excel workbook (.xlsx), sheet “Books”");
        Ok(sheet
            .rows
            .into_iter()
            .map(|row| (row.number, row.cells))
            .collect())
    }

    #[test]
    fn cells_are_texts_as_in_a_csv_file() {
        for (cell, expected) in [
            (r#"t="s"><v>0</v>"#, "Caf\u{e9}"),
            (r#"t="s"><v>1</v>"#, "two runs"),
            (r#"t="inlineStr"><is><t>in line</t></is>"#, "in line"),
            ("><v>92651</v>", "92651"),
            ("><v>2134.0</v>", "2134"),
            ("><v>0.30000000000000004</v>", "0.3"),
            (r#"t="b"><v>1</v>"#, "TRUE"),
            (r#"t="b"><v>0</v>"#, "FALSE"),
            (r#"s="1"><v>46082</v>"#, "2026-03-01"),
            (r#"s="2"><v>0.39651620370370372</v>"#, "09:30:59"),
            (r#"s="3"><v>46082.5</v>"#, "2026-03-01 12:00:00"),
            (r#"t="str"><f>A2&amp;"x"</f><v>7x</v>"#, "7x"),
            ("><f>3+4</f><v>7</v>", "7"),
            (r#"t="e"><v>#N/A</v>"#, "#N/A"),
            // felipe-prenholato/openpyxl#69, OpenDataServices/flatten-tool#49: written by a program that calculates
            // nothing.
            (r#"><f>A2&amp;"x"</f>"#, cell::UNCALCULATED),
            (r#"><f t="shared" si="0"/>"#, cell::UNCALCULATED),
        ] {
            let rows = cells(&format!("<row r=\"3\"><c r=\"B3\" {cell}</c></row>")).unwrap();
            assert_eq!(rows, [(3, vec![String::new(), expected.to_owned()])]);
        }
        let empty = cells(r#"<row><c t="str"><f>""</f><v></v></c><c s="1"/></row>"#);
        assert_eq!(empty, Ok(vec![]));
    }

    #[test]
    fn files_that_are_no_workbooks_or_take_too_much_memory_are_rejected() {
        let far = r#"<row r="1"><c r="XFD1"><v>1</v></c></row>"#;
        let many = "<row><c><v>1</v></c></row>".repeat(crate::import::spreadsheet::MAX_ROWS + 2);
        let large = " ".repeat((64 << 20) + 1);
        for (file, expected) in [
            (workbook(far, STRINGS), "A file can have up to 200 columns."),
            (
                [&b"PK\x05\x06"[..], &[0; 18]].concat(),
                "This is not an Excel workbook (.xlsx). Save it as .xlsx, or as CSV.",
            ),
            (
                workbook(&many, STRINGS),
                "A file can have up to 20000 rows.",
            ),
            (
                workbook(&large, STRINGS),
                "The Excel file is larger than 64 MB when it is decompressed.",
            ),
            (
                workbook("", "<sst uniqueCount = '99999999999999999999'></sst>"),
                "The Excel file could not be read: too many strings.",
            ),
        ] {
            assert!(file.len() < 1 << 20, "{expected}");
            assert_eq!(read(&file), Err(expected.to_owned()));
        }
    }
}
