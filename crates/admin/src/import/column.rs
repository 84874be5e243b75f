//! The columns of a CSV file.

use csv::StringRecord;
use oc_core::admin::{FieldKind, Resource};

use super::csv_table::RowError;
use crate::ui::csv::column_names;
use crate::ui::field::parts;

/// The content of a column.
#[derive(Clone)]
pub(crate) enum Column {
    Id,
    Field {
        name: String,
        label: &'static str,
        kind: FieldKind,
    },
}

/// The columns in the header row.
pub(crate) fn columns(model: &Resource, head: &StringRecord) -> Result<Vec<Column>, Vec<RowError>> {
    let mut mistakes = Vec::new();
    let mut mistake = |column: &str, text: String| {
        mistakes.push(RowError {
            row: Some(1),
            column: column.to_owned(),
            text,
        });
    };
    let mut columns: Vec<Column> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for name in head {
        let name = name.trim();
        let Some(column) = column(model, name) else {
            mistake(
                name,
                format!(
                    "Unknown column. You can use: {}.",
                    column_names(model).join(", ")
                ),
            );
            continue;
        };
        let key = match &column {
            Column::Id => "id".to_owned(),
            Column::Field { name, .. } => name.clone(),
        };
        if seen.contains(&key) {
            mistake(name, "This column appears twice.".to_owned());
        }
        seen.push(key);
        columns.push(column);
    }
    if mistakes.is_empty() {
        Ok(columns)
    } else {
        Err(mistakes)
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
