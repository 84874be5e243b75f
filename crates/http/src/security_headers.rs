//! Security headers of every response, errors included.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use crate::site::Site;
use crate::trusted_proxies::TrustedProxies;

/// The policy of pages without scripts.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self'; style-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The policy of pages with scripts. A response with a Content-Security-Policy keeps its own.
pub const POLICY_WITH_SCRIPTS: &str = "default-src 'none'; img-src 'self'; style-src 'self'; \
     script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const PERMISSIONS_POLICY: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), \
     encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), \
     payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), \
     xr-spatial-tracking=()",
);

const NO_SNIFFING: HeaderValue = HeaderValue::from_static("nosniff");
const NO_FRAMES: HeaderValue = HeaderValue::from_static("DENY");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

// Constants, because checking the values takes longer than sending them.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, NO_SNIFFING),
    (header::X_FRAME_OPTIONS, NO_FRAMES),
    (header::REFERRER_POLICY, SAME_ORIGIN),
    (header::PERMISSIONS_POLICY, PERMISSIONS_POLICY),
    (header::CROSS_ORIGIN_OPENER_POLICY, SAME_ORIGIN),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, SAME_ORIGIN),
];

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

/// The value of Strict-Transport-Security, for a request over https: one year, in seconds.
pub(crate) fn strict_transport_security(
    request: &RequestHead,
    proxies: &TrustedProxies,
    site: &Site,
) -> Option<HeaderValue> {
    let value = if site.hsts_include_subdomains {
        "max-age=31536000; includeSubDomains"
    } else {
        "max-age=31536000"
    };
    let is_https = proxies.is_https(request);
    is_https.then(|| HeaderValue::from_static(value))
}

/// Adds the headers that don't depend on the request, unless the response has them already.
pub(crate) fn add_security_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
}

fn add(headers: &mut HeaderMap, transport: Option<HeaderValue>) {
    add_security_headers(headers);
    if let Some(transport) = transport {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, transport);
    }
}
