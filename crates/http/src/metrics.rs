//! Prometheus metrics. Label values come from fixed lists, never from a request.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use oc_core::Pool;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, register_histogram_vec_with_registry, register_histogram_with_registry,
    register_int_counter_vec_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};

use crate::error::PageError;
use crate::request_context::Route;

/// Upper bounds of histogram buckets (seconds): a page takes milliseconds, a password hash 100.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

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
    // In the order of the variants.
    const LABELS: [&str; 4] = ["success", "wrong_password", "wrong_code", "throttled"];
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
    // In the order of the variants.
    const LABELS: [&str; 3] = ["hit", "miss", "stale"];

    /// Its label.
    pub(crate) fn label(self) -> &'static str {
        Self::LABELS[self as usize]
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
    pub(crate) registry: Registry,
    requests: IntCounterVec,
    latencies: HistogramVec,
    pub(crate) in_flight: IntGauge,
    pool: IntGaugeVec,
    pool_waiting: IntGauge,
    pub(crate) pool_waits: Histogram,
    database_errors: [IntCounter; 4],
    logins: [IntCounter; 4],
    mails: [IntCounter; 3],
    page_cache: [IntCounter; 3],
}

impl Metrics {
    /// Registers every metric.
    pub fn new(version: &str, revision: &str) -> prometheus::Result<Self> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let opts = |name: &str, help: &str| Opts::new(name, help).namespace("oc_lettings");
        let timing = |name, help| HistogramOpts::from(opts(name, help)).buckets(BUCKETS.to_vec());
        let gauge = |name, help| register_int_gauge_with_registry!(opts(name, help), registry);
        let by_route = ["method", "route", "status"];
        let requests = opts("http_requests_total", "HTTP responses");
        let latencies = timing(
            "http_request_duration_seconds",
            "Time from a request to its response",
        );
        let pool = opts("database_pool_connections", "Connections");
        let pool_waits = timing("database_pool_wait_seconds", "Time in the queue");
        let errors = opts("database_errors_total", "Failures");
        let errors_by_kind = ["unavailable", "outcome_unknown", "overloaded", "internal"];
        let logins = opts("logins_total", "Login attempts");
        let mails = opts("mails_total", "Attempts to send a mail");
        let page_cache = opts("page_cache_requests_total", "Requests");
        let build = opts("build_info", "Version and revision of the program")
            .const_label("version", version)
            .const_label("revision", revision);
        register_int_gauge_with_registry!(build, registry)?.set(1);
        Ok(Self {
            requests: register_int_counter_vec_with_registry!(requests, &by_route, registry)?,
            latencies: register_histogram_vec_with_registry!(latencies, &by_route, registry)?,
            in_flight: gauge("http_requests_in_flight", "Requests in progress")?,
            pool: register_int_gauge_vec_with_registry!(pool, &["state"], registry)?,
            pool_waiting: gauge("database_pool_waiting", "Requests in the queue")?,
            pool_waits: register_histogram_with_registry!(pool_waits, registry)?,
            database_errors: counters(&registry, errors, "kind", errors_by_kind)?,
            logins: counters(&registry, logins, "outcome", LoginOutcome::LABELS)?,
            mails: counters(&registry, mails, "outcome", ["sent", "failed", "dropped"])?,
            page_cache: counters(&registry, page_cache, "status", CacheStatus::LABELS)?,
            registry,
        })
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

    /// Counts a failed database operation.
    pub(crate) fn database_error(&self, error: &PageError) {
        let [unavailable, outcome_unknown, overloaded, internal] = &self.database_errors;
        match error {
            PageError::Unavailable(_) => unavailable.inc(),
            PageError::WriteOutcomeUnknown(_) => outcome_unknown.inc(),
            PageError::Overloaded => overloaded.inc(),
            PageError::Internal(_) => internal.inc(),
            _ => {}
        }
    }

    /// Counts a request that the page cache answered.
    pub(crate) fn page_cache(&self, status: CacheStatus) {
        self.page_cache[status as usize].inc();
    }

    /// Counts a login attempt.
    pub fn login(request: &HttpRequest, outcome: LoginOutcome) {
        if let Some(metrics) = request.app_data::<Data<Self>>() {
            metrics.logins[outcome as usize].inc();
        }
    }

    /// Counts an attempt to send a mail: sent, failed, or given up.
    pub fn mail(&self, is_sent: bool, is_dropped: bool) {
        let [sent, failed, dropped] = &self.mails;
        match (is_sent, is_dropped) {
            (true, _) => sent.inc(),
            (_, true) => dropped.inc(),
            _ => failed.inc(),
        }
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
}

/// A counter for each value of a label. They begin at 0, so that alerts on an increase see the first one.
fn counters<const N: usize>(
    registry: &Registry,
    opts: Opts,
    label: &str,
    values: [&str; N],
) -> prometheus::Result<[IntCounter; N]> {
    let counters = register_int_counter_vec_with_registry!(opts, &[label], registry)?;
    Ok(values.map(|value| counters.with_label_values(&[value])))
}

/// The label for a method; other methods share one.
fn method_label(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::OPTIONS => method.as_str(),
        _ => "other",
    }
}
