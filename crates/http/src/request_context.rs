//! The request that the running code belongs to, for log records.

use std::sync::Arc;

use actix_web::http::header::HeaderValue;

/// Id and route of a request.
#[derive(Debug)]
pub struct RequestContext {
    /// The request id, also sent in `X-Request-Id`.
    pub id: String,
    /// The route.
    pub route: Route,
}

impl RequestContext {
    /// The context of a request whose id is safe to log.
    pub(crate) fn new(id: &HeaderValue, route: Route) -> Arc<Self> {
        let id = String::from_utf8_lossy(id.as_bytes()).into_owned();
        Arc::new(Self { id, route })
    }
}

/// A route as logs, metrics and traces name it.
#[derive(Debug, Clone)]
pub struct Route {
    /// The pattern, never the path that was requested.
    pub name: Arc<str>,
    /// Whether the path contains text, which may be personal, such as a username.
    pub(crate) has_text: bool,
}

impl Route {
    /// The route of a path that has none.
    pub(crate) fn unknown() -> Self {
        Self::new("(unknown)", false)
    }

    /// A route with this pattern.
    pub fn new(name: &str, has_text: bool) -> Self {
        Self {
            name: name.into(),
            has_text,
        }
    }
}

tokio::task_local! {
    pub(crate) static CURRENT: Arc<RequestContext>;
}

/// The request that the running code belongs to.
pub fn current() -> Option<Arc<RequestContext>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Runs `work` for a request, on any thread.
pub fn run_with<T>(request: Option<Arc<RequestContext>>, work: impl FnOnce() -> T) -> T {
    match request {
        Some(request) => CURRENT.sync_scope(request, work),
        None => work(),
    }
}
