//! Page cache: rendered public pages, kept in memory until the content changes.
//!
//! Handlers and domain crates know nothing about it. A cached page is valid for one content version
//! ([`oc_core::content_version`]). `Freshness` confirms it with the database. While that is unavailable, pages are
//! served as they are.

use std::mem::take;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpRequest};
use oc_core::DatabaseUrl;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::Mutex;

use crate::compression::{Effort, entity_tag};
use crate::db::Db;
use crate::error::PageError;
use crate::freshness::{Freshness, Version};
use crate::metrics::{CacheStatus, Metrics};
use crate::request_context::{self, Route};
use crate::stored_response::{StoredResponse, into_parts};

/// How long a request waits for another one that renders the same page.
const COALESCE_TIMEOUT: Duration = Duration::from_secs(1);

/// An estimate of what a page needs besides its bodies: key, headers, bookkeeping (bytes).
const OVERHEAD: usize = 1024;

/// An estimate of a page's size, for the cache's initial capacity (bytes).
const TYPICAL_PAGE: u64 = 16 * 1024;

/// Limits of the page cache.
#[derive(Debug, Clone, Copy)]
pub struct CacheLimits {
    /// The most memory that pages may take (bytes). 0 turns the cache off.
    pub size: u64,
    /// How long pages are served while the database is unavailable.
    pub stale_if_error: Duration,
}

/// Rendered public pages by path and query.
pub struct PageCache {
    pages: Cache<String, Arc<CachedPage>, PageWeight>,
    freshness: Arc<Freshness>,
    metrics: Metrics,
    limits: CacheLimits,
    is_canonical: fn(path: &str, query: &str) -> bool,
}

impl PageCache {
    /// `is_canonical` decides which queries may be cached: without that limit, made-up parameters could fill the cache.
    ///
    /// # Errors
    /// When the connection that confirms versions on SQLite can't be opened.
    pub fn new(
        db: Db,
        metrics: Metrics,
        url: &DatabaseUrl,
        limits: CacheLimits,
        is_canonical: fn(path: &str, query: &str) -> bool,
    ) -> anyhow::Result<Self> {
        let capacity = usize::try_from(limits.size / TYPICAL_PAGE).unwrap_or(usize::MAX);
        Ok(Self {
            pages: Cache::with_weighter(capacity, limits.size, PageWeight),
            freshness: Arc::new(Freshness::new(db, url)?),
            metrics,
            limits,
            is_canonical,
        })
    }

    /// Whether the database is unavailable, and pages are served without its confirmation.
    pub(crate) async fn serves_stale_pages(&self) -> bool {
        let version = self.freshness.confirm().await;
        self.limits.size > 0 && matches!(version, Version::Unavailable(_))
    }

    fn covers(&self, request: &ServiceRequest) -> bool {
        self.limits.size > 0
            && matches!(*request.method(), Method::GET | Method::HEAD)
            && (request.query_string().is_empty()
                || (self.is_canonical)(request.path(), request.query_string()))
    }

    /// Whether it has a page for this request, current or not.
    pub(crate) fn has_page(&self, uri: &Uri) -> bool {
        self.pages.peek(cache_key(uri)).is_some()
    }

    /// A page that may be served at once, without a database query.
    pub(crate) fn find(&self, uri: &Uri, now: Instant) -> Option<(Arc<CachedPage>, CacheStatus)> {
        let page = self.pages.get(cache_key(uri))?;
        let status = self.status(&page, self.freshness.known(now)?)?;
        Some((page, status))
    }

    /// The response with a page.
    async fn respond(
        &self,
        request: HttpRequest,
        page: &CachedPage,
        status: CacheStatus,
    ) -> ServiceResponse {
        self.metrics.page_cache(status);
        request.extensions_mut().insert(status);
        let response = page.response.respond(request.headers()).await;
        ServiceResponse::new(request, response)
    }

    /// Whether, and as what, a page may be served.
    fn status(&self, page: &CachedPage, version: Version) -> Option<CacheStatus> {
        match version {
            Version::Current(generation) if page.generation >= generation => Some(CacheStatus::Hit),
            Version::Current(_) => None,
            Version::Unavailable(since) => {
                (since.elapsed() <= self.limits.stale_if_error).then_some(CacheStatus::Stale)
            }
        }
    }
}

