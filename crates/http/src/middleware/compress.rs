//! Compression and revalidation of text responses: `Content-Encoding`, `ETag`, 304.
//!
//! actix's `Compress` returns 406 to a client without a common encoding, drops Content-Length, and sets Vary only on
//! compressed responses. This middleware needs the whole body for the ETag anyway.

use std::mem::take;
use std::sync::Arc;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;

use crate::compression::{Effort, entity_tag, is_text};
use crate::stored_response::{StoredResponse, into_parts};

/// Compresses text, and returns 304 if the client has the current version. Stored responses pass as they are.
pub async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let response = next.call(request).await?.map_into_boxed_body();
    let is_page = is_read && response.status() == StatusCode::OK;
    let headers = response.headers();
    if headers.contains_key(ETAG)
        || headers.contains_key(CONTENT_ENCODING)
        || !is_text(headers.get(CONTENT_TYPE))
    {
        return Ok(response);
    }
    let may_keep = headers.get(CACHE_CONTROL) != Some(&HeaderValue::from_static("no-store"));
    let (request, mut head, body) = into_parts(response).await?;
    let tag = (is_page && may_keep).then(|| entity_tag(&body));
    let stored = Arc::new(StoredResponse::new(
        take(head.headers_mut()),
        tag,
        body,
        Effort::Fast,
    ));
    let mut compressed = stored.respond(request.headers()).await;
    if compressed.status() == StatusCode::NOT_MODIFIED {
        *head.status_mut() = StatusCode::NOT_MODIFIED;
    }
    *head.headers_mut() = take(compressed.headers_mut());
    let response = head.set_body(compressed.into_body());
    Ok(ServiceResponse::new(request, response))
}
