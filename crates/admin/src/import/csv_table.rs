//! The rows of a file as values of a resource.

use oc_core::admin::{Field, FieldKind, FormValues, Resource};
use oc_core::text::fold;
use serde::Serialize;

use crate::columns::{columns as file_columns, parts};
use crate::import::spreadsheet::{MAX_ROWS_BEFORE_HEADER, Spreadsheet, SpreadsheetRow};
use crate::import::{cell, csv_text, workbook};
use crate::ui::csv::{column_names, unescape_formula};

pub(crate) struct CsvTable {
    columns: Vec<Column>,
    pub(crate) rows: Vec<SpreadsheetRow>,
    defaults: FormValues,
    pub(crate) format: String,
}

struct Column {
    /// The column's name in exports, or in this file if the column isn't imported.
    heading: String,
    /// The name of the value, and its field. The ID has none.
    value: Option<(String, &'static Field)>,
}

impl Column {
    fn is_id(&self) -> bool {
        self.heading == ID
    }

    fn is_imported(&self) -> bool {
        self.is_id() || self.value.is_some()
    }
}

const ID: &str = "id";

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
    /// Parses a file with a header row.
    pub(crate) fn read(model: &'static Resource, bytes: &[u8]) -> Result<Self, Vec<RowError>> {
        let Spreadsheet { format, rows } = read(bytes).map_err(RowError::for_file)?;
        let titles = titles(model, &rows);
        let mut rows = rows.into_iter().skip(titles);
        let header = rows.next();
        let header = header.ok_or_else(|| RowError::for_file("The file is empty."))?;
        let rows: Vec<_> = rows.collect();

        let columns = columns(model, &header)?;
        let mut errors = Vec::new();
        for row in &rows {
            let cells = columns.iter().zip(&row.cells);
            for (column, text) in cells.filter(|(column, _)| column.is_imported()) {
                if let Some(error) = cell::error(text) {
                    errors.push(RowError::new(row.number, &column.heading, error));
                }
            }
            let filled = row.cells.iter().rposition(|cell| !cell.trim().is_empty());
            let filled = filled.map_or(0, |last| last + 1);
            let mut missing = columns.iter().skip(row.cells.len());
            let length = if filled > columns.len() {
                filled
            } else if missing.any(Column::is_imported) {
                row.cells.len()
            } else {
                continue;
            };
            let unit = if length == 1 { "cell" } else { "cells" };
            let expected = columns.len();
            let mut text = format!("This row has {length} {unit}, the first row has {expected}.");
            if row.cells.iter().any(|cell| cell.contains('\n')) {
                text += " Is a quotation mark missing?";
            }
            errors.push(RowError::new(row.number, "", text));
        }
        let table = Self {
            columns,
            rows,
            defaults: model.defaults(),
            format,
        };
        unless_errors(table, errors)
    }

    /// Sentences about the columns that are not imported.
    pub(crate) fn notes(&self) -> Vec<String> {
        let ignored = self.columns.iter().filter(|column| !column.is_imported());
        let note = |column: &Column| match &*column.heading {
            "" => "A column without a name is not imported.".to_owned(),
            name => format!("Column {name} is not imported."),
        };
        ignored.map(note).collect()
    }