/// Serves a public page from the cache, or renders it and keeps it there. Most hits are served earlier, by `FastPath`.
///
/// # Errors
/// Those of the inner services.
pub async fn page_cache(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let cache = request.app_data::<Data<PageCache>>().cloned();
    let Some(cache) = cache.filter(|cache| cache.covers(&request)) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let started = Instant::now();
    let key = cache_key(request.uri()).to_owned();
    let outdated = cache.pages.get(&key);
    if let Some(page) = &outdated
        && let Some(status) = cache.status(page, cache.freshness.confirm().await)
    {
        return Ok(cache.respond(request.into_parts().0, page, status).await);
    }

    // One request renders the page; the others wait for it. Meanwhile the outdated page stays, in case of an outage.
    let (mut page, mut lock, mut guard) = (None, None, None);
    if let Some(outdated) = &outdated {
        lock = timeout(COALESCE_TIMEOUT, outdated.rendering.lock())
            .await
            .ok();
        page = cache.pages.get(&key);
    } else {
        let rendered = cache.pages.get_value_or_guard_async(&key);
        match timeout(COALESCE_TIMEOUT, rendered).await {
            Ok(Ok(rendered)) => page = Some(rendered),
            Ok(Err(vacant)) => guard = Some(vacant),
            Err(_) => {}
        }
    }
    let version = cache.freshness.confirm().await;
    if let Some(page) = page
        && let Some(status) = cache.status(&page, version)
    {
        return Ok(cache.respond(request.into_parts().0, &page, status).await);
    }

    let response = next.call(request).await?.map_into_boxed_body();
    if let (Version::Current(_), Some(page)) = (version, &outdated)
        && is_unavailable(&response)
    {
        // The database had confirmed the version a moment ago, and may be back by now. A busy one is no reason for an
        // outdated page.
        if cache.freshness.recheck_failed_since(started).await
            && started.elapsed() <= cache.limits.stale_if_error
        {
            let (request, _) = response.into_parts();
            return Ok(cache.respond(request, page, CacheStatus::Stale).await);
        }
        return Ok(response);
    }
    let Version::Current(generation) = version else {
        return Ok(response);
    };
    if !is_cacheable(response.status(), response.headers()) {
        // A page that is gone must not come back in an outage.
        if outdated.is_some() && !response.status().is_server_error() {
            cache.pages.remove(&key);
        }
        return Ok(response);
    }
    if lock.is_none() && guard.is_none() {
        return Ok(response);
    }
    let (request, mut head, body) = into_parts(response).await?;
    let page = Arc::new(CachedPage::new(take(head.headers_mut()), body, generation));
    match guard {
        Some(guard) => _ = guard.insert(Arc::clone(&page)),
        None => cache.pages.insert(key, Arc::clone(&page)),
    }
    Ok(cache.respond(request, &page, CacheStatus::Miss).await)
}

/// Path and query.
fn cache_key(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

/// Whether the database could not be used.
fn is_unavailable(response: &ServiceResponse<BoxBody>) -> bool {
    let error = response.response().error();
    let error = error.and_then(|error| error.as_error::<PageError>());
    matches!(error, Some(PageError::Unavailable(_)))
}

fn is_cacheable(status: StatusCode, headers: &HeaderMap) -> bool {
    let is_public = headers
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("public"));
    status == StatusCode::OK && is_public && !headers.contains_key(header::SET_COOKIE)
}

/// A rendered page.
pub(crate) struct CachedPage {
    pub(crate) response: Arc<StoredResponse>,
    pub(crate) route: Route,
    generation: u64,
    /// Held by the request that renders the replacement.
    rendering: Mutex<()>,
}

impl CachedPage {
    fn new(headers: HeaderMap, body: Bytes, generation: u64) -> Self {
        let tag = Some(entity_tag(&body));
        let route = request_context::current().map(|request| request.route.clone());
        Self {
            response: Arc::new(StoredResponse::new(headers, tag, body, Effort::Cached)),
            route: route.unwrap_or_else(Route::unknown),
            generation,
            rendering: Mutex::default(),
        }
    }
}

/// Counts every body of a page, compressed or not yet.
#[derive(Clone)]
struct PageWeight;

impl Weighter<String, Arc<CachedPage>> for PageWeight {
    fn weight(&self, key: &String, page: &Arc<CachedPage>) -> u64 {
        (OVERHEAD + key.len() + page.response.size()) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::rt::task::yield_now;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, HttpResponse};
    use futures_util::future::join_all;
    use oc_core::connect_pool;
    use oc_core::testing::TestDb;

    use super::*;
    use crate::routing::cached_page;

    fn page_cache(database: &TestDb, size: u64) -> anyhow::Result<PageCache> {
        let pool = connect_pool(database.url().clone(), 1)?;
        let metrics = Metrics::new("", "")?;
        let db = Db::new(pool, metrics.clone(), 8, false);
        let limits = CacheLimits {
            size,
            stale_if_error: Duration::from_mins(10),
        };
        PageCache::new(db, metrics, database.url(), limits, |_, _| true)
    }

    #[actix_web::test]
    async fn requests_for_one_page_render_it_once() -> anyhow::Result<()> {
        let database = TestDb::sqlite()?;
        let renders = Data::new(AtomicUsize::new(0));
        let app = App::new()
            .app_data(Data::new(page_cache(&database, 1 << 20)?))
            .app_data(renders.clone())
            .service(cached_page("/", async |renders: Data<AtomicUsize>| {
                yield_now().await;
                renders.fetch_add(1, Ordering::Relaxed);
                HttpResponse::Ok()
                    .insert_header((header::CACHE_CONTROL, "public, no-cache"))
                    .body("page")
            }));
        let app = init_service(app).await;

        let requests = (0..50).map(|_| call_service(&app, TestRequest::get().to_request()));
        for response in join_all(requests).await {
            assert_eq!(read_body(response).await, "page");
        }

        assert_eq!(renders.load(Ordering::Relaxed), 1);
        Ok(())
    }

    #[test]
    fn any_number_of_pages_stays_within_the_limit() -> anyhow::Result<()> {
        let cache = page_cache(&TestDb::sqlite()?, 1 << 20)?;
        let body = Bytes::from_static(&[b'x'; 4096]);
        let page = Arc::new(CachedPage::new(HeaderMap::new(), body, 1));
        for number in 0..1_000_000 {
            let target = format!("/lettings/?q={number}");
            cache.pages.insert(target, Arc::clone(&page));
        }
        assert!(
            (1 << 19..=1 << 20).contains(&cache.pages.weight()),
            "{}",
            cache.pages.weight()
        );
        Ok(())
    }
}
