//! What machines ask: is the process alive, and can it do its work?

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use serde::Serialize;

use crate::checks::{Check, Checks};
use crate::listener::Stop;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    revision: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: BTreeMap<&'static str, &'static str>,
}

/// Whether the process is alive, and which one it is. Asks nobody else.
pub(crate) async fn alive() -> HttpResponse {
    let health = Health {
        status: "ok",
        revision: env!("OC_REVISION"),
        version: env!("CARGO_PKG_VERSION"),
    };
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(health)
}

/// Whether requests can be answered: named checks, 503 when one fails.
pub(crate) async fn ready(checks: Data<Checks>, stop: Data<Stop>) -> HttpResponse {
    let mut checks = checks.run().await;
    if stop.is_stopping() {
        checks.push(Check {
            name: "process",
            outcome: "stopping",
        });
    }
    let ready = checks.iter().all(|check| check.passed());
    let mut response = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    if !ready {
        response.insert_header((header::RETRY_AFTER, "5"));
    }
    let named = |check: &Check| (check.name, check.outcome);
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Readiness {
            status: if ready { "ok" } else { "failed" },
            checks: checks.iter().map(named).collect(),
        })
}