    /// The names of the values, and the labels of their fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let values = self.columns.iter().filter_map(|it| it.value.as_ref());
        values.map(|(name, field)| (name.as_str(), field.label))
    }

    /// The id in a row; `None` for a new object.
    pub(crate) fn id(&self, row: &SpreadsheetRow) -> Result<Option<i64>, RowError> {
        let mut cells = self.columns.iter().zip(&row.cells);
        let cell = cells.find(|(column, _)| column.is_id());
        let text = cell.map_or(String::new(), |(_, text)| cell::number(text));
        if text.is_empty() {
            return Ok(None);
        }
        let id = text.parse().map(Some);
        id.map_err(|_| RowError::new(row.number, ID, "ID must be a whole number."))
    }

    /// The values of a row. Columns that the file doesn't have keep the stored values, or the defaults in a new row, where
    /// empty cells get the default as well.
    pub(crate) fn values(
        &self,
        row: &SpreadsheetRow,
        stored: Option<&FormValues>,
    ) -> Result<FormValues, Vec<RowError>> {
        let mut values = stored.unwrap_or(&self.defaults).clone();
        let mut errors = Vec::new();
        for (column, text) in self.columns.iter().zip(&row.cells) {
            let Some((name, field)) = &column.value else {
                continue;
            };
            if stored.is_none() && text.trim().is_empty() {
                continue;
            }
            let text = unescape_formula(cell::without_text_formula(text));
            values = match field.kind {
                FieldKind::MultipleChoice(..) | FieldKind::Permissions | FieldKind::AnyOf(_) => {
                    let list = text.split([' ', ',', ';', '\n', '\r', '\t']);
                    let list = list.filter(|value| !value.is_empty());
                    values.with_list(name, list.map(str::to_owned).collect())
                }
                FieldKind::Boolean => {
                    if let Some(yes) = cell::boolean(&text) {
                        values.with_yes(name, yes)
                    } else {
                        let text = format!("{} must be yes or no.", field.label);
                        errors.push(RowError::new(row.number, &column.heading, text));
                        values
                    }
                }
                _ if stored
                    .is_some_and(|stored| cell::is_reformatted(stored.text(name), &text)) =>
                {
                    values
                }
                FieldKind::Text { .. } | FieldKind::LongText { .. } | FieldKind::Email { .. } => {
                    values.with(name, text)
                }
                FieldKind::DateTime { .. } if name.ends_with("_0") => {
                    values.with(name, cell::date(&text))
                }
                FieldKind::DateTime { .. } => values.with(name, cell::time(&text)),
                _ => values.with(name, cell::number(&text)),
            };
        }
        unless_errors(values, errors)
    }
}

fn unless_errors<T>(value: T, errors: Vec<RowError>) -> Result<T, Vec<RowError>> {
    if errors.is_empty() {
        Ok(value)
    } else {
        Err(errors)
    }
}

/// The rows of a file, or an error message.
fn read(bytes: &[u8]) -> Result<Spreadsheet, String> {
    let mut file = match bytes {
        [b'P', b'K', 3, 4, ..] => workbook::read(bytes),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(
            "This is an old Excel file (.xls), or one with a password. Save it as .xlsx without a password, or as CSV."
                .to_owned(),
        ),
        _ => csv_text::read(bytes),
    }?;
    file.repair();
    Ok(file)
}

/// How many rows with a title or notes precede the header: none, unless a later row names several fields.
fn titles(model: &'static Resource, rows: &[SpreadsheetRow]) -> usize {
    let is_field = |name: &&String| column(model, name.trim()).value.is_some();
    let mut fields = rows
        .iter()
        .take(MAX_ROWS_BEFORE_HEADER)
        .map(|row| row.cells.iter().filter(is_field).count());
    match fields.next() {
        Some(0) => fields
            .position(|count| count > 1)
            .map_or(0, |index| index + 1),
        _ => 0,
    }
}

/// The columns in the header row, without empty ones at its end. At least one has to be a field.
fn columns(
    model: &'static Resource,
    header: &SpreadsheetRow,
) -> Result<Vec<Column>, Vec<RowError>> {
    let names = header.cells.iter().map(|name| name.trim());
    let mut columns: Vec<_> = names.map(|name| column(model, name)).collect();
    while columns.pop_if(|last| last.heading.is_empty()).is_some() {}
    if columns.iter().all(|column| column.value.is_none()) {
        let names = column_names(&file_columns(model)).join(", ");
        let unknown = columns.iter().filter(|column| !column.is_id());
        let text = format!("Unknown column. You can use: {names}.");
        let error = |column: &Column| RowError::new(header.number, &column.heading, &text);
        let unknown: Vec<_> = unknown.map(error).collect();
        if unknown.is_empty() {
            let text = format!("The file has no columns to import. You can use: {names}.");
            return Err(RowError::for_file(text));
        }
        return Err(unknown);
    }
    let mut errors = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        let mut known = columns[..place].iter();
        if column.is_imported() && known.any(|known| known.heading == column.heading) {
            let name = header.cells[place].trim();
            let text = "This column appears twice.";
            errors.push(RowError::new(header.number, name, text));
        }
    }
    unless_errors(columns, errors)
}

