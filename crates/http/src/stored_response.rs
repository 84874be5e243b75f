//! Responses kept in memory, in each encoding that was asked for.

use std::io;
use std::sync::{Arc, OnceLock};

use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{Response, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{Error, HttpRequest, HttpResponse};
use tokio::sync::OnceCell;

use crate::blocking::run_blocking;
use crate::compression::{Effort, Encoding, is_known, is_text, negotiate};
use crate::metrics::RequestMetrics;
use crate::security_headers::add_security_headers;

/// Larger bodies are compressed off the async threads (bytes).
const LARGE: usize = 64 * 1024;

/// A response with status 200. Its text is compressed at the first request for each encoding.
pub(crate) struct StoredResponse {
    headers: Vec<(HeaderName, HeaderValue)>,
    tag: Option<HeaderValue>,
    effort: Effort,
    is_compressible: bool,
    identity: Bytes,
    brotli: OnceCell<Bytes>,
    gzip: OnceCell<Bytes>,
    metrics: [OnceLock<RequestMetrics>; 2],
}

impl StoredResponse {
    /// A response with these headers; security headers, `Vary` and `ETag` are added.
    pub(crate) fn new(
        mut headers: HeaderMap,
        tag: Option<HeaderValue>,
        identity: Bytes,
        effort: Effort,
    ) -> Self {
        let is_text = is_text(headers.get(CONTENT_TYPE));
        add_security_headers(&mut headers);
        if is_text {
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if let Some(tag) = &tag {
            headers.insert(ETAG, tag.clone());
        }
        Self {
            headers: headers.into_iter().collect(),
            tag,
            effort,
            is_compressible: is_text && !identity.is_empty(),
            identity,
            brotli: OnceCell::new(),
            gzip: OnceCell::new(),
            metrics: Default::default(),
        }
    }

    /// Where to keep the metrics of frequent requests for it: looking them up is slow.
    pub(crate) fn metrics(
        &self,
        method: &Method,
        status: StatusCode,
    ) -> Option<&OnceLock<RequestMetrics>> {
        match (method, status) {
            (&Method::GET, StatusCode::OK) => Some(&self.metrics[0]),
            (&Method::GET, StatusCode::NOT_MODIFIED) => Some(&self.metrics[1]),
            _ => None,
        }
    }

    /// An estimate of its size with every encoding (bytes): both compressed bodies take less than half of the text.
    pub(crate) fn size(&self) -> usize {
        self.identity.len() * 3 / 2
    }

    /// The response to a request with these headers: 304 if the client has it already.
    pub(crate) async fn respond(self: &Arc<Self>, request: &HeaderMap) -> HttpResponse {
        if let Some(response) = self.respond_if_ready(request) {
            return response.into();
        }
        let mut compressed = None;
        if let Some((encoding, cell)) = self.compressed(request) {
            match cell.get_or_try_init(|| self.encode(encoding)).await {
                Ok(body) => compressed = Some((encoding, body)),
                Err(error) => log::error!("could not compress a response: {error}"),
            }
        }
        self.with_body(compressed).into()
    }

    /// The same, unless something has to be compressed first.
    pub(crate) fn respond_if_ready(&self, request: &HeaderMap) -> Option<Response<BoxBody>> {
        if self.tag.as_ref().is_some_and(|tag| is_known(request, tag)) {
            let mut response = Response::new(StatusCode::NOT_MODIFIED);
            self.add_headers(&mut response);
            return Some(response);
        }
        match self.compressed(request) {
            Some((encoding, cell)) => Some(self.with_body(Some((encoding, cell.get()?)))),
            None => Some(self.with_body(None)),
        }
    }

    /// The encoding for a request, and the cell of the compressed body, which may be empty; `None` for no compression.
    fn compressed(&self, request: &HeaderMap) -> Option<(Encoding, &OnceCell<Bytes>)> {
        let encoding = negotiate(request).filter(|_| self.is_compressible)?;
        Some(match encoding {
            Encoding::Brotli => (encoding, &self.brotli),
            Encoding::Gzip => (encoding, &self.gzip),
        })
    }

    /// The response with a compressed body or the plain one.
    fn with_body(&self, compressed: Option<(Encoding, &Bytes)>) -> Response<BoxBody> {
        let body = compressed.map_or(&self.identity, |(_, body)| body);
        let mut response = Response::with_body(StatusCode::OK, BoxBody::new(body.clone()));
        self.add_headers(&mut response);
        if let Some((encoding, _)) = compressed {
            let value = HeaderValue::from_static(encoding.name());
            response.headers_mut().insert(CONTENT_ENCODING, value);
        }
        response
    }

    fn add_headers(&self, response: &mut Response<BoxBody>) {
        let has_body = response.status() == StatusCode::OK;
        for (name, value) in &self.headers {
            if !has_body && name == CONTENT_TYPE {
                continue;
            }
            response.headers_mut().append(name.clone(), value.clone());
        }
    }

    async fn encode(self: &Arc<Self>, encoding: Encoding) -> io::Result<Bytes> {
        let (stored, effort) = (Arc::clone(self), self.effort);
        let bytes = if self.identity.len() > LARGE || matches!(effort, Effort::Best) {
            run_blocking(move || encoding.encode(&stored.identity, effort))
                .await
                .map_err(io::Error::other)
                .and_then(|bytes| bytes)?
        } else {
            encoding.encode(&self.identity, effort)?
        };
        Ok(bytes.into())
    }
}

/// Takes a response apart, with its whole body.
pub(crate) async fn into_parts(
    response: ServiceResponse<BoxBody>,
) -> Result<(HttpRequest, HttpResponse<()>, Bytes), Error> {
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body)
        .await
        .map_err(|_| ErrorInternalServerError("the body is incomplete"))?;
    Ok((request, head, body))
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;
    use actix_web::http::header::ACCEPT_ENCODING;

    use super::*;

    #[actix_web::test]
    async fn text_is_compressed_once() {
        let headers = [(CONTENT_TYPE, HeaderValue::from_static("text/css"))];
        let headers = headers.into_iter().collect();
        let text = Bytes::from_static(&[b'x'; 4096]);
        let stored = StoredResponse::new(headers, None, text, Effort::Best);
        let stored = Arc::new(stored);

        for coding in ["br", "gzip"] {
            let request = [(ACCEPT_ENCODING, HeaderValue::from_static(coding))];
            let request = request.into_iter().collect();
            assert!(stored.respond_if_ready(&request).is_none());
            let first = stored.respond(&request).await;
            let second = stored.respond_if_ready(&request).unwrap();

            assert_eq!(second.headers().get(CONTENT_ENCODING).unwrap(), coding);
            let first = first.into_body().try_into_bytes().unwrap();
            let second = second.into_body().try_into_bytes().unwrap();
            assert!(first.len() < stored.identity.len() / 2);
            assert_eq!(first.as_ptr(), second.as_ptr());
        }
    }
}
