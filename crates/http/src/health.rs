//! Health checks: `/healthz`, `/readyz`, and the same checks for staff.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::http::header::{self, HeaderValue};
use actix_web::rt::time::timeout;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use diesel::result::Error;
use oc_core::hints::is_transient;
use oc_core::migrations::{self, MigrateError};
use oc_core::{DbConnection, DiskSpace, integrity};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::blocking::run_blocking;
use crate::compression::Effort;
use crate::db::Db;
use crate::error::PageError;
use crate::page_cache::PageCache;
use crate::stored_response::StoredResponse;

/// The paths of both checks, which answer whatever the Host header is.
pub(crate) const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// The outcome of a check that passed.
pub const OK: &str = "ok";

/// How long one check may take; after that it has failed.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// How long the outcome of a [`DatabaseCheck`] is cached: the checks are expensive, and `/readyz` is public.
const OUTCOME_AGE: Duration = Duration::from_secs(30);

type Check = dyn Fn(&mut DbConnection) -> anyhow::Result<()> + Send + Sync;

/// A database check supplied by another crate.
pub struct DatabaseCheck {
    name: &'static str,
    failure: &'static str,
    is_required: bool,
    check: Box<Check>,
    latest: Mutex<Option<(Instant, &'static str)>>,
}

impl DatabaseCheck {
    /// `failure` is a short reason. Without `is_required`, the site is ready even if the check fails.
    pub fn new(
        name: &'static str,
        failure: &'static str,
        is_required: bool,
        check: impl Fn(&mut DbConnection) -> anyhow::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            failure,
            is_required,
            check: Box::new(check),
            latest: Mutex::default(),
        }
    }

    /// Its outcome, at most [`OUTCOME_AGE`] old. A reason is logged when the check begins to fail.
    fn run(&self, conn: &mut DbConnection) -> Result<&'static str, PageError> {
        let latest = *self.latest.lock().expect("no panic while it is held");
        if let Some((checked_at, outcome)) = latest
            && checked_at.elapsed() < OUTCOME_AGE
        {
            return Ok(outcome);
        }
        let outcome = match (self.check)(conn) {
            Ok(()) => OK,
            // `Db` decides whether the database is unavailable.
            Err(error) if error.is::<Error>() => return Err(PageError::Internal(error)),
            Err(error) => {
                if latest.is_none_or(|(_, outcome)| outcome == OK) {
                    log::warn!("health check of {} failed: {error:#}", self.name);
                }
                self.failure
            }
        };
        *self.latest.lock().expect("no panic while it is held") = Some((Instant::now(), outcome));
        Ok(outcome)
    }
}

/// Version and git revision of the running program.
#[derive(Debug, Clone, Copy)]
pub struct BuildInfo {
    /// The version in the manifest.
    pub version: &'static str,
    /// The git commit.
    pub revision: &'static str,
}

/// The conditions under which the site can serve requests.
pub struct HealthChecks {
    db: Db,
    page_cache: Data<PageCache>,
    database_file: Option<PathBuf>,
    database_checks: Arc<[DatabaseCheck]>,
    shutdown: CancellationToken,
    /// The response of `/healthz`.
    pub(crate) healthz: Arc<StoredResponse>,
}

impl HealthChecks {
    /// `database_file` is that of a SQLite database that is written to.
    pub fn new(
        db: Db,
        page_cache: Data<PageCache>,
        database_file: Option<PathBuf>,
        database_checks: Vec<DatabaseCheck>,
        shutdown: CancellationToken,
        build: BuildInfo,
    ) -> Self {
        let health = json!({ "status": OK, "revision": build.revision, "version": build.version });
        let content_type = HeaderValue::from_static("application/json");
        let headers = [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let headers = headers.into_iter().collect();
        let body = health.to_string().into();
        Self {
            healthz: Arc::new(StoredResponse::new(headers, None, body, Effort::Fast)),
            db,
            page_cache,
            database_file,
            database_checks: database_checks.into(),
            shutdown,
        }
    }

    /// Runs all checks: names and results, [`OK`] or a short reason.
    pub async fn run(&self) -> BTreeMap<&'static str, &'static str> {
        let mut checks = self.check_database().await;
        if let Some(file) = self.database_file.clone() {
            // On a thread of its own with a time limit, because a network file system may hang.
            let space = timeout(TIME_LIMIT, run_blocking(move || DiskSpace::at(&file))).await;
            let disk = match space {
                Ok(Ok(Ok(space))) if space.is_enough() => OK,
                Ok(Ok(Ok(_))) => "low",
                // Open connections go on with a deleted file, until the restart.
                Ok(Ok(Err(error))) if error.kind() == ErrorKind::NotFound => "missing",
                _ => "unknown",
            };
            checks.insert("disk", disk);
        }
        if self.page_cache.serves_stale_pages().await {
            checks.insert("page_cache", "stale");
        }
        if self.shutdown.is_cancelled() {
            checks.insert("process", "stopping");
        }
        checks
    }

    /// Outcomes of the checks that need the database; `unknown` for those that don't finish in time.
    async fn check_database(&self) -> BTreeMap<&'static str, &'static str> {
        let names = self.database_checks.iter().map(|check| check.name);
        let mut outcomes: BTreeMap<_, _> = names.map(|name| (name, "unknown")).collect();
        outcomes.extend([("database", "failed"), ("migrations", "unknown")]);
        let outcomes = Arc::new(Mutex::new(outcomes));
        let (checks, checked) = (Arc::clone(&self.database_checks), Arc::clone(&outcomes));
        let writes = !self.db.is_read_only();
        let all = self.db.check(move |conn| {
            let set = |name, outcome| {
                let mut outcomes = checked.lock().expect("no panic while it is held");
                outcomes.insert(name, outcome);
            };
            let is_read_only = writes && integrity::is_read_only(conn)?;
            set("database", if is_read_only { "read-only" } else { OK });
            let migrations = match migrations::status(conn) {
                Ok(status) if status.pending.is_empty() => OK,
                Ok(_) => "pending",
                Err(MigrateError::Database(error)) if is_transient(&error) => {
                    return Err(error.into());
                }
                Err(_) => "failed",
            };
            set("migrations", migrations);
            for check in &*checks {
                set(check.name, check.run(conn)?);
            }
            Ok(())
        });
        timeout(TIME_LIMIT, all).await.ok();
        outcomes.lock().expect("no panic while it is held").clone()
    }

    fn is_ready(&self, outcomes: &BTreeMap<&'static str, &'static str>) -> bool {
        let optional = self.database_checks.iter().filter(|it| !it.is_required);
        let optional: Vec<_> = optional.map(|check| check.name).collect();
        let mut outcomes = outcomes.iter();
        outcomes.all(|(name, outcome)| *outcome == OK || optional.contains(name))
    }
}

/// `/healthz`: the process is alive. Checks nothing else.
pub async fn healthz(checks: Data<HealthChecks>, request: HttpRequest) -> HttpResponse {
    checks.healthz.respond(request.headers()).await
}

/// `/readyz`: every check by name; 503 when one has failed.
pub async fn readyz(checks: Data<HealthChecks>) -> HttpResponse {
    let outcomes = checks.run().await;
    let is_ready = checks.is_ready(&outcomes);
    let (mut response, status) = if is_ready {
        (HttpResponse::Ok(), OK)
    } else {
        let mut response = HttpResponse::ServiceUnavailable();
        response.insert_header((header::RETRY_AFTER, "5"));
        (response, "failed")
    };
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "status": status, "checks": outcomes }))
}
