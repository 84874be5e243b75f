//! The import page.

use actix_web::http::StatusCode;
use oc_core::admin::Resource;
use oc_http::{Page, PageResult};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;
use crate::columns::columns;
use crate::import::csv_table::{CsvTable, RowError};
use crate::import::importer::ImportOutcome;
use crate::import::spreadsheet::MAX_ROWS;
use crate::ui::csv::{self, column_names, download};
use crate::ui::field::{Hidden, errors_title};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{counted, list_path};

/// The maximum size of a file (bytes): about ten thousand rows of the widest resource.
pub(super) const MAX_FILE_BYTES: usize = 4 << 20;

const MAX_ERRORS: usize = 200;

#[derive(Serialize, Default)]
pub(crate) struct ImportPage {
    columns: String,
    export_note: &'static str,
    singular: &'static str,
    plural: &'static str,
    limits: String,
    export_href: String,
    back_href: String,
    notice: Option<String>,
    file_error: Option<String>,
    errors_title: Option<String>,
    errors: Vec<RowError>,
    more_errors: usize,
    format: Option<String>,
    notes: Vec<String>,
    headings: Vec<&'static str>,
    summary: Option<String>,
    outcome: ImportOutcome,
    /// The numbers of additions and changes that are not shown.
    more_additions: usize,
    more_changes: usize,
    confirm: Option<String>,
    hidden: Vec<Hidden>,
}

impl Page for ImportPage {
    const TEMPLATE: &'static str = "admin/import.html";
}

impl ImportPage {
    /// The page with an error of the file as a whole.
    pub(crate) fn refused(why: String) -> Self {
        Self {
            file_error: Some(why),
            ..Self::default()
        }
    }

    /// The page of a file, before its rows are checked.
    pub(super) fn for_table(table: &CsvTable) -> Self {
        Self {
            format: Some(table.format.clone()),
            notes: table.notes(),
            headings: table.fields().map(|(_, label)| label).collect(),
            ..Self::default()
        }
    }

    /// The preview, with `hidden` in the forms that confirm it.
    pub(super) fn with_changes(
        self,
        model: &Resource,
        outcome: ImportOutcome,
        hidden: Vec<Hidden>,
        notice: Option<String>,
    ) -> Self {
        let count = outcome.added + outcome.changed;
        Self {
            notice,
            summary: Some(summary(model, &outcome)),
            more_additions: outcome.added - outcome.additions.len(),
            more_changes: outcome.changed - outcome.changes.len(),
            outcome,
            confirm: (count > 0).then(|| format!("Yes, import {}", counted(model, count))),
            hidden,
            ..self
        }
    }

    pub(super) fn with_errors(self, mut errors: Vec<RowError>, content: Hidden) -> Self {
        let count = errors.len();
        errors.truncate(MAX_ERRORS);
        // An error of the file as a whole is no list.
        let is_list = errors.iter().any(|error| error.row.is_some());
        Self {
            errors_title: Some(errors_title(count)),
            hidden: is_list.then_some(content).into_iter().collect(),
            more_errors: count - errors.len(),
            errors,
            ..self
        }
    }

    pub(super) fn errors_file(model: &Resource, errors: Vec<RowError>) -> PageResult {
        let row = |error: RowError| {
            let row = error.row.map_or_else(String::new, |row| row.to_string());
            [row, error.column, error.text]
        };
        let rows: Vec<_> = errors.into_iter().map(row).collect();
        let text = csv::table(&["Row", "Column", "Error"], &rows)?;
        Ok(download(&format!("{}-errors", model.plural), text))
    }

    pub(crate) fn show(
        self,
        staff: &StaffRequest,
        model: &'static Resource,
        status: StatusCode,
    ) -> PageResult {
        let heading = format!("Import {}", model.plural);
        let list = list_path(model);
        let page = Self {
            columns: column_names(&columns(model)).join(", "),
            export_note: model.export_note,
            singular: model.singular,
            plural: model.plural,
            limits: format!("{} rows and {} MB", MAX_ROWS, MAX_FILE_BYTES >> 20),
            export_href: format!("{list}export/"),
            back_href: list,
            ..self
        };
        let crumbs = Breadcrumb::below_list(model, "Import");
        staff.page(status, &heading, crumbs, page)
    }
}

/// The counts that are not zero: `50 addresses will be added. 1 address will be changed.`
fn summary(model: &Resource, outcome: &ImportOutcome) -> String {
    if outcome.added + outcome.changed == 0 {
        return "Nothing to change.".to_owned();
    }
    [
        (outcome.added, "will be added"),
        (outcome.changed, "will be changed"),
        (outcome.unchanged, "will stay the same"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, fate)| format!("{} {fate}.", counted(model, count)))
    .collect::<Vec<_>>()
    .join(" ")
}
