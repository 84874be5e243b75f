//! CSV files in the usual encodings and dialects.

use csv::ReaderBuilder;
use encoding_rs::{Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::import::spreadsheet::{MAX_ROWS_BEFORE_HEADER, Spreadsheet, add_row};

/// Parses a CSV file, or returns an error message.
pub(super) fn read(bytes: &[u8]) -> Result<Spreadsheet, String> {
    let (text, encoding) = decode(bytes);
    // DOS ends a file with Ctrl+Z; some devices fill the last block with NUL.
    let text = text.trim_end_matches(['\u{1a}', '\0']);
    if text.contains('\0') {
        return Err("This is not a CSV or Excel file.".to_owned());
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (delimiter, text) = delimiter(&text);
    let text = without_padding(text, delimiter.into());
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let (mut number, mut rows) = (0, Vec::new());
    for record in reader.records() {
        let record = record.map_err(|error| format!("The file could not be read: {error}."))?;
        // The parser skips empty lines; a spreadsheet shows them as rows.
        let start = record.position().map_or(0, csv::Position::byte);
        let rest = &text.as_bytes()[usize::try_from(start).unwrap_or_default()..];
        number += 1 + rest.iter().take_while(|byte| **byte == b'\n').count();
        let cells: Vec<_> = record.iter().map(str::to_owned).collect();
        add_row(&mut rows, number, cells)?;
    }
    let name = match delimiter {
        b';' => "semicolon",
        b'\t' => "tab",
        b'|' => "vertical bar",
        _ => "comma",
    };
    Ok(Spreadsheet {
        format: format!("CSV ({}, {name})", encoding.name()),
        rows,
    })
}

/// Removes spaces in front of a quotation mark that begins a cell. Otherwise the mark would be text.
fn without_padding(text: &str, delimiter: char) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut is_start, mut is_quoted, mut has_closed) = (true, false, false);
    let mut next = 0;
    for (index, c) in text.char_indices() {
        if index < next {
            continue;
        }
        if is_start && c == ' ' {
            let rest = text[index..].trim_start_matches(' ');
            if rest.starts_with('"') {
                next = text.len() - rest.len();
                continue;
            }
        }
        let toggles = c == '"' && (is_start || is_quoted || has_closed);
        is_quoted ^= toggles;
        has_closed = toggles && !is_quoted;
        is_start = !is_quoted && (c == delimiter || c == '\n');
        kept.push(c);
    }
    kept
}

/// The text of a file: UTF-8 or UTF-16, otherwise what Excel uses without Unicode, on Windows or on old Macs.
fn decode(bytes: &[u8]) -> (String, &'static Encoding) {
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        // The first letter of the header is always ASCII.
        None => match bytes {
            [0, _, ..] => UTF_16BE,
            [_, 0, ..] => UTF_16LE,
            _ if std::str::from_utf8(bytes).is_ok() => UTF_8,
            _ if bytes.contains(&b'\r') && !bytes.contains(&b'\n') => MACINTOSH,
            _ => WINDOWS_1252,
        },
    };
    if encoding != WINDOWS_1252 {
        let (text, _) = encoding.decode_with_bom_removal(bytes);
        return (text.into_owned(), encoding);
    }
    // Rows from several files: each line has an encoding of its own.
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.map(|line| match std::str::from_utf8(line) {
        Ok(line) => line.into(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(line).0,
    });
    (lines.collect(), encoding)
}

/// The delimiter, and the text without Excel's line that names it (`sep=;`): the most frequent candidate in the first
/// line that has one, outside of quotes.
fn delimiter(text: &str) -> (u8, &str) {
    const CANDIDATES: [u8; 4] = [b'|', b'\t', b';', b','];
    if let Some((line, rest)) = text.split_once('\n')
        && let Some([delimiter]) = line
            .trim_matches('"')
            .strip_prefix("sep=")
            .map(str::as_bytes)
        && CANDIDATES.contains(delimiter)
    {
        return (*delimiter, rest);
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let has_candidate = |line: &&str| line.bytes().any(|byte| CANDIDATES.contains(&byte));
    let first = lines.take(MAX_ROWS_BEFORE_HEADER).find(has_candidate);
    let unquoted = first.unwrap_or_default().split('"').step_by(2);
    let frequency = |candidate: &u8| -> usize {
        let pieces = unquoted.clone();
        pieces
            .map(|piece| piece.matches(char::from(*candidate)).count())
            .sum()
    };
    // Of several with the same frequency, the last one: the comma.
    let best = CANDIDATES.into_iter().max_by_key(frequency);
    (best.unwrap_or(b','), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_several_files_have_encodings_of_their_own() {
        let sheet = read(b"title\nCaf\xc3\xa9\nCaf\xe9\n").unwrap();

        let titles: Vec<_> = sheet.rows.iter().map(|row| &*row.cells[0]).collect();
        assert_eq!(titles, ["title", "Caf\u{e9}", "Caf\u{e9}"]);
    }
}
