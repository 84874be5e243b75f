//! Listener for Prometheus, separate from the site's, so that visitors can't reach it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse};
use anyhow::Context;

use crate::db::Db;
use crate::error::PageError;
use crate::metrics::Metrics;
use crate::middleware::security_headers;
use crate::server::{CancellationToken, Server, ServerOptions};

const OPTIONS: ServerOptions = ServerOptions {
    workers: 1,
    max_connections: 16,
    client_timeout: Duration::from_secs(5),
    idle_timeout: Duration::from_mins(2),
    shutdown_delay: Duration::ZERO,
    shutdown_timeout: Duration::ZERO,
};

/// Serves `/metrics` for as long as the returned server runs.
///
/// # Errors
/// If the address is in use.
pub fn listen_for_prometheus(
    address: SocketAddr,
    metrics: &Data<Metrics>,
    db: &Data<Db>,
) -> anyhow::Result<Server> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for METRICS_ADDR"))?;
    let (metrics, db) = (metrics.clone(), db.clone());
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(db.clone())
            .route("/metrics", web::get().to(show))
            .wrap(from_fn(security_headers))
    };
    // Metrics can be read until the program ends, so that a shutdown is visible in them.
    Server::new(listener, OPTIONS, CancellationToken::new(), |_| None, app)
}

async fn show(metrics: Data<Metrics>, db: Data<Db>) -> Result<HttpResponse, PageError> {
    db.record_pool();
    let text = metrics.text();
    let text = text.map_err(|error| PageError::Internal(error.into()))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, prometheus::TEXT_FORMAT))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text))
}
