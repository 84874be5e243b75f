//! Rejects requests for foreign hosts, so that a forged Host header never ends up in a link or a cache. Removes cookies
//! that aren't text: because of one, actix would ignore them all.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::allowed_hosts::AllowedHosts;
use crate::error::PageError;
use crate::health;

/// 400 for a request whose host is missing, repeated or not allowed. Health checks answer for any host.
pub async fn check_host(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let hosts = request.app_data::<Data<AllowedHosts>>();
    let hosts = hosts.expect("the hosts are registered with the application");
    let rejection = host_rejection(request.head(), hosts);
    if let Some(reason) = rejection.filter(|_| !health::PATHS.contains(&request.path())) {
        let rejected = PageError::Rejected(StatusCode::BAD_REQUEST, reason.into());
        return Ok(request.error_response(rejected));
    }
    remove_unreadable_cookies(request.headers_mut());
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn remove_unreadable_cookies(headers: &mut HeaderMap) {
    let is_text = |value: &&HeaderValue| str::from_utf8(value.as_bytes()).is_ok();
    if headers.get_all(header::COOKIE).all(|value| is_text(&value)) {
        return;
    }
    let cookies: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter(|cookie| str::from_utf8(cookie).is_ok())
        .collect();
    if let Ok(value) = HeaderValue::from_bytes(&cookies.join(&b';')) {
        headers.insert(header::COOKIE, value);
    }
}

/// Why a request is rejected.
pub(crate) fn host_rejection(request: &RequestHead, hosts: &AllowedHosts) -> Option<String> {
    let mut headers = request.headers().get_all(header::HOST);
    let host = match (headers.next(), headers.next()) {
        (None, _) => return Some("it has no Host header".to_owned()),
        (Some(_), Some(_)) => return Some("it has several Host headers".to_owned()),
        (Some(host), None) => String::from_utf8_lossy(host.as_bytes()),
    };
    let target = request.uri.authority().map(Authority::as_str);
    let rejected = [Some(&*host), target]
        .into_iter()
        .flatten()
        .find(|host| !hosts.allows(host))?;
    Some(format!(
        "host {rejected:?} is not in ALLOWED_HOSTS; add it if it is yours"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_is_not_text_is_removed() {
        let left = |lines: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
            }
            remove_unreadable_cookies(&mut headers);
            let left = headers
                .get_all(header::COOKIE)
                .map(|value| value.to_str().unwrap().to_owned());
            left.collect::<Vec<_>>()
        };

        assert_eq!(left(&[b"a=1; b=2", b"c=3"]), ["a=1; b=2", "c=3"]);
        assert_eq!(left(&[b"a=1; x=\xff; b=2"]), ["a=1; b=2"]);
        assert_eq!(left(&[b"\xfe\xff", b"a=1"]), ["a=1"]);
    }
}
