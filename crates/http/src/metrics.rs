//! Prometheus metrics. Label values come from fixed lists, never from a request.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use oc_core::Pool;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, register_histogram_vec_with_registry,
    register_int_counter_vec_with_registry, register_int_gauge_vec_with_registry,
};

use crate::error::PageError;
use crate::request_context::Route;

/// Upper bounds of histogram buckets (seconds): a page takes milliseconds, a password hash 100.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Labels of `oc_lettings_database_errors_total`.
const DATABASE_ERRORS: [&str; 4] = ["unavailable", "outcome_unknown", "overloaded", "internal"];

/// Labels of `oc_lettings_mails_total`.
const MAIL_OUTCOMES: [&str; 3] = ["sent", "failed", "dropped"];

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
            Self::Success => "success",
            Self::WrongPassword => "wrong_password",
            Self::WrongCode => "wrong_code",
            Self::Throttled => "throttled",
        }
    }
}

/// How the page cache answered a request: a label in the request log and in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    /// From the cache, confirmed as current.
    Hit,
    /// Rendered, and cached if possible.
    Miss,
    /// From the cache while the database is unavailable.
    Stale,
}

impl CacheStatus {
    /// Every status.
    const ALL: [Self; 3] = [Self::Hit, Self::Miss, Self::Stale];

    /// Its label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
        }
    }
}

/// The metrics of requests with the same labels.
pub(crate) struct RequestMetrics {
    count: IntCounter,
    latencies: Histogram,
}

impl RequestMetrics {
    /// Counts a request.
    pub(crate) fn record(&self, duration: Duration) {
        self.count.inc();
        self.latencies.observe(duration.as_secs_f64());
    }
}

/// The metrics of the site. Clones share their values.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latencies: HistogramVec,
    pub(crate) in_flight: IntGauge,
    pool: IntGaugeVec,
    pool_waiting: IntGauge,
    pool_waits: Histogram,
    database_errors: IntCounterVec,
    logins: IntCounterVec,
    mails: IntCounterVec,
    page_cache: [IntCounter; 3],
}

impl Metrics {
    /// Registers every metric.
    pub fn new(version: &str, revision: &str) -> prometheus::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let opts = |name: &str, help: &str| Opts::new(name, help).namespace("oc_lettings");
        let counter = |name, help, labels: &[&str]| {
            register_int_counter_vec_with_registry!(opts(name, help), labels, registry)
        };
        let gauge = |name, help, labels: &[&str]| {
            register_int_gauge_vec_with_registry!(opts(name, help), labels, registry)
        };
        let histogram = |name, help, labels: &[&str]| {
            let opts = HistogramOpts::from(opts(name, help)).buckets(BUCKETS.to_vec());
            register_histogram_vec_with_registry!(opts, labels, registry)
        };
        let none: [&str; 0] = [];
        let by_route = ["method", "route", "status"];
        let (requests, latency) = ("http_requests_total", "http_request_duration_seconds");
        let metrics = Self {
            requests: counter(requests, "HTTP responses", &by_route)?,
            latencies: histogram(latency, "Time from a request to its response", &by_route)?,
            in_flight: gauge("http_requests_in_flight", "Requests in progress", &none)?
                .with_label_values(&none),
            pool: gauge("database_pool_connections", "Connections", &["state"])?,
            pool_waiting: gauge("database_pool_waiting", "Requests in the queue", &none)?
                .with_label_values(&none),
            pool_waits: histogram("database_pool_wait_seconds", "Time in the queue", &none)?
                .with_label_values(&none),
            database_errors: counter("database_errors_total", "Failures", &["kind"])?,
            logins: counter("logins_total", "Login attempts", &["outcome"])?,
            mails: counter("mails_total", "Attempts to send a mail", &["outcome"])?,
            page_cache: {
                let requests = counter("page_cache_requests_total", "Requests", &["status"])?;
                CacheStatus::ALL.map(|status| requests.with_label_values(&[status.label()]))
            },
            registry: registry.clone(),
        };
        gauge(
            "build_info",
            "Version and revision of the program",
            &["version", "revision"],
        )?
        .with_label_values(&[version, revision])
        .set(1);
        // Counters start at 0, so that alerts on an increase see the first one.
        for kind in DATABASE_ERRORS {
            metrics.database_errors.with_label_values(&[kind]);
        }
        for outcome in MAIL_OUTCOMES {
            metrics.mails.with_label_values(&[outcome]);
        }
        for outcome in LoginOutcome::ALL {
            metrics.logins.with_label_values(&[outcome.label()]);
        }
        Ok(metrics)
    }

    /// The metrics of such requests; without a status, their client disconnected.
    pub(crate) fn requests(
        &self,
        method: &Method,
        route: &Route,
        status: Option<StatusCode>,
    ) -> RequestMetrics {
        let status = status.as_ref().map_or("disconnected", StatusCode::as_str);
        let labels = [method_label(method), &route.name, status];
        RequestMetrics {
            count: self.requests.with_label_values(&labels),
            latencies: self.latencies.with_label_values(&labels),
        }
    }

    /// Records how long a request waited for a connection.
    pub(crate) fn pool_wait(&self, duration: Duration) {
        self.pool_waits.observe(duration.as_secs_f64());
    }

    /// Counts a failed database operation.
    pub(crate) fn database_error(&self, error: &PageError) {
        let kind = match error {
            PageError::Unavailable(_) => "unavailable",
            PageError::WriteOutcomeUnknown(_) => "outcome_unknown",
            PageError::Overloaded => "overloaded",
            PageError::Internal(_) => "internal",
            _ => return,
        };
        self.database_errors.with_label_values(&[kind]).inc();
    }

    /// Counts a request that the page cache answered.
    pub(crate) fn page_cache(&self, status: CacheStatus) {
        self.page_cache[status as usize].inc();
    }

    /// Counts a login attempt.
    pub fn login(request: &HttpRequest, outcome: LoginOutcome) {
        if let Some(metrics) = request.app_data::<Data<Self>>() {
            metrics.logins.with_label_values(&[outcome.label()]).inc();
        }
    }

    /// Counts an attempt to send a mail: sent, failed, or given up.
    pub fn mail(&self, is_sent: bool, is_dropped: bool) {
        let [sent, failed, dropped] = MAIL_OUTCOMES;
        let outcome = match (is_sent, is_dropped) {
            (true, _) => sent,
            (_, true) => dropped,
            _ => failed,
        };
        self.mails.with_label_values(&[outcome]).inc();
    }

    /// Sets the state of the connection pool.
    pub(crate) fn pool(&self, pool: &Pool, waiting: usize) {
        let state = pool.state();
        let (open, idle) = (state.connections, state.idle_connections);
        let busy = open.saturating_sub(idle);
        for (state, count) in [("idle", idle), ("busy", busy), ("max", pool.max_size())] {
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

/// The label for a method; other methods share one.
fn method_label(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::OPTIONS => method.as_str(),
        _ => "other",
    }
}