/// The column with this name or label, in any case and with any separators.
fn column(model: &'static Resource, name: &str) -> Column {
    let key =
        |text: &str| -> String { fold(text).chars().filter(|c| c.is_alphanumeric()).collect() };
    let wanted = key(name);
    let unknown = Column {
        heading: name.to_owned(),
        value: None,
    };
    if wanted == ID {
        let heading = ID.to_owned();
        return Column { heading, ..unknown };
    }
    let field = file_columns(model).into_iter().find_map(|column| {
        let field = column.field;
        let is_label =
            key(field.label) == wanted && !matches!(field.kind, FieldKind::DateTime { .. });
        let headings = parts(field.name, field.kind).into_iter();
        let mut names = headings.zip(column.parts());
        let (heading, name) = names.find(|(heading, _)| is_label || key(heading) == wanted)?;
        Some(Column {
            heading,
            value: Some((name, field)),
        })
    });
    field.unwrap_or(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::spreadsheet::MAX_ROWS;
    use crate::import::tests::workbook;
    use crate::tests::BOOK;

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
        // mholt/PapaParse#941, JoshClose/CsvHelper#107, vincentlaucsb/csv-parser#190, google/transitfeed#36.
        assert_eq!(
            first(&format!(
                "  \"author\",  title, in_print\n7, {cell},  \"yes\"\n"
            )),
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
        let long = format!("author\n{}", "1\n".repeat(MAX_ROWS + 1));
        let [title, note] =
            ["title", "note"].map(|name| format!("<c t=\"inlineStr\"><is><t>{name}</t></is></c>"));
        let formula = "<c><f>3+4</f></c>";
        let formula = format!("<row>{title}{note}</row><row>{formula}{formula}</row>");
        let columns = "You can use: id, title, in_print, author, name.";
        for (file, expected) in [
            (&b""[..], "The file is empty."),
            (b"\r\n;;\r\n", "The file is empty."),
            (b"author,author\n1,1", "This column appears twice."),
            (b"id,heading\n1,1", &format!("Unknown column. {columns}")),
            (
                b"id\n1",
                &format!("The file has no columns to import. {columns}"),
            ),
            (
                b"author,in_print\n1\n1,yes\n1,yes,x",
                "This row has 1 cell, the first row has 2. This row has 3 cells, the first row has 2.",
            ),
            // adaltas/node-csv-parse#273, OpenRefine/OpenRefine#690.
            (
                b"author,in_print,title\n7,\"yes,Pier\n8,yes,Gull\n",
                "This row has 2 cells, the first row has 3. Is a quotation mark missing?",
            ),
            // django-import-export/django-import-export#323, tidyverse/readxl#62.
            (
                b"author,title,note\n#REF!,Pier,\n8, #NV ,#N/A\n",
                "The cell contains the error #REF!. The cell contains the error #NV.",
            ),
            (
                &workbook(&formula, "<sst/>"),
                "The cell has a formula that was never calculated. Save the file with a spreadsheet program.",
            ),
            (long.as_bytes(), "A file can have up to 20000 rows."),
            (b"%PDF-1.7\0\xff", "This is not a CSV or Excel file."),
            (
                b"PK\x03\x04",
                "The Excel file could not be read: invalid Zip archive: Could not find EOCD.",
            ),
        ] {
            assert_eq!(errors(file).join(" "), expected);
        }
    }

    #[test]
    fn errors_of_cells_name_the_columns_of_the_file() {
        let errors = read(b"title,Name\nPier,#REF!").err().unwrap_or_default();

        assert_eq!((errors[0].row, &*errors[0].column), (Some(2), "name"));
    }

    #[test]
    fn rows_are_numbered_as_in_a_spreadsheet() {
        let table = read(b"\n\nauthor,title\n\n7,\"two\n\nlines\"\n\n\n,\n8,x\r\n\r\n9,y").unwrap();
        let numbers: Vec<_> = table.rows.iter().map(|row| row.number).collect();

        assert_eq!(numbers, [5, 9, 11]);
    }

    /// Files as people save them, from reports on the trackers of comparable software.
    #[test]
    fn files_from_spreadsheets_are_parsed() {
        let utf16 = |text: &str, bom: bool, to: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let bom = bom.then_some(0xfeff);
            bom.into_iter()
                .chain(text.encode_utf16())
                .flat_map(to)
                .collect()
        };
        let text = "author\ttitle\tin_print\r\n7\tCaf\u{e9}\tyes\r\n";
        let (comma, semicolon) = ("CSV (UTF-8, comma)", "CSV (UTF-8, semicolon)");
        for (format, file) in [
            // Excel with a German or French locale: Windows-1252, semicolons, and its word for true.
            (
                "CSV (windows-1252, semicolon)",
                b"author;title;in_print\r\n7;Caf\xe9;WAHR\r\n".to_vec(),
            ),
            // Excel's "CSV (Macintosh)".
            (
                "CSV (macintosh, comma)",
                b"author,title,in_print\r7,Caf\x8e,TRUE\r".to_vec(),
            ),
            // Excel's "Unicode Text", and tools that leave out the byte order mark.
            ("CSV (UTF-16LE, tab)", utf16(text, true, u16::to_le_bytes)),
            ("CSV (UTF-16BE, tab)", utf16(text, true, u16::to_be_bytes)),
            ("CSV (UTF-16LE, tab)", utf16(text, false, u16::to_le_bytes)),
            ("CSV (UTF-16BE, tab)", utf16(text, false, u16::to_be_bytes)),
            // A byte order mark before the first name.
            (
                comma,
                "\u{feff}author,title,in_print\n7,Caf\u{e9},1\n".into(),
            ),
            // UTF-8 that LibreOffice without a dialog read as Windows-1252, and saved.
            (
                comma,
                "\"\u{ef}\u{bb}\u{bf}author\",\"title\",\"in_print\"\n7,\"Caf\u{c3}\u{a9}\",\"yes\"\n".into(),
            ),
            // A line that names the delimiter.
            (
                semicolon,
                "\u{feff}sep=;\r\nauthor;title;in_print\r\n7;Caf\u{e9};x\r\n".into(),
            ),
            // Formatted but empty columns and rows.
            (
                comma,
                "author,title,in_print,,,\n7,Caf\u{e9},y,,,\n,,,,,\n,,,,,\n".into(),
            ),
            // A delimiter at the end of each line, or of the first one only.
            (
                semicolon,
                "author;title;in_print;\n7;Caf\u{e9};on;\n".into(),
            ),
            (
                comma,
                "author,title,in_print,\n7,Caf\u{e9},on\n".into(),
            ),
            // Labels of the form as names, in any case.
            (
                comma,
                "AUTHOR, Title ,In-Print\n7,Caf\u{e9},True\n".into(),
            ),
            // Whole numbers as pandas and Excel write them, and text kept by a formula.
            (
                comma,
                "author,title,in_print\n7.0,Caf\u{e9},1.0\n".into(),
            ),
            (
                semicolon,
                "author;title;in_print\n\"=\"\"7\"\"\";Caf\u{e9};oui\n".into(),
            ),
            // A title above the names: django-import-export/django-import-export#355 and #1151.
            (
                semicolon,
                "Books of 2026\n\nauthor;title;in_print\n7;Caf\u{e9};yes\n".into(),
            ),
            (
                comma,
                "\"Books, sorted\",,\nOur list,,\nauthor,title,in_print\n7,Caf\u{e9},yes\n".into(),
            ),
            // Names as people decorate them: NHSDigital/manage-vaccinations-in-schools#3410,
            // commercetools/sphere-node-product-csv-sync#178.
            (
                comma,
                "Author*,\"Title\n\",In\u{a0}print:\n7,Caf\u{e9},yes\n".into(),
            ),
            // A quoted line that names the delimiter (PowerShell/PowerShell#7776), and the end of a file of DOS.
            (
                semicolon,
                "\"sep=;\"\nauthor;title;in_print\n7;Caf\u{e9};yes\n\u{1a}\0\0".into(),
            ),
            // An empty line below the names.
            (
                comma,
                "author,title,in_print\n\n7,Caf\u{e9},yes\n".into(),
            ),
        ] {
            let table = read(&file).unwrap();

            assert_eq!(table.format, format);
            let values = table.values(&table.rows[0], None).unwrap();
            let texts = ["author", "title", "in_print"].map(|name| values.text(name));
            assert_eq!(texts, ["7", "Caf\u{e9}", "on"], "{format}");
            assert_eq!(
                (table.rows.len(), table.notes()),
                (1, Vec::new()),
                "{format}"
            );
        }
    }

    #[test]
    fn unknown_columns_are_not_imported() {
        let table = read(b"author,Notes,title,,password\n7,call back,Brea,x,secret\n").unwrap();

        let values = table.values(&table.rows[0], None).unwrap();

        assert_eq!(values.0.keys().collect::<Vec<_>>(), ["author", "title"]);
        assert_eq!(
            table.notes(),
            [
                "Column Notes is not imported.",
                "A column without a name is not imported.",
                "Column password is not imported."
            ]
        );
    }

    #[test]
    fn new_rows_start_from_the_defaults() {
        static PRINTED_BOOK: Resource = Resource {
            fields: &[
                Field::text("title", "Title", 1, 9),
                Field::new("in_print", "In print", FieldKind::Boolean).default("on"),
            ],
            ..BOOK
        };
        let in_print = |file: &[u8]| {
            let table = CsvTable::read(&PRINTED_BOOK, file).unwrap();
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
