//! The listener for Prometheus, apart from the site's, so that no visitor reaches it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::Context;

use super::Metrics;
use crate::db::Db;
use crate::middleware::security_headers;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most clients at a time: Prometheus, and somebody who looks.
const CLIENTS: usize = 16;

/// Listens there, and says where that is. It serves as long as what is returned is polled.
pub(crate) fn listen(
    address: SocketAddr,
    metrics: &Data<Metrics>,
    db: &Data<Db>,
) -> anyhow::Result<(Server, SocketAddr)> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for METRICS_ADDR"))?;
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    let (metrics, db) = (metrics.clone(), db.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(db.clone())
            .route("/metrics", web::get().to(show))
            .wrap(from_fn(security_headers))
    })
    .workers(1)
    .max_connections(CLIENTS)
    .client_request_timeout(PATIENCE)
    .disable_signals()
    .listen(listener)
    .context("cannot use the listener for METRICS_ADDR")?
    .run();
    Ok((server, address))
}

async fn show(metrics: Data<Metrics>, db: Data<Db>) -> HttpResponse {
    match metrics.text(&db) {
        Ok(text) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, prometheus::TEXT_FORMAT))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(text),
        Err(error) => {
            log::error!("the figures cannot be written: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}
