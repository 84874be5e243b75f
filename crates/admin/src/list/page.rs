//! The list page of a resource.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use oc_core::admin::{ListPage, Resource};
use oc_http::{Db, Page, PageError, PageLinks, found};
use serde::Serialize;

use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::list_query::{AdminListQuery, SHOW_ALL, page_count};
use crate::registry::{Registry, may_view};
use crate::ui::field::{ChoiceView, Hidden};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, change_path, list_path, see_other, with_filters};

#[derive(Serialize)]
struct ObjectListPage {
    plural: String,
    add: Option<Link>,
    deleted_href: String,
    q: String,
    searchable: bool,
    searched: &'static str,
    filters: Vec<FilterView>,
    keep: Vec<Hidden>,
    found: String,
    clear_href: Option<String>,
    columns: Vec<ColumnView>,
    rows: Vec<RowView>,
    actions: Vec<ChoiceView>,
    select_across: Option<SelectAcross>,
    pager: PageLinks,
    show_all_href: Option<String>,
    import_href: Option<String>,
    export_href: Option<String>,
    empty: String,
}

impl Page for ObjectListPage {
    const TEMPLATE: &'static str = "admin/list.html";
}

#[derive(Serialize)]
struct Link {
    href: String,
    label: String,
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
    href: Option<String>,
    title: String,
    cells: Vec<String>,
}

#[derive(Serialize)]
struct SelectAcross {
    text: String,
    name: &'static str,
    value: &'static str,
}

/// The objects that match search and filters, in the requested order.
pub(crate) async fn index(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, PageError> {
    let model = request
        .registry()
        .visible(&user.rights, (&path.0, &path.1))?;
    let query = AdminListQuery::new(&request, model);
    let number = query.page.ok_or(PageError::NotFound)?;
    let listing = query.listing();
    let (list, filters) = db
        .read(move |conn| {
            let list = (model.list)(conn, &listing)?;
            let choices = model.filters.iter().map(|filter| (filter.choices)(conn));
            let choices = choices.collect::<Result<Vec<_>, _>>()?;
            Ok((list, choices))
        })
        .await?;
    if query.all && list.found > SHOW_ALL {
        return Ok(see_other(&query.href(&list_path(model), 1)));
    }
    let count = if query.all { 1 } else { page_count(list.found) };
    if number > count {
        return Err(PageError::NotFound);
    }
    let filters = model.filters.iter().zip(filters).map(|(filter, choices)| {
        let chosen = query.filter(filter.parameter);
        let option = |value: String, label: String| ChoiceView {
            selected: value == chosen,
            other: false,
            value,
            label,
        };
        let all = option(String::new(), "All".to_owned());
        let options = choices
            .into_iter()
            .map(|choice| option(choice.value, choice.label));
        FilterView {
            name: filter.parameter,
            label: filter.label,
            options: [all].into_iter().chain(options).collect(),
        }
    });
    // A filter with one choice is hidden unless it is set.
    let is_useful =
        |filter: &FilterView| filter.options.len() > 2 || !query.filter(filter.name).is_empty();
    let filters = filters.filter(is_useful).collect();
    let page = page(
        request.registry(),
        model,
        &user,
        &query,
        number,
        count,
        list,
        filters,
    );
    let title = capitalized(model.plural);
    let crumbs = Breadcrumb::trail(
        &[(model.app_label, &format!("/admin/{}/", model.app))],
        &title,
    );
    request.page(StatusCode::OK, Some(&user), &title, crumbs, page)
}

#[expect(clippy::too_many_arguments, reason = "the parts of one view")]
fn page(
    registry: Registry,
    model: &'static Resource,
    user: &CurrentUser,
    query: &AdminListQuery,
    number: i64,
    count: i64,
    list: ListPage,
    filters: Vec<FilterView>,
) -> ObjectListPage {
    let may = |verb| user.rights.may(verb, model.app, model.name);
    let path = list_path(model);
    let keep = query.preserved();
    let opens = may_view(&user.rights, model);
    let rows = list.rows.into_iter().map(|row| RowView {
        id: row.id,
        href: opens.then(|| with_filters(change_path(model, row.id), &keep)),
        title: row.cells.first().cloned().unwrap_or_default(),
        cells: row.cells,
    });
    let rows: Vec<RowView> = rows.collect();
    let action = |value: &str, label: &str| ChoiceView {
        value: value.to_owned(),
        label: label.to_owned(),
        selected: value.is_empty(),
        other: false,
    };
    let mut actions = vec![action("", "Choose an action")];
    if may(Verb::Delete) {
        actions.push(action("delete_selected", "Delete selected"));
    }
    actions.push(action("export_selected", "Export selected"));
    let across = list.found > i64::try_from(rows.len()).unwrap_or(i64::MAX);
    ObjectListPage {
        plural: capitalized(model.plural),
        add: registry.may_add(&user.rights, model).then(|| Link {
            href: with_filters(format!("{path}add/"), &keep),
            label: format!("Add {}", model.singular),
        }),
        deleted_href: format!("{path}deleted/"),
        q: query.q.clone(),
        searchable: !model.search_hint.is_empty(),
        searched: model.search_hint,
        filters,
        keep: query
            .order_parameter()
            .into_iter()
            .map(|value| Hidden {
                name: "o".to_owned(),
                value,
            })
            .collect(),
        found: found(
            list.found,
            query.is_filtered().then_some(list.total),
            model.singular,
            model.plural,
        ),
        clear_href: query.is_filtered().then(|| path.clone()),
        columns: columns(model, query, &path),
        rows,
        actions,
        select_across: across.then(|| SelectAcross {
            text: format!("Select all {}", list.found),
            name: "select_across",
            value: "1",
        }),
        pager: PageLinks::new(number, count, |page| query.href(&path, page)),
        show_all_href: (count > 1 && list.found <= SHOW_ALL).then(|| query.href_all(&path)),
        import_href: registry
            .may_import(&user.rights, model)
            .then(|| format!("{path}import/")),
        export_href: Some(query.href(&format!("{path}export/"), 1)),
        empty: format!("No {} found.", model.plural),
    }
}

/// A click on a column sorts by it alone; another click reverses the order.
fn columns(model: &'static Resource, query: &AdminListQuery, path: &str) -> Vec<ColumnView> {
    let several = query.order.len() > 1;
    let view = |(place, label): (usize, &&'static str)| {
        let position = query.order.iter().position(|(column, _)| *column == place);
        let reverse = position.map(|position| query.order[position].1);
        ColumnView {
            label,
            href: query.href_sorted(path, place, reverse == Some(false)),
            direction: reverse.map(|reverse| if reverse { "desc" } else { "asc" }),
            priority: position.filter(|_| several).map(|position| position + 1),
        }
    };
    model.columns.iter().enumerate().map(view).collect()
}
