//! The import page.

use actix_web::http::StatusCode;
use oc_core::admin::Resource;
use oc_http::{Page, PageResult};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;
use crate::columns::columns;
use crate::import::csv_table::RowError;
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
    notice: Option<&'static str>,
    /// An error of the file as a whole.
    pub(super) file_error: Option<String>,
    errors_title: Option<String>,
    summary: Option<String>,
    outcome: ImportOutcome,
    /// The number of errors that are not shown.
    more_errors: usize,
    confirm: Option<String>,
    hidden: Vec<Hidden>,
}

impl Page for ImportPage {
    const TEMPLATE: &'static str = "admin/import.html";
}

impl ImportPage {
    /// The page without a file.
    pub(super) fn new(model: &'static Resource) -> Self {
        let list = list_path(model);
        Self {
            columns: column_names(&columns(model)).join(", "),
            export_note: model.export_note,
            singular: model.singular,
            plural: model.plural,
            limits: format!("{} rows and {} MB", MAX_ROWS, MAX_FILE_BYTES >> 20),
            export_href: format!("{list}export/"),
            back_href: list,
            ..Self::default()
        }
    }

    /// The errors of a file or, if it has none, the preview, with `hidden` in the form that sends it again.
    pub(super) fn for_outcome(
        model: &'static Resource,
        mut outcome: ImportOutcome,
        hidden: Vec<Hidden>,
        notice: Option<&'static str>,
    ) -> Self {
        let (errors, count) = (outcome.errors.len(), outcome.added + outcome.changed);
        let is_valid = errors == 0;
        outcome.errors.truncate(MAX_ERRORS);
        let confirm = || format!("Yes, import {}", counted(model, count));
        Self {
            notice: notice.filter(|_| is_valid),
            errors_title: (!is_valid).then(|| errors_title(errors)),
            summary: is_valid.then(|| summary(model, &outcome)),
            confirm: (is_valid && count > 0).then(confirm),
            more_errors: errors - outcome.errors.len(),
            outcome,
            hidden,
            ..Self::new(model)
        }
    }

    pub(super) fn show(
        self,
        staff: &StaffRequest,
        model: &Resource,
        status: StatusCode,
    ) -> PageResult {
        let heading = format!("Import {}", model.plural);
        let crumbs = Breadcrumb::below_list(model, "Import");
        staff.page(status, &heading, crumbs, self)
    }
}

/// A file with all errors.
pub(super) fn errors_file(model: &Resource, errors: Vec<RowError>) -> PageResult {
    let row = |error: RowError| {
        let row = error.row.map_or_else(String::new, |row| row.to_string());
        [row, error.column, error.text]
    };
    let rows: Vec<_> = errors.into_iter().map(row).collect();
    let text = csv::table(&["Row", "Column", "Error"], &rows)?;
    Ok(download(&format!("{}-errors", model.plural), text))
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
