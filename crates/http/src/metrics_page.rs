//! The response to Prometheus.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;

use crate::db::Db;
use crate::error::PageError;
use crate::metrics::Metrics;

/// `/metrics`, on a port of its own.
pub async fn metrics_page(metrics: Data<Metrics>, db: Data<Db>) -> Result<HttpResponse, PageError> {
    db.record_pool();
    let text = metrics.text();
    let text = text.map_err(|error| PageError::Internal(error.into()))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, prometheus::TEXT_FORMAT))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text))
}
