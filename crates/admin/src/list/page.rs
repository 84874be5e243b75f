//! The list of a resource, and its export.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use diesel::QueryResult;
use oc_core::admin::{Choice, FieldKind, ListPage, ListQuery, ListRow, PublicPage, Resource};
use oc_core::{DbConnection, MAX_COUNT};
use oc_http::{Page, PageError, PageLinks, PageResult, found};
use serde::Serialize;

use crate::auth::staff_request::StaffRequest;
use crate::gallery::thumbnails;
use crate::list::action;
use crate::list_query::{AdminListQuery, SHOW_ALL, page_count};
use crate::registry::Registry;
use crate::ui::csv::{self, MAX_EXPORTED};
use crate::ui::field::ChoiceView;
use crate::ui::links::{capitalized, change_path, list_path, see_other, with_filters};

/// The most rows in a table whose filters show the number of rows for each choice.
const MAX_FACETED: i64 = 10_000;

#[derive(Serialize)]
struct ObjectListPage {
    singular: &'static str,
    add_href: Option<String>,
    deleted_href: String,
    q: String,
    searchable: bool,
    filters: Vec<FilterView>,
    /// The `o` parameter.
    order: Option<String>,
    found: String,
    clear_href: Option<String>,
    has_thumbnails: bool,
    columns: Vec<ColumnView>,
    has_site_hrefs: bool,
    rows: Vec<RowView>,
    /// Name and label of each action that the permissions allow.
    actions: Vec<[&'static str; 2]>,
    /// Label of the checkbox that selects all pages.
    select_across: Option<String>,
    pager: PageLinks,
    show_all_href: Option<String>,
    import_href: Option<String>,
    export_href: String,
    empty: String,
}

impl Page for ObjectListPage {
    const TEMPLATE: &'static str = "admin/list.html";
}

#[derive(Serialize)]
struct FilterView {
    name: &'static str,
    label: &'static str,
    options: Vec<ChoiceView>,
}

#[derive(Serialize)]
struct ColumnView {
    label: &'static str,
    href: String,
    direction: Option<&'static str>,
    priority: Option<usize>,
}

#[derive(Serialize)]
struct RowView {
    id: i64,
    href: String,
    thumbnail: Option<String>,
    cells: Vec<String>,
    site_href: Option<String>,
}

/// The objects that match search and filters, in the requested order.
pub(crate) async fn index(staff: StaffRequest) -> PageResult {
    let model = staff.viewable_resource()?;
    let query = AdminListQuery::new(&staff, model);
    let number = query.page.ok_or(PageError::NotFound)?;
    let registry = staff.registry();
    let images = model.gallery.map_or(model, |gallery| gallery.resource);
    let has_thumbnails = images.images.is_some() && staff.user.may_view(images);
    let filtered = query.clone();
    let (list, filters, mut site_hrefs, mut thumbnails) = staff
        .read(move |conn| {
            let mut list = (model.list)(conn, &filtered.listing())?;
            label_related(conn, registry, model, &mut list)?;
            let filters = filters(conn, model, &filtered, list.total)?;
            let ids: Vec<i64> = list.rows.iter().map(|row| row.id).collect();
            let site_hrefs = site_hrefs(conn, model, &ids)?;
            let thumbnails = has_thumbnails.then(|| thumbnails(conn, model, &ids));
            let thumbnails = thumbnails.transpose()?.unwrap_or_default();
            Ok((list, filters, site_hrefs, thumbnails))
        })
        .await?;
    let path = list_path(model);
    if query.all && list.found > SHOW_ALL {
        return Ok(see_other(&query.href(&path, 1)));
    }
    let mut count = if query.all { 1 } else { page_count(list.found) };
    if number > count {
        // A search may find more than were counted.
        if list.found <= MAX_COUNT || list.rows.is_empty() {
            return Err(PageError::NotFound);
        }
        count = number;
    }
    let (may_add, may_import) = (staff.user.may_add(model), staff.user.may_import(model));
    let keep = query.preserved();
    let total = query.is_filtered().then_some(list.total);
    let has_more = list.found > i64::try_from(list.rows.len()).unwrap_or(i64::MAX);
    let rows = list.rows.into_iter().map(|row| RowView {
        id: row.id,
        href: with_filters(change_path(model, row.id), &keep),
        thumbnail: thumbnails.remove(&row.id),
        cells: row.cells,
        site_href: site_hrefs.remove(&row.id),
    });
    let page = ObjectListPage {
        singular: model.singular,
        add_href: may_add.then(|| with_filters(format!("{path}add/"), &keep)),
        deleted_href: format!("{path}deleted/"),
        q: query.list.terms.to_string(),
        searchable: !model.search_hint.is_empty(),
        filters,
        has_site_hrefs: model.public_page.is_some(),
        order: query.order_parameter(),
        found: found(list.found, total, model.singular, model.plural),
        clear_href: query.is_filtered().then(|| path.clone()),
        has_thumbnails,
        columns: columns(model, &query, &path),
        rows: rows.collect(),
        actions: action::permitted_actions(&staff.user, model),
        select_across: has_more.then(|| match list.found {
            found if query.is_filtered() && found > MAX_COUNT => "Select all".to_owned(),
            found => format!("Select all {found}"),
        }),
        pager: PageLinks::new(number, count, |page| query.href(&path, page)),
        show_all_href: (count > 1 && list.found <= SHOW_ALL).then(|| query.href_all(&path)),
        import_href: may_import.then(|| format!("{path}import/")),
        export_href: query.href(&format!("{path}export/"), 1),
        empty: format!("No {} found.", model.plural),
    };
    staff.page_below_index(StatusCode::OK, &capitalized(model.plural), page)
}

/// All objects that match search and filters as a CSV file, in the order of the list.
pub(crate) async fn export(staff: StaffRequest) -> PageResult {
    let model = staff.viewable_resource()?;
    let query = AdminListQuery::new(&staff, model);
    let listing = query.first(MAX_EXPORTED + 1);
    let editor = staff.editor();
    let text = staff
        .db
        .read_long(move |conn| {
            let list = (model.list)(conn, &listing)?;
            let ids: Vec<i64> = list.rows.into_iter().map(|row| row.id).collect();
            if i64::try_from(ids.len()).is_ok_and(|count| count > MAX_EXPORTED) {
                return Ok(None);
            }
            csv::records(conn, &editor, model, &ids).map(Some)
        })
        .await?;
    let Some(text) = text else {
        let list = query.href(&list_path(model), 1);
        return Ok(staff.warn(action::TOO_MANY, &list));
    };
    Ok(csv::download(model.plural, text))
}

/// The filters, each with its choices. One with a single choice is hidden unless it is set. In small tables, the choices
/// of filters that are columns as well have the number of objects: as in Django, of those that match the search and the
/// other filters.
fn filters(
    conn: &mut DbConnection,
    model: &Resource,
    query: &AdminListQuery,
    total: i64,
) -> QueryResult<Vec<FilterView>> {
    let mut views = Vec::new();
    let mut listed: Option<(ListQuery, Vec<ListRow>)> = None;
    for filter in model.filters {
        let choices = (filter.choices)(conn)?;
        let chosen = query.filter(filter.parameter);
        if choices.len() <= 1 && chosen.is_empty() {
            continue;
        }
        let column = model.columns.iter().position(|it| *it == filter.label);
        let mut counts: Option<BTreeMap<String, usize>> = None;
        if let Some(column) = column.filter(|_| total <= MAX_FACETED) {
            let mut query = query.first(MAX_FACETED);
            query.order.clear();
            query.filters.retain(|(name, _)| *name != filter.parameter);
            // Filters that are not set count the same rows.
            let rows = match listed.take() {
                Some((known, rows)) if known == query => rows,
                _ => (model.list)(conn, &query)?.rows,
            };
            let counts = counts.insert(BTreeMap::new());
            for row in &rows {
                *counts.entry(row.cells[column].clone()).or_default() += 1;
            }
            listed = Some((query, rows));
        }
        let choices = choices.into_iter().map(|Choice { value, label }| {
            let count = counts
                .as_ref()
                .map(|counts| counts.get(&label).unwrap_or(&0));
            let count = count.map_or_else(String::new, |count| format!(" ({count})"));
            (value, label + &count)
        });
        views.push(FilterView {
            name: filter.parameter,
            label: filter.label,
            options: ChoiceView::filter_options(choices, chosen),
        });
    }
    Ok(views)
}

fn site_hrefs(
    conn: &mut DbConnection,
    model: &Resource,
    ids: &[i64],
) -> QueryResult<BTreeMap<i64, String>> {
    let Some(PublicPage { path, .. }) = model.public_page else {
        return Ok(BTreeMap::new());
    };
    let records = (model.load_all)(conn, ids)?.into_iter();
    Ok(records
        .filter_map(|record| Some((record.id, path(&record)?)))
        .collect())
}

/// Replaces ids of related rows in columns by their labels. Such a column has the label of the field.
fn label_related(
    conn: &mut DbConnection,
    registry: Registry,
    model: &Resource,
    list: &mut ListPage,
) -> QueryResult<()> {
    for field in model.fields {
        let column = model.columns.iter().position(|label| *label == field.label);
        let (FieldKind::Related(..), Some(column)) = (field.kind, column) else {
            continue;
        };
        let rows = list.rows.iter();
        let ids: Vec<String> = rows.map(|row| row.cells[column].clone()).collect();
        let labels = registry.labels(conn, model, field, &ids)?.into_iter();
        let labels: BTreeMap<String, String> =
            labels.map(|choice| (choice.value, choice.label)).collect();
        for row in &mut list.rows {
            row.cells[column] = labels.get(&row.cells[column]).cloned().unwrap_or_default();
        }
    }
    Ok(())
}

/// A click on a column sorts by it alone; another click reverses the order.
fn columns(model: &'static Resource, query: &AdminListQuery, path: &str) -> Vec<ColumnView> {
    let order = &query.list.order;
    let view = |(place, label): (usize, &&'static str)| {
        let position = order.iter().position(|(column, _)| *column == place);
        let reverse = position.map(|position| order[position].1);
        ColumnView {
            label,
            href: query.href_sorted(path, place, reverse == Some(false)),
            direction: reverse.map(|reverse| if reverse { "desc" } else { "asc" }),
            priority: position
                .filter(|_| order.len() > 1)
                .map(|position| position + 1),
        }
    };
    model.columns.iter().enumerate().map(view).collect()
}
