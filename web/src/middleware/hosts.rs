//! Answers only for our own hosts, so that no forged one ends up in a link or a cache.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use crate::config::AllowedHosts;

/// 400 for a request whose host is missing, doubled, or not ours.
pub(crate) async fn check_host(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let allowed = request
        .app_data::<Data<AllowedHosts>>()
        .is_some_and(|hosts| is_ours(&request, hosts));
    if !allowed {
        return Ok(request.into_response(HttpResponse::BadRequest().finish()));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn is_ours(request: &ServiceRequest, hosts: &AllowedHosts) -> bool {
    let mut headers = request.headers().get_all(header::HOST);
    let (Some(host), None) = (headers.next(), headers.next()) else {
        return false;
    };
    let target = request.uri().authority();
    host.to_str().is_ok_and(|host| hosts.allow(host))
        && target.is_none_or(|target| hosts.allow(target.as_str()))
}
