//! `check`: whether the settings, the database and the machine are in order.

use std::thread;

use anyhow::{Context, Error, bail, ensure};
use clap::Args;
use diesel::RunQueryDsl;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use lettings::{ListedLetting, index};
use log::LevelFilter;
use oc_core::{DbConnection, DiskSpace, integrity, migrations, version};
use oc_http::server::CancellationToken;
use transfer::ReferenceSchema;

use super::{health, output::print, start};
use crate::card;
use crate::config::{Config, MailConfig};
use crate::listing::LISTS;
use crate::server;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only check that the running process answers `/healthz`
    #[arg(long)]
    health: bool,
}

/// Prints a line for each check that passes, and fails at the first one that doesn't.
pub(crate) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.health {
        return health::check(config);
    }
    print(format_args!(
        "program: {} ({})",
        env!("CARGO_PKG_VERSION"),
        env!("OC_REVISION")
    ))?;
    print(format_args!(
        "settings: ok ({}, {})",
        config.environment, config.public_url
    ))?;
    match &config.sentry.dsn {
        None => print(format_args!("sentry: off (SENTRY_DSN is not set)"))?,
        Some(dsn) => print(format_args!(
            "sentry: on (to {}, environment {}, release {})",
            dsn.host(),
            config.sentry.environment,
            config.sentry.release
        ))?,
    }
    match config.mail.mailer() {
        None => print(format_args!("mail: off (SMTP_URL is not set)"))?,
        Some(mailer) => {
            mailer
                .test_connection()
                .context("cannot connect to the mail server at SMTP_URL")?;
            print(format_args!("mail: ok"))?;
        }
    }
    let mut conn = start::open_to_inspect(config)?;
    let (name, version) = version(&mut conn)?;
    print(format_args!(
        "database: ok ({name} {version} at {})",
        config.direct_url()
    ))?;
    start::check_sessions(config)?;
    if config.database_direct_url.is_some() {
        check_pooler(config)?;
    }
    if matches!(conn, DbConnection::Sqlite(_)) {
        if let Some(damage) = integrity::damage(&mut conn)? {
            bail!(damage);
        }
        print(format_args!("integrity: ok"))?;
    }
    start::check_migrated(&mut conn)?;
    let newer = match migrations::status(&mut conn)?.unknown.last() {
        Some(version) => format!("; newer, but compatible: {version}"),
        None => String::new(),
    };
    print(format_args!("migrations: ok (none pending{newer})"))?;
    check_pages(config, &mut conn)?;
    ReferenceSchema::new()?
        .check_complete(&mut conn)
        .context("the database is not complete")?;
    print(format_args!("tables: ok"))?;
    check_search(config, &mut conn)?;
    if config.read_only {
        print(format_args!("write access: not needed (READ_ONLY)"))?;
        return Ok(());
    }
    let missing = integrity::missing_privileges(&mut conn)?.join(", ");
    ensure!(
        missing.is_empty(),
        "permission denied for tables: no {missing}"
    );
    start::check_writable(&mut conn)?;
    print(format_args!("write access: ok"))?;
    if let Some(file) = config.database_url.file() {
        let space = DiskSpace::at(&file)
            .with_context(|| format!("cannot measure the disk space at {}", file.display()))?;
        ensure!(
            space.is_enough(),
            "the disk of {} is nearly full: {space}",
            file.display()
        );
        print(format_args!("disk: ok ({space})"))?;
    }
    Ok(())
}

/// Runs two statements through the pooler, which must lead to the same database.
fn check_pooler(config: &Config) -> anyhow::Result<()> {
    let pool = config.pool()?;
    let name = |conn: &mut DbConnection| {
        let name = "SELECT current_database() || ' ' || pg_postmaster_start_time()::text";
        sql::<Text>(name).get_result::<String>(conn)
    };
    let direct = name(&mut start::open_to_inspect(config)?)?;
    for _ in 0..2 {
        let pooled = pool.run(&mut *pool.get()?, name)?;
        ensure!(
            pooled == direct,
            "DATABASE_URL and DATABASE_DIRECT_URL lead to different databases"
        );
    }
    print(format_args!("pooler: ok (at {})", config.database_url))
}

/// Serves the site on a free port, and requests a page of each kind.
fn check_pages(config: &Config, conn: &mut DbConnection) -> anyhow::Result<()> {
    let fixed = ["/"].into_iter().chain(LISTS).chain(["/sitemap.xml"]);
    let mut paths: Vec<_> = fixed.map(str::to_owned).collect();
    let newest = ListedLetting::newest(conn, 1)?;
    paths.extend(newest.iter().map(|letting| card::path(letting.id)));
    if !config.read_only {
        paths.push("/admin/login/".to_owned());
    }
    let count = paths.len();
    let local = Config {
        host: "127.0.0.1".to_owned(),
        port: 0,
        workers: 1,
        database_pool_size: 1,
        metrics_address: None,
        mail: MailConfig::default(),
        allowed_hosts: "localhost".parse().map_err(Error::msg)?,
        ..config.clone()
    };
    let pool = local.pool()?;
    // All are open from the start: OpenSSL crashes in a thread that still opens one when the process ends.
    drop((pool.get()?, pool.get()?));
    // Leaves out the access log; a failing page logs an error.
    log::set_max_level(LevelFilter::Warn);
    actix_web::rt::System::new().block_on(async {
        let done = CancellationToken::new();
        let server = server::start(&local, pool, false, CancellationToken::new())?;
        let port = server.address.port();
        let checked = done.clone();
        let client = thread::spawn(move || {
            let outcome = paths.iter().try_for_each(|path| {
                let response = health::get(("127.0.0.1", port), "localhost", path)?;
                let status = response.lines().next().unwrap_or_default();
                ensure!(
                    status.contains(" 200 "),
                    "cannot render the page {path}: {status}"
                );
                Ok(())
            });
            checked.cancel();
            outcome
        });
        done.run_until_cancelled(server.run()).await.transpose()?;
        client
            .join()
            .unwrap_or_else(|_| bail!("the check of the pages panicked"))
    })?;
    print(format_args!("pages: ok ({count} rendered)"))
}

/// Prints whether searches use an index.
fn check_search(config: &Config, conn: &mut DbConnection) -> anyhow::Result<()> {
    if !index::is_current(conn)? {
        print(format_args!(
            "search: some changes are not indexed yet; `oc-lettings migrate` does it now"
        ))?;
    } else if config.read_only || index::has_trigrams(conn)? {
        print(format_args!("search: ok"))?;
    } else {
        print(format_args!("search: {}", start::NO_TRIGRAMS))?;
    }
    Ok(())
}
