//! Fast path for stored responses: pages in the page cache, assets, `/healthz`. They are sent without running the inner
//! middleware, if its checks would pass.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_LENGTH, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, UPGRADE,
};
use actix_web::web::Data;

use super::check_host::rejection;
use super::security_headers::strict_transport_security;
use crate::allowed_hosts::AllowedHosts;
use crate::assets::Assets;
use crate::health::HealthChecks;
use crate::metrics::CacheStatus;
use crate::page_cache::PageCache;
use crate::request_context::Route;
use crate::server::RequestLimits;
use crate::stored_response::StoredResponse;

/// A stored response to a request.
pub(super) struct FastPath {
    response: Arc<StoredResponse>,
    pub(super) route: Route,
    pub(super) cache: Option<CacheStatus>,
}

impl FastPath {
    /// The stored response, if there is one and every check of the inner middleware passes.
    pub(super) async fn find(request: &ServiceRequest) -> Option<Self> {
        let headers = request.headers();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let has_body = [CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE]
            .iter()
            .any(|name| headers.contains_key(name));
        let limits = request.app_data::<Data<RequestLimits>>()?;
        if !is_read || has_body || !limits.accepts(request) {
            return None;
        }
        let path = request.path();
        if path == "/healthz" {
            let checks = request.app_data::<Data<HealthChecks>>()?;
            return Some(Self {
                response: checks.healthz.clone(),
                route: Route::new("/healthz", false),
                cache: None,
            });
        }
        let hosts = request.app_data::<Data<AllowedHosts>>()?;
        if rejection(request, hosts).is_some() {
            return None;
        }
        if let Some(file) = path.strip_prefix("/static/") {
            let assets = request.app_data::<Data<Assets>>()?;
            return Some(Self {
                response: assets.find_hashed(file)?.response.clone(),
                route: Route::new("/static/{file}", false),
                cache: None,
            });
        }
        let cache = request.app_data::<Data<PageCache>>()?;
        let (page, status) = cache.find(request).await?;
        Some(Self {
            response: page.response.clone(),
            route: page.route.clone(),
            cache: Some(status),
        })
    }

    pub(super) async fn respond(&self, request: ServiceRequest) -> ServiceResponse<BoxBody> {
        let mut response = self.response.respond(request.headers()).await;
        if let Some(value) = strict_transport_security(&request) {
            response
                .headers_mut()
                .insert(STRICT_TRANSPORT_SECURITY, value);
        }
        RequestLimits::begin_response(&request);
        request.into_response(response)
    }
}
