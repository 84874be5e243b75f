//! Parsing CSV files.

use csv::ReaderBuilder;
use oc_core::admin::{FieldKind, FormValues, Resource};

use super::column::{Column, columns};
use crate::ui::csv::unescape_formula;

/// The maximum number of rows.
pub(crate) const MAX_ROWS: usize = 20_000;

/// A parsed file.
pub(crate) struct CsvTable {
    /// Whether there is an id column.
    has_ids: bool,
    columns: Vec<Column>,
    pub(crate) rows: Vec<CsvRow>,
}

/// A row of a file.
pub(crate) struct CsvRow {
    /// Its number in a spreadsheet: the header is row 1.
    pub(crate) number: usize,
    cells: Vec<String>,
}

/// An error in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowError {
    /// The row, if the error is in one.
    pub(crate) row: Option<usize>,
    /// The column as named in the file; empty for the row as a whole.
    pub(crate) column: String,
    pub(crate) text: String,
}

impl RowError {
    /// An error of the file as a whole.
    pub(crate) fn of_file(text: impl Into<String>) -> Vec<Self> {
        vec![Self {
            row: None,
            column: String::new(),
            text: text.into(),
        }]
    }
}

impl CsvTable {
    /// Parses a file: UTF-8 with or without a byte order mark, delimited by commas, semicolons or tabs, with a header
    /// row.
    pub(crate) fn read(model: &Resource, bytes: &[u8]) -> Result<Self, Vec<RowError>> {
        let text = decode_text(bytes)?;
        let mut reader = ReaderBuilder::new()
            .delimiter(detect_delimiter(text))
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut records = reader.records();
        let unreadable =
            |error: csv::Error| RowError::of_file(format!("The file could not be read: {error}."));
        let head = match records.next() {
            None => return Err(RowError::of_file("The file is empty.")),
            Some(head) => head.map_err(unreadable)?,
        };
        let columns = columns(model, &head)?;
        let mut rows = Vec::new();
        let mut mistakes = Vec::new();
        for (place, record) in records.enumerate() {
            let record = record.map_err(unreadable)?;
            let number = place + 2;
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if rows.len() == MAX_ROWS {
                return Err(RowError::of_file(format!(
                    "A file can have up to {MAX_ROWS} rows."
                )));
            }
            if record.len() != columns.len() {
                mistakes.push(RowError {
                    row: Some(number),
                    column: String::new(),
                    text: format!(
                        "This row has {} columns but the header has {}.",
                        record.len(),
                        columns.len()
                    ),
                });
                continue;
            }
            let cells = record.iter().map(str::to_owned).collect();
            rows.push(CsvRow { number, cells });
        }
        if mistakes.is_empty() {
            Ok(Self {
                has_ids: columns.iter().any(|column| matches!(column, Column::Id)),
                columns,
                rows,
            })
        } else {
            Err(mistakes)
        }
    }

    /// The id in a row; `None` for a new object.
    pub(crate) fn id(&self, line: &CsvRow) -> Result<Option<i64>, RowError> {
        if !self.has_ids {
            return Ok(None);
        }
        let cells = self.columns.iter().zip(&line.cells);
        let mut ids = cells.filter(|(column, _)| matches!(column, Column::Id));
        let text = ids.next().map_or("", |(_, cell)| cell.trim());
        match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| RowError {
                row: Some(line.number),
                column: "id".to_owned(),
                text: "ID must be a whole number.".to_owned(),
            }),
        }
    }

    /// The values of a row; columns that the file doesn't have keep the stored values.
    pub(crate) fn values(
        &self,
        line: &CsvRow,
        stored: &FormValues,
    ) -> Result<FormValues, Vec<RowError>> {
        let mut values = stored.clone();
        let mut mistakes = Vec::new();
        for (column, cell) in self.columns.iter().zip(&line.cells) {
            let Column::Field { name, label, kind } = column else {
                continue;
            };
            let cell = unescape_formula(cell);
            values = match kind {
                FieldKind::MultipleChoice => {
                    let list = cell.split_whitespace().map(str::to_owned).collect();
                    values.with_list(name, list)
                }
                FieldKind::Boolean => {
                    if let Some(yes) = yes(&cell) {
                        values.with_yes(name, yes)
                    } else {
                        mistakes.push(RowError {
                            row: Some(line.number),
                            column: name.clone(),
                            text: format!("{label} must be yes or no."),
                        });
                        values
                    }
                }
                _ => values.with(name, cell),
            };
        }
        if mistakes.is_empty() {
            Ok(values)
        } else {
            Err(mistakes)
        }
    }
}

