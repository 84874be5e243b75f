//! Request limits: a body arrives as a whole, within size and time limits, before the request is handled. Requests
//! beyond a limit get an ordinary error page.

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, ContentLength};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{Error, HttpMessage, rt};
use futures_util::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::min_rate::{PeerDeadline, time_for};
use crate::error::PageError;
use crate::health;
use crate::page_cache::PageCache;

/// Path and query (bytes).
const MAX_TARGET: usize = 8 << 10;

/// All header fields together (bytes).
const MAX_HEADERS: usize = 32 << 10;

/// The bodies of all requests together (bytes).
const MAX_ALL_BODIES: usize = 256 << 20;

/// Limits of all requests together and of each one.
pub struct RequestLimits {
    max_body: Box<dyn Fn(&str) -> usize + Send + Sync>,
    page_cache: Data<PageCache>,
    bodies: Semaphore,
    requests: Semaphore,
    shutdown: CancellationToken,
}

impl RequestLimits {
    /// At most `max_requests` are handled at a time, besides health checks and cached pages, which may wait briefly for
    /// the database in an outage. `max_body` returns the size of the largest body for a path (bytes).
    pub fn new(
        max_requests: usize,
        shutdown: CancellationToken,
        page_cache: Data<PageCache>,
        max_body: impl Fn(&str) -> usize + Send + Sync + 'static,
    ) -> Self {
        Self {
            max_body: Box::new(max_body),
            page_cache,
            bodies: Semaphore::new(MAX_ALL_BODIES),
            requests: Semaphore::new(max_requests),
            shutdown,
        }
    }

    /// Whether a request is within the limits of its head, and the site isn't shutting down.
    pub(crate) fn accepts(&self, request: &RequestHead) -> bool {
        check_head(request).is_ok() && !self.shutdown.is_cancelled()
    }

    /// Receives the body, and returns permits to hold while the request is handled.
    async fn receive(
        &self,
        request: &ServiceRequest,
        payload: &mut Payload,
        patience: Duration,
    ) -> Result<(Bytes, Vec<SemaphorePermit<'_>>), PageError> {
        check_head(request.head())?;
        let max = (self.max_body)(request.path());
        let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        // actix streams without an end if the request has an Upgrade header.
        let length = request
            .get_header()
            .map_or(0, |ContentLength(length)| length);
        let too_large = || {
            let reason = format!(
                "its body is larger than {max} bytes, the limit for this path (see MAX_BODY_SIZE)"
            );
            PageError::Rejected(StatusCode::PAYLOAD_TOO_LARGE, reason.into())
        };
        if !is_chunked && length > max {
            return Err(too_large());
        }
        let busy = |_: TryAcquireError| PageError::Overloaded;
        let mut permits = self.bodies.try_acquire_many(0).map_err(busy)?;
        let mut body = BytesMut::new();
        let began = Instant::now();
        while is_chunked || body.len() < length {
            let deadline = (began + time_for(body.len())).min(Instant::now()) + patience;
            let part = match timeout_at(deadline, payload.next()).await {
                Err(_) => {
                    let reason = "its body did not arrive in time (see CLIENT_TIMEOUT)".into();
                    return Err(PageError::Rejected(StatusCode::REQUEST_TIMEOUT, reason));
                }
                Ok(Some(Err(_))) => {
                    let reason = "its body is malformed, or ended early".into();
                    return Err(PageError::Rejected(StatusCode::BAD_REQUEST, reason));
                }
                Ok(Some(Ok(part))) => part,
                Ok(None) => break,
            };
            if body.len() + part.len() > max {
                return Err(too_large());
            }
            let count = u32::try_from(part.len()).unwrap_or(u32::MAX);
            permits.merge(self.bodies.try_acquire_many(count).map_err(busy)?);
            body.extend_from_slice(&part);
        }
        if !is_chunked {
            body.truncate(length);
        }
        let mut permits = vec![permits];
        // A busy site must not be taken for a dead one.
        if !health::PATHS.contains(&request.path()) && !self.page_cache.has_page(request.uri()) {
            permits.push(self.requests.try_acquire().map_err(busy)?);
        }
        Ok((body.freeze(), permits))
    }
}

/// Checks the lengths of target and headers.
fn check_head(request: &RequestHead) -> Result<(), PageError> {
    let target = request.uri.path_and_query();
    if target.is_some_and(|target| target.as_str().len() > MAX_TARGET) {
        let reason = format!("its URL is longer than {MAX_TARGET} bytes").into();
        return Err(PageError::Rejected(StatusCode::URI_TOO_LONG, reason));
    }
    let fields = request.headers().iter();
    let sizes = fields.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    if sizes.sum::<usize>() > MAX_HEADERS {
        let reason = format!("its header fields are larger than {MAX_HEADERS} bytes").into();
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(PageError::Rejected(status, reason));
    }
    Ok(())
}

/// Passes on requests that have arrived within the limits, and rejects the others. Only for connections of a
/// [`Server`](super::Server).
pub async fn limit_requests(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let limits = request.app_data::<Data<RequestLimits>>().cloned();
    let limits = limits.expect("the limits are registered with the application");
    let patience = request.conn_data().map(|peer: &PeerDeadline| peer.patience);
    let patience = patience.expect("every connection of the server has a deadline");
    let mut payload = request.take_payload();
    let received = limits.receive(&request, &mut payload, patience).await;
    let (mut response, closes) = match received {
        Ok((body, _permits)) => {
            request.set_payload(Payload::from(body));
            let response = next.call(request).await?.map_into_boxed_body();
            (response, limits.shutdown.is_cancelled())
        }
        Err(error) => {
            // actix reads and discards the rest of a body for the disconnect timeout only, unless a chunked payload is
            // dropped before the response is sent: then for as long as the client likes.
            rt::spawn(async move {
                sleep(patience).await;
                drop(payload);
            });
            (request.error_response(error), true)
        }
    };
    if closes {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
