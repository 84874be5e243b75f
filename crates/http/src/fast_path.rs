//! Fast path for stored responses: pages in the page cache, assets, `/healthz`. They are sent before actix-web makes a
//! request of its own, if every check of the middleware passes and nothing needs to be awaited.

use std::sync::LazyLock;
use std::time::Instant;

use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{RequestHead, Response};
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_LENGTH, STRICT_TRANSPORT_SECURITY, TRANSFER_ENCODING, UPGRADE,
};
use actix_web::web::Data;

use crate::access_log::{HandledRequest, REQUEST_ID, loggable_path, request_id};
use crate::allowed_hosts::AllowedHosts;
use crate::assets::Assets;
use crate::health::HealthChecks;
use crate::metrics::{CacheStatus, Metrics};
use crate::middleware::host_rejection;
use crate::page_cache::PageCache;
use crate::request_context::Route;
use crate::security_headers::strict_transport_security;
use crate::server::RequestLimits;
use crate::site::Site;
use crate::stored_response::StoredResponse;
use crate::trusted_proxies::TrustedProxies;

static HEALTHZ: LazyLock<Route> = LazyLock::new(|| Route::new("/healthz", false));
static ASSET: LazyLock<Route> = LazyLock::new(|| Route::new("/static/{file}", false));

/// Stored responses, and what is checked before one is sent.
pub struct FastPath {
    /// Limits of requests.
    pub limits: Data<RequestLimits>,
    /// Hosts that the site answers for.
    pub hosts: Data<AllowedHosts>,
    /// Proxies whose headers are used.
    pub proxies: Data<TrustedProxies>,
    /// The site, for `Strict-Transport-Security`.
    pub site: Data<Site>,
    /// `/healthz`.
    pub checks: Data<HealthChecks>,
    /// `/static/`.
    pub assets: Data<Assets>,
    /// Public pages.
    pub page_cache: Data<PageCache>,
    /// Counts the requests.
    pub metrics: Data<Metrics>,
}

impl FastPath {
    /// The response, if one is ready. Otherwise the application handles the request.
    pub fn respond(&self, request: &Request) -> Option<Response<BoxBody>> {
        let started = Instant::now();
        let head = request.head();
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let has_body = [CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE]
            .iter()
            .any(|name| head.headers.contains_key(name));
        if !is_read || has_body || !self.limits.accepts(head) {
            return None;
        }
        let path = head.uri.path();
        if path == "/healthz" {
            return self.send(head, started, &self.checks.healthz, &HEALTHZ, None);
        }
        if host_rejection(head, &self.hosts).is_some() {
            return None;
        }
        if let Some(file) = path.strip_prefix("/static/") {
            let asset = self.assets.find_hashed(file)?;
            return self.send(head, started, &asset.response, &ASSET, None);
        }
        let (page, status) = self.page_cache.find(&head.uri, started)?;
        self.send(head, started, &page.response, &page.route, Some(status))
    }

    /// The response with the headers of this request, counted and logged.
    fn send(
        &self,
        request: &RequestHead,
        started: Instant,
        stored: &StoredResponse,
        route: &Route,
        cache: Option<CacheStatus>,
    ) -> Option<Response<BoxBody>> {
        let mut response = stored.respond_if_ready(&request.headers)?;
        let (method, status) = (&request.method, response.status());
        let id = request_id(&request.headers);
        let handled = HandledRequest {
            id: &id,
            route,
            method,
            path: loggable_path(route, request.uri.path()),
            started,
            status: Some(status),
            cache,
        };
        let find = || self.metrics.requests(method, route, Some(status));
        match stored.metrics(method, status) {
            Some(known) => handled.record(known.get_or_init(find)),
            None => handled.record(&find()),
        }
        if let Some(status) = cache {
            self.metrics.page_cache(status);
        }
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, id);
        if let Some(value) = strict_transport_security(request, &self.proxies, &self.site) {
            headers.insert(STRICT_TRANSPORT_SECURITY, value);
        }
        Some(response)
    }
}
