//! Parsing CSV files.

use csv::{ReaderBuilder, StringRecord};
use oc_core::admin::{FieldKind, FormValues, Resource};
use serde::Serialize;

use crate::ui::csv::{column_names, unescape_formula};
use crate::ui::field::parts;

/// The maximum number of rows.
pub(crate) const MAX_ROWS: usize = 20_000;

/// A parsed file.
pub(crate) struct CsvTable {
    columns: Vec<Column>,
    pub(crate) rows: Vec<CsvRow>,
    defaults: FormValues,
}

/// The content of a column.
#[derive(PartialEq)]
enum Column {
    Id,
    Field {
        name: String,
        label: &'static str,
        kind: FieldKind,
    },
}

/// A row of a file.
pub(crate) struct CsvRow {
    /// Its number in a spreadsheet: the header is row 1.
    pub(crate) number: usize,
    cells: Vec<String>,
}

/// An error in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RowError {
    /// The row, if the error is in one.
    pub(crate) row: Option<usize>,
    /// The column as named in the file; empty for the row as a whole.
    pub(crate) column: String,
    pub(crate) text: String,
}

impl RowError {
    pub(crate) fn new(row: usize, column: &str, text: impl Into<String>) -> Self {
        Self {
            row: Some(row),
            column: column.to_owned(),
            text: text.into(),
        }
    }

    /// An error of the file as a whole.
    pub(crate) fn for_file(text: impl Into<String>) -> Vec<Self> {
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
            |error: csv::Error| RowError::for_file(format!("The file could not be read: {error}."));
        let header = match records.next() {
            None => return Err(RowError::for_file("The file is empty.")),
            Some(header) => header.map_err(unreadable)?,
        };
        let columns = columns(model, &header)?;
        let mut rows = Vec::new();
        let mut errors = Vec::new();
        for (number, record) in (2..).zip(records) {
            let record = record.map_err(unreadable)?;
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if rows.len() == MAX_ROWS {
                return Err(RowError::for_file(format!(
                    "A file can have up to {MAX_ROWS} rows."
                )));
            }
            if record.len() != columns.len() {
                let (own, expected) = (record.len(), columns.len());
                let text = format!("This row has {own} columns but the header has {expected}.");
                errors.push(RowError::new(number, "", text));
                continue;
            }
            let cells = record.iter().map(str::to_owned).collect();
            rows.push(CsvRow { number, cells });
        }
        if errors.is_empty() {
            Ok(Self {
                columns,
                rows,
                defaults: model.defaults(),
            })
        } else {
            Err(errors)
        }
    }

    /// The id in a row; `None` for a new object.
    pub(crate) fn id(&self, row: &CsvRow) -> Result<Option<i64>, RowError> {
        let mut columns = self.columns.iter().zip(&row.cells);
        let id = columns.find(|(column, _)| **column == Column::Id);
        match id.map_or("", |(_, cell)| cell.trim()) {
            "" => Ok(None),
            text => {
                let id = text.parse().map(Some);
                id.map_err(|_| RowError::new(row.number, "id", "ID must be a whole number."))
            }
        }
    }

    /// The values of a row. Columns that the file doesn't have keep the stored values, or the defaults in a new row, where
    /// empty cells get the default as well.
    pub(crate) fn values(
        &self,
        row: &CsvRow,
        stored: Option<&FormValues>,
    ) -> Result<FormValues, Vec<RowError>> {
        let mut values = stored.unwrap_or(&self.defaults).clone();
        let mut errors = Vec::new();
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            let Column::Field { name, label, kind } = column else {
                continue;
            };
            if stored.is_none() && cell.trim().is_empty() {
                continue;
            }
            let cell = unescape_formula(cell);
            values = match kind {
                FieldKind::MultipleChoice => {
                    let list = cell.split_whitespace().map(str::to_owned).collect();
                    values.with_list(name, list)
                }
                FieldKind::Boolean => {
                    if let Some(yes) = parse_boolean(&cell) {
                        values.with_yes(name, yes)
                    } else {
                        let text = format!("{label} must be yes or no.");
                        errors.push(RowError::new(row.number, name, text));
                        values
                    }
                }
                _ => values.with(name, cell),
            };
        }
        if errors.is_empty() {
            Ok(values)
        } else {
            Err(errors)
        }
    }
}

/// The columns in the header row.
fn columns(model: &Resource, header: &StringRecord) -> Result<Vec<Column>, Vec<RowError>> {
    let mut errors = Vec::new();
    let mut columns: Vec<Column> = Vec::new();
    for name in header {
        let name = name.trim();
        let Some(column) = column(model, name) else {
            let names = column_names(model).join(", ");
            let text = format!("Unknown column. You can use: {names}.");
            errors.push(RowError::new(1, name, text));
            continue;
        };
        if columns.contains(&column) {
            errors.push(RowError::new(1, name, "This column appears twice."));
        }
        columns.push(column);
    }
    if errors.is_empty() {
        Ok(columns)
    } else {
        Err(errors)
    }
}

