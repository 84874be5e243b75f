//! Every setting: its name, its default, its meaning and its check.

use std::collections::HashMap;

use anyhow::Context;
use ipnet::IpNet;
use oc_core::DatabaseUrl;
use url::Url;

use super::hosts::AllowedHosts;
use super::read::{InvalidSetting, Source, refuse};
use super::secret::SecretKey;

/// The settings of one run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether this is a developer's machine or the real thing.
    pub environment: Environment,
    /// Where the database is.
    pub database_url: DatabaseUrl,
    /// The most connections to the database at a time.
    pub database_pool_size: u32,
    /// The address or name to listen on.
    pub host: String,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Threads that answer requests.
    pub workers: usize,
    /// Where visitors find the site, without a slash at the end.
    pub public_url: String,
    /// The hosts that the site answers for.
    pub allowed_hosts: AllowedHosts,
    /// Proxies whose `X-Forwarded-…` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Signs what the site hands out.
    pub secret_key: SecretKey,
    /// What is logged, in the notation of `env_logger`.
    pub log_filter: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

/// Whether this is a developer's machine or the real thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Defaults for everything, demo data in a new database.
    Development,
    /// Nothing is made up: what has no safe default must be set.
    Production,
}

/// How log records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// A JSON object a line.
    Json,
}

/// Name, default, meaning: what `--help` prints, and what a test holds `.env.sample` against.
const SETTINGS: [(&str, &str, &str); 12] = [
    ("APP_ENV", "development", "development or production"),
    (
        "DATABASE_URL",
        "sqlite://oc-lettings.sqlite3",
        "sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME",
    ),
    (
        "DATABASE_POOL_SIZE",
        "8",
        "the most connections to the database at a time, 1 to 200",
    ),
    ("HOST", "127.0.0.1", "the address to listen on"),
    ("PORT", "8000", "the port to listen on"),
    (
        "WORKERS",
        "one a processor",
        "threads that answer requests, 1 to 256",
    ),
    (
        "PUBLIC_URL",
        "from the above",
        "where visitors find the site, such as https://www.example.org",
    ),
    (
        "ALLOWED_HOSTS",
        "localhost",
        "names the site answers for, between commas; required in production",
    ),
    (
        "TRUSTED_PROXIES",
        "none",
        "addresses or networks of proxies whose X-Forwarded-… headers count",
    ),
    (
        "SECRET_KEY",
        "made up at each start",
        "32 bytes or more, kept secret; required in production",
    ),
    (
        "RUST_LOG",
        "info",
        "what is logged, such as warn or info,web=debug",
    ),
    ("LOG_FORMAT", "text", "text or json"),
];

