//! Adds security headers to every response, errors included.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use crate::security_headers::add_security_headers;
use crate::site::Site;
use crate::trusted_proxies::TrustedProxies;

/// Adds the headers, also to a response that inner middleware returns as an error.
pub async fn security_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let proxies = request.app_data::<Data<TrustedProxies>>();
    let transport = proxies
        .zip(request.app_data::<Data<Site>>())
        .and_then(|(proxies, site)| strict_transport_security(request.head(), proxies, site));
    match next.call(request).await {
        Ok(mut response) => {
            add(response.headers_mut(), transport);
            Ok(response.map_into_boxed_body())
        }
        Err(error) => {
            let mut response: HttpResponse = error.error_response();
            add(response.headers_mut(), transport);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// The header's value, for a request over https.
pub(crate) fn strict_transport_security(
    request: &RequestHead,
    proxies: &TrustedProxies,
    site: &Site,
) -> Option<HeaderValue> {
    let peer = request.peer_addr.map(|peer| peer.ip());
    let is_https = proxies.is_https(peer, request.headers());
    is_https.then(|| HeaderValue::from_static(site.strict_transport_security()))
}

fn add(headers: &mut HeaderMap, transport: Option<HeaderValue>) {
    add_security_headers(headers);
    if let Some(transport) = transport {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, transport);
    }
}
