//! The response to Prometheus.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;

use crate::db::Db;
use crate::metrics::Metrics;

/// `/metrics`, on a port of its own.
pub async fn metrics_page(metrics: Data<Metrics>, db: Data<Db>) -> HttpResponse {
    db.record_pool();
    match metrics.text() {
        Ok(text) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, prometheus::TEXT_FORMAT))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(text),
        Err(error) => {
            log::error!("could not encode metrics: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}
