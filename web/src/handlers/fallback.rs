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
pub(crate) async fn only_read(method: Method) -> Result<HttpResponse, PageError> {
    not_allowed(&method, &[Method::GET, Method::HEAD])
}

/// A page with a form was asked for something else.
pub(crate) async fn only_form(method: Method) -> Result<HttpResponse, PageError> {
    not_allowed(&method, &[Method::GET, Method::HEAD, Method::POST])
}

fn not_allowed(method: &Method, methods: &'static [Method]) -> Result<HttpResponse, PageError> {
    if method == Method::OPTIONS {
        return Ok(HttpResponse::NoContent()
            .insert_header((ALLOW, allow(methods)))
            .finish());
    }
    Err(PageError::MethodNotAllowed(methods))
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
