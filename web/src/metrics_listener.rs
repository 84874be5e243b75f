//! Listener for Prometheus, separate from the site's, so that visitors can't reach it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::App;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use anyhow::Context;
use oc_http::middleware::security_headers;
use oc_http::server::{CancellationToken, Server, ServerOptions};
use oc_http::{Db, Metrics, metrics_page};

const OPTIONS: ServerOptions = ServerOptions {
    workers: 1,
    max_connections: 16,
    client_timeout: Duration::from_secs(5),
    idle_timeout: Duration::from_mins(2),
    shutdown_timeout: Duration::ZERO,
};

/// Starts the listener and returns its address; it serves as long as the returned server runs.
pub(crate) fn listen(
    address: SocketAddr,
    metrics: &Data<Metrics>,
    db: &Data<Db>,
) -> anyhow::Result<(Server, SocketAddr)> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for METRICS_ADDR"))?;
    let (metrics, db) = (metrics.clone(), db.clone());
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(db.clone())
            .route("/metrics", web::get().to(metrics_page))
            .wrap(from_fn(security_headers))
    };
    // Metrics can be read until the program ends, so that a shutdown is visible in them.
    let server = Server::new(listener, OPTIONS, CancellationToken::new(), app)?;
    let address = server.address;
    Ok((server, address))
}
