//! Page of the metrics, for Prometheus.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use prometheus::TextEncoder;

use crate::db::Db;
use crate::error::{PageError, PageResult};
use crate::metrics::Metrics;

/// Every metric in Prometheus' text format.
pub async fn metrics_page(metrics: Data<Metrics>, db: Data<Db>) -> PageResult {
    db.record_pool();
    let text = TextEncoder::new().encode_to_string(&metrics.registry.gather());
    let text = text.map_err(|error| PageError::Internal(error.into()))?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, prometheus::TEXT_FORMAT))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(text))
}