/// The settings as a table, for the end of every `--help`.
#[must_use]
pub fn help() -> String {
    let lines = SETTINGS
        .map(|(name, default, meaning)| format!("  {name:<20}{meaning} [default: {default}]"))
        .join("\n");
    format!(
        "Settings (environment; in development also a file .env):\n{lines}\n\n\
         Exit codes: 0 done, 1 failed, 2 wrong usage."
    )
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
        let environment = |name: &str| std::env::var(name).ok();
        let file = match environment("APP_ENV").as_deref() {
            Some("production") => HashMap::new(),
            _ => dot_env().context("cannot read the file .env")?,
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
        let environment = source.choice(
            "APP_ENV",
            &[
                ("development", Environment::Development),
                ("production", Environment::Production),
            ],
        )?;
        let host = source
            .text("HOST")
            .unwrap_or_else(|| "127.0.0.1".to_owned());
        let port = source.parse("PORT", 8000, "it must be a whole number from 0 to 65535")?;
        let allowed_hosts = allowed_hosts(&source, environment)?;
        Ok(Self {
            environment,
            database_url: database_url(&source)?,
            database_pool_size: source.parse_if(
                "DATABASE_POOL_SIZE",
                8,
                "it must be a whole number from 1 to 200",
                |size| (1..=200).contains(size),
            )?,
            workers: source.parse_if(
                "WORKERS",
                std::thread::available_parallelism().map_or(1, usize::from),
                "it must be a whole number from 1 to 256",
                |workers| (1..=256).contains(workers),
            )?,
            public_url: public_url(&source, environment, &allowed_hosts, port)?,
            allowed_hosts,
            trusted_proxies: trusted_proxies(&source)?,
            secret_key: secret_key(&source, environment)?,
            log_filter: log_filter(&source)?,
            log_format: source.choice(
                "LOG_FORMAT",
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            )?,
            host: host_name(host)?,
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

fn database_url(source: &Source<'_>) -> Result<DatabaseUrl, InvalidSetting> {
    let text = source
        .text("DATABASE_URL")
        .unwrap_or_else(|| "sqlite://oc-lettings.sqlite3".to_owned());
    text.parse().map_err(|error| {
        // What is not understood may hold a password all the same.
        let shown = text
            .split_once("://")
            .map_or("(hidden)", |(scheme, _)| scheme);
        refuse("DATABASE_URL", Some(format!("{shown}…")), error)
    })
}

fn host_name(host: String) -> Result<String, InvalidSetting> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
    if host.chars().all(plain) {
        return Ok(host);
    }
    Err(refuse(
        "HOST",
        Some(host),
        "it must be an address such as 127.0.0.1 or ::, or a host name",
    ))
}

fn allowed_hosts(
    source: &Source<'_>,
    environment: Environment,
) -> Result<AllowedHosts, InvalidSetting> {
    const ALLOWED: &str = "it must be host names between commas, without scheme and port; .example.org stands for all below it";
    match source.text("ALLOWED_HOSTS") {
        Some(text) => text
            .parse()
            .map_err(|()| refuse("ALLOWED_HOSTS", Some(text), ALLOWED)),
        None if environment == Environment::Production => Err(refuse(
            "ALLOWED_HOSTS",
            None,
            format!("in production {ALLOWED}"),
        )),
        None => Ok(AllowedHosts::local()),
    }
}

fn public_url(
    source: &Source<'_>,
    environment: Environment,
    allowed_hosts: &AllowedHosts,
    port: u16,
) -> Result<String, InvalidSetting> {
    const ALLOWED: &str =
        "it must be where visitors find the site, such as https://www.example.org, without a path";
    if let Some(text) = source.text("PUBLIC_URL") {
        let url = Url::parse(&text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        return match url {
            Some(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
            None => Err(refuse("PUBLIC_URL", Some(text), ALLOWED)),
        };
    }
    match (environment, allowed_hosts.first()) {
        (Environment::Development, _) => Ok(format!("http://localhost:{port}")),
        (Environment::Production, Some(host)) => Ok(format!("https://{host}")),
        (Environment::Production, None) => Err(refuse(
            "PUBLIC_URL",
            None,
            format!("where ALLOWED_HOSTS names no single host, {ALLOWED}"),
        )),
    }
}

fn trusted_proxies(source: &Source<'_>) -> Result<Vec<IpNet>, InvalidSetting> {
    let text = source.text("TRUSTED_PROXIES").unwrap_or_default();
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse()
                .or_else(|_| part.parse().map(|address: std::net::IpAddr| address.into()))
        })
        .collect::<Result<_, _>>()
        .map_err(|_| {
            refuse(
                "TRUSTED_PROXIES",
                Some(text.clone()),
                "it must be addresses or networks between commas, such as 10.0.0.1,172.16.0.0/12",
            )
        })
}

fn secret_key(source: &Source<'_>, environment: Environment) -> Result<SecretKey, InvalidSetting> {
    match source.text("SECRET_KEY") {
        Some(key) => SecretKey::new(key)
            .map_err(|why| refuse("SECRET_KEY", Some("(hidden)".to_owned()), why)),
        None if environment == Environment::Production => Err(refuse(
            "SECRET_KEY",
            None,
            "in production it must have 32 bytes or more, and stay secret; `openssl rand -hex 32` makes one",
        )),
        None => Ok(SecretKey::random()),
    }
}

fn log_filter(source: &Source<'_>) -> Result<String, InvalidSetting> {
    let filter = source.text("RUST_LOG").unwrap_or_else(|| "info".to_owned());
    match env_filter::Builder::new().try_parse(&filter) {
        Ok(_) => Ok(filter),
        Err(error) => Err(refuse(
            "RUST_LOG",
            Some(filter),
            format!("it must be levels, such as warn or info,web=debug ({error})"),
        )),
    }
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
        assert!(config.allowed_hosts.allow("localhost:8000"));
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
            ("HOST", "http://localhost"),
            ("PORT", "65536"),
            ("WORKERS", "many"),
            ("PUBLIC_URL", "www.example.org"),
            ("PUBLIC_URL", "https://example.org/shop"),
            ("ALLOWED_HOSTS", "https://example.org"),
            ("TRUSTED_PROXIES", "proxy.local"),
            ("RUST_LOG", "web=loud"),
            ("LOG_FORMAT", "xml"),
        ] {
            let message = read(&[(name, value)]).err().unwrap_or_default();

            assert!(
                message.starts_with(&format!("{name} is {value:?}: it must be")),
                "{message}"
            );
        }
    }

    #[test]
    fn no_secret_is_printed() {
        for (name, value) in [
            ("SECRET_KEY", "hunter2"),
            ("DATABASE_URL", "mysql://oc:hunter2@db/oc"),
            ("DATABASE_URL", "host=db password=hunter2"),
        ] {
            let message = read(&[(name, value)]).err().unwrap_or_default();

            assert!(
                message.starts_with(name) && !message.contains("hunter2"),
                "{message}"
            );
        }
    }

    #[test]
    fn proxies_are_addresses_or_networks() -> Result<(), String> {
        let config = read(&[("TRUSTED_PROXIES", "10.0.0.1, 172.16.0.0/12,::1")])?;

        assert_eq!(config.trusted_proxies.len(), 3);
        Ok(())
    }

    #[test]
    fn the_sample_file_names_every_setting() {
        let sample = include_str!("../../../.env.sample");

        for (name, _, _) in SETTINGS {
            assert!(sample.contains(&format!("{name}=")), "{name} is missing");
        }
        assert_eq!(
            sample.lines().filter(|line| line.contains('=')).count(),
            SETTINGS.len()
        );
    }
}
