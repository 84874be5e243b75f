//! Log line and metrics of each request that the application handles, and the request id in its response.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use regex::{Captures, Regex};

use crate::access_log::{HandledRequest, REQUEST_ID, loggable_path, request_id};
use crate::metrics::Metrics;
use crate::request_context::{CURRENT, RequestContext, Route};

/// `{name}` or `{name:expression}` in a route's pattern; the expression may contain braces.
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}").expect("the expression is valid")
});

thread_local! {
    static ROUTES: RefCell<HashMap<String, Route>> = RefCell::default();
}

/// Sets the request context, measures the request and logs its outcome. The outermost middleware.
pub async fn request_log(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let route = request
        .match_pattern()
        .map_or_else(Route::unknown, cached_route);
    let metrics = request.app_data::<Data<Metrics>>().cloned();
    let metrics = metrics.expect("the metrics are registered with the application");
    metrics.in_flight.inc();
    let method = request.method().clone();
    let path = loggable_path(&route, request.path()).to_owned();
    let id = request_id(request.headers());
    let context = RequestContext::new(&id, route.clone());
    let mut pending = PendingRequest {
        handled: HandledRequest {
            id: &id,
            route: &route,
            method: &method,
            path: &path,
            started,
            status: None,
            cache: None,
        },
        metrics: &metrics,
    };
    match CURRENT.scope(context, next.call(request)).await {
        Ok(mut response) => {
            pending.handled.cache = response.request().extensions().get().copied();
            pending.handled.status = Some(response.status());
            response.headers_mut().insert(REQUEST_ID, id.clone());
            Ok(response.map_into_boxed_body())
        }
        Err(error) => {
            let mut response = error.error_response();
            pending.handled.status = Some(response.status());
            response.headers_mut().insert(REQUEST_ID, id.clone());
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// A request in progress. It is logged when this is dropped, also if the client disconnects.
struct PendingRequest<'a> {
    handled: HandledRequest<'a>,
    metrics: &'a Metrics,
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        let HandledRequest {
            method,
            route,
            status,
            ..
        } = self.handled;
        self.handled
            .record(&self.metrics.requests(method, route, status));
    }
}

/// The route with this pattern. Routes are few, and the expressions slow.
fn cached_route(pattern: String) -> Route {
    ROUTES.with_borrow_mut(|routes| {
        let route = routes.entry(pattern);
        route
            .or_insert_with_key(|pattern| describe_route(pattern))
            .clone()
    })
}

/// The route with its name in logs, metrics and traces: `/lettings/{id:[0-9]+}/` becomes `/lettings/{id}/`, and a
/// parameter that matches only one word becomes that word. A parameter for any text may be personal, such as a username;
/// ids are numbers.
fn describe_route(pattern: &str) -> Route {
    let mut has_text = false;
    let name = PARAMETER.replace_all(pattern, |parameter: &Captures<'_>| {
        let (name, expression) = (&parameter[1], parameter.get(2));
        has_text |= expression.is_none() && name != "id";
        match expression.map(|expression| expression.as_str()) {
            Some(word) if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) => word.to_owned(),
            _ => format!("{{{name}}}"),
        }
    });
    Route::new(&name, has_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_name_has_no_expressions() {
        for (pattern, name, has_text) in [
            ("/", "/", false),
            ("/lettings/{id:[0-9]{1,19}}/", "/lettings/{id}/", false),
            ("/profiles/{username}/", "/profiles/{username}/", true),
            (
                "/sitemap-{kind:[a-z]+}-{number:[0-9]+}.xml",
                "/sitemap-{kind}-{number}.xml",
                false,
            ),
            (
                "/admin/{app:lettings}/{model:letting}/{id}/change/",
                "/admin/lettings/letting/{id}/change/",
                false,
            ),
        ] {
            let route = describe_route(pattern);
            assert_eq!((&*route.name, route.has_text), (name, has_text));
        }
    }
}