/// The column with this name or label.
fn column(model: &Resource, name: &str) -> Option<Column> {
    if name.eq_ignore_ascii_case("id") {
        return Some(Column::Id);
    }
    model.fields.iter().find_map(|field| {
        let mut names = parts(field.name, field.kind).into_iter();
        let is_label = field.label.eq_ignore_ascii_case(name)
            && !matches!(field.kind, FieldKind::DateTime { .. });
        let name = names.find(|part| part == name || is_label)?;
        Some(Column::Field {
            name,
            label: field.label,
            kind: field.kind,
        })
    })
}

/// A yes or no as people write it; empty means no.
fn parse_boolean(cell: &str) -> Option<bool> {
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
        RowError::for_file(format!(
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
    use oc_core::admin::Field;

    use super::*;
    use crate::registry::fixtures::BOOK;

    fn read(file: &[u8]) -> Result<CsvTable, Vec<RowError>> {
        CsvTable::read(&BOOK, file)
    }

    fn first(file: &str) -> Vec<String> {
        let table = read(file.as_bytes()).unwrap();
        let values = table.values(&table.rows[0], None).unwrap();
        ["author", "title", "in_print"]
            .map(|name| values.text(name).to_owned())
            .into()
    }

    fn errors(file: &[u8]) -> Vec<String> {
        let errors = read(file).err().unwrap_or_default();
        errors.into_iter().map(|error| error.text).collect()
    }

    #[test]
    fn common_csv_dialects_are_parsed() {
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
    fn escaped_formulas_are_unescaped() {
        assert_eq!(first("author,title\n7,'=1+1")[1], "=1+1");
        assert_eq!(first("author,title\n7,''quoted")[1], "'quoted");
        assert_eq!(first("author,title\n7,'s-Gravenhage")[1], "'s-Gravenhage");
    }

    #[test]
    fn a_row_has_an_id_or_is_new() {
        let table = read(b"id,author\n 7 ,1\n,1\nx,1\n").unwrap();
        let ids: Vec<_> = table
            .rows
            .iter()
            .map(|row| table.id(row).map_err(|error| (error.row, error.text)))
            .collect();

        assert_eq!(ids[..2], [Ok(Some(7)), Ok(None)]);
        assert_eq!(
            ids[2],
            Err((Some(4), "ID must be a whole number.".to_owned()))
        );
    }

    #[test]
    fn invalid_files_are_rejected() {
        assert_eq!(errors(b""), ["The file is empty."]);
        assert_eq!(
            errors(b"author\nCaf\xe9"),
            ["The file is not UTF-8 text (line 2). Save it as CSV in UTF-8."]
        );
        assert_eq!(
            errors(b"author,author\n1,1"),
            ["This column appears twice."]
        );
        assert!(errors(b"author,password\n1,1")[0].starts_with("Unknown column."));
        assert_eq!(
            errors(b"author,in_print\n1\n1,yes\n1,yes,x"),
            [
                "This row has 1 columns but the header has 2.",
                "This row has 3 columns but the header has 2."
            ]
        );
        let long = format!("author\n{}", "1\n".repeat(MAX_ROWS + 1));
        assert_eq!(
            errors(long.as_bytes()),
            ["A file can have up to 20000 rows."]
        );
    }

    #[test]
    fn new_rows_start_from_the_defaults() {
        let model = Resource {
            fields: const {
                &[
                    Field::text("title", "Title", 1, 9),
                    Field::new("in_print", "In print", FieldKind::Boolean).default("on"),
                ]
            },
            ..BOOK
        };
        let in_print = |file: &[u8]| {
            let table = CsvTable::read(&model, file).unwrap();
            let values = table.values(&table.rows[0], None).unwrap();
            values.text("in_print").to_owned()
        };

        assert_eq!(in_print(b"title\nBrea"), "on");
        assert_eq!(in_print(b"title,in_print\nBrea,"), "on");
        assert_eq!(in_print(b"title,in_print\nBrea,no"), "");
    }

    #[test]
    fn missing_columns_keep_the_stored_values() {
        let table = read(b"id,title\n1,Brea").unwrap();
        let stored = FormValues::default()
            .with("author", "7")
            .with_yes("in_print", true);

        let values = table.values(&table.rows[0], Some(&stored)).unwrap();

        assert_eq!((values.text("author"), values.text("title")), ("7", "Brea"));
        assert!(values.is_yes("in_print"));
        let odd = read(b"in_print\nmaybe").unwrap();
        let errors = odd.values(&odd.rows[0], None).err().unwrap_or_default();
        assert_eq!(errors[0].text, "In print must be yes or no.");
    }
}
