//! The page on which a file is taken in.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use oc_core::admin::Resource;
use oc_http::{Page, PageError};
use serde::Serialize;

use super::csv_table::{MAX_ROWS, RowError};
use super::importer::{ImportOutcome, PreviewChange};
use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::import::upload::MAX_FILE_BYTES;
use crate::ui::csv::column_names;
use crate::ui::field::Hidden;
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, counted, list_path};

/// Mistakes that are told at a time.
const MOST_MISTAKES: usize = 200;

/// What a file would do, or what is wrong with it.
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
    mistakes_title: Option<String>,
    mistakes: Vec<MistakeView>,
    more_mistakes: Option<String>,
    summary: Option<String>,
    changes: Vec<PreviewChange>,
    more_changes: Option<String>,
    confirm: Option<String>,
    hidden: Vec<Hidden>,
}

impl Page for ImportPage {
    const TEMPLATE: &'static str = "admin/import.html";
}

#[derive(Serialize)]
struct MistakeView {
    row: String,
    column: String,
    text: String,
}

impl ImportPage {
    /// The page that says why a file was not even read.
    pub(crate) fn refused(why: String) -> Self {
        Self {
            file_error: Some(why),
            ..Self::default()
        }
    }

    /// The page that shows what a file would do, with `hidden` beside the button that does it.
    pub(crate) fn preview(
        model: &Resource,
        outcome: ImportOutcome,
        hidden: Vec<Hidden>,
        notice: Option<String>,
    ) -> Self {
        let count = outcome.added + outcome.changed;
        let shown = outcome.shown.len();
        Self {
            notice,
            summary: Some(if count == 0 {
                "Nothing to change.".to_owned()
            } else {
                summary(model, &outcome)
            }),
            changes: outcome.shown,
            more_changes: (count > shown).then(|| format!("and {} more changes", count - shown)),
            confirm: (count > 0).then(|| format!("Yes, import {}", counted(model, count))),
            hidden,
            ..Self::default()
        }
    }

    /// The page that tells what is wrong, the first rows first.
    pub(crate) fn with_errors(mut mistakes: Vec<RowError>) -> Self {
        mistakes.sort_by_key(|mistake| mistake.row);
        let count = mistakes.len();
        let view = |mistake: RowError| MistakeView {
            row: mistake.row.map_or_else(String::new, |row| row.to_string()),
            column: mistake.column,
            text: mistake.text,
        };
        Self {
            mistakes_title: Some(match count {
                1 => "1 error to correct".to_owned(),
                count => format!("{count} errors to correct"),
            }),
            mistakes: mistakes.into_iter().take(MOST_MISTAKES).map(view).collect(),
            more_mistakes: (count > MOST_MISTAKES)
                .then(|| format!("and {} more errors", count - MOST_MISTAKES)),
            ..Self::default()
        }
    }

    /// Sends the page.
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
            back_href: list.clone(),
            ..self
        };
        let plural = capitalized(model.plural);
        let crumbs = Breadcrumb::trail(&[(plural.as_str(), list.as_str())], "Import");
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
