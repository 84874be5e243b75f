//! Routes of the admin.

use std::collections::BTreeSet;

use actix_session::SessionMiddleware;
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::{HttpServiceFactory, RequestHead, ServiceRequest, ServiceResponse};
use actix_web::guard::fn_guard;
use actix_web::http::{Method, header};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::web::{self, Data, PayloadConfig, to};
use actix_web::{Error, FromRequest, Handler, Resource, Responder, Scope};
use oc_http::POLICY_WITH_SCRIPTS;
use oc_http::{Db, PageError, add_slash, form_page, not_found, read_page};

use crate::auth::csrf::CookieRules;
use crate::auth::denied::{handle_denied, handle_unknown_object};
use crate::auth::login_page::keep_form_for_login;
use crate::auth::session_store::DbSessionStore;
use crate::auth::{account, login_page, password_reset, passwords, sessions, two_factor};
use crate::delete::handlers as delete;
use crate::form::{add_user, choices, gallery, handlers};
use crate::history::{change_set, deleted, handlers as history};
use crate::import::handlers as import;
use crate::list::{self, action};
use crate::registry::{ACCOUNTS, Registry};
use crate::state::AdminState;
use crate::{audit_log, diagnostics, index};

/// The maximum age of the session cookie; the database has the expiry of the session.
const OLDEST: Duration = Duration::days(14);

/// Everything below `/admin`, with sessions, for requests that pass the guard. Public pages are outside of it and set
/// no cookie.
///
/// There are two of them, because cookies have different names over https and http.
pub fn scope<G>(
    db: &Data<Db>,
    keys: &Data<AdminState>,
    cookies: CookieRules,
    guard: G,
) -> impl HttpServiceFactory + use<G>
where
    G: Fn(&RequestHead) -> bool + 'static,
{
    let store = DbSessionStore(db.get_ref().clone());
    let sessions = SessionMiddleware::builder(store, Key::derive_from(keys.secret.bytes()))
        .cookie_name(cookies.name("session"))
        .cookie_secure(cookies.https)
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(PersistentSession::default().session_ttl(OLDEST))
        .build();
    let scope = web::scope("/admin")
        .guard(fn_guard(move |context| guard(context.head())))
        .app_data(cookies)
        // The size of bodies is limited before, by path.
        .app_data(PayloadConfig::new(usize::MAX));
    let pages = add_resources(
        add_general_pages(AdminRoutes(scope), keys.registry),
        keys.registry,
    );
    pages
        .0
        .configure(keys.previews)
        .default_service(to(not_found))
        .wrap(from_fn(handle_unknown_object))
        .wrap(from_fn(handle_denied))
        .wrap(from_fn(keep_form_for_login))
        .wrap(sessions)
        .wrap(from_fn(reject_writes))
        .wrap(
            DefaultHeaders::new()
                // Every response is personal.
                .add((header::CACHE_CONTROL, "no-store"))
                .add((header::CONTENT_SECURITY_POLICY, POLICY_WITH_SCRIPTS)),
        )
}

/// Adds pages to a scope, each with a redirect from its path without the slash.
struct AdminRoutes(Scope);

impl AdminRoutes {
    fn read<F, A>(self, path: &str, show: F) -> Self
    where
        F: Handler<A, Output: Responder + 'static>,
        A: FromRequest + 'static,
    {
        self.add(path, read_page(path, show))
    }

    fn form<F, A, G, B>(self, path: &str, show: F, submit: G) -> Self
    where
        F: Handler<A, Output: Responder + 'static>,
        A: FromRequest + 'static,
        G: Handler<B, Output: Responder + 'static>,
        B: FromRequest + 'static,
    {
        self.add(path, form_page(path, show, submit))
    }

    fn add(self, path: &str, page: Resource) -> Self {
        let without_slash = web::resource(path.trim_end_matches('/')).to(add_slash);
        Self(self.0.service(page).service(without_slash))
    }
}

