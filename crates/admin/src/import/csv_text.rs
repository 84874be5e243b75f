//! CSV files in the usual encodings and dialects.

use csv::ReaderBuilder;
use encoding_rs::{Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::import::spreadsheet::{MAX_ROWS_BEFORE_HEADER, Spreadsheet, add_row};

/// Parses a CSV file, or returns an error message.
pub(super) fn read(bytes: &[u8]) -> Result<Spreadsheet, String> {
    let (text, encoding) = decode(bytes);
    if encoding != UTF_16LE && encoding != UTF_16BE && text.contains('\0') {
        return Err("This is not a CSV or Excel file.".to_owned());
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (delimiter, text) = delimiter(&text);
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
        let cells = record.iter().map(str::to_owned).collect();
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
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    (text.into_owned(), encoding)
}

/// The delimiter, and the text without Excel's line that names it (`sep=;`): the most frequent candidate in the first
/// line that has one, outside of quotes.
fn delimiter(text: &str) -> (u8, &str) {
    const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
    if let Some(rest) = text.strip_prefix("sep=")
        && let [delimiter, b'\n', ..] = rest.as_bytes()
        && CANDIDATES.contains(delimiter)
    {
        return (*delimiter, &rest[2..]);
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let has_candidate = |line: &&str| line.bytes().any(|byte| CANDIDATES.contains(&byte));
    let first = lines
        .by_ref()
        .take(MAX_ROWS_BEFORE_HEADER)
        .find(has_candidate);
    let mut counts = [0_usize; CANDIDATES.len()];
    let mut quoted = false;
    for byte in first.unwrap_or_default().bytes() {
        quoted ^= byte == b'"';
        for (count, candidate) in counts.iter_mut().zip(CANDIDATES) {
            *count += usize::from(!quoted && byte == candidate);
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    let best = counts.iter().position(|count| *count == most);
    (CANDIDATES[best.unwrap_or_default()], text)
}
