//! The index of the admin, and that of one app.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Path;
use audit::AuditEntry;
use oc_core::admin::Resource;
use oc_http::{Page, PageError};
use serde::Serialize;

use crate::audit_log::query;
use crate::auth::staff_request::StaffRequest;
use crate::diagnostics;
use crate::registry::{DIAGNOSTICS, Registry, is_open, may_view};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, date_time, list_path};

/// The number of the user's own actions that are shown.
const RECENT: i64 = 10;

#[derive(Serialize)]
struct IndexPage {
    heading: String,
    apps: Vec<App>,
    recent: Vec<RecentAction>,
    no_permissions: bool,
    log_href: Option<&'static str>,
    diagnostics_href: Option<&'static str>,
}

impl Page for IndexPage {
    const TEMPLATE: &'static str = "admin/index.html";
}

#[derive(Serialize)]
struct App {
    label: &'static str,
    href: String,
    models: Vec<ModelLinks>,
}

#[derive(Serialize)]
struct ModelLinks {
    label: String,
    list_href: Option<String>,
    add_href: Option<String>,
    change_label: Option<&'static str>,
}

#[derive(Serialize)]
struct RecentAction {
    title: String,
    href: Option<String>,
    model: String,
    action: String,
    date: String,
}

/// The resources that the user has permissions on, and the user's recent actions.
pub(crate) async fn show(staff: StaffRequest) -> Result<HttpResponse, PageError> {
    let apps = apps(&staff, None);
    let has_diagnostics = staff.user.permissions.has(DIAGNOSTICS);
    let page = IndexPage {
        no_permissions: apps.is_empty() && !has_diagnostics,
        diagnostics_href: has_diagnostics.then_some(diagnostics::PATH),
        ..index_page(&staff, "Administration".to_owned(), apps).await?
    };
    staff.page(StatusCode::OK, "Administration", Vec::new(), page)
}

/// The same for one app.
pub(crate) async fn show_app(
    staff: StaffRequest,
    app: Path<String>,
) -> Result<HttpResponse, PageError> {
    let mut resources = staff.registry().all();
    let resource = resources
        .find(|resource| resource.app == *app)
        .ok_or(PageError::NotFound)?;
    let apps = apps(&staff, Some(&app));
    if apps.is_empty() {
        return Err(PageError::Forbidden);
    }
    let heading = format!("{} administration", resource.app_label);
    let page = index_page(&staff, heading.clone(), apps).await?;
    let breadcrumbs = Breadcrumb::trail(&[], &heading);
    staff.page(StatusCode::OK, &heading, breadcrumbs, page)
}

async fn index_page(
    staff: &StaffRequest,
    heading: String,
    apps: Vec<App>,
) -> Result<IndexPage, PageError> {
    let (registry, user_id) = (staff.registry(), staff.user.user.id);
    let recent = staff
        .db
        .read(move |conn| Ok(AuditEntry::recent(conn, user_id, RECENT)?))
        .await?;
    let permissions = &staff.user.permissions;
    let has_log = permissions.are_all()
        || registry
            .all()
            .any(|resource| may_view(permissions, resource));
    let recent = recent.into_iter();
    Ok(IndexPage {
        heading,
        apps,
        recent: recent.map(|entry| recent_action(registry, entry)).collect(),
        no_permissions: false,
        log_href: has_log.then_some(query::PATH),
        diagnostics_href: None,
    })
}

/// The apps with resources that the user has permissions on, or one of them.
fn apps(staff: &StaffRequest, only: Option<&str>) -> Vec<App> {
    let mut apps: Vec<App> = Vec::new();
    for resource in staff.registry().all() {
        if only.is_some_and(|app| app != resource.app)
            || !is_open(&staff.user.permissions, resource)
        {
            continue;
        }
        let links = links(staff, resource);
        match apps.last_mut() {
            Some(app) if app.label == resource.app_label => app.models.push(links),
            _ => apps.push(App {
                label: resource.app_label,
                href: format!("/admin/{}/", resource.app),
                models: vec![links],
            }),
        }
    }
    apps
}

fn links(staff: &StaffRequest, resource: &Resource) -> ModelLinks {
    let permissions = &staff.user.permissions;
    let may = |verb| permissions.may(verb, resource.app, resource.name);
    let path = list_path(resource);
    ModelLinks {
        label: capitalized(resource.plural),
        add_href: staff
            .registry()
            .may_add(permissions, resource)
            .then(|| format!("{path}add/")),
        change_label: if may(Verb::Change) {
            Some("Change")
        } else {
            may(Verb::View).then_some("View")
        },
        list_href: may_view(permissions, resource).then_some(path),
    }
}

fn recent_action(registry: Registry, entry: AuditEntry) -> RecentAction {
    let resource = registry.by_key(&entry.model);
    let page = if entry.action == "deleted" {
        "history"
    } else {
        "change"
    };
    let href = resource
        .zip(entry.object_id)
        .map(|(resource, id)| format!("{}{id}/{page}/", list_path(resource)));
    RecentAction {
        href,
        model: resource.map_or(entry.model, |resource| capitalized(resource.singular)),
        title: entry.title,
        action: match &*entry.action {
            "password" => "Password changed".to_owned(),
            action => capitalized(action),
        },
        date: date_time(entry.changed_at),
    }
}
