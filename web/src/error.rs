//! The one error of every handler: what it is for the visitor, and what the operator is told.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use oc_core::admin::SaveError;
use oc_core::hints::hint;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::middleware::Words;

/// What must be escaped in a value of a query; slashes may stay.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Seconds after which a client may ask again when the database is away.
const RETRY_AFTER: &str = "5";

/// Seconds after which a client may ask again whether the site can be changed.
const READ_ONLY_RETRY_AFTER: &str = "300";

/// Why there is no page. What the visitor sees is made of the status alone, in `middleware::errors`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// There is nothing at this address.
    #[error("not found")]
    NotFound,
    /// The page is there, but not for this method; it is for these.
    #[error("method not allowed")]
    MethodNotAllowed(&'static [Method]),
    /// The request makes no sense.
    #[error("bad request")]
    BadRequest,
    /// This is for others to see or do.
    #[error("forbidden")]
    Forbidden,
    /// This is for staff alone; they may log in and come back to `next`.
    #[error("login required")]
    LoginRequired {
        /// Path and query of what was asked for.
        next: String,
        /// Whether a form was sent that is not kept.
        is_unsaved: bool,
    },
    /// Something else has to be done first, or again, on that page of ours.
    #[error("another page comes first")]
    First {
        /// Its address.
        path: String,
    },
    /// The database is away for the moment.
    #[error("the database is away: {0:#}")]
    Unavailable(anyhow::Error),
    /// The database did not say what became of a write.
    #[error("whether a write was made is unknown: {0:#}")]
    Unconfirmed(anyhow::Error),
    /// Too many requests wait for the database already.
    #[error("too many requests wait for the database")]
    Busy,
    /// Nothing can be written for the time being.
    #[error("the site is read-only")]
    ReadOnly,
    /// A fault of ours.
    #[error("{0:#}")]
    Internal(anyhow::Error),
}

impl PageError {
    /// Whether the database could not do what it was asked for, and nothing is wrong with that.
    pub(crate) fn is_of_the_moment(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Unconfirmed(_) | Self::Busy
        )
    }
}

impl From<diesel::result::Error> for PageError {
    fn from(error: diesel::result::Error) -> Self {
        match error {
            diesel::result::Error::NotFound => Self::NotFound,
            error => Self::Internal(anyhow::Error::new(error).context("database query failed")),
        }
    }
}

impl From<SaveError> for PageError {
    /// A form tells of broken rules itself; what comes here is a fault.
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Database(error) => error.into(),
            error => Self::Internal(error.into()),
        }
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
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::LoginRequired { .. } | Self::First { .. } => StatusCode::FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable(_) | Self::Unconfirmed(_) | Self::Busy | Self::ReadOnly => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The bare status; this is the one place where a fault is logged.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::NotFound | Self::BadRequest | Self::Forbidden => {}
            Self::LoginRequired { next, is_unsaved } => {
                let next = utf8_percent_encode(next, QUERY_VALUE);
                let notice = if *is_unsaved { "#unsaved" } else { "" };
                let login = format!("/admin/login/?next={next}{notice}");
                response.insert_header((header::LOCATION, login));
                response.insert_header((header::CACHE_CONTROL, "no-store"));
            }
            Self::First { path } => {
                response.insert_header((header::LOCATION, path.as_str()));
                response.insert_header((header::CACHE_CONTROL, "no-store"));
            }
            Self::MethodNotAllowed(methods) => {
                response.insert_header((header::ALLOW, allow(methods)));
            }
            Self::Unavailable(_) => {
                let reason = self.to_string();
                log::warn!("{reason}. {}", hint(&reason).unwrap_or_default());
                response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
            }
            Self::Unconfirmed(_) => {
                let reason = self.to_string();
                log::warn!("{reason}. {}", hint(&reason).unwrap_or_default());
                response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
                response.extensions_mut().insert(Words::UNCONFIRMED);
            }
            Self::Busy => {
                response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
                response.extensions_mut().insert(Words::BUSY);
            }
            Self::ReadOnly => {
                response.insert_header((header::RETRY_AFTER, READ_ONLY_RETRY_AFTER));
                response.extensions_mut().insert(Words::READ_ONLY);
            }
            Self::Internal(_) => log::error!("{self}"),
        }
        response.finish()
    }
}

/// The value of an Allow header; OPTIONS is always answered.
pub(crate) fn allow(methods: &[Method]) -> String {
    methods
        .iter()
        .chain([&Method::OPTIONS])
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
