//! The index of the admin, and that of one app.

use accounts::Verb;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use audit::AuditEntry;
use oc_core::admin::Resource;
use oc_http::{Db, Page, PageError};
use serde::Serialize;

use crate::audit_log::query;
use crate::auth::current_user::CurrentUser;
use crate::auth::request::AdminRequest;
use crate::diagnostics;
use crate::registry::{DIAGNOSTICS, Registry, is_open, may_view};
use crate::ui::layout::Breadcrumb;
use crate::ui::links::{capitalized, list_path};

/// The number of the user's own actions that are shown.
const RECENT: i64 = 10;

#[derive(Serialize)]
struct IndexPage {
    heading: String,
    apps: Vec<App>,
    recent: Vec<Recent>,
    no_rights: bool,
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
struct Recent {
    title: String,
    href: Option<String>,
    model: String,
    action: String,
    date: String,
}

/// The resources that the user has permissions on, and the user's recent actions.
pub(crate) async fn show(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
) -> Result<HttpResponse, PageError> {
    page(&request, &user, &db, "Administration".to_owned(), None).await
}

/// The same for one app.
pub(crate) async fn show_app(
    request: AdminRequest,
    user: CurrentUser,
    db: Data<Db>,
    app: Path<String>,
) -> Result<HttpResponse, PageError> {
    let registry = request.registry();
    let model = registry
        .all()
        .find(|model| model.app == *app)
        .ok_or(PageError::NotFound)?;
    if !registry
        .all()
        .any(|model| model.app == *app && is_open(&user.rights, model))
    {
        return Err(PageError::Forbidden);
    }
    page(
        &request,
        &user,
        &db,
        format!("{} administration", model.app_label),
        Some(&app),
    )
    .await
}

async fn page(
    request: &AdminRequest,
    user: &CurrentUser,
    db: &Db,
    heading: String,
    only: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let id = user.user.id;
    let recent = db
        .read(move |conn| Ok(AuditEntry::recent(conn, id, RECENT)?))
        .await?;
    let mut apps: Vec<App> = Vec::new();
    for model in request
        .registry()
        .all()
        .filter(|model| only.is_none_or(|app| app == model.app))
    {
        if !is_open(&user.rights, model) {
            continue;
        }
        if apps.last().is_none_or(|app| app.label != model.app_label) {
            apps.push(App {
                label: model.app_label,
                href: format!("/admin/{}/", model.app),
                models: Vec::new(),
            });
        }
        if let Some(app) = apps.last_mut() {
            app.models.push(links(request.registry(), user, model));
        }
    }
    let diagnoses = only.is_none() && user.rights.hold(DIAGNOSTICS);
    let diagnostics_href = diagnoses.then_some(diagnostics::PATH);
    let no_rights = apps.is_empty() && diagnostics_href.is_none();
    let opens = user.rights.are_all()
        || request
            .registry()
            .all()
            .any(|model| may_view(&user.rights, model));
    let log_href = opens.then_some(query::PATH);
    let recent = recent
        .into_iter()
        .map(|entry| recent_line(request.registry(), entry))
        .collect();
    let crumbs = if only.is_some() {
        Breadcrumb::trail(&[], &heading)
    } else {
        Vec::new()
    };
    let title = heading.clone();
    request.page(
        StatusCode::OK,
        Some(user),
        &title,
        crumbs,
        IndexPage {
            heading,
            apps,
            recent,
            no_rights,
            log_href,
            diagnostics_href,
        },
    )
}

fn links(registry: Registry, user: &CurrentUser, model: &Resource) -> ModelLinks {
    let may = |verb| user.rights.may(verb, model.app, model.name);
    let path = list_path(model);
    ModelLinks {
        label: capitalized(model.plural),
        add_href: registry
            .may_add(&user.rights, model)
            .then(|| format!("{path}add/")),
        change_label: if may(Verb::Change) {
            Some("Change")
        } else {
            may(Verb::View).then_some("View")
        },
        list_href: may_view(&user.rights, model).then_some(path),
    }
}

fn recent_line(registry: Registry, change: AuditEntry) -> Recent {
    let model = registry.by_key(&change.model);
    let gone = change.action == "deleted";
    let page = if gone { "history" } else { "change" };
    let href = model
        .zip(change.object_id)
        .map(|(model, id)| format!("{}{id}/{page}/", list_path(model)));
    Recent {
        href,
        model: model.map_or(change.model, |model| capitalized(model.singular)),
        title: change.title,
        action: if change.action == "password" {
            "Password changed".to_owned()
        } else {
            capitalized(&change.action)
        },
        date: change.changed_at.format("%Y-%m-%d %H:%M UTC").to_string(),
    }
}
