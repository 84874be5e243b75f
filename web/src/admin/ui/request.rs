//! What stands around every page of the administration, and how such a page is sent.

use std::net::IpAddr;

use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use ipnet::Ipv6Net;
use oc_http::TrustedProxies;
use serde::Serialize;

use crate::admin::auth::csrf::{CookieRules, Csrf};
use crate::admin::auth::current_user::CurrentUser;
use crate::admin::ui::form_data::Submission;
use crate::admin::ui::messages::{self, Message};
use crate::error::PageError;
use crate::head::NAME;
use crate::pages::{Page, Pages};
use crate::secret_key::SecretKey;

/// What the handlers of the administration need beside the database.
pub(crate) struct AdminState {
    pub(crate) secret: SecretKey,
    /// Whether superusers must have a second factor.
    pub(crate) require_totp: bool,
}

/// The fields that every page of the administration has.
#[derive(Debug, Serialize)]
pub(crate) struct LayoutContext {
    head: Head,
    user: Option<Name>,
    messages: Vec<Message>,
    csrf: String,
    crumbs: Vec<Breadcrumb>,
}

#[derive(Debug, Serialize)]
struct Head {
    title: String,
}

#[derive(Debug, Serialize)]
struct Name {
    name: String,
}

/// A step on the way to a page.
#[derive(Debug, Serialize)]
pub(crate) struct Breadcrumb {
    label: String,
    href: Option<String>,
}

impl Breadcrumb {
    /// The way to a page from the index on; the last step is the page itself.
    pub(crate) fn trail(steps: &[(&str, &str)], page: &str) -> Vec<Self> {
        let links = [("Home", "/admin/")].iter().chain(steps);
        links
            .map(|(label, href)| Self {
                label: (*label).to_owned(),
                href: Some((*href).to_owned()),
            })
            .chain([Self {
                label: page.to_owned(),
                href: None,
            }])
            .collect()
    }
}

/// A page within its frame.
#[derive(Serialize)]
pub(crate) struct WithLayout<P> {
    #[serde(flatten)]
    frame: LayoutContext,
    #[serde(flatten)]
    page: P,
}

impl<P: Page> Page for WithLayout<P> {
    const TEMPLATE: &'static str = P::TEMPLATE;
}

/// One request to the administration: its session, its token, and the page that answers it.
pub(crate) struct AdminRequest {
    pages: Data<Pages>,
    keys: Data<AdminState>,
    cookies: CookieRules,
    csrf: Csrf,
    pub(crate) session: Session,
    pub(crate) http: HttpRequest,
}

impl AdminRequest {
    pub(crate) fn key(&self) -> &SecretKey {
        &self.keys.secret
    }

    pub(crate) fn cookies(&self) -> CookieRules {
        self.cookies
    }

    /// Whether superusers must have a second factor.
    pub(crate) fn requires_totp(&self) -> bool {
        self.keys.require_totp
    }

    /// Path and query of what was asked for.
    pub(crate) fn target(&self) -> String {
        let target = self.http.uri().path_and_query();
        target.map_or_else(String::new, ToString::to_string)
    }

    /// Keeps a value in the session.
    pub(crate) fn keep(&self, key: &str, value: impl Serialize) -> Result<(), PageError> {
        self.session
            .insert(key, value)
            .map_err(|error| PageError::Internal(anyhow::anyhow!("{error}")))
    }

    /// The visitor's network address, empty where it is not known.
    pub(crate) fn address(&self) -> String {
        address(&self.http)
    }

    /// What counts as one address: of IPv6 the network that one household or firm gets (RFC 6177).
    pub(crate) fn network(&self) -> String {
        match self.visitor() {
            Some(IpAddr::V6(address)) => Ipv6Net::new_assert(address, 64).trunc().to_string(),
            Some(IpAddr::V4(address)) => address.to_string(),
            None => String::new(),
        }
    }

    fn visitor(&self) -> Option<IpAddr> {
        self.http
            .app_data::<Data<TrustedProxies>>()?
            .client_address(&self.http)
    }

    /// What the browser calls itself, empty where it says nothing.
    pub(crate) fn browser(&self) -> String {
        let name = self.http.headers().get(header::USER_AGENT);
        name.map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned())
            .unwrap_or_default()
    }

    /// The query of the list that one came from, to go back to it.
    pub(crate) fn filters(&self) -> String {
        let query = self.http.query_string().as_bytes();
        let kept = form_urlencoded::parse(query).find(|(name, _)| name == "_changelist_filters");
        kept.map(|(_, value)| value.into_owned())
            .filter(|query| !query.contains(['\r', '\n']))
            .unwrap_or_default()
    }

    /// Refuses a form that does not come from one of our own pages.
    pub(crate) fn check_form(
        &self,
        user: Option<&CurrentUser>,
        fields: &Submission,
    ) -> Result<(), PageError> {
        let user_id = user.map_or(0, |user| user.user.id);
        let token = fields.text(crate::admin::auth::csrf::FIELD);
        if self
            .csrf
            .accepts(&self.keys.secret, user_id, token, &self.http)
        {
            Ok(())
        } else {
            Err(PageError::Forbidden)
        }
    }

    /// Sends a page that no cache keeps.
    pub(crate) fn page<P: Page>(
        &self,
        status: StatusCode,
        user: Option<&CurrentUser>,
        title: &str,
        crumbs: Vec<Breadcrumb>,
        page: P,
    ) -> Result<HttpResponse, PageError> {
        let frame = LayoutContext {
            head: Head {
                title: format!("{title} – {NAME} administration"),
            },
            user: user.map(|user| Name {
                name: user.user.username.clone(),
            }),
            messages: messages::take(&self.session),
            csrf: self
                .csrf
                .token(&self.keys.secret, user.map_or(0, |user| user.user.id)),
            crumbs,
        };
        let mut response = HttpResponse::build(status);
        response
            .insert_header((header::CONTENT_TYPE, P::CONTENT_TYPE))
            .insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(cookie) = self.csrf.cookie(self.cookies) {
            response.cookie(cookie);
        }
        Ok(response.body(self.pages.text(&WithLayout { frame, page })?))
    }
}

impl actix_web::FromRequest for AdminRequest {
    type Error = PageError;
    type Future = std::future::Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let admin_request = || {
            let pages = request.app_data::<Data<Pages>>()?.clone();
            let keys = request.app_data::<Data<AdminState>>()?.clone();
            let cookies = *request.app_data::<CookieRules>()?;
            let csrf = Csrf::of(request, cookies);
            let session = actix_session::SessionExt::get_session(request);
            Some(Self {
                pages,
                keys,
                cookies,
                csrf,
                session,
                http: request.clone(),
            })
        };
        let missing = || PageError::Internal(anyhow::anyhow!("the server has no pages or keys"));
        std::future::ready(admin_request().ok_or_else(missing))
    }
}

/// The network address that a request comes from, empty where it has none.
pub(crate) fn address(request: &HttpRequest) -> String {
    let proxies = request.app_data::<Data<TrustedProxies>>();
    proxies
        .and_then(|proxies| proxies.client_address(request))
        .map_or_else(String::new, |address| address.to_string())
}

/// On to another page after a form was taken (303), to be asked for anew.
pub(crate) fn see_other(href: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, href))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// On to another page with the very form that was sent (307).
pub(crate) fn redirect_keeping_method(href: &str) -> HttpResponse {
    HttpResponse::TemporaryRedirect()
        .insert_header((header::LOCATION, href))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
