//! Responses kept in memory, in each encoding that was asked for.

use std::io;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, VARY,
};
use actix_web::web::Bytes;
use tokio::sync::OnceCell;

use crate::blocking::run_blocking;
use crate::compression::{Effort, Encoding, is_known, is_text, negotiate};
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
}

impl StoredResponse {
    /// A response with these headers; security headers, `Vary` and `ETag` are added.
    pub(crate) fn new(
        headers: &HeaderMap,
        tag: Option<HeaderValue>,
        identity: Bytes,
        effort: Effort,
    ) -> Self {
        let is_text = is_text(headers.get(CONTENT_TYPE));
        let mut headers = headers.clone();
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
        }
    }

    /// An estimate of its size with every encoding (bytes): both compressed bodies take less than half of the text.
    pub(crate) fn size(&self) -> usize {
        self.identity.len() * 3 / 2
    }

    /// The response to a request with these headers: 304 if the client has it already.
    pub(crate) async fn respond(self: &Arc<Self>, request: &HeaderMap) -> HttpResponse {
        let is_known = self.tag.as_ref().is_some_and(|tag| is_known(request, tag));
        let mut response = if is_known {
            HttpResponse::new(StatusCode::NOT_MODIFIED)
        } else {
            self.with_body(negotiate(request)).await
        };
        for (name, value) in &self.headers {
            if !(is_known && name == CONTENT_TYPE) {
                response.headers_mut().append(name.clone(), value.clone());
            }
        }
        response
    }

    async fn with_body(self: &Arc<Self>, encoding: Encoding) -> HttpResponse {
        let (coding, body) = self.body(encoding).await.unwrap_or_else(|error| {
            log::error!("could not compress a response: {error}");
            (None, self.identity.clone())
        });
        let mut response = HttpResponse::Ok().body(body);
        if let Some(coding) = coding {
            let value = HeaderValue::from_static(coding);
            response.headers_mut().insert(CONTENT_ENCODING, value);
        }
        response
    }

    /// The body, and its coding if it has one.
    async fn body(
        self: &Arc<Self>,
        encoding: Encoding,
    ) -> io::Result<(Option<&'static str>, Bytes)> {
        let cell = match encoding {
            Encoding::Brotli if self.is_compressible => &self.brotli,
            Encoding::Gzip if self.is_compressible => &self.gzip,
            _ => return Ok((None, self.identity.clone())),
        };
        let body = cell.get_or_try_init(|| self.encode(encoding)).await?;
        Ok((encoding.name(), body.clone()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn text_is_compressed_once() -> io::Result<()> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/css"));
        let text = Bytes::from_static(&[b'x'; 4096]);
        let stored = StoredResponse::new(&headers, None, text, Effort::Best);
        let stored = Arc::new(stored);

        for encoding in [Encoding::Brotli, Encoding::Gzip] {
            let (_, first) = stored.body(encoding).await?;
            let (coding, second) = stored.body(encoding).await?;

            assert_eq!(coding, encoding.name());
            assert!(first.len() < stored.identity.len() / 2);
            assert_eq!(first.as_ptr(), second.as_ptr());
        }
        Ok(())
    }
}
