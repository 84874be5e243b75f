//! All the settings of one run, and where they come from.

use std::collections::HashMap;
use std::env::VarError;
use std::net::SocketAddr;

use anyhow::{Context, bail};
use ipnet::IpNet;
use oc_core::DatabaseUrl;

use super::environment::Environment;
use super::logging::LogFormat;
use super::sentry::Sentry;
use super::{
    database, environment, help, limits, listening, logging, metrics, second_factor, secret_key,
    sentry, visitors,
};
use crate::config::read::{InvalidSetting, Source};
use crate::listener::Limits;
use oc_http::AllowedHosts;
use oc_http::SecretKey;

/// The settings of one run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether this is a developer's machine or the real thing.
    pub environment: Environment,
    /// Where the database is.
    pub database_url: DatabaseUrl,
    /// The most connections to the database at a time.
    pub database_pool_size: u32,
    /// Whether nothing may be written.
    pub read_only: bool,
    /// The address or name to listen on.
    pub host: String,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Threads that answer requests.
    pub workers: usize,
    /// What clients may cost.
    pub limits: Limits,
    /// Where visitors find the site, without a slash at the end.
    pub public_url: String,
    /// The hosts that the site answers for.
    pub allowed_hosts: AllowedHosts,
    /// Proxies whose `X-Forwarded-…` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Signs what the site hands out.
    pub secret_key: SecretKey,
    /// Whether superusers must have a second factor.
    pub require_totp: bool,
    /// What is logged, in the notation of `env_logger`.
    pub log_filter: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// How errors are reported, where they are.
    pub sentry: Option<Sentry>,
    /// Where figures for Prometheus are served, where they are.
    pub metrics_address: Option<SocketAddr>,
}

impl Config {
    /// Reads the environment, and in development the file `.env` behind it.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    #[expect(
        clippy::disallowed_methods,
        reason = "this module reads the environment, and nothing else does"
    )]
    pub fn from_env() -> anyhow::Result<Self> {
        for name in help::names() {
            if matches!(std::env::var(name), Err(VarError::NotUnicode(_))) {
                bail!("{name} is not text: it must be written in UTF-8");
            }
        }
        let environment = |name: &str| std::env::var(name).ok();
        let told = environment("APP_ENV");
        let file = match told.as_deref().map(str::trim) {
            Some("production") => HashMap::new(),
            told => {
                let file = dot_env().context("cannot read the file .env")?;
                if told.is_none_or(str::is_empty) {
                    refuse_production(&file)?;
                }
                file
            }
        };
        Ok(Self::read(&|name| {
            environment(name).or_else(|| file.get(name).cloned())
        })?)
    }

    /// Reads the settings from a function that knows them by name, so that a test needs no environment.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        Ok(Self::read(lookup)?)
    }

    /// Reads the settings from a function that knows them by name.
    fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, InvalidSetting> {
        let source = Source(lookup);
        let environment = environment::environment(&source)?;
        let port = listening::port(&source)?;
        let allowed_hosts = visitors::allowed_hosts(&source, environment)?;
        Ok(Self {
            environment,
            database_url: database::database_url(&source)?,
            database_pool_size: database::database_pool_size(&source)?,
            read_only: database::read_only(&source)?,
            workers: listening::workers(&source)?,
            limits: limits::limits(&source)?,
            public_url: visitors::public_url(&source, environment, &allowed_hosts, port)?,
            allowed_hosts,
            trusted_proxies: visitors::trusted_proxies(&source)?,
            secret_key: secret_key::secret_key(&source, environment)?,
            require_totp: second_factor::require_totp(&source)?,
            log_filter: logging::log_filter(&source)?,
            log_format: logging::log_format(&source)?,
            sentry: sentry::sentry(&source, environment)?,
            metrics_address: metrics::metrics_address(&source)?,
            host: listening::host(&source)?,
            port,
        })
    }
}

/// What the file `.env` says, if there is one in the working directory.
fn dot_env() -> anyhow::Result<HashMap<String, String>> {
    match dotenvy::from_path_iter(".env") {
        Ok(lines) => Ok(lines.collect::<Result<_, _>>()?),
        Err(error) if error.not_found() => Ok(HashMap::new()),
        Err(error) => Err(error.into()),
    }
}

