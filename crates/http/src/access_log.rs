//! Access log: one line and the metrics of each request, and request ids.

use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use log::Level;

use crate::metrics::{CacheStatus, RequestMetrics};
use crate::request_context::{self, RequestContext, Route};

/// Routes that machines request often; they are logged at debug level unless they fail.
const QUIET: [&str; 4] = ["/static/{file}", "/favicon.ico", "/healthz", "/readyz"];

/// Maximum length of a logged path (bytes).
const MAX_PATH: usize = 1024;

/// The header of requests and responses with the request id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Maximum length of a request id from a client (bytes).
const MAX_ID: usize = 128;

/// A request that has been handled.
pub(crate) struct HandledRequest<'a> {
    pub(crate) id: &'a HeaderValue,
    pub(crate) route: &'a Route,
    pub(crate) method: &'a Method,
    /// As [`loggable_path`] returns it.
    pub(crate) path: &'a str,
    pub(crate) started: Instant,
    /// `None` if the client disconnected.
    pub(crate) status: Option<StatusCode>,
    pub(crate) cache: Option<CacheStatus>,
}

impl HandledRequest<'_> {
    /// Counts and logs it.
    pub(crate) fn record(&self, metrics: &RequestMetrics) {
        let (route, time) = (&*self.route.name, self.started.elapsed());
        metrics.record(time);
        let is_quiet =
            QUIET.contains(&route) && self.status.is_none_or(|status| !status.is_server_error());
        let level = if is_quiet { Level::Debug } else { Level::Info };
        if log::log_enabled!(target: "access", level) {
            let context = RequestContext::new(self.id, self.route.clone());
            request_context::run_with(Some(context), || self.log(level, time));
        }
    }

    fn log(&self, level: Level, time: Duration) {
        let microseconds = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let milliseconds = f64::from(microseconds) / 1000.0;
        let (method, path) = (self.method.as_str(), self.path);
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

/// The part of a path that may be logged: the route's name if the path may contain personal text.
pub(crate) fn loggable_path<'a>(route: &'a Route, path: &'a str) -> &'a str {
    if route.has_text {
        &route.name
    } else {
        &path[..path.floor_char_boundary(MAX_PATH)]
    }
}

/// The id that the client or a proxy sent, if it is safe to log; otherwise a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let mut values = headers.get_all(REQUEST_ID);
    match (values.next(), values.next()) {
        (Some(id), None) if is_safe(id.as_bytes()) => id.clone(),
        _ => {
            let mut id = [0; 32];
            hex::encode_to_slice(rand::random::<[u8; 16]>(), &mut id)
                .expect("two digits for each byte");
            HeaderValue::from_bytes(&id).expect("a hexadecimal id is a valid header value")
        }
    }
}

/// Whether an id has no special meaning in a log, a page or a shell.
fn is_safe(id: &[u8]) -> bool {
    let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=MAX_ID).contains(&id.len()) && id.iter().all(is_safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(values: &[&str]) -> HeaderValue {
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

            assert!(
                id.len() == 32 && is_safe(id.as_bytes()),
                "{values:?}: {id:?}"
            );
        }
        assert_ne!(id_for(&[]), id_for(&[]));
    }
}
