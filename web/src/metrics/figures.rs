//! What is measured. Labels come from lists of ours alone: what a visitor makes up never becomes one.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::db::Db;
use crate::error::PageError;
use crate::route;

/// Seconds: most pages take a few milliseconds, a hashed password a tenth of a second.
const LATENCIES: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// How an attempt to log in ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Login {
    Welcome,
    Refused,
    CodeRefused,
    Throttled,
}

impl Login {
    fn label(self) -> &'static str {
        match self {
            Self::Welcome => "welcome",
            Self::Refused => "refused",
            Self::CodeRefused => "code_refused",
            Self::Throttled => "throttled",
        }
    }
}

/// Everything that is measured. A copy measures the same.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latencies: HistogramVec,
    left: IntCounter,
    pub(crate) in_flight: IntGauge,
    pool: IntGaugeVec,
    pool_waiting: IntGauge,
    pool_waits: Histogram,
    database_errors: IntCounterVec,
    logins: IntCounterVec,
}

impl Metrics {
    /// Nothing is measured yet.
    ///
    /// # Errors
    /// When two figures have one name.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let options = |name: &str, help: &str| Opts::new(format!("oc_lettings_{name}"), help);
        let times = |name: &str, help: &str| {
            HistogramOpts::new(format!("oc_lettings_{name}"), help).buckets(LATENCIES.to_vec())
        };
        let by_route = ["method", "route", "status"];
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                options("http_requests_total", "Requests that were answered"),
                &by_route,
            )?,
            latencies: HistogramVec::new(
                times(
                    "http_request_duration_seconds",
                    "From a request's head to its answer",
                ),
                &by_route,
            )?,
            left: IntCounter::with_opts(options(
                "http_requests_left_total",
                "Requests whose client went away before the answer",
            ))?,
            in_flight: IntGauge::with_opts(options(
                "http_requests_in_flight",
                "Requests that are being answered",
            ))?,
            pool: IntGaugeVec::new(
                options("database_pool_connections", "Connections to the database"),
                &["state"],
            )?,
            pool_waiting: IntGauge::with_opts(options(
                "database_pool_waiting",
                "Requests that wait for a connection to the database",
            ))?,
            pool_waits: Histogram::with_opts(times(
                "database_pool_wait_seconds",
                "How long requests waited for a connection to the database",
            ))?,
            database_errors: IntCounterVec::new(
                options(
                    "database_errors_total",
                    "Questions that the database did not answer",
                ),
                &["kind"],
            )?,
            logins: IntCounterVec::new(
                options("logins_total", "Attempts to log in"),
                &["outcome"],
            )?,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> prometheus::Result<()> {
        let build = IntGaugeVec::new(
            Opts::new("oc_lettings_build_info", "What runs here"),
            &["version", "revision"],
        )?;
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION"), env!("OC_REVISION")])
            .set(1);
        // What has not happened yet stands at 0, so that an alarm knows it.
        for kind in ["away", "unconfirmed", "busy", "fault"] {
            self.database_errors.with_label_values(&[kind]);
        }
        for login in [
            Login::Welcome,
            Login::Refused,
            Login::CodeRefused,
            Login::Throttled,
        ] {
            self.logins.with_label_values(&[login.label()]);
        }
        let registry = &self.registry;
        registry.register(Box::new(build))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        registry.register(Box::new(self.requests.clone()))?;
        registry.register(Box::new(self.latencies.clone()))?;
        registry.register(Box::new(self.left.clone()))?;
        registry.register(Box::new(self.in_flight.clone()))?;
        registry.register(Box::new(self.pool.clone()))?;
        registry.register(Box::new(self.pool_waiting.clone()))?;
        registry.register(Box::new(self.pool_waits.clone()))?;
        registry.register(Box::new(self.database_errors.clone()))?;
        registry.register(Box::new(self.logins.clone()))
    }

    /// A request was answered; without a status, its client went away.
    pub(crate) fn request(
        &self,
        method: &Method,
        route: &str,
        status: Option<StatusCode>,
        time: Duration,
    ) {
        let Some(status) = status else {
            self.left.inc();
            return;
        };
        let labels = [method_label(method), route, status.as_str()];
        self.requests.with_label_values(&labels).inc();
        self.latencies
            .with_label_values(&labels)
            .observe(time.as_secs_f64());
    }

    /// Counts requests that are refused with that status before anybody has read what they ask for. They have no time:
    /// how long a slow client took would only hide how long the site takes.
    pub(crate) fn refused(&self, status: StatusCode) -> IntCounter {
        let labels = ["other", route::NONE, status.as_str()];
        self.requests.with_label_values(&labels)
    }

    /// A request waited so long for a connection, whether it got one or not.
    pub(crate) fn pool_wait(&self, time: Duration) {
        self.pool_waits.observe(time.as_secs_f64());
    }

    /// The database did not do what it was asked for.
    pub(crate) fn database_error(&self, error: &PageError) {
        let kind = match error {
            PageError::Unavailable(_) => "away",
            PageError::Unconfirmed(_) => "unconfirmed",
            PageError::Busy => "busy",
            PageError::Internal(_) => "fault",
            _ => return,
        };
        self.database_errors.with_label_values(&[kind]).inc();
    }

    /// Somebody tried to log in.
    pub(crate) fn login(request: &HttpRequest, login: Login) {
        if let Some(metrics) = request.app_data::<Data<Self>>() {
            metrics.logins.with_label_values(&[login.label()]).inc();
        }
    }

    /// Everything, as Prometheus reads it.
    pub(crate) fn text(&self, db: &Db) -> prometheus::Result<String> {
        let pool = db.pool_state();
        let most = i64::from(db.pool_size());
        self.pool_waiting
            .set(i64::try_from(db.waiting()).unwrap_or(i64::MAX));
        let idle = i64::from(pool.idle_connections);
        let open = i64::from(pool.connections);
        for (state, count) in [("idle", idle), ("busy", open - idle), ("most", most)] {
            self.pool.with_label_values(&[state]).set(count);
        }
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// A method that a page may know; whoever makes one up makes no new label.
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
