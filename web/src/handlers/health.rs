//! What machines ask: is the process alive, and can it do its work?

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use oc_core::migrations;
use serde::Serialize;

use crate::db::Db;
use crate::error::PageError;
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
pub(crate) async fn ready(db: Data<Db>, stop: Data<Stop>) -> HttpResponse {
    let pending = db
        .run(|conn| {
            migrations::status(conn)
                .map(|status| status.pending)
                .map_err(|error| PageError::Internal(error.into()))
        })
        .await;
    let (database, migrations) = match pending {
        Ok(pending) if pending.is_empty() => ("ok", "ok"),
        Ok(_) => ("ok", "pending"),
        Err(PageError::Unavailable(_)) => ("failed", "unknown"),
        Err(_) => ("ok", "failed"),
    };
    let mut checks = BTreeMap::from([("database", database), ("migrations", migrations)]);
    if stop.is_stopping() {
        checks.insert("process", "stopping");
    }
    let ready = checks.values().all(|check| *check == "ok");
    let mut response = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    if !ready {
        response.insert_header((header::RETRY_AFTER, "5"));
    }
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(Readiness {
            status: if ready { "ok" } else { "failed" },
            checks,
        })
}
