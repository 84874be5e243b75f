//! The headers that every answer carries, errors too.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use crate::proxies::Proxies;

/// Nothing is loaded but our own pictures and sheets, nothing is sent but to us, nobody may frame us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; connect-src 'self'; img-src 'self'; \
     style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), \
     encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), \
     payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), \
     xr-spatial-tracking=()";

/// A year, in seconds.
pub(crate) const TRANSPORT_SECURITY: &str = "max-age=31536000";

/// The administration has one script, which asks us for choices.
const ADMIN_CONTENT_SECURITY_POLICY: &str = "default-src 'none'; img-src 'self'; \
     style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::PERMISSIONS_POLICY, PERMISSIONS_POLICY),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];

/// Adds the headers, also to an answer that left the inner layers as an error.
pub(crate) async fn security_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let https = request
        .app_data::<Data<Proxies>>()
        .is_some_and(|proxies| proxies.say_https(peer, request.headers()));
    let policy = if request.path().starts_with("/admin/") {
        ADMIN_CONTENT_SECURITY_POLICY
    } else {
        CONTENT_SECURITY_POLICY
    };
    match next.call(request).await {
        Ok(mut response) => {
            add(response.headers_mut(), policy, https);
            Ok(response.map_into_boxed_body())
        }
        Err(error) => {
            let mut response: HttpResponse = error.error_response();
            add(response.headers_mut(), policy, https);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// The same headers as lines, for answers that are made without the layers.
pub(crate) fn guard_lines() -> String {
    let lines = HEADERS.map(|(name, value)| format!("{name}: {value}\r\n"));
    lines.concat()
}

fn add(headers: &mut HeaderMap, policy: &'static str, https: bool) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_static(policy);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if https {
        let year = HeaderValue::from_static(TRANSPORT_SECURITY);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}
