//! One log line per request, metrics, and the request id in every response.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use log::Level;

use crate::metrics::{CacheStatus, Metrics};
use crate::request_context::{self, RequestContext};
use crate::{request_id, route};

/// Routes that machines request often; they are logged at debug level unless they fail.
const QUIET: [&str; 4] = ["/static/{file}", "/favicon.ico", "/healthz", "/readyz"];

/// Maximum length of a logged path (bytes).
const MAX_PATH: usize = 1024;

/// Sets the request context, measures the request and logs its outcome. The outermost middleware.
pub async fn request_log(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let context = Arc::new(RequestContext {
        id: request_id::from_headers(request.headers()),
        route: route::name(request.match_pattern().as_deref()),
    });
    let mut entry = LogEntry {
        context: Arc::clone(&context),
        method: request.method().clone(),
        path: logged_path(request.path(), &context.route),
        started: Instant::now(),
        status: None,
        cache: None,
        metrics: request.app_data::<Data<Metrics>>().cloned(),
    };
    if let Some(metrics) = &entry.metrics {
        metrics.in_flight.inc();
    }
    let id = HeaderValue::from_str(&context.id).expect("a safe id is a valid header value");
    match request_context::scope(context, next.call(request)).await {
        Ok(mut response) => {
            entry.cache = response.request().extensions().get().copied();
            entry.end(response.status());
            response.headers_mut().insert(request_id::HEADER, id);
            Ok(response.map_into_boxed_body())
        }
        Err(error) => {
            let mut response = error.error_response();
            entry.end(response.status());
            response.headers_mut().insert(request_id::HEADER, id);
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
            metrics.request(&self.method, &self.context.route, self.status, time);
        }
        let context = Arc::clone(&self.context);
        request_context::run_with(Some(context), || self.log());
    }
}

impl LogEntry {
    fn log(&self) {
        let quiet = QUIET.contains(&self.context.route.as_str())
            && self.status.is_none_or(|status| !status.is_server_error());
        let level = if quiet { Level::Debug } else { Level::Info };
        if level > log::max_level() {
            return;
        }
        let microseconds = u32::try_from(self.started.elapsed().as_micros()).unwrap_or(u32::MAX);
        let milliseconds = f64::from(microseconds) / 1000.0;
        let (method, path) = (self.method.as_str(), self.path.as_str());
        match self.status.map(|status| status.as_u16()) {
            Some(status) => {
                let cache = self.cache.map_or("none", CacheStatus::label);
                log::log!(
                    target: "access", level, method, path, status, milliseconds, cache;
                    "{method} {path} {status} {milliseconds} ms, cache {cache}"
                );
            }
            None => log::log!(
                target: "access", level, method, path, milliseconds;
                "{method} {path} client disconnected after {milliseconds} ms"
            ),
        }
    }
}

/// The path as it is logged: shortened, and without usernames.
fn logged_path(path: &str, route: &str) -> String {
    if route.contains("{username}") {
        return route.to_owned();
    }
    let end = path.floor_char_boundary(MAX_PATH);
    path[..end].to_owned()
}
