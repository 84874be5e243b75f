//! Prometheus metrics. Label values come from fixed lists, never from a request.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use diesel::r2d2::State;
use oc_core::Pool;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder, register_histogram_vec_with_registry, register_histogram_with_registry,
    register_int_counter_vec_with_registry, register_int_counter_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

use crate::error::PageError;

/// Upper bounds of histogram buckets (seconds): a page takes milliseconds, a password hash 100.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Labels of `oc_lettings_database_errors_total`.
const DATABASE_ERRORS: [&str; 4] = ["away", "unconfirmed", "busy", "fault"];

/// The outcome of a login attempt.
#[derive(Debug, Clone, Copy)]
pub enum LoginOutcome {
    /// A session was started.
    Success,
    /// Wrong username or password.
    WrongPassword,
    /// Wrong code.
    WrongCode,
    /// Too many attempts.
    Throttled,
}

impl LoginOutcome {
    const ALL: [Self; 4] = [
        Self::Success,
        Self::WrongPassword,
        Self::WrongCode,
        Self::Throttled,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Success => "welcome",
            Self::WrongPassword => "refused",
            Self::WrongCode => "code_refused",
            Self::Throttled => "throttled",
        }
    }
}

/// How the page cache answered a request: a label in the request log and in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// From the cache, confirmed as current.
    Hit,
    /// Rendered, and cached if possible.
    Miss,
    /// From the cache while the database is unavailable.
    Stale,
}

impl CacheStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Hit, Self::Miss, Self::Stale];

    /// Its label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

/// The metrics of the site. Clones share their values.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latencies: HistogramVec,
    aborted: IntCounter,
    pub(crate) in_flight: IntGauge,
    pool: IntGaugeVec,
    pool_waiting: IntGauge,
    pool_waits: Histogram,
    database_errors: IntCounterVec,
    logins: IntCounterVec,
    page_cache: IntCounterVec,
}

impl Metrics {
    /// Registers every metric.
    pub fn new(version: &str, revision: &str) -> prometheus::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let by_route = ["method", "route", "status"];
        let metrics = Self {
            requests: register_int_counter_vec_with_registry!(
                "oc_lettings_http_requests_total",
                "HTTP responses",
                &by_route,
                registry
            )?,
            latencies: register_histogram_vec_with_registry!(
                "oc_lettings_http_request_duration_seconds",
                "Time from a request's head to its response",
                &by_route,
                BUCKETS.to_vec(),
                registry
            )?,
            aborted: register_int_counter_with_registry!(
                "oc_lettings_http_requests_left_total",
                "Requests whose client disconnected before the response",
                registry
            )?,
            in_flight: register_int_gauge_with_registry!(
                "oc_lettings_http_requests_in_flight",
                "Requests in progress",
                registry
            )?,
            pool: register_int_gauge_vec_with_registry!(
                "oc_lettings_database_pool_connections",
                "Database connections",
                &["state"],
                registry
            )?,
            pool_waiting: register_int_gauge_with_registry!(
                "oc_lettings_database_pool_waiting",
                "Requests waiting for a database connection",
                registry
            )?,
            pool_waits: register_histogram_with_registry!(
                "oc_lettings_database_pool_wait_seconds",
                "Time that requests waited for a database connection",
                BUCKETS.to_vec(),
                registry
            )?,
            database_errors: register_int_counter_vec_with_registry!(
                "oc_lettings_database_errors_total",
                "Failed database operations",
                &["kind"],
                registry
            )?,
            logins: register_int_counter_vec_with_registry!(
                "oc_lettings_logins_total",
                "Login attempts",
                &["outcome"],
                registry
            )?,
            page_cache: register_int_counter_vec_with_registry!(
                "oc_lettings_page_cache_requests_total",
                "Requests to the page cache",
                &["status"],
                registry
            )?,
            registry,
        };
        register_int_gauge_vec_with_registry!(
            "oc_lettings_build_info",
            "Version and revision of the program",
            &["version", "revision"],
            metrics.registry
        )?
        .with_label_values(&[version, revision])
        .set(1);
        // Counters start at 0, so that alerts on an increase see the first one.
        for kind in DATABASE_ERRORS {
            metrics.database_errors.with_label_values(&[kind]);
        }
        for status in CacheStatus::ALL {
            metrics.page_cache.with_label_values(&[status.label()]);
        }
        for outcome in LoginOutcome::ALL {
            metrics.logins.with_label_values(&[outcome.label()]);
        }
        Ok(metrics)
    }

    /// Counts a request; without a status, its client disconnected.
    pub(crate) fn request(
        &self,
        method: &Method,
        route: &str,
        status: Option<StatusCode>,
        duration: Duration,
    ) {
        let Some(status) = status else {
            self.aborted.inc();
            return;
        };
        let labels = [method_label(method), route, status.as_str()];
        self.requests.with_label_values(&labels).inc();
        self.latencies
            .with_label_values(&labels)
            .observe(duration.as_secs_f64());
    }

    /// Records how long a request waited for a connection.
    pub(crate) fn pool_wait(&self, duration: Duration) {
        self.pool_waits.observe(duration.as_secs_f64());
    }

    /// Counts a failed database operation.
    pub(crate) fn database_error(&self, error: &PageError) {
        let kind = match error {
            PageError::Unavailable(_) => "away",
            PageError::WriteOutcomeUnknown(_) => "unconfirmed",
            PageError::Overloaded => "busy",
            PageError::Internal(_) => "fault",
            _ => return,
        };
        self.database_errors.with_label_values(&[kind]).inc();
    }

    /// Counts a request that the page cache answered.
    pub(crate) fn page_cache(&self, status: CacheStatus) {
        self.page_cache.with_label_values(&[status.label()]).inc();
    }

    /// Counts a login attempt.
    pub fn login(request: &HttpRequest, outcome: LoginOutcome) {
        if let Some(metrics) = request.app_data::<Data<Self>>() {
            metrics.logins.with_label_values(&[outcome.label()]).inc();
        }
    }

    /// Sets the state of the connection pool.
    pub(crate) fn pool(&self, pool: &Pool, waiting: usize) {
        let State {
            connections: open,
            idle_connections: idle,
            ..
        } = pool.state();
        let busy = open.saturating_sub(idle);
        for (state, count) in [("idle", idle), ("busy", busy), ("most", pool.max_size())] {
            self.pool.with_label_values(&[state]).set(count.into());
        }
        self.pool_waiting
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Every metric in Prometheus' text format.
    pub(crate) fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// The label for a method; unknown methods share one.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
