//! The server: everything that requests share, and the layers that they pass.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::App;
use actix_web::http::header;
use actix_web::middleware::{Condition, from_fn};
use actix_web::rt::spawn;
use actix_web::web::{Data, PayloadConfig, get};
use anyhow::{Context, ensure};
use lettings::index;
use mail::OutgoingMail;
use oc_core::Pool;
use oc_http::health::{BuildInfo, DatabaseCheck, HealthChecks};
use oc_http::middleware::{check_host, compress, error_pages, request_log, security_headers};
use oc_http::page_cache::{CacheLimits, PageCache};
use oc_http::server::{CancellationToken, RequestLimits, Server, ServerOptions, limit_requests};
use oc_http::{
    Assets, Db, FastPath, Metrics, PageError, Pages, Site, TrustedProxies, metrics_page,
};
use transfer::ReferenceSchema;

use crate::app::{previews, routes};
use crate::config::{Config, Environment};
use crate::diagnostics::facts;
use crate::embedded::{Static, Templates};
use crate::listing::is_canonical;
use crate::process;
use crate::registry::REGISTRY;
use crate::telemetry;
use admin::{AdminState, CookieRules, ImageQueue, PasswordHasher};

/// Forms of the admin that need no login.
const FOR_ANYBODY: [&str; 3] = ["/admin/login/", "/admin/password_reset/", "/admin/reset/"];

/// Maximum body size of a login or public form, in bytes.
const MAX_PUBLIC_BODY: usize = 64 << 10;

/// How often rows that other tools have changed are indexed.
const INDEX_EVERY: Duration = Duration::from_secs(30);

/// How many of these rounds a rolling upgrade may take.
const UPGRADE_ROUNDS: u64 = 10;

/// Options of the metrics listener.
const METRICS_OPTIONS: ServerOptions = ServerOptions {
    workers: 1,
    max_connections: 16,
    client_timeout: Duration::from_secs(5),
    idle_timeout: Duration::from_mins(2),
    shutdown_delay: Duration::ZERO,
    shutdown_timeout: Duration::ZERO,
};

/// Serves the site until a signal stops it.
pub(crate) async fn run(config: &Config, pool: Pool) -> anyhow::Result<()> {
    // Reload changed templates at the next request; release builds embed them.
    let reload_templates = cfg!(debug_assertions) && config.environment == Environment::Development;
    let (shutdown, immediate) = process::listen_for_signals()?;
    let server = start(config, pool, reload_templates, shutdown.clone())?;
    let address = server.address;
    log::info!("serving http://{address}/ from {}", config.database_url);
    process::notify_systemd(server.heartbeat.clone(), &shutdown);
    let ended = immediate.run_until_cancelled(server.run()).await;
    ended.unwrap_or(Ok(()))
}

