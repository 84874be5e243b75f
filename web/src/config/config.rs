//! The checked settings of one run.

use std::net::SocketAddr;

use ipnet::IpNet;
use oc_core::DatabaseUrl;
use oc_http::{AllowedHosts, SecretKey};
use sentry::types::Dsn;

use super::env::{self, Problems, problem};
use super::settings::{Environment, Limits, LogFormat, SentrySettings, Settings, SiteSettings};
use super::value::is_remote;

/// The settings of one run; `settings.rs` describes them.
pub struct Config {
    /// `APP_ENV`.
    pub environment: Environment,
    /// `DATABASE_URL`.
    pub database_url: DatabaseUrl,
    /// `DATABASE_POOL_SIZE`.
    pub database_pool_size: u32,
    /// `READ_ONLY`.
    pub read_only: bool,
    /// `HOST`.
    pub host: String,
    /// `PORT`; 0 for any free port.
    pub port: u16,
    /// `WORKERS`.
    pub workers: usize,
    /// Limits on what clients may use, and on the time for a stop.
    pub limits: Limits,
    /// `PUBLIC_URL`, without a slash at the end.
    pub public_url: String,
    /// `ALLOWED_HOSTS`.
    pub allowed_hosts: AllowedHosts,
    /// `TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
    /// `SECRET_KEY`.
    pub secret_key: SecretKey,
    /// `REQUIRE_TOTP`.
    pub require_totp: bool,
    /// `RUST_LOG`.
    pub log_filter: String,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `SENTRY_…`; `None` without `SENTRY_DSN`.
    pub sentry: Option<Sentry>,
    /// `METRICS_ADDR`.
    pub metrics_address: Option<SocketAddr>,
}

/// How errors are reported.
pub struct Sentry {
    /// `SENTRY_DSN`, which contains a key.
    pub dsn: Dsn,
    /// `SENTRY_ENVIRONMENT`.
    pub environment: String,
    /// `SENTRY_RELEASE`.
    pub release: String,
    /// `SENTRY_TRACES_SAMPLE_RATE`.
    pub traces_sample_rate: f32,
    /// `SENTRY_SEND_DEFAULT_PII`.
    pub send_default_pii: bool,
}

impl Config {
    /// Reads the environment and, in development, the file `.env`.
    ///
    /// # Errors
    /// Names every wrong setting with its value and what is allowed.
    pub fn from_env() -> anyhow::Result<Self> {
        Self::from_lookup(&env::lookup()?)
    }

    /// Reads the settings from a function, so that a test needs no environment.
    ///
    /// # Errors
    /// Names every wrong setting with its value and what is allowed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let (settings, mut problems) = env::read(lookup);
        let environment = settings.app_env;
        let database_url = note(&mut problems, database_url(&settings));
        let allowed_hosts = note(&mut problems, allowed_hosts(&settings.site, environment));
        let public_url = allowed_hosts
            .as_ref()
            .and_then(|hosts| note(&mut problems, public_url(&settings, hosts)));
        let secret_key = note(&mut problems, secret_key(&settings.site, environment));
        let sentry = note(&mut problems, sentry(settings.sentry, environment));
        let (
            true,
            Some(database_url),
            Some(allowed_hosts),
            Some(public_url),
            Some(secret_key),
            Some(sentry),
        ) = (
            problems.is_empty(),
            database_url,
            allowed_hosts,
            public_url,
            secret_key,
            sentry,
        )
        else {
            return Err(Problems(problems).into());
        };
        Ok(Self {
            environment,
            database_url,
            database_pool_size: settings.database.database_pool_size,
            read_only: settings.database.read_only,
            host: settings.server.host,
            port: settings.server.port,
            workers: settings
                .server
                .workers
                .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
            limits: settings.limits,
            public_url,
            allowed_hosts,
            trusted_proxies: settings.site.trusted_proxies,
            secret_key,
            require_totp: settings.site.require_totp,
            log_filter: settings.logging.rust_log,
            log_format: settings.logging.log_format,
            sentry,
            metrics_address: settings.metrics_addr,
        })
    }
}

/// Notes a problem, unless one of the same setting is noted already.
fn note<T>(problems: &mut Vec<String>, result: Result<T, String>) -> Option<T> {
    let name = |problem: &String| problem.split(' ').next().map(str::to_owned);
    match result {
        Ok(value) => return Some(value),
        Err(new) if problems.iter().any(|old| name(old) == name(&new)) => {}
        Err(new) => problems.push(new),
    }
    None
}