/// Where the file says that this is production it must not be read, and nothing else in it may count.
fn refuse_production(file: &HashMap<String, String>) -> anyhow::Result<()> {
    let environment = file.get("APP_ENV").map(|value| value.trim());
    if environment == Some(Environment::Production.name()) {
        bail!(
            "APP_ENV is \"production\" in the file .env: production reads the environment alone, so set it there with \
             all other settings, and take the line out of the file"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Config, String> {
        let settings: HashMap<&str, &str> = settings.iter().copied().collect();
        Config::read(&|name| settings.get(name).map(|value| (*value).to_owned()))
            .map_err(|error| error.to_string())
    }

    const PRODUCTION: [(&str, &str); 3] = [
        ("APP_ENV", "production"),
        ("ALLOWED_HOSTS", "www.example.org"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ];

    #[test]
    fn development_needs_no_setting() -> Result<(), String> {
        let config = read(&[])?;

        assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 8000));
        assert_eq!(
            config.database_url.to_string(),
            "sqlite://oc-lettings.sqlite3"
        );
        assert_eq!(config.public_url, "http://localhost:8000");
        assert!(config.allowed_hosts.allows("localhost:8000"));
        Ok(())
    }

    #[test]
    fn production_makes_nothing_up() -> Result<(), String> {
        for missing in ["ALLOWED_HOSTS", "SECRET_KEY"] {
            let settings: Vec<_> = PRODUCTION
                .into_iter()
                .filter(|(name, _)| *name != missing)
                .collect();

            let message = read(&settings).err().unwrap_or_default();

            assert!(
                message.starts_with(&format!("{missing} is not set: in production")),
                "{message}"
            );
        }
        assert_eq!(read(&PRODUCTION)?.public_url, "https://www.example.org");
        Ok(())
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_allowed() {
        for (name, value) in [
            ("APP_ENV", "staging"),
            ("DATABASE_POOL_SIZE", "0"),
            ("READ_ONLY", "maybe"),
            ("HOST", "http://localhost"),
            ("HOST", "256.1.1.1"),
            ("HOST", "127.0.0.1:80"),
            ("PORT", "65536"),
            ("WORKERS", "many"),
            ("MAX_CONNECTIONS", "0"),
            ("MAX_REQUESTS", "-1"),
            ("MAX_BODY_SIZE", "8M"),
            ("DATABASE_QUEUE", "lots"),
            ("CLIENT_TIMEOUT", "0"),
            ("IDLE_TIMEOUT", "86401"),
            ("SHUTDOWN_TIMEOUT", "30s"),
            ("PUBLIC_URL", "www.example.org"),
            ("PUBLIC_URL", "https://example.org/shop"),
            ("ALLOWED_HOSTS", "https://example.org"),
            ("ALLOWED_HOSTS", "www..example.org"),
            ("TRUSTED_PROXIES", "proxy.local"),
            ("RUST_LOG", "web=loud"),
            ("REQUIRE_TOTP", "maybe"),
            ("LOG_FORMAT", "xml"),
            ("SENTRY_ENVIRONMENT", "a/b"),
            ("SENTRY_RELEASE", "a b"),
            ("SENTRY_TRACES_SAMPLE_RATE", "1.5"),
            ("SENTRY_TRACES_SAMPLE_RATE", "NaN"),
            ("SENTRY_SEND_DEFAULT_PII", "none"),
            ("METRICS_ADDR", "9100"),
        ] {
            let message = read(&[(name, value)]).err().unwrap_or_default();

            assert!(
                message.starts_with(&format!("{name} is {value:?}: it must be")),
                "{message}"
            );
        }
    }

    #[test]
    fn a_switch_is_off_until_it_is_set_in_one_of_the_usual_words() -> Result<(), String> {
        assert!(!read(&[])?.require_totp && !read(&[])?.read_only);
        for (value, expected) in [("yes", true), ("TRUE", true), ("1", true), ("no", false)] {
            assert_eq!(read(&[("REQUIRE_TOTP", value)])?.require_totp, expected);
            assert_eq!(read(&[("READ_ONLY", value)])?.read_only, expected);
        }
        Ok(())
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
            let message = read(&[(name, value)]).err().unwrap_or_default();

            assert!(
                message.starts_with(name) && !message.contains("hunter2"),
                "{message}"
            );
        }
    }

    #[test]
    fn reports_name_the_revision_and_the_environment_unless_told_otherwise() -> Result<(), String> {
        let dsn = ("SENTRY_DSN", "https://key@sentry.example/7");

        let plain = read(&[dsn])?.sentry.ok_or("nothing is reported")?;
        let told = read(&[
            dsn,
            ("SENTRY_ENVIRONMENT", "staging"),
            ("SENTRY_RELEASE", "r1"),
            ("SENTRY_SEND_DEFAULT_PII", "false"),
        ])?;
        let told = told.sentry.ok_or("nothing is reported")?;

        assert_eq!(plain.environment, "development");
        assert_eq!(plain.release, env!("OC_REVISION"));
        assert!(plain.send_default_pii);
        assert_eq!((&*told.environment, &*told.release), ("staging", "r1"));
        assert!(!told.send_default_pii);
        assert!(read(&[])?.sentry.is_none());
        Ok(())
    }

    #[test]
    fn proxies_are_addresses_or_networks() -> Result<(), String> {
        let config = read(&[("TRUSTED_PROXIES", "10.0.0.1, 172.16.0.0/12,::1")])?;

        assert_eq!(config.trusted_proxies.len(), 3);
        Ok(())
    }
}