/// Starts the site; tests start the same one.
///
/// # Errors
/// If a template is invalid or the address is in use.
#[expect(
    clippy::too_many_lines,
    reason = "one list of everything that requests share"
)]
pub fn start(
    config: &Config,
    pool: Pool,
    reload_templates: bool,
    shutdown: CancellationToken,
) -> anyhow::Result<Server> {
    let assets = Assets::new::<Static>();
    let image = assets.url("og.png").unwrap_or_default();
    let site = Data::new(Site {
        public_url: config.public_url.clone(),
        image: format!("{}{image}", config.public_url),
        company: config.company(),
        hsts_include_subdomains: config.hsts_include_subdomains,
    });
    let pages = Data::new(Pages::load::<Templates>(assets.clone(), reload_templates)?);
    let assets = Data::new(assets);
    let build = Data::new(BuildInfo {
        version: env!("CARGO_PKG_VERSION"),
        revision: env!("OC_REVISION"),
    });
    let metrics =
        Metrics::new(build.version, build.revision).context("could not register metrics")?;
    let metrics = Data::new(metrics);
    let db = Data::new(Db::new(
        pool,
        metrics.get_ref().clone(),
        config.limits.database_queue,
        config.read_only,
    ));
    if let Some(address) = config.metrics_address {
        let server = listen_for_prometheus(address, &metrics, &db)?;
        let address = server.address;
        spawn(async {
            if let Err(error) = server.run().await {
                log::error!("metrics listener failed: {error:#}");
            }
        });
        log::info!("metrics for Prometheus on http://{address}/metrics");
    }
    if !config.read_only {
        let indexing = index_changes(db.clone());
        spawn(shutdown.clone().run_until_cancelled_owned(indexing));
    }
    let currency = Data::new(config.currency.clone());
    let hosts = Data::new(config.allowed_hosts.clone());
    let keys = Data::new(AdminState {
        registry: REGISTRY
            .in_time_zone(config.time_zone)
            .with_mail(config.mail.smtp_url.is_some()),
        secret: config.secret_key.clone(),
        require_totp: config.require_totp,
        hasher: PasswordHasher::default(),
        image_queue: ImageQueue::default(),
        previews,
    });
    let proxies = Data::new(TrustedProxies(config.trusted_proxies.clone()));

    let reference = Mutex::new(None);
    let mut checks = vec![DatabaseCheck::new(
        "tables",
        "incomplete",
        true,
        move |conn| {
            let mut reference = reference.lock().expect("no panic while it is held");
            if reference.is_none() {
                *reference = Some(ReferenceSchema::new()?);
            }
            reference
                .as_mut()
                .map_or(Ok(()), |it| it.check_complete(conn))
        },
    )];
    if let Some(mailer) = config.mail.mailer()
        && !config.read_only
    {
        let (metrics, shutdown) = (metrics.clone(), shutdown.clone());
        spawn(admin::send_mails(mailer, db.clone(), metrics, shutdown));
        checks.push(DatabaseCheck::new("mail", "delayed", false, |conn| {
            ensure!(
                !OutgoingMail::is_delayed(conn)?,
                "mails are waiting to be retried"
            );
            Ok(())
        }));
    }

    // A read-only site needs no free space.
    let file = config.database_url.file().filter(|_| !config.read_only);
    let page_cache = Data::new(PageCache::new(
        db.get_ref().clone(),
        metrics.get_ref().clone(),
        &config.database_url,
        CacheLimits {
            size: config.page_cache_size,
            stale_if_error: config.stale_if_error,
        },
        is_canonical,
    )?);
    let checks = Data::new(HealthChecks::new(
        db.get_ref().clone(),
        page_cache.clone(),
        file,
        checks,
        shutdown.clone(),
        *build.get_ref(),
    ));
    let facts = Data::new(facts(config));
    let reports = config.sentry.dsn.is_some();
    // Starts a trace per request, even if timings are off. Internal errors are reported where they become a page,
    // because this middleware misses those without an `Error`.
    let sentry = sentry_actix::Sentry::builder()
        .capture_server_errors(false)
        .start_transaction(true)
        .finish();

    let max_body = config.limits.body;
    let limits = Data::new(RequestLimits::new(
        config.limits.requests,
        shutdown.clone(),
        page_cache.clone(),
        move |path| {
            let is_for_staff = path.starts_with("/admin/")
                && !FOR_ANYBODY.iter().any(|form| path.starts_with(form));
            if is_for_staff {
                admin::max_body(REGISTRY, path).unwrap_or(max_body)
            } else {
                max_body.min(MAX_PUBLIC_BODY)
            }
        },
    ));
    let fast_path = Arc::new(FastPath {
        limits: limits.clone(),
        hosts: hosts.clone(),
        proxies: proxies.clone(),
        site: site.clone(),
        checks: checks.clone(),
        assets: assets.clone(),
        page_cache: page_cache.clone(),
        metrics: metrics.clone(),
    });
    let listener = process::bind(&config.host, config.port)?;
    // The last layer is the outermost.
    let app = move || {
        App::new()
            .app_data(site.clone())
            .app_data(pages.clone())
            .app_data(assets.clone())
            .app_data(build.clone())
            .app_data(db.clone())
            .app_data(checks.clone())
            .app_data(page_cache.clone())
            .app_data(metrics.clone())
            .app_data(facts.clone())
            .app_data(currency.clone())
            .app_data(hosts.clone())
            .app_data(proxies.clone())
            .app_data(keys.clone())
            .app_data(limits.clone())
            .app_data(PayloadConfig::new(max_body))
            .service(admin::scope(&db, &keys, CookieRules { https: true }, {
                let (proxies, site) = (proxies.clone(), site.clone());
                move |head| {
                    let host = head.headers().get(header::HOST);
                    // For the public URL the visitor used https, if that does, whatever the proxy did.
                    proxies.is_https(head)
                        || host.is_some_and(|host| {
                            host.to_str().is_ok_and(|host| site.is_https_at(host))
                        })
                }
            }))
            .service(admin::scope(
                &db,
                &keys,
                CookieRules { https: false },
                |_| true,
            ))
            .configure(routes)
            .wrap(from_fn(check_host))
            .wrap(from_fn(limit_requests))
            .wrap(from_fn(error_pages))
            .wrap(from_fn(compress))
            .wrap(from_fn(security_headers))
            .wrap(Condition::new(reports, from_fn(telemetry::sentry_scope)))
            .wrap(Condition::new(reports, sentry.clone()))
            .wrap(from_fn(request_log))
    };
    let options = ServerOptions {
        workers: config.workers,
        max_connections: process::raise_file_limit(config.limits.connections),
        client_timeout: config.limits.client_timeout,
        idle_timeout: config.limits.idle_timeout,
        shutdown_delay: config.limits.shutdown_delay.unwrap_or_default(),
        // Leave time to send queued reports.
        shutdown_timeout: config
            .limits
            .shutdown_timeout
            .saturating_sub(telemetry::flush_timeout(config)),
    };
    let respond = move |request: &_| fast_path.respond(request);
    Server::new(listener, options, shutdown, respond, app)
}

/// Indexes rows that other tools have changed, and once, after an upgrade, what nodes of the previous version indexed.
async fn index_changes(db: Data<Db>) {
    for round in 0_u64.. {
        actix_web::rt::time::sleep(INDEX_EVERY).await;
        let outcome = match db.read(|conn| Ok(index::is_current(conn)?)).await {
            Ok(_) if round == UPGRADE_ROUNDS => db.run_long(|conn| Ok(index::refold(conn)?)).await,
            Ok(false) => db.run_long(|conn| Ok(index::catch_up(conn)?)).await,
            outcome => outcome,
        };
        match outcome {
            // An outage is logged where requests meet it.
            Ok(_) | Err(PageError::Unavailable(_) | PageError::Overloaded) => {}
            Err(error) => log::error!("could not update the search index: {error:?}"),
        }
    }
}

/// Serves `/metrics` for as long as the returned server runs, on its own listener, which visitors can't reach.
///
/// # Errors
/// If the address is in use.
fn listen_for_prometheus(
    address: SocketAddr,
    metrics: &Data<Metrics>,
    db: &Data<Db>,
) -> anyhow::Result<Server> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for METRICS_ADDR"))?;
    let (metrics, db) = (metrics.clone(), db.clone());
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .app_data(db.clone())
            .route("/metrics", get().to(metrics_page))
            .wrap(from_fn(security_headers))
    };
    // Metrics can be read until the program ends, so that a shutdown is visible in them.
    Server::new(
        listener,
        METRICS_OPTIONS,
        CancellationToken::new(),
        |_| None,
        app,
    )
}
