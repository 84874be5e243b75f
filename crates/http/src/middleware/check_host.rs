//! Rejects requests for foreign hosts, so that a forged Host header never ends up in a link or a cache.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::allowed_hosts::AllowedHosts;
use crate::error::PageError;
use crate::health;

/// 400 for a request whose host is missing, repeated or not allowed. Health checks answer for any host.
pub async fn check_host(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let rejection = request
        .app_data::<Data<AllowedHosts>>()
        .map_or(Some("no hosts are configured".to_owned()), |hosts| {
            rejection(&request, hosts)
        });
    if let Some(reason) = rejection.filter(|_| !health::PATHS.contains(&request.path())) {
        log::warn!("rejected a request: {reason}");
        return Ok(request.error_response(PageError::BadRequest));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Why a request is rejected.
fn rejection(request: &ServiceRequest, hosts: &AllowedHosts) -> Option<String> {
    let mut headers = request.headers().get_all(header::HOST);
    let host = match (headers.next(), headers.next()) {
        (None, _) => return Some("it has no Host header".to_owned()),
        (Some(_), Some(_)) => return Some("it has several Host headers".to_owned()),
        (Some(host), None) => String::from_utf8_lossy(host.as_bytes()),
    };
    let target = request.uri().authority().map(Authority::as_str);
    let rejected = [Some(&*host), target]
        .into_iter()
        .flatten()
        .find(|host| !hosts.allows(host))?;
    Some(format!(
        "host {rejected:?} is not in ALLOWED_HOSTS; add it if it is yours"
    ))
}