fn database_url(settings: &Settings) -> Result<DatabaseUrl, String> {
    let text = &settings.database.database_url;
    // The rest may contain a password.
    let scheme = text
        .split_once("://")
        .map_or("(hidden)", |(scheme, _)| scheme);
    let shown = format!("{scheme}…");
    let reject = |allowed: &str| problem("DATABASE_URL", Some(&shown), allowed);
    let url: DatabaseUrl = text.parse().map_err(|error| reject(&format!("{error}")))?;
    let is_production = settings.app_env == Environment::Production;
    if is_production && !cfg!(feature = "postgres-tls") && is_remote(&url) {
        return Err(reject(
            "this build has no TLS for a PostgreSQL server on another machine; build it with `--features postgres-tls`",
        ));
    }
    Ok(url)
}

fn allowed_hosts(
    settings: &SiteSettings,
    environment: Environment,
) -> Result<AllowedHosts, String> {
    match (&settings.allowed_hosts, environment) {
        (Some(hosts), _) => Ok(hosts.clone()),
        (None, Environment::Development) => Ok(AllowedHosts::local()),
        (None, Environment::Production) => Err(problem(
            "ALLOWED_HOSTS",
            None,
            "production requires the host names of the site, such as www.example.org",
        )),
    }
}

fn public_url(settings: &Settings, allowed_hosts: &AllowedHosts) -> Result<String, String> {
    match (
        &settings.site.public_url,
        settings.app_env,
        allowed_hosts.first(),
    ) {
        (Some(url), ..) => Ok(url.clone()),
        (None, Environment::Development, _) => {
            Ok(format!("http://localhost:{}", settings.server.port))
        }
        (None, Environment::Production, Some(host)) => Ok(format!("https://{host}")),
        (None, Environment::Production, None) => Err(problem(
            "PUBLIC_URL",
            None,
            "it is required where ALLOWED_HOSTS contains only patterns",
        )),
    }
}

fn secret_key(settings: &SiteSettings, environment: Environment) -> Result<SecretKey, String> {
    match (&settings.secret_key, environment) {
        (Some(key), _) => SecretKey::new(key.clone())
            .map_err(|allowed| problem("SECRET_KEY", Some("(hidden)"), allowed)),
        (None, Environment::Development) => Ok(SecretKey::random()),
        (None, Environment::Production) => Err(problem(
            "SECRET_KEY",
            None,
            "production requires a secret of 32 bytes or more; generate one with `openssl rand -hex 32`",
        )),
    }
}

