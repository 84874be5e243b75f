//! The text of a file of rows, and what parts its cells.

use super::sheet::RowError;

/// The text of a file; a mistake where it is no UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Vec<RowError>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        RowError::of_file(format!(
            "The file is not UTF-8 text (line {line}). Save it as CSV in UTF-8."
        ))
    })
}

/// What parts the cells: whichever of the usual characters the first line has most of, outside of quotes.
pub(crate) fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |wanted: char| {
        let mut quoted = false;
        let outside = first.chars().filter(|c| {
            quoted ^= *c == '"';
            !quoted && *c == wanted
        });
        outside.count()
    };
    let candidates = [(',', count(',')), (';', count(';')), ('\t', count('\t'))];
    let mut best = candidates[0];
    for candidate in candidates {
        if candidate.1 > best.1 {
            best = candidate;
        }
    }
    u8::try_from(best.0).unwrap_or(b',')
}
