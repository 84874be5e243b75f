//! The one door to threads that may block.

use actix_web::error::BlockingError;
use actix_web::web;
use sentry::Hub;

use crate::request_context;

/// Runs work on a thread that may block, for the request that the caller works for.
///
/// # Errors
/// When the work panicked or the pool of threads is gone.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BlockingError> {
    let request = request_context::current();
    let hub = Hub::current();
    web::block(move || Hub::run(hub, || request_context::carry(request, work))).await
}
