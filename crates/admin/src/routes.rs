//! Routes of the admin.

use actix_session::SessionMiddleware;
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::{HttpServiceFactory, RequestHead, ServiceRequest, ServiceResponse};
use actix_web::guard::fn_guard;
use actix_web::http::{Method, header};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::web::{self, Data, to};
use actix_web::{Error, Scope};
use oc_http::middleware::POLICY_WITH_SCRIPTS;
use oc_http::{Db, PageError, add_slash, form_page, not_found, read_page};

use crate::auth::csrf::CookieRules;
use crate::auth::denied::handle_denied;
use crate::auth::login_page::keep_form_for_login;
use crate::auth::session_store::DbSessionStore;
use crate::auth::{login_page, passwords, sessions, two_factor};
use crate::form::{add_user, autocomplete, handlers};
use crate::history::{self, change_set, deleted};
use crate::list::{self, action, export};
use crate::registry::Registry;
use crate::state::AdminState;
use crate::{audit_log, delete, diagnostics, import, index};

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
        .app_data(cookies);
    let registry = keys.registry;
    with_resources(with_account_pages(scope, registry), registry)
        .default_service(to(not_found))
        .wrap(from_fn(handle_denied))
        .wrap(from_fn(move |request, next| {
            keep_form_for_login(cookies, request, next)
        }))
        .wrap(sessions)
        .wrap(from_fn(reject_writes))
        .wrap(
            DefaultHeaders::new()
                // Every response is personal.
                .add((header::CACHE_CONTROL, "no-store"))
                .add((header::CONTENT_SECURITY_POLICY, POLICY_WITH_SCRIPTS)),
        )
}

/// The index, the log, the login and the pages of accounts.
fn with_account_pages(scope: Scope, registry: Registry) -> Scope {
    let mut scope = scope
        .service(read_page("/", index::show))
        .service(read_page("/log/", audit_log::page::index))
        .service(read_page("/log/export/", audit_log::page::export))
        .service(form_page(
            "/log/{id}/",
            change_set::show,
            change_set::restore,
        ))
        .service(form_page(
            "/diagnostics/",
            diagnostics::show,
            diagnostics::fail,
        ))
        .service(form_page("/login/", login_page::new, login_page::create))
        .service(form_page(
            "/login/code/",
            login_page::new_code,
            login_page::create_code,
        ))
        .service(form_page(
            "/logout/",
            sessions::confirm_logout,
            sessions::log_out,
        ))
        .service(form_page(
            "/password_change/",
            passwords::edit_own,
            passwords::update_own,
        ))
        .service(read_page("/autocomplete/", autocomplete::show))
        .service(form_page(
            "/two_factor/",
            two_factor::show,
            two_factor::update,
        ))
        .service(form_page(
            "/sessions/",
            sessions::show_own,
            sessions::end_own,
        ));
    for path in [
        "",
        "/autocomplete",
        "/diagnostics",
        "/log",
        "/log/export",
        "/log/{id}",
        "/login",
        "/login/code",
        "/logout",
        "/password_change",
        "/two_factor",
        "/sessions",
    ] {
        scope = scope.service(web::resource(path).to(add_slash));
    }
    let Ok(accounts) = registry.accounts() else {
        return scope;
    };
    let list_path = format!("/{}/{}", accounts.app, accounts.name);
    let page = |name: &str| format!("{list_path}/{{id}}/{name}");
    for name in ["two_factor", "sessions", "password"] {
        scope = scope.service(web::resource(page(name)).to(add_slash));
    }
    scope
        .service(form_page(
            &page("two_factor/"),
            two_factor::show_of_user,
            two_factor::delete_of_user,
        ))
        .service(form_page(
            &page("sessions/"),
            sessions::show,
            sessions::end_of_user,
        ))
        .service(form_page(
            &format!("{list_path}/add/"),
            add_user::new,
            add_user::create,
        ))
        .service(form_page(
            &page("password/"),
            passwords::edit,
            passwords::update,
        ))
}

/// The pages of every resource.
fn with_resources(mut scope: Scope, registry: Registry) -> Scope {
    // One route per resource, so that an unknown path is a 404 without a login.
    for model in registry.all() {
        let app = format!("/{{app:{}}}", model.app);
        let list_path = format!("{app}/{{model:{}}}", model.name);
        let row = format!("{list_path}/{{id}}");
        scope = scope
            .service(read_page(&format!("{app}/"), index::show_app))
            .service(form_page(
                &format!("{list_path}/"),
                list::page::index,
                action::run_action,
            ))
            .service(form_page(
                &format!("{list_path}/add/"),
                handlers::new,
                handlers::create,
            ))
            .service(read_page(&format!("{list_path}/export/"), export::show))
            .service(form_page(
                &format!("{list_path}/import/"),
                import::handlers::new,
                import::handlers::create,
            ))
            .service(read_page(&format!("{list_path}/deleted/"), deleted::index))
            .service(read_page(&format!("{row}/"), handlers::redirect_to_form))
            .service(form_page(
                &format!("{row}/change/"),
                handlers::edit,
                handlers::update,
            ))
            .service(form_page(
                &format!("{row}/delete/"),
                delete::handlers::ask,
                delete::handlers::delete,
            ))
            .service(form_page(
                &format!("{row}/history/"),
                history::handlers::show,
                history::handlers::restore,
            ));
        for path in [
            &app,
            &list_path,
            &format!("{list_path}/add"),
            &format!("{list_path}/deleted"),
            &row,
        ] {
            scope = scope.service(web::resource(path).to(add_slash));
        }
        for page in ["change", "delete", "history"] {
            scope = scope.service(web::resource(format!("{row}/{page}")).to(add_slash));
        }
    }
    scope
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
