//! A request to the admin: its session, its CSRF token, and the page that answers it.

use std::net::IpAddr;

use accounts::User;
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use audit::{Event, NewEvent};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::SaveError;
use oc_core::timeouts::raise_statement_timeout;
use oc_core::validation::FieldError;
use oc_http::{Db, Page, PageError, PageResult, Pages, SITE_NAME, TrustedProxies};

use crate::auth::csrf::{self, CookieRules, Csrf};
use crate::auth::session::AdminSession;
use crate::editor::Editor;
use crate::registry::Registry;
use crate::secret_key::SecretKey;
use crate::state::AdminState;
use crate::ui::layout::{Breadcrumb, LayoutContext, WithLayout};
use crate::ui::navigation::Navigation;
use crate::ui::submission::Submission;

/// Why a transaction rolled back: rejected for a reason that the handler shows to the user, or failed.
pub(crate) enum Rollback<T> {
    Rejected(T),
    Failed(PageError),
}

impl<T, E: Into<PageError>> From<E> for Rollback<T> {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl<T: From<Vec<FieldError>>> Rollback<T> {
    /// Maps a save error: validation errors are `Rejected`, everything else is `Failed`.
    pub(crate) fn from_save_error(error: SaveError) -> Self {
        match error {
            SaveError::Invalid(errors) => Self::Rejected(errors.into()),
            error => Self::Failed(error.into()),
        }
    }
}

impl<T> Rollback<T> {
    /// The reason, or the failure as an error.
    fn outcome<V>(result: Result<V, Self>) -> Result<Result<V, T>, PageError> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(Self::Rejected(reason)) => Ok(Err(reason)),
            Err(Self::Failed(error)) => Err(error),
        }
    }
}

/// A request to the admin, with the shared state that its handler needs.
pub(crate) struct AdminRequest {
    pages: Data<Pages>,
    pub(crate) state: Data<AdminState>,
    pub(crate) db: Data<Db>,
    pub(crate) cookies: CookieRules,
    csrf: Csrf,
    pub(crate) session: AdminSession,
    pub(crate) http: HttpRequest,
}

/// Attached to a request: why it was denied.
#[derive(Clone)]
pub(super) enum Denial {
    /// Its form has no valid CSRF token, or is from another site.
    Form,
    /// The user lacks the permission with this code.
    Permission(String),
    /// Its response is a form error, about giving or taking permissions in these fields.
    Escalation(String),
}

impl AdminRequest {
    pub(super) fn new(http: &HttpRequest) -> Self {
        let cookies = http.app_data::<CookieRules>();
        let cookies = *cookies.expect("the scope has its cookie rules");
        Self {
            pages: app_data(http),
            state: app_data(http),
            db: app_data(http),
            cookies,
            csrf: Csrf::from_request(http, cookies),
            session: AdminSession::from_request(http),
            http: http.clone(),
        }
    }

    pub(crate) fn key(&self) -> &SecretKey {
        &self.state.secret
    }

    pub(crate) fn registry(&self) -> Registry {
        self.state.registry
    }

    pub(crate) fn target(&self) -> String {
        let target = self.http.uri().path_and_query();
        target.map_or_else(String::new, ToString::to_string)
    }

    /// The query, parsed like a form.
    pub(crate) fn query(&self) -> Submission {
        Submission::parse(self.http.query_string().as_bytes())
    }

    /// Whether the script opened this page in a window of its own.
    pub(crate) fn is_popup(&self) -> bool {
        self.query().has("_window")
    }

    pub(super) fn ip(&self) -> Option<IpAddr> {
        let proxies = self.http.app_data::<Data<TrustedProxies>>()?;
        proxies.client_address(&self.http)
    }

    /// The client's network address, empty if unknown.
    pub(crate) fn address(&self) -> String {
        self.ip()
            .map_or_else(String::new, |address| address.to_string())
    }