/// A yes or no as people write it; empty means no.
fn yes(cell: &str) -> Option<bool> {
    match cell.trim().to_lowercase().as_str() {
        "yes" | "on" | "true" | "1" => Some(true),
        "" | "no" | "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// The text of a file, which has to be UTF-8.
fn decode_text(bytes: &[u8]) -> Result<&str, Vec<RowError>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        RowError::of_file(format!(
            "The file is not UTF-8 text (line {line}). Save it as CSV in UTF-8."
        ))
    })
}

/// The delimiter: the most frequent candidate in the first line, outside of quotes.
fn detect_delimiter(text: &str) -> u8 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::fixtures::BOOK;

    fn read(file: &[u8]) -> Result<CsvTable, Vec<RowError>> {
        CsvTable::read(&BOOK, file)
    }

    fn first(file: &str) -> Vec<String> {
        let table = read(file.as_bytes()).unwrap();
        let values = table
            .values(&table.rows[0], &FormValues::default())
            .unwrap();
        ["author", "title", "in_print"]
            .map(|name| values.text(name).to_owned())
            .into()
    }

    fn told(file: &[u8]) -> Vec<String> {
        let mistakes = read(file).err().unwrap_or_default();
        mistakes.into_iter().map(|mistake| mistake.text).collect()
    }

    #[test]
    fn any_usual_way_to_write_a_file_is_read() {
        let expected = ["7", "Dana; \"Point\",\nCA", "on"];
        let cell = "\"Dana; \"\"Point\"\",\nCA\"";

        assert_eq!(
            first(&format!("id,author,title,in_print\r\n1,7,{cell},yes\r\n")),
            expected
        );
        assert_eq!(
            first(&format!("\u{feff}id;author;title;in_print\n;7;{cell};TRUE")),
            expected
        );
        assert_eq!(
            first(&format!("Author\tTitle\tIn print\n7\t{cell}\t1\n")),
            expected
        );
    }

    #[test]
    fn a_cell_is_read_as_it_was_written_for_a_spreadsheet() {
        assert_eq!(first("author,title\n7,'=1+1")[1], "=1+1");
        assert_eq!(first("author,title\n7,''quoted")[1], "'quoted");
        assert_eq!(first("author,title\n7,'s-Gravenhage")[1], "'s-Gravenhage");
    }

    #[test]
    fn a_row_is_new_or_says_its_id() {
        let table = read(b"id,author\n 7 ,1\n,1\nx,1\n").unwrap();
        let ids: Vec<_> = table
            .rows
            .iter()
            .map(|line| {
                table
                    .id(line)
                    .map_err(|mistake| (mistake.row, mistake.text))
            })
            .collect();

        assert_eq!(ids[..2], [Ok(Some(7)), Ok(None)]);
        assert_eq!(
            ids[2],
            Err((Some(4), "ID must be a whole number.".to_owned()))
        );
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        assert_eq!(told(b""), ["The file is empty."]);
        assert_eq!(
            told(b"author\nCaf\xe9"),
            ["The file is not UTF-8 text (line 2). Save it as CSV in UTF-8."]
        );
        assert_eq!(told(b"author,author\n1,1"), ["This column appears twice."]);
        assert!(told(b"author,password\n1,1")[0].starts_with("Unknown column."));
        assert_eq!(
            told(b"author,in_print\n1\n1,yes\n1,yes,x"),
            [
                "This row has 1 columns but the header has 2.",
                "This row has 3 columns but the header has 2."
            ]
        );
        let long = format!("author\n{}", "1\n".repeat(MAX_ROWS + 1));
        assert_eq!(told(long.as_bytes()), ["A file can have up to 20000 rows."]);
    }

    #[test]
    fn a_column_that_is_not_there_changes_nothing() {
        let table = read(b"id,title\n1,Brea").unwrap();
        let stored = FormValues::default()
            .with("author", "7")
            .with_yes("in_print", true);

        let values = table.values(&table.rows[0], &stored).unwrap();

        assert_eq!((values.text("author"), values.text("title")), ("7", "Brea"));
        assert!(values.is_yes("in_print"));
        let odd = read(b"in_print\nmaybe").unwrap();
        let mistakes = odd.values(&odd.rows[0], &stored).err().unwrap_or_default();
        assert_eq!(mistakes[0].text, "In print must be yes or no.");
    }
}
