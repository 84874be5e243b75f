//! Rows as comma-separated values (RFC 4180), safe to open in a spreadsheet.

use oc_core::DbConnection;
use oc_core::admin::Model;

use super::record::parts;
use crate::error::PageError;

/// The rows of these ids with all their fields, under a line of names.
pub(super) fn of(conn: &mut DbConnection, model: &Model, ids: &[i64]) -> Result<String, PageError> {
    let names: Vec<String> = model
        .fields
        .iter()
        .flat_map(|field| parts(field.name, field.kind))
        .collect();
    let mut rows = Vec::new();
    for id in ids {
        let Some(object) = (model.load)(conn, *id)? else {
            continue;
        };
        let cells = names.iter().map(|name| object.values.list(name).join(" "));
        rows.push([object.id.to_string()].into_iter().chain(cells).collect());
    }
    let headings: Vec<&str> = ["id"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    table::<Vec<String>>(&headings, &rows)
}

/// Rows of texts under a line of headings.
pub(super) fn table<R: AsRef<[String]>>(
    headings: &[&str],
    rows: &[R],
) -> Result<String, PageError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fault = |error: csv::Error| PageError::Internal(error.into());
    writer.write_record(headings).map_err(fault)?;
    for row in rows {
        let cells = row.as_ref().iter().map(|cell| harmless(cell));
        writer.write_record(cells).map_err(fault)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| PageError::Internal(anyhow::anyhow!("{error}")))?;
    String::from_utf8(bytes).map_err(|error| PageError::Internal(error.into()))
}

/// A spreadsheet takes a cell that begins so for a formula; a quote before it makes it text (OWASP, CSV injection).
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=1+1"), "'=1+1");
        assert_eq!(harmless("'quoted"), "''quoted");
        assert_eq!(harmless("12 Gull Lane"), "12 Gull Lane");
    }
}