    /// The User-Agent header, empty if absent.
    pub(crate) fn browser(&self) -> String {
        let name = self.http.headers().get(header::USER_AGENT);
        name.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned())
            .unwrap_or_default()
    }

    /// The query of the list that the user came from.
    pub(crate) fn filters(&self) -> String {
        let query = self.query();
        let filters = query.text("_changelist_filters");
        if filters.contains(['\r', '\n']) {
            return String::new();
        }
        filters.to_owned()
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, PageError> {
        self.db.read(move |conn| Ok(work(conn)?)).await
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, PageError> {
        self.db.run(move |conn| Ok(conn.write(work)?)).await
    }

    /// Logs an event of a user.
    pub(super) async fn log_event(
        &self,
        event: Event,
        user: User,
        about: String,
    ) -> Result<(), PageError> {
        let address = self.address();
        let log = self.db.run(move |conn| {
            let event = NewEvent {
                event,
                actor: Some(user.actor()),
                about: &about,
                address: &address,
            };
            Ok(event.insert(conn)?)
        });
        log.await
    }

    /// Runs a transaction that may reject the request.
    pub(crate) async fn try_write<T: Send + 'static, R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, Rollback<R>> + Send + 'static,
    ) -> Result<Result<T, R>, PageError> {
        let work = move |conn: &mut DbConnection| Rollback::outcome(conn.write(work));
        self.db.run(work).await
    }

    /// The same for a transaction that takes long.
    pub(crate) async fn try_write_long<T: Send + 'static, R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, Rollback<R>> + Send + 'static,
    ) -> Result<Result<T, R>, PageError> {
        let work = |conn: &mut DbConnection| {
            raise_statement_timeout(conn)?;
            work(conn)
        };
        let work = move |conn: &mut DbConnection| Rollback::outcome(conn.write(work));
        self.db.run_long(work).await
    }

    /// Rejects a form without a valid CSRF token, or from another site.
    pub(crate) fn check_form(
        &self,
        user: Option<&Editor>,
        submission: &Submission,
    ) -> Result<(), PageError> {
        let user_id = user.map_or(0, |user| user.user.id);
        let token = submission.text(csrf::FIELD);
        self.csrf
            .check(self.key(), user_id, token, &self.http)
            .map_err(|reason| {
                log::warn!("rejected a form for {}: {reason}", self.http.path());
                self.note_denial(Denial::Form);
                PageError::Forbidden
            })
    }

    pub(super) fn note_denial(&self, denial: Denial) {
        self.http.extensions_mut().insert(denial);
    }

    /// Notes the fields of an escalation, if there are any; an empty name means the whole object.
    pub(crate) fn note_escalation<'a>(&self, fields: impl IntoIterator<Item = &'a str>) {
        let fields: Vec<&str> = fields.into_iter().collect();
        if !fields.is_empty() {
            self.note_denial(Denial::Escalation(fields.join(", ")));
        }
    }

    /// Whether a form was rendered in this browser for that user.
    pub(super) fn is_form_of(&self, user_id: i64, submission: &Submission) -> bool {
        let token = submission.text(csrf::FIELD);
        self.csrf
            .check(self.key(), user_id, token, &self.http)
            .is_ok()
    }

    /// Renders a page; the heading is part of its title.
    pub(crate) fn page<P: Page>(
        &self,
        status: StatusCode,
        user: Option<&Editor>,
        heading: &str,
        breadcrumbs: Vec<Breadcrumb>,
        page: P,
    ) -> PageResult {
        let user_id = user.map_or(0, |user| user.user.id);
        let layout = LayoutContext {
            page_title: format!("{heading} – {SITE_NAME} administration"),
            heading: heading.to_owned(),
            signed_in_as: user.map(|user| user.user.username.clone()),
            navigation: user.map(|user| Navigation::new(user, self.http.path())),
            messages: self.session.take_messages(&self.http),
            csrf: self.csrf.token(self.key(), user_id),
            crumbs: breadcrumbs,
        };
        let mut response = HttpResponse::build(status);
        response
            .insert_header((header::CONTENT_TYPE, P::CONTENT_TYPE))
            .insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(cookie) = self.csrf.cookie(self.cookies) {
            response.cookie(cookie);
        }
        Ok(response.body(self.pages.text(&WithLayout { layout, page })?))
    }
}

fn app_data<T: 'static>(http: &HttpRequest) -> Data<T> {
    let data = http.app_data::<Data<T>>();
    data.expect("the server has the state of the admin").clone()
}

impl FromRequest for AdminRequest {
    type Error = PageError;
    type Future = std::future::Ready<Result<Self, PageError>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self::new(http)))
    }
}
