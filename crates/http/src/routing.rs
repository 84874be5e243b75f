//! Routes of pages, and handlers for requests without one: 404, 405, and redirects to the path with a slash.

use actix_web::dev::HttpServiceFactory;
use actix_web::guard::{Any, Get, Head};
use actix_web::http::header::{ALLOW, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::web::{post, resource, route, to};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};

use crate::error::{PageError, allow};
use crate::page_cache::page_cache;

/// A page for GET and HEAD; other methods are 405.
pub fn read_page<F, Arguments>(path: &str, show: F) -> Resource
where
    F: Handler<Arguments, Output: Responder + 'static>,
    Arguments: FromRequest + 'static,
{
    page(path, show, &[Method::GET, Method::HEAD])
}

/// As [`read_page`], for a public page that the page cache may keep. The path without the trailing slash redirects to it.
pub fn cached_page<F, Arguments>(path: &str, show: F) -> impl HttpServiceFactory
where
    F: Handler<Arguments, Output: Responder + 'static>,
    Arguments: FromRequest + 'static,
{
    let without_slash = path.strip_suffix('/').filter(|path| !path.is_empty());
    let redirect = without_slash.map(|path| resource(path).to(add_slash));
    let page = read_page(path, show).wrap(from_fn(page_cache));
    (page, Vec::from_iter(redirect))
}

/// A page with a form, for GET, HEAD and POST; other methods are 405.
pub fn form_page<F, A, G, B>(path: &str, show: F, submit: G) -> Resource
where
    F: Handler<A, Output: Responder + 'static>,
    A: FromRequest + 'static,
    G: Handler<B, Output: Responder + 'static>,
    B: FromRequest + 'static,
{
    page(path, show, &[Method::GET, Method::HEAD, Method::POST]).route(post().to(submit))
}

/// A page for GET and HEAD. OPTIONS lists the methods; those without a route are 405.
fn page<F, Arguments>(path: &str, show: F, methods: &'static [Method]) -> Resource
where
    F: Handler<Arguments, Output: Responder + 'static>,
    Arguments: FromRequest + 'static,
{
    let others = move |method: Method| async move {
        if method != Method::OPTIONS {
            return Err(PageError::MethodNotAllowed(methods));
        }
        let mut response = HttpResponse::NoContent();
        Ok(response.insert_header((ALLOW, allow(methods))).finish())
    };
    resource(path)
        .route(route().guard(Any(Get()).or(Head())).to(show))
        .default_service(to(others))
}

/// The handler of paths without a page: 404.
pub async fn not_found() -> Result<HttpResponse, PageError> {
    Err(PageError::NotFound)
}

/// 301 to the path with a slash, keeping the query. Relative, so that it never leads to another host.
pub async fn add_slash(request: HttpRequest) -> HttpResponse {
    let uri = request.uri();
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    HttpResponse::build(StatusCode::MOVED_PERMANENTLY)
        .insert_header((LOCATION, format!("{}/{query}", uri.path())))
        .finish()
}
