//! One line in the log for each request, and its name in every answer.

use std::sync::Arc;
use std::time::Instant;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use log::Level;

use crate::metrics::Metrics;
use crate::request_context::{self, RequestContext};
use crate::{request_id, route};

/// Routes that are asked for so often, and by machines, that their lines would bury the others.
const QUIET: [&str; 4] = ["/static/{file}", "/favicon.ico", "/healthz", "/readyz"];

/// The most of a path that is logged (bytes).
const LONGEST: usize = 1024;

/// Names the request, measures it, and logs how it was answered. The outermost layer.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let context = Arc::new(RequestContext {
        id: request_id::of(request.headers()),
        route: route::name(request.match_pattern().as_deref()),
    });
    let visit = Visit {
        context: Arc::clone(&context),
        method: request.method().clone(),
        path: logged_path(request.path(), &context.route),
        started: Instant::now(),
        status: None,
        metrics: request.app_data::<Data<Metrics>>().cloned(),
    };
    if let Some(metrics) = &visit.metrics {
        metrics.in_flight.inc();
    }
    let id = HeaderValue::from_str(&context.id).expect("a harmless name fits into a header");
    match request_context::scope(context, next.call(request)).await {
        Ok(mut response) => {
            visit.end(response.status());
            response.headers_mut().insert(request_id::HEADER, id);
            Ok(response.map_into_boxed_body())
        }
        Err(error) => {
            let mut response = error.error_response();
            visit.end(response.status());
            response.headers_mut().insert(request_id::HEADER, id);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// A request under way; when this is dropped, it has ended, if only because the client went away.
struct Visit {
    context: Arc<RequestContext>,
    method: Method,
    path: String,
    started: Instant,
    status: Option<StatusCode>,
    metrics: Option<Data<Metrics>>,
}

impl Visit {
    fn end(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(metrics) = &self.metrics {
            metrics.in_flight.dec();
            let time = self.started.elapsed();
            metrics.request(&self.method, &self.context.route, self.status, time);
        }
        let context = Arc::clone(&self.context);
        request_context::carry(Some(context), || self.log());
    }
}

impl Visit {
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
            Some(status) => log::log!(
                target: "access", level, method, path, status, milliseconds;
                "{method} {path} {status} {milliseconds} ms"
            ),
            None => log::log!(
                target: "access", level, method, path, milliseconds;
                "{method} {path} left after {milliseconds} ms"
            ),
        }
    }
}

/// The path as it is logged: shortened, and without usernames.
fn logged_path(path: &str, route: &str) -> String {
    if route.contains("{username}") {
        return route.to_owned();
    }
    let end = path.floor_char_boundary(LONGEST);
    path[..end].to_owned()
}
