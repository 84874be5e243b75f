//! CSV files (RFC 4180) that are safe to open in a spreadsheet.

use actix_web::HttpResponse;
use actix_web::http::header;
use oc_core::DbConnection;
use oc_core::admin::{FieldKind, Record, Resource};
use oc_http::PageError;

use crate::columns::{BoundField, CHUNK, columns, load_columns, parts};
use crate::editor::Editor;

/// The most rows of a file.
pub(crate) const MAX_EXPORTED: i64 = 100_000;

/// The objects with these ids, in their order, with a header row and the columns that the user may view. Times are in the
/// site's time zone.
pub(crate) fn records(
    conn: &mut DbConnection,
    editor: &Editor,
    model: &'static Resource,
    ids: &[i64],
) -> Result<String, PageError> {
    let zone = editor.registry.time_zone;
    let mut columns = columns(model);
    columns.retain(|column| editor.may_view(column.resource));
    let mut rows = Vec::new();
    for ids in ids.chunks(CHUNK) {
        let mut found = load_columns(conn, model, ids)?;
        let objects = ids.iter().filter_map(|id| found.remove(id));
        rows.extend(objects.map(|object| {
            let values = zone.local_values(model.fields, &object.values);
            cells(&columns, &Record { values, ..object })
        }));
    }
    table(&column_names(&columns), &rows)
}

/// Names of these columns and of the ID in a file.
pub(crate) fn column_names(columns: &[BoundField]) -> Vec<String> {
    let columns = columns.iter();
    let names = columns.flat_map(|column| parts(column.field.name, column.field.kind));
    ["id".to_owned()].into_iter().chain(names).collect()
}

/// A response that the browser saves as a file with this name. It starts with a byte order mark: without one, Excel reads
/// UTF-8 as the country's encoding.
pub(crate) fn download(name: &str, mut text: String) -> HttpResponse {
    text.insert(0, '\u{feff}');
    let name = name.replace(' ', "-");
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.csv\""),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text)
}

fn cells(columns: &[BoundField], object: &Record) -> Vec<String> {
    let mut cells = vec![object.id.to_string()];
    for column in columns {
        for name in column.parts() {
            cells.push(match column.field.kind {
                FieldKind::Boolean if object.values.is_yes(&name) => "yes".to_owned(),
                FieldKind::Boolean => "no".to_owned(),
                _ => object.values.list(&name).join(" "),
            });
        }
    }
    cells
}

pub(crate) fn table(
    headings: &[impl AsRef<[u8]>],
    rows: &[impl AsRef<[String]>],
) -> Result<String, PageError> {
    let write = || {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(headings)?;
        for row in rows {
            let cells = row.as_ref().iter().map(|cell| escape_formula(cell));
            writer.write_record(cells)?;
        }
        anyhow::Ok(String::from_utf8(writer.into_inner()?)?)
    };
    write().map_err(PageError::Internal)
}

/// Spreadsheets read cells that start with these as formulas; a quote in front makes them text (OWASP: CSV injection).
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

/// Delimiters of other CSV dialects: a spreadsheet may split one of our cells there.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// Removes the quotes that [`escape_formula`] added.
pub(crate) fn unescape_formula(cell: &str) -> String {
    let plain = |piece| match str::strip_prefix(piece, '\'') {
        Some(text) if text.starts_with(FORMULA) => text,
        _ => piece,
    };
    cell.split_inclusive(SEPARATORS).map(plain).collect()
}

fn escape_formula(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for piece in text.split_inclusive(SEPARATORS) {
        if piece.starts_with(FORMULA) {
            cell.push('\'');
        }
        cell.push_str(piece);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_cells_are_read_as_the_original() {
        for text in "=1+1|'=1+1|''|'s-Gravenhage|-|Gull Lane||a;=1;'=2;;-\t@|\t;\n'".split('|') {
            assert_eq!(unescape_formula(&escape_formula(text)), text);
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(escape_formula("=1+1"), "'=1+1");
        assert_eq!(escape_formula("'quoted"), "''quoted");
        assert_eq!(escape_formula("12 Gull Lane; west"), "12 Gull Lane; west");
        // Where cells are separated by semicolons, this is two.
        assert_eq!(escape_formula("Gull;=1+1"), "Gull;'=1+1");
    }
}