/// The index, the log, the login and the pages of accounts.
fn add_general_pages(pages: AdminRoutes, registry: Registry) -> AdminRoutes {
    let pages = pages
        .read("/", index::show)
        .read("/account/", account::show)
        .read("/autocomplete/", choices::autocomplete)
        .form("/diagnostics/", diagnostics::show, diagnostics::fail)
        .read("/log/", audit_log::page::index)
        .read("/log/export/", audit_log::page::export)
        .form("/log/{id}/", change_set::show, change_set::restore)
        .form("/login/", login_page::new, login_page::create)
        .form(
            "/login/code/",
            login_page::new_code,
            login_page::create_code,
        )
        .form("/logout/", sessions::confirm_logout, sessions::log_out)
        .form(
            "/password_change/",
            passwords::edit_own,
            passwords::update_own,
        )
        .form("/sessions/", sessions::show, sessions::end)
        .form("/two_factor/", two_factor::show, two_factor::update);
    let pages = if registry.sends_mail {
        pages
            .form(
                "/password_reset/",
                password_reset::new,
                password_reset::create,
            )
            .read("/password_reset/done/", password_reset::sent)
            .read("/reset/done/", password_reset::done)
            .form(
                "/reset/{uid}/{token}/",
                password_reset::edit,
                password_reset::update,
            )
    } else {
        pages
    };
    let list = format!("/{}/{}", ACCOUNTS.app, ACCOUNTS.name);
    let path = |page: &str| format!("{list}/{{id}}/{page}/");
    pages
        .form(&format!("{list}/add/"), add_user::new, add_user::create)
        .form(&path("password"), passwords::edit, passwords::update)
        .form(&path("sessions"), sessions::show, sessions::end)
        .form(
            &path("two_factor"),
            two_factor::show_of_user,
            two_factor::delete_of_user,
        )
}

fn add_resources(pages: AdminRoutes, registry: Registry) -> AdminRoutes {
    // Only what exists, so that an unknown path is a 404 without a login.
    let paths = |is_included: fn(&oc_core::admin::Resource) -> bool| {
        let included = registry.all().filter(|resource| is_included(resource));
        let paths: Vec<_> = included
            .map(|it| format!("{}/{}", it.app, it.name))
            .collect();
        paths.join("|")
    };
    let apps: BTreeSet<_> = registry.all().map(|resource| resource.app).collect();
    let apps: Vec<_> = apps.into_iter().collect();
    let list = format!("/{{model:{}}}/", paths(|_| true));
    let path = |page: &str| format!("{list}{page}/");
    let mut pages = pages
        .read(&format!("/{{app:{}}}/", apps.join("|")), index::show_app)
        .form(&list, list::page::index, action::run_action)
        .form(&path("add"), handlers::new, handlers::create)
        .read(&path("deleted"), deleted::index)
        .read(&path("export"), list::page::export)
        .form(&path("import"), import::new, import::create)
        .read(&path("{id}"), handlers::redirect_to_form)
        .form(&path("{id}/change"), handlers::edit, handlers::update)
        .form(&path("{id}/delete"), delete::confirm, delete::delete)
        .form(&path("{id}/history"), history::show, history::restore);
    let with_images = paths(|resource| resource.images.is_some());
    if !with_images.is_empty() {
        let path = format!("/{{model:{with_images}}}/image/{{value}}/");
        pages = pages.read(&path, gallery::thumbnail);
    }
    for resource in registry.all() {
        if let Some(images) = resource.gallery {
            let (app, name) = (resource.app, resource.name);
            let path = format!("/{{model:{app}/{name}}}/{{id}}/{}/", images.resource.plural);
            let page = form_page(&path, gallery::redirect_to_form, gallery::change);
            pages = pages.add(&path, page);
        }
    }
    pages
}

/// A login would start a session, which is a write.
const LOGIN: &str = "/admin/login/";

/// Rejects requests that would write, with a page that explains it.
async fn reject_writes(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_read_only = request
        .app_data::<Data<Db>>()
        .is_some_and(|db| db.is_read_only());
    let only_reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if is_read_only && (!only_reads || request.path().starts_with(LOGIN)) {
        return Ok(request.error_response(PageError::ReadOnly));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}
