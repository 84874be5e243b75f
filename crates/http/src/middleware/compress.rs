//! Compression and revalidation of text responses: `Content-Encoding`, `ETag`, 304.
//!
//! actix's `Compress` returns 406 to a client without a common encoding, drops Content-Length, and sets Vary only on
//! compressed responses. This middleware needs the whole body for the ETag anyway.

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    self, ETag, EntityTag, HeaderValue, IfNoneMatch, TryIntoHeaderValue,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpResponse};

use crate::blocking::run_blocking;
use crate::compression::{Effort, Encoding, entity_tag, is_text, negotiate};

/// Larger bodies are compressed off the async threads (bytes).
const LARGE: usize = 64 * 1024;

/// Compresses text, and returns 304 if the client has the current version.
pub async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_conditional = request.headers().contains_key(header::IF_NONE_MATCH);
    let known = is_conditional
        .then(|| request.get_header::<IfNoneMatch>())
        .flatten();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = next.call(request).await?.map_into_boxed_body();
    let is_page = is_read && response.status() == StatusCode::OK;
    let matches =
        |tag: &EntityTag| is_page && known.as_ref().is_some_and(|known| matches(known, tag));
    let headers = response.headers();
    if let Some(tag) = headers.get(header::ETAG) {
        let is_known = known.is_some() && parse_tag(tag).is_some_and(|tag| matches(&tag));
        return Ok(if is_known {
            not_modified(response)
        } else {
            response
        });
    }
    if headers.contains_key(header::CONTENT_ENCODING) || !is_text(headers.get(header::CONTENT_TYPE))
    {
        return Ok(response);
    }
    let (request, parts) = response.into_parts();
    let (parts, body) = parts.into_parts();
    let bytes = to_bytes(body)
        .await
        .map_err(|_| actix_web::error::ErrorInternalServerError("the body is incomplete"))?;
    response = ServiceResponse::new(request, parts.set_body(BoxBody::new(())));
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if is_page && headers.get(header::CACHE_CONTROL) != Some(&HeaderValue::from_static("no-store"))
    {
        let tag = entity_tag(&bytes);
        let is_known = matches(&tag);
        headers.insert(header::ETAG, ETag(tag).try_into_value()?);
        if is_known {
            return Ok(not_modified(response));
        }
    }
    let encoding = negotiate(response.request().headers());
    let (encoding, bytes) = encode(encoding, bytes).await;
    if let Some(name) = encoding.name() {
        let name = HeaderValue::from_static(name);
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, name);
    }
    Ok(response.map_body(|_, _| BoxBody::new(bytes)))
}

/// The compressed bytes, or the plain ones if compression fails.
async fn encode(encoding: Encoding, bytes: Bytes) -> (Encoding, Bytes) {
    if encoding == Encoding::Identity || bytes.is_empty() {
        return (Encoding::Identity, bytes);
    }
    let plain = bytes.clone();
    let compressed = if bytes.len() > LARGE {
        run_blocking(move || encoding.encode(&bytes, Effort::Fast))
            .await
            .map_err(std::io::Error::other)
            .and_then(|result| result)
    } else {
        encoding.encode(&bytes, Effort::Fast)
    };
    match compressed {
        Ok(compressed) => (encoding, compressed.into()),
        Err(error) => {
            log::error!("could not compress a page: {error}");
            (Encoding::Identity, plain)
        }
    }
}

fn parse_tag(value: &HeaderValue) -> Option<EntityTag> {
    value.to_str().ok()?.parse().ok()
}

fn matches(known: &IfNoneMatch, tag: &EntityTag) -> bool {
    match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(tag)),
    }
}

/// 304 with the headers of the 200 that RFC 9110, section 15.4.5, requires.
fn not_modified(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let mut bare = HttpResponse::new(StatusCode::NOT_MODIFIED);
    for name in [header::ETAG, header::CACHE_CONTROL, header::VARY] {
        if let Some(value) = response.headers().get(&name) {
            bare.headers_mut().insert(name, value.clone());
        }
    }
    ServiceResponse::new(request, bare)
}
