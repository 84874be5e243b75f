//! The error of every handler, and the status that it becomes.

use std::borrow::Cow;

use actix_web::error::BlockingError;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, LOCATION, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use oc_core::admin::SaveError;
use oc_core::hints::hint;

/// Retry-After while the database is unavailable or overloaded (seconds).
const RETRY_SOON: &str = "5";

/// Retry-After while the site is read-only (seconds).
const RETRY_LATER: &str = "300";

/// Why a request gets no page. The error page shows a text for the variant, never the cause.
///
/// [`Db`](crate::Db) decides what a database error is; later code matches on the variant.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// 404: nothing at this address.
    #[error("not found")]
    NotFound,
    /// 405: the page allows only these methods.
    #[error("method not allowed")]
    MethodNotAllowed(&'static [Method]),
    /// 400: the request is malformed.
    #[error("bad request")]
    BadRequest,
    /// 400, 408, 413, 414 or 431: the request exceeds a limit, or its host is not allowed. The reason is only logged.
    #[error("rejected a request: {1}")]
    Rejected(StatusCode, Cow<'static, str>),
    /// 403: signed in, but not permitted.
    #[error("forbidden")]
    Forbidden,
    /// 302: another page of the site has to come first, such as the login. Its path and query.
    #[error("redirect to {0}")]
    Redirect(String),
    /// 503: the database is unavailable, or did not reply in time.
    #[error("database unavailable: {0:#}")]
    Unavailable(anyhow::Error),
    /// 503: the database did not confirm a write, which may have been committed.
    #[error("outcome of a write is unknown: {0:#}")]
    WriteOutcomeUnknown(anyhow::Error),
    /// 503: too many requests are waiting for the database.
    #[error("too many requests are waiting for the database")]
    Overloaded,
    /// 503: the site is read-only.
    #[error("the site is read-only")]
    ReadOnly,
    /// 500: a bug, or a broken installation.
    #[error("{0:#}")]
    Internal(anyhow::Error),
}

/// The page that a handler returns.
pub type PageResult = Result<HttpResponse, PageError>;

impl PageError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::WriteOutcomeUnknown(_) | Self::Overloaded
        )
    }
}

impl From<diesel::result::Error> for PageError {
    /// [`Db`](crate::Db) replaces `Internal` by the variant for the failure.
    fn from(error: diesel::result::Error) -> Self {
        match error {
            diesel::result::Error::NotFound => Self::NotFound,
            error => Self::Internal(anyhow::Error::new(error).context("database query failed")),
        }
    }
}

impl From<SaveError> for PageError {
    /// Forms show validation errors themselves; any that gets here is a bug.
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Database(error) => error.into(),
            SaveError::Missing => Self::NotFound,
            error @ SaveError::Invalid(_) => Self::Internal(error.into()),
        }
    }
}

impl From<BlockingError> for PageError {
    fn from(error: BlockingError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<tera::Error> for PageError {
    fn from(error: tera::Error) -> Self {
        Self::Internal(anyhow::Error::new(error).context("could not render the page"))
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Rejected(status, _) => *status,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Redirect(_) => StatusCode::FOUND,
            Self::Unavailable(_)
            | Self::WriteOutcomeUnknown(_)
            | Self::Overloaded
            | Self::ReadOnly => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A response without a body, which `middleware::error_pages` adds. The only place that logs a failure.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::NotFound | Self::BadRequest | Self::Forbidden => {}
            Self::Rejected(..) => log::warn!("{self}"),
            Self::MethodNotAllowed(methods) => {
                response.insert_header((ALLOW, allow(methods)));
            }
            Self::Redirect(target) => {
                response.insert_header((LOCATION, target.as_str()));
                response.insert_header((CACHE_CONTROL, "no-store"));
            }
            Self::Unavailable(_) | Self::WriteOutcomeUnknown(_) => {
                let reason = self.to_string();
                log::warn!("{reason}. {}", hint(&reason).unwrap_or_default());
                response.insert_header((RETRY_AFTER, RETRY_SOON));
            }
            Self::Overloaded => {
                response.insert_header((RETRY_AFTER, RETRY_SOON));
            }
            Self::ReadOnly => {
                response.insert_header((RETRY_AFTER, RETRY_LATER));
            }
            Self::Internal(_) => log::error!("{self}"),
        }
        response.finish()
    }
}

/// Value of an Allow header; OPTIONS is always allowed.
pub(crate) fn allow(methods: &[Method]) -> String {
    methods
        .iter()
        .chain([&Method::OPTIONS])
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
