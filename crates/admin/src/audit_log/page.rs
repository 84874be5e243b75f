//! The audit log page and its export.

use actix_web::http::StatusCode;
use audit::AuditEntry;
use oc_http::{Page, PageError, PageLinks, PageResult, found};
use serde::Serialize;

use crate::audit_log::entry_view::EntryView;
use crate::audit_log::query;
use crate::auth::staff_request::StaffRequest;
use crate::editor::Editor;
use crate::list_query::{AdminListQuery, PAGE};
use crate::ui::csv::{self, MAX_EXPORTED};
use crate::ui::field::{ChoiceView, ErrorSummary, FieldView};
use crate::ui::links::{LOG_PATH, see_other};

/// Entries that are read together.
const CHUNK: i64 = 1_000;

#[derive(Serialize)]
struct LogPage {
    found: String,
    q: String,
    models: Vec<ChoiceView>,
    actions: Vec<ChoiceView>,
    fields: Vec<FieldView>,
    error_summary: Option<ErrorSummary>,
    clear_href: Option<String>,
    export_href: Option<String>,
    rows: Vec<EntryView>,
    pager: PageLinks,
}

impl Page for LogPage {
    const TEMPLATE: &'static str = "admin/log.html";
}

/// The entries that match the filters, newest first.
pub(crate) async fn index(staff: StaffRequest) -> PageResult {
    let query = query::parse(staff.http.query_string());
    let filter = query::filter(&query, &staff.user);
    let filter = filter.ok_or(PageError::Forbidden)?;
    let offset = query.offset();
    let (entries, matching, total) = staff
        .read(move |conn| {
            let total = filter.visible_only().count(conn)?;
            let matching = filter.count(conn)?;
            let entries = filter.entries(conn, None, offset, PAGE)?;
            Ok((entries, matching, total))
        })
        .await?;
    let rows: Vec<EntryView> = entries
        .into_iter()
        .map(|entry| EntryView::new(entry, &staff.user))
        .collect();
    let fields = fields(&query);
    let error_summary = ErrorSummary::for_fields(fields.iter());
    let total = query.is_filtered().then_some(total);
    let page = LogPage {
        found: found(matching, total, "entry", "entries"),
        q: query.list.terms.to_string(),
        models: query::models(&query, &staff.user),
        actions: query::actions(&query, &staff.user.permissions),
        fields,
        error_summary,
        clear_href: query.is_filtered().then(|| LOG_PATH.to_owned()),
        export_href: (!rows.is_empty()).then(|| query.href(&format!("{LOG_PATH}export/"), 1)),
        rows,
        pager: query.pages(LOG_PATH, matching)?,
    };
    staff.page_below_index(StatusCode::OK, "Log", page)
}

pub(crate) async fn export(staff: StaffRequest) -> PageResult {
    let query = query::parse(staff.http.query_string());
    let filter = query::filter(&query, &staff.user);
    let filter = filter.ok_or(PageError::Forbidden)?;
    if !query::invalid_dates(&query).is_empty() {
        // The page shows the error.
        return Ok(see_other(&query.href(LOG_PATH, 1)));
    }
    let editor = staff.editor();
    let text = staff
        .db
        .read_long(move |conn| {
            if filter.count(conn)? > MAX_EXPORTED {
                return Ok(None);
            }
            let mut rows = Vec::new();
            let mut last = None;
            loop {
                let entries = filter.entries(conn, last.as_ref(), 0, CHUNK)?;
                let Some(entry) = entries.last() else { break };
                last = Some(entry.clone());
                let entries = entries.into_iter();
                rows.extend(entries.map(|entry| cells(entry, &editor)));
            }
            csv::table(&HEADINGS, &rows).map(Some)
        })
        .await?;
    let Some(text) = text else {
        let text = "Too many entries for one file. Use a filter to select fewer.";
        return Ok(staff.warn(text, &query.href(LOG_PATH, 1)));
    };
    Ok(csv::download("log", text))
}

const HEADINGS: [&str; 8] = [
    "Date", "User", "Kind", "ID", "Title", "Action", "Changes", "Address",
];

fn cells(entry: AuditEntry, editor: &Editor) -> [String; 8] {
    let id = entry
        .object_id
        .map_or_else(String::new, |id| id.to_string());
    let view = EntryView::new(entry, editor);
    let changes: Vec<String> = view.changes.iter().map(ToString::to_string).collect();
    [
        view.date,
        view.user,
        view.kind,
        id,
        view.title,
        view.action,
        changes.join("; "),
        view.address,
    ]
}

fn fields(query: &AdminListQuery) -> Vec<FieldView> {
    let invalid = query::invalid_dates(query);
    let date = |name: &'static str, label: &str| FieldView {
        value: query.filter(name).to_owned(),
        errors: if invalid.contains(&name) {
            vec![format!("{label}: enter a valid date.")]
        } else {
            Vec::new()
        },
        ..FieldView::new(name, label, "date")
    };
    let user = FieldView {
        value: query.filter("user").to_owned(),
        ..FieldView::new("user", "User", "text")
    };
    vec![user, date("from", "From"), date("to", "To")]
}
