//! The one error of every handler: what it is for the visitor, and what the operator is told.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use oc_core::advice::advice;

/// Seconds after which a client may ask again when the database is away.
const RETRY_AFTER: &str = "5";

/// Why there is no page. What the visitor sees is made of the status alone, in `middleware::errors`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// There is nothing at this address.
    #[error("not found")]
    NotFound,
    /// The page is there, but not for this method.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The database is away for the moment.
    #[error("the database is away: {0:#}")]
    Unavailable(anyhow::Error),
    /// A fault of ours.
    #[error("{0:#}")]
    Internal(anyhow::Error),
}

impl From<diesel::result::Error> for PageError {
    fn from(error: diesel::result::Error) -> Self {
        match error {
            diesel::result::Error::NotFound => Self::NotFound,
            error => Self::Internal(error.into()),
        }
    }
}

impl From<tera::Error> for PageError {
    fn from(error: tera::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The bare status; this is the one place where a fault is logged.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::NotFound => {}
            Self::MethodNotAllowed => {
                response.insert_header((header::ALLOW, allow(&[Method::GET, Method::HEAD])));
            }
            Self::Unavailable(_) => {
                let reason = self.to_string();
                log::warn!("{reason}. {}", advice(&reason).unwrap_or_default());
                response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
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
