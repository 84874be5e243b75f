//! Work on threads that may block.

use actix_web::error::BlockingError;
use actix_web::web;
use sentry::Hub;

use crate::request_context;

/// Runs `work` on a thread that may block, with the request context and Sentry hub of the caller.
pub async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BlockingError> {
    let request = request_context::current();
    let hub = Hub::current();
    web::block(move || Hub::run(hub, || request_context::run_with(request, work))).await
}
