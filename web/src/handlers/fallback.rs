//! Answers for requests that no page takes.

use actix_web::http::header::{ALLOW, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use crate::error::{PageError, allow};

/// No such path, whatever the method.
pub(crate) async fn not_found() -> Result<HttpResponse, PageError> {
    Err(PageError::NotFound)
}

/// A page that is only read was asked for something else.
pub(crate) async fn not_allowed(method: Method) -> Result<HttpResponse, PageError> {
    if method == Method::OPTIONS {
        let allowed = allow(&[Method::GET, Method::HEAD]);
        return Ok(HttpResponse::NoContent()
            .insert_header((ALLOW, allowed))
            .finish());
    }
    Err(PageError::MethodNotAllowed)
}

/// A known path without its slash: on to the one with it, on this host, with the query.
pub(crate) async fn add_slash(request: HttpRequest) -> HttpResponse {
    let uri = request.uri();
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    HttpResponse::build(StatusCode::MOVED_PERMANENTLY)
        .insert_header((LOCATION, format!("{}/{query}", uri.path())))
        .finish()
}
