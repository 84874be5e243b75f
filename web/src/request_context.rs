//! Which request the running code works for, so that every log record can say so.

use std::future::Future;
use std::sync::Arc;

/// What is known of a request from its first moment on.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// Names the request in logs, here and at whoever sent it.
    pub(crate) id: String,
    /// The pattern of its route, never what a visitor typed.
    pub(crate) route: String,
}

tokio::task_local! {
    static CURRENT: Arc<RequestContext>;
}

/// The request that the running code works for.
pub(crate) fn current() -> Option<Arc<RequestContext>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Runs a future for a request.
pub(crate) async fn scope<F: Future>(request: Arc<RequestContext>, future: F) -> F::Output {
    CURRENT.scope(request, future).await
}

/// Runs work for a request on another thread than the one that it came to.
pub(crate) fn carry<T>(request: Option<Arc<RequestContext>>, work: impl FnOnce() -> T) -> T {
    match request {
        Some(request) => CURRENT.sync_scope(request, work),
        None => work(),
    }
}
