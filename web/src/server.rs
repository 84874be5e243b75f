//! The server: everything that requests share, and the layers that they pass.

use std::net::{SocketAddr, TcpListener};

use actix_web::dev::RequestHead;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer, dev};
use anyhow::Context;
use oc_core::Pool;

use crate::admin::{self, CookieRules, Hashing, Keys};
use crate::app::routes;
use crate::assets::Assets;
use crate::config::{Config, Environment};
use crate::db::Db;
use crate::head::preview;
use crate::middleware::{check_host, error_pages, observe, represent, security_headers};
use crate::pages::Pages;
use crate::proxies::Proxies;
use crate::site::Site;

/// Serves the site until it is told to stop.
pub(crate) async fn run(config: &Config, pool: Pool) -> anyhow::Result<()> {
    let assets = match config.environment {
        Environment::Development => Assets::from_checkout(),
        Environment::Production => Assets::embedded(),
    };
    let (server, address) = start(config, pool, assets)?;
    // Whoever reads that it serves may ask it to end at once: it must hear signals by then.
    let server = actix_web::rt::spawn(server);
    actix_web::rt::task::yield_now().await;
    log::info!("serving http://{address}/ from {}", config.database_url);
    server
        .await
        .context("the server panicked")?
        .context("the server failed")
}

/// Starts the site and says where it listens; tests start the same one.
///
/// # Errors
/// When a template is broken, or the address is taken.
pub fn start(
    config: &Config,
    pool: Pool,
    assets: Assets,
) -> anyhow::Result<(dev::Server, SocketAddr)> {
    let site = Data::new(Site::new(config.public_url.clone(), &preview(&assets)));
    let pages = Data::new(Pages::load(assets.clone())?);
    let assets = Data::new(assets);
    let db = Data::new(Db::new(pool));
    let hosts = Data::new(config.allowed_hosts.clone());
    let keys = Data::new(Keys {
        secret: config.secret_key.clone(),
        require_totp: config.require_totp,
    });
    let hashing = Data::new(Hashing::new());
    let proxies = Data::new(Proxies(config.trusted_proxies.clone()));
    let always_https = config.public_url.starts_with("https://");

    let place = (config.host.as_str(), config.port);
    let listener = TcpListener::bind(place)
        .with_context(|| format!("cannot listen on {}:{}", config.host, config.port))?;
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    // The last layer is the outermost.
    let server = HttpServer::new(move || {
        App::new()
            .app_data(site.clone())
            .app_data(pages.clone())
            .app_data(assets.clone())
            .app_data(db.clone())
            .app_data(hosts.clone())
            .app_data(proxies.clone())
            .app_data(keys.clone())
            .app_data(hashing.clone())
            .service(admin::scope(&db, &keys, CookieRules { https: true }, {
                let proxies = proxies.clone();
                move |head| always_https || over_https(&proxies, head)
            }))
            .service(admin::scope(
                &db,
                &keys,
                CookieRules { https: false },
                |_| true,
            ))
            .configure(routes)
            .wrap(from_fn(check_host))
            .wrap(from_fn(error_pages))
            .wrap(from_fn(represent))
            .wrap(from_fn(security_headers))
            .wrap(from_fn(observe))
    })
    .workers(config.workers)
    .listen(listener)
    .context("cannot use the listener")?
    .run();
    Ok((server, address))
}

/// Whether a request came over https.
fn over_https(proxies: &Proxies, head: &RequestHead) -> bool {
    let peer = head.peer_addr.map(|peer| peer.ip());
    proxies.say_https(peer, head.headers())
}
