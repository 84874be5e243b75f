//! The listener for Prometheus, apart from the site's, so that no visitor reaches it.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, Error};
use anyhow::Context;
use oc_http::middleware::security_headers;
use oc_http::{Db, Metrics, TrustedProxies, metrics_page, request_id};

use crate::config::Limits;
use crate::listener::{MakeSite, Refusals, Server, Stop, Terms, listen_at};

/// What a client may cost: there are Prometheus, and somebody who looks, and both only ask.
const LIMITS: Limits = Limits {
    connections: 16,
    requests: 16,
    database_queue: 0,
    body: 0,
    client_timeout: Duration::from_secs(5),
    idle_timeout: Duration::from_mins(2),
    shutdown_timeout: Duration::ZERO,
};

/// Listens there, and says where that is. It serves as long as what is returned runs.
pub(crate) fn listen(
    address: SocketAddr,
    metrics: &Data<Metrics>,
    db: &Data<Db>,
) -> anyhow::Result<(Server, SocketAddr)> {
    let listener = listen_at(address)
        .with_context(|| format!("cannot listen on {address} for METRICS_ADDR"))?;
    let (metrics, db) = (metrics.clone(), db.clone());
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(db.clone())
            .route("/metrics", web::get().to(metrics_page))
            .wrap(from_fn(security_headers))
            .wrap(from_fn(name))
    };
    let terms = Terms {
        workers: 1,
        limits: LIMITS,
        refusals: Refusals::plain(),
        proxies: TrustedProxies(Vec::new()),
    };
    // The figures can be read until the program ends: how the site stops is seen in them, too.
    let server = Server::start(listener, terms, Stop::new(), MakeSite::of(app))?;
    let address = server.address();
    Ok((server, address))
}

/// Gives an answer the name of its request, without which the listener takes it for none of ours.
async fn name(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = HeaderValue::from_str(&request_id::from_headers(request.headers()))
        .expect("a safe id is a valid header value");
    let mut response = next.call(request).await?;
    response.headers_mut().insert(request_id::HEADER, id);
    Ok(response.map_into_boxed_body())
}
