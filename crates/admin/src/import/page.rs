//! The import page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oc_core::admin::Resource;
use oc_http::{Page, PageError};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::import::csv_table::{MAX_ROWS, RowError};
use crate::import::importer::{ImportOutcome, PreviewChange};
use crate::import::upload::MAX_FILE_BYTES;
use crate::ui::csv::column_names;
use crate::ui::field::Hidden;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{counted, list_path};

/// The most errors that are shown.
const MAX_ERRORS: usize = 200;

/// The preview of a file, or its errors.
#[derive(Serialize, Default)]
pub(crate) struct ImportPage {
    heading: String,
    columns: String,
    export_note: &'static str,
    singular: &'static str,
    limits: String,
    export_href: String,
    back_href: String,
    notice: Option<String>,
    file_error: Option<String>,
    errors_title: Option<String>,
    errors: Vec<RowError>,
    more_errors: Option<String>,
    summary: Option<String>,
    changes: Vec<PreviewChange>,
    more_changes: Option<String>,
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

    /// The preview, with `hidden` in the form that confirms it.
    pub(crate) fn preview(
        model: &Resource,
        outcome: ImportOutcome,
        hidden: Vec<Hidden>,
        notice: Option<String>,
    ) -> Self {
        let count = outcome.added + outcome.changed;
        let shown = outcome.preview.len();
        Self {
            notice,
            summary: Some(if count == 0 {
                "Nothing to change.".to_owned()
            } else {
                summary(model, &outcome)
            }),
            changes: outcome.preview,
            more_changes: (count > shown).then(|| format!("and {} more changes", count - shown)),
            confirm: (count > 0).then(|| format!("Yes, import {}", counted(model, count))),
            hidden,
            ..Self::default()
        }
    }

    /// The page with errors, sorted by row.
    pub(crate) fn with_errors(mut errors: Vec<RowError>) -> Self {
        errors.sort_by_key(|error| error.row);
        let count = errors.len();
        errors.truncate(MAX_ERRORS);
        Self {
            errors_title: Some(match count {
                1 => "1 error to correct".to_owned(),
                count => format!("{count} errors to correct"),
            }),
            errors,
            more_errors: (count > MAX_ERRORS)
                .then(|| format!("and {} more errors", count - MAX_ERRORS)),
            ..Self::default()
        }
    }

    /// Renders the page.
    pub(crate) fn show(
        self,
        request: &AdminRequest,
        user: &CurrentUser,
        model: &'static Resource,
        status: StatusCode,
    ) -> Result<HttpResponse, PageError> {
        let heading = format!("Import {}", model.plural);
        let list = list_path(model);
        let page = Self {
            heading: heading.clone(),
            columns: column_names(model).join(", "),
            export_note: model.export_note,
            singular: model.singular,
            limits: format!("{} rows and {} MB", MAX_ROWS, MAX_FILE_BYTES >> 20),
            export_href: format!("{list}export/"),
            back_href: list,
            ..self
        };
        let crumbs = Breadcrumb::below_list(model, "Import");
        request.page(status, Some(user), &heading, crumbs, page)
    }
}

/// The counts that are not zero: `50 addresses will be added. 1 address will be changed.`
fn summary(model: &Resource, outcome: &ImportOutcome) -> String {
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