fn sentry(settings: SentrySettings, environment: Environment) -> Result<Option<Sentry>, String> {
    let Some(dsn) = settings.sentry_dsn else {
        return Ok(None);
    };
    let dsn = dsn.parse().map_err(|error| {
        let allowed = format!("it must be a DSN such as https://KEY@HOST/PROJECT ({error})");
        problem("SENTRY_DSN", Some("(hidden)"), &allowed)
    })?;
    let release = settings.sentry_release;
    Ok(Some(Sentry {
        dsn,
        environment: settings
            .sentry_environment
            .unwrap_or_else(|| environment.to_string()),
        release: release.unwrap_or_else(|| env!("OC_REVISION").to_owned()),
        traces_sample_rate: settings.sentry_traces_sample_rate,
        send_default_pii: settings.sentry_send_default_pii,
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Config, String> {
        let settings: HashMap<&str, &str> = settings.iter().copied().collect();
        Config::from_lookup(&|name| settings.get(name).map(|value| (*value).to_owned()))
            .map_err(|error| error.to_string())
    }

    const PRODUCTION: [(&str, &str); 3] = [
        ("APP_ENV", "production"),
        ("ALLOWED_HOSTS", "www.example.org"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ];

    #[test]
    fn development_needs_no_setting() -> Result<(), String> {
        let config = read(&[("PORT", " ")])?;

        assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 8000));
        assert_eq!(
            config.database_url.to_string(),
            "sqlite://oc-lettings.sqlite3"
        );
        assert_eq!(config.public_url, "http://localhost:8000");
        assert!(config.allowed_hosts.allows("localhost:8000"));
        assert!(!config.read_only && !config.require_totp && config.sentry.is_none());
        assert_eq!(config.limits.body, 8 << 20);
        Ok(())
    }

    #[test]
    fn production_requires_what_has_no_safe_default() -> Result<(), String> {
        let problems = read(&PRODUCTION[..1]).err().unwrap_or_default();

        let lines: Vec<&str> = problems.lines().collect();
        assert_eq!(lines.len(), 2, "{problems}");
        assert!(lines[0].starts_with("ALLOWED_HOSTS is not set: production requires"));
        assert!(lines[1].starts_with("SECRET_KEY is not set: production requires"));
        assert_eq!(read(&PRODUCTION)?.public_url, "https://www.example.org");
        Ok(())
    }

    #[test]
    fn production_requires_tls_to_a_remote_server() {
        let remote = ("DATABASE_URL", "postgres://oc:hunter2@db.example.org/oc");

        let production = read(&[&PRODUCTION[..], &[remote]].concat());

        assert_eq!(production.is_ok(), cfg!(feature = "postgres-tls"));
        let problem = production.err().unwrap_or_default();
        assert!(!problem.contains("hunter2"), "{problem}");
        assert!(read(&[remote]).is_ok());
    }

    #[test]
    fn every_wrong_value_is_named_with_what_is_allowed() {
        let wrong = [
            ("APP_ENV", "staging"),
            ("DATABASE_POOL_SIZE", "0"),
            ("READ_ONLY", "maybe"),
            ("HOST", "http://localhost"),
            ("PORT", "65536"),
            ("WORKERS", "many"),
            ("MAX_CONNECTIONS", "0"),
            ("MAX_REQUESTS", "-1"),
            ("DATABASE_QUEUE", "lots"),
            ("MAX_BODY_SIZE", "8M"),
            ("CLIENT_TIMEOUT", "0"),
            ("IDLE_TIMEOUT", "86401"),
            ("SHUTDOWN_TIMEOUT", "30s"),
            ("PUBLIC_URL", "https://example.org/shop"),
            ("ALLOWED_HOSTS", "www..example.org"),
            ("TRUSTED_PROXIES", "10.0.0.1,proxy.local"),
            ("REQUIRE_TOTP", "maybe"),
            ("RUST_LOG", "web=loud"),
            ("LOG_FORMAT", "xml"),
            ("SENTRY_ENVIRONMENT", "a/b"),
            ("SENTRY_RELEASE", "a b"),
            ("SENTRY_TRACES_SAMPLE_RATE", "NaN"),
            ("SENTRY_SEND_DEFAULT_PII", "none"),
            ("METRICS_ADDR", "9100"),
        ];

        let problems = read(&wrong).err().unwrap_or_default();

        let lines: Vec<&str> = problems.lines().collect();
        assert_eq!(lines.len(), wrong.len(), "{problems}");
        for (line, (name, value)) in lines.iter().zip(wrong) {
            let start = format!("{name} is {value:?}: it must be ");
            assert!(line.starts_with(&start), "{line}");
        }
    }

    #[test]
    fn other_wrong_values_are_rejected_too() {
        for (name, value) in [
            ("HOST", "256.1.1.1"),
            ("HOST", "127.0.0.1:80"),
            ("PUBLIC_URL", "www.example.org"),
            ("ALLOWED_HOSTS", "https://example.org"),
            ("SENTRY_TRACES_SAMPLE_RATE", "1.5"),
        ] {
            assert!(read(&[(name, value)]).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn no_secret_is_printed() {
        for (name, value) in [
            ("SECRET_KEY", "hunter2"),
            ("DATABASE_URL", "mysql://oc:hunter2@db/oc"),
            ("DATABASE_URL", "host=db password=hunter2"),
            ("SENTRY_DSN", "https://hunter2@sentry.example/"),
            ("SENTRY_DSN", "https://key:hunter2@sentry.example/"),
            ("SENTRY_DSN", "0123456789abhunter2"),
        ] {
            let problem = read(&[(name, value)]).err().unwrap_or_default();

            assert!(
                problem.starts_with(name) && !problem.contains("hunter2"),
                "{problem}"
            );
        }
    }

    #[test]
    fn sentry_has_defaults() -> Result<(), String> {
        let dsn = ("SENTRY_DSN", "https://key@sentry.example/7");

        let default = read(&[dsn])?.sentry.ok_or("no Sentry")?;
        let named = read(&[
            dsn,
            ("SENTRY_ENVIRONMENT", "staging"),
            ("SENTRY_RELEASE", "r1"),
            ("SENTRY_SEND_DEFAULT_PII", "yes"),
        ])?;
        let named = named.sentry.ok_or("no Sentry")?;

        assert_eq!(default.environment, "development");
        assert_eq!(default.release, env!("OC_REVISION"));
        assert!(!default.send_default_pii && named.send_default_pii);
        assert_eq!((&*named.environment, &*named.release), ("staging", "r1"));
        Ok(())
    }

    #[test]
    fn proxies_are_addresses_or_networks() -> Result<(), String> {
        let config = read(&[("TRUSTED_PROXIES", "10.0.0.1, 172.16.0.0/12,::1")])?;

        assert_eq!(config.trusted_proxies.len(), 3);
        Ok(())
    }
}
