//! One log line per request, metrics, and the request id in every response.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use log::Level;
use regex::{Captures, Regex};

use super::fast_path::FastPath;
use crate::metrics::{CacheStatus, Metrics};
use crate::request_context::{self, RequestContext, Route};

/// Routes that machines request often; they are logged at debug level unless they fail.
const QUIET: [&str; 4] = ["/static/{file}", "/favicon.ico", "/healthz", "/readyz"];

/// Maximum length of a logged path (bytes).
const MAX_PATH: usize = 1024;

/// The header of requests and responses with the request id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of a request id from a client (bytes).
const MAX_ID: usize = 128;

/// `{name}` or `{name:expression}` in a route's pattern; the expression may contain braces.
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}").expect("the expression is valid")
});

thread_local! {
    static ROUTES: RefCell<HashMap<String, Route>> = RefCell::default();

    /// Random bytes for request ids: a system call for each is slow.
    static RANDOM_IDS: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

/// Sets the request context, measures the request and logs its outcome. The outermost middleware.
pub async fn request_log(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let fast_path = FastPath::find(&request).await;
    let route = match &fast_path {
        Some(fast_path) => fast_path.route.clone(),
        None => request
            .match_pattern()
            .map_or_else(Route::unknown, describe_route),
    };
    let path = if route.has_text {
        route.name.to_string()
    } else {
        request.path()[..request.path().floor_char_boundary(MAX_PATH)].to_owned()
    };
    let context = Arc::new(RequestContext {
        id: request_id(request.headers()),
        route,
    });
    let mut entry = LogEntry {
        context: Arc::clone(&context),
        method: request.method().clone(),
        path,
        started,
        status: None,
        cache: None,
        metrics: request.app_data::<Data<Metrics>>().cloned(),
    };
    if let Some(metrics) = &entry.metrics {
        metrics.in_flight.inc();
    }
    let id = HeaderValue::from_str(&context.id).expect("a safe id is a valid header value");
    let outcome = match fast_path {
        Some(fast_path) => {
            entry.cache = fast_path.cache;
            Ok(request_context::scope(context, fast_path.respond(request)).await)
        }
        None => request_context::scope(context, next.call(request))
            .await
            .map(ServiceResponse::map_into_boxed_body),
    };
    match outcome {
        Ok(mut response) => {
            if let Some(status) = response.request().extensions().get() {
                entry.cache = Some(*status);
            }
            entry.end(response.status());
            response.headers_mut().insert(REQUEST_ID, id);
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            entry.end(response.status());
            response.headers_mut().insert(REQUEST_ID, id);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// A request in progress. It is logged when this is dropped, also if the client disconnects.
struct LogEntry {
    context: Arc<RequestContext>,
    method: Method,
    path: String,
    started: Instant,
    status: Option<StatusCode>,
    cache: Option<CacheStatus>,
    metrics: Option<Data<Metrics>>,
}

impl LogEntry {
    fn end(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for LogEntry {
    fn drop(&mut self) {
        if let Some(metrics) = &self.metrics {
            metrics.in_flight.dec();
            let time = self.started.elapsed();
            metrics.request(&self.method, &self.context.route.name, self.status, time);
        }
        let quiet = QUIET.contains(&&*self.context.route.name)
            && self.status.is_none_or(|status| !status.is_server_error());
        let level = if quiet { Level::Debug } else { Level::Info };
        if log::log_enabled!(target: "access", level) {
            let context = Arc::clone(&self.context);
            request_context::run_with(Some(context), || self.log(level));
        }
    }
}

impl LogEntry {
    fn log(&self, level: Level) {
        let microseconds = u32::try_from(self.started.elapsed().as_micros()).unwrap_or(u32::MAX);
        let milliseconds = f64::from(microseconds) / 1000.0;
        let (method, path) = (self.method.as_str(), self.path.as_str());
        match self.status.map(|status| status.as_u16()) {
            Some(status) => {
                let cache = self.cache.map_or("", CacheStatus::label);
                let separator = if cache.is_empty() { "" } else { " " };
                log::log!(
                    target: "access", level, method, path, status, milliseconds, cache;
                    "{method} {path} {status} {milliseconds} ms{separator}{cache}"
                );
            }
            None => log::log!(
                target: "access", level, method, path, milliseconds;
                "{method} {path} client disconnected after {milliseconds} ms"
            ),
        }
    }
}

/// The id that the client or a proxy sent, if it is safe to log; otherwise a new one.
fn request_id(headers: &HeaderMap) -> String {
    let mut values = headers.get_all(REQUEST_ID).map(HeaderValue::to_str);
    match (values.next(), values.next()) {
        (Some(Ok(id)), None) if is_safe(id) => id.to_owned(),
        _ => RANDOM_IDS.with_borrow_mut(|ids| {
            if ids.is_empty() {
                let mut bytes = [0; 16 * 256];
                getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
                ids.extend(bytes.as_chunks().0);
            }
            ids.pop().map(hex::encode).unwrap_or_default()
        }),
    }
}

/// Whether an id has no special meaning in a log, a page or a shell.
fn is_safe(id: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(is_safe)
}

/// The route with this pattern. Routes are few, and the expressions slow.
fn describe_route(pattern: String) -> Route {
    ROUTES.with_borrow_mut(|routes| {
        if let Some(known) = routes.get(&pattern) {
            return known.clone();
        }
        let route = Route::new(&route_name(&pattern), has_text_parameter(&pattern));
        routes.insert(pattern, route.clone());
        route
    })
}

/// The name of a route in logs, metrics and traces: `/lettings/{id:[0-9]+}/` becomes `/lettings/{id}/`, and a parameter
/// that matches only one word becomes that word.
fn route_name(pattern: &str) -> String {
    let name = PARAMETER.replace_all(pattern, |parameter: &Captures<'_>| {
        let word = parameter.get(2).map(|expression| expression.as_str());
        word.filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .map_or_else(|| format!("{{{}}}", &parameter[1]), str::to_owned)
    });
    name.into_owned()
}

/// Whether a route has a parameter for any text, which may be personal, such as a username. Ids are numbers.
fn has_text_parameter(pattern: &str) -> bool {
    let mut parameters = PARAMETER.captures_iter(pattern);
    parameters.any(|parameter| parameter.get(2).is_none() && &parameter[1] != "id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(REQUEST_ID, HeaderValue::from_str(value).unwrap());
        }
        request_id(&headers)
    }

    #[test]
    fn a_safe_id_is_kept() {
        assert_eq!(id_for(&["req-1.A_b"]), "req-1.A_b");
    }

    #[test]
    fn any_other_id_is_replaced() {
        let long = "a".repeat(MAX_ID + 1);
        for values in [
            &[][..],
            &[""],
            &["a b"],
            &["a\tb"],
            &["<b>"],
            &[&long],
            &["a", "b"],
        ] {
            let id = id_for(values);

            assert!(id.len() == 32 && is_safe(&id), "{values:?}: {id}");
        }
        assert_ne!(id_for(&[]), id_for(&[]));
    }

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
            assert_eq!(route_name(pattern), name);
            assert_eq!(has_text_parameter(pattern), has_text, "{pattern}");
        }
    }
}
