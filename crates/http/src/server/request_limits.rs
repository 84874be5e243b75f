//! Request limits: the body arrives as a whole, within size and time limits, before the request is handled. What goes
//! beyond them gets an ordinary error page.

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{BytesMut, Data};
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use futures_util::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::min_rate::{PeerDeadline, time_for};
use super::shutdown::Shutdown;
use crate::error::PageError;

/// Path and query (bytes).
const MAX_TARGET: usize = 8 << 10;

/// All header fields together (bytes).
const MAX_HEADERS: usize = 32 << 10;

/// The bodies of all requests together (bytes).
const MAX_ALL_BODIES: usize = 256 << 20;

/// Answered whatever the load, so that a busy site isn't taken for a dead one.
const HEALTH_CHECKS: [&str; 2] = ["/healthz", "/readyz"];

/// Limits of all requests together and of each one.
pub struct RequestLimits {
    /// The largest body for a path (bytes).
    max_body: Box<dyn Fn(&str) -> usize + Send + Sync>,
    /// How long a body may lag behind the minimum rate.
    patience: Duration,
    bodies: Semaphore,
    requests: Semaphore,
    shutdown: Shutdown,
}

impl RequestLimits {
    /// `max_body` tells the largest body for a path (bytes).
    pub fn new(
        max_requests: usize,
        patience: Duration,
        shutdown: Shutdown,
        max_body: impl Fn(&str) -> usize + Send + Sync + 'static,
    ) -> Self {
        Self {
            max_body: Box::new(max_body),
            patience,
            bodies: Semaphore::new(MAX_ALL_BODIES),
            requests: Semaphore::new(max_requests),
            shutdown,
        }
    }

    /// Receives the body. The permits count as long as the request is handled.
    async fn receive(
        &self,
        request: &mut ServiceRequest,
    ) -> Result<(SemaphorePermit<'_>, Option<SemaphorePermit<'_>>), StatusCode> {
        let target = request.uri().path_and_query();
        if target.is_some_and(|target| target.as_str().len() > MAX_TARGET) {
            return Err(StatusCode::URI_TOO_LONG);
        }
        let fields = request.headers().iter();
        let size = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
            name.as_str().len() + value.len() + ": \r\n".len()
        };
        if fields.map(size).sum::<usize>() > MAX_HEADERS {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        let body = self.receive_body(request).await?;
        if HEALTH_CHECKS.contains(&request.path()) {
            return Ok((body, None));
        }
        let permit = self.requests.try_acquire();
        let permit = permit.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        Ok((body, Some(permit)))
    }

    async fn receive_body(
        &self,
        request: &mut ServiceRequest,
    ) -> Result<SemaphorePermit<'_>, StatusCode> {
        let max = (self.max_body)(request.path());
        let length = content_length(request);
        if length.is_some_and(|length| length > max as u64) {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        // What follows a request to upgrade has no end for actix.
        let length = length.map_or(usize::MAX, |length| {
            usize::try_from(length).unwrap_or(usize::MAX)
        });
        let mut payload = request.take_payload();
        let mut body = BytesMut::new();
        let mut permits = self
            .bodies
            .try_acquire_many(0)
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let began = Instant::now();
        while body.len() < length {
            let deadline = began + time_for(body.len());
            let deadline = deadline.min(Instant::now()) + self.patience;
            let part = match timeout_at(deadline, payload.next()).await {
                Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
                Ok(Some(Err(_))) => return Err(StatusCode::BAD_REQUEST),
                Ok(Some(Ok(part))) => part,
                Ok(None) => break,
            };
            if body.len() + part.len() > max {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            let count = u32::try_from(part.len()).unwrap_or(u32::MAX);
            match self.bodies.try_acquire_many(count) {
                Ok(more) => permits.merge(more),
                Err(_) => return Err(StatusCode::SERVICE_UNAVAILABLE),
            }
            body.extend_from_slice(&part);
        }
        body.truncate(length);
        request.set_payload(Payload::from(body.freeze()));
        Ok(permits)
    }
}

/// The length of a body (bytes); `None` if it is chunked.
fn content_length(request: &ServiceRequest) -> Option<u64> {
    let headers = request.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.trim().parse().ok());
    Some(length.unwrap_or(0))
}

/// Passes on requests that have arrived within the limits, and rejects the others.
///
/// # Errors
/// When the handler fails without a response.
///
/// # Panics
/// When no limits are registered.
pub async fn limit_requests(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let limits = request.app_data::<Data<RequestLimits>>().cloned();
    let limits = limits.expect("the limits are registered with the application");
    let peer = request.conn_data::<PeerDeadline>().cloned();
    if let Some(peer) = &peer {
        peer.suspend();
    }
    let _permits = match limits.receive(&mut request).await {
        Ok(permits) => permits,
        Err(status) => {
            if let Some(peer) = &peer {
                peer.close();
            }
            return Ok(request.into_response(rejection(status)));
        }
    };
    let outcome = next.call(request).await;
    if let Some(peer) = &peer {
        peer.resume();
    }
    let mut response = outcome?.map_into_boxed_body();
    if limits.shutdown.is_requested() {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// A response that ends the connection; its page comes from a layer further out.
fn rejection(status: StatusCode) -> HttpResponse {
    let mut response = match status {
        StatusCode::SERVICE_UNAVAILABLE => PageError::Overloaded.error_response(),
        status => HttpResponse::new(status),
    };
    response
        .head_mut()
        .set_connection_type(ConnectionType::Close);
    response
}
