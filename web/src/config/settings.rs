//! The settings as clap arguments: the name of each field in capitals is its variable, its comment is the help.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Args, Parser};
use ipnet::IpNet;
use oc_http::AllowedHosts;

use super::value::{
    host, log_filter, network, public_url, sample_rate, seconds, sentry_name, socket_address,
    switch, whole_number,
};

/// Secrets are read as text and checked later, because clap prints wrong values.
#[derive(Parser)]
#[command(no_binary_name = true, rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct Settings {
    /// development or production
    #[arg(long, default_value = "development")]
    pub(super) app_env: Environment,
    #[command(flatten)]
    pub(super) database: DatabaseSettings,
    #[command(flatten)]
    pub(super) server: ServerSettings,
    #[command(flatten)]
    pub(super) limits: Limits,
    #[command(flatten)]
    pub(super) site: SiteSettings,
    #[command(flatten)]
    pub(super) logging: LogSettings,
    #[command(flatten)]
    pub(super) sentry: SentrySettings,
    /// Address and port to serve Prometheus metrics on; not served if unset
    #[arg(long, value_parser = socket_address)]
    pub(super) metrics_addr: Option<SocketAddr>,
}

#[derive(Args)]
#[command(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct DatabaseSettings {
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, default_value = "sqlite://oc-lettings.sqlite3")]
    pub(super) database_url: String,
    /// Maximum number of database connections, 1 to 200; /readyz has one more
    #[arg(long, default_value = "8", value_parser = whole_number(1_u32..=200))]
    pub(super) database_pool_size: u32,
    /// Serve pages only: nothing is written, nobody can log in (true or false)
    #[arg(long, default_value = "false", action = ArgAction::Set, value_parser = switch)]
    pub(super) read_only: bool,
}

#[derive(Args)]
#[command(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct ServerSettings {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_parser = host)]
    pub(super) host: String,
    /// Port to listen on; 0 for any free port
    #[arg(long, default_value = "8000", value_parser = whole_number(0_u16..=u16::MAX))]
    pub(super) port: u16,
    /// Worker threads, 1 to 256; one per CPU if unset
    #[arg(long, value_parser = whole_number(1_usize..=256))]
    pub(super) workers: Option<usize>,
}

/// Limits on what clients may use, and on the time for a stop.
#[derive(Debug, Clone, Copy, Args)]
pub struct Limits {
    /// Maximum number of connections
    #[arg(long = "MAX_CONNECTIONS", default_value = "16384", value_parser = whole_number(1_usize..=1_000_000))]
    pub connections: usize,
    /// Maximum number of requests handled at a time
    #[arg(long = "MAX_REQUESTS", default_value = "2048", value_parser = whole_number(1_usize..=1_000_000))]
    pub requests: usize,
    /// Maximum number of requests waiting for a database connection
    #[arg(long = "DATABASE_QUEUE", default_value = "1024", value_parser = whole_number(1_usize..=1_000_000))]
    pub database_queue: usize,
    /// Maximum size of a form or file, in bytes
    #[arg(long = "MAX_BODY_SIZE", default_value = "8388608", value_parser = whole_number(1024_usize..=256 << 20))]
    pub body: usize,
    /// Seconds to wait for request headers, and for a client that is too slow
    #[arg(long = "CLIENT_TIMEOUT", default_value = "10", value_parser = seconds)]
    pub client_timeout: Duration,
    /// Seconds to wait for the next request on a connection
    #[arg(long = "IDLE_TIMEOUT", default_value = "60", value_parser = seconds)]
    pub idle_timeout: Duration,
    /// Seconds that running requests may take after the signal to stop
    #[arg(long = "SHUTDOWN_TIMEOUT", default_value = "30", value_parser = seconds)]
    pub shutdown_timeout: Duration,
}

#[derive(Args)]
#[command(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct SiteSettings {
    /// Address of the site for visitors, such as <https://www.example.org>; derived from the other settings if unset
    #[arg(long, value_parser = public_url)]
    pub(super) public_url: Option<String>,
    /// Host names of the site, separated by commas; required in production, localhost in development
    #[arg(long)]
    pub(super) allowed_hosts: Option<AllowedHosts>,
    /// Addresses or networks of proxies whose X-Forwarded-* headers are trusted, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = network)]
    pub(super) trusted_proxies: Vec<IpNet>,
    /// Secret of 32 bytes or more; required in production, generated at each start in development
    #[arg(long)]
    pub(super) secret_key: Option<String>,
    /// Superusers must use two-factor authentication (true or false)
    #[arg(long, default_value = "false", action = ArgAction::Set, value_parser = switch)]
    pub(super) require_totp: bool,
}

#[derive(Args)]
#[command(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct LogSettings {
    /// Log levels, such as warn or info,web=debug
    #[arg(long, default_value = "info", value_parser = log_filter)]
    pub(super) rust_log: String,
    /// text or json
    #[arg(long, default_value = "text")]
    pub(super) log_format: LogFormat,
}

#[derive(Args)]
#[command(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct SentrySettings {
    /// Sentry project to report errors to, such as <https://KEY@HOST/PROJECT>; nothing is reported if unset
    #[arg(long)]
    pub(super) sentry_dsn: Option<String>,
    /// Name of this installation in Sentry; APP_ENV if unset
    #[arg(long, value_parser = sentry_name)]
    pub(super) sentry_environment: Option<String>,
    /// Name of this release in Sentry; the git revision if unset
    #[arg(long, value_parser = sentry_name)]
    pub(super) sentry_release: Option<String>,
    /// Share of requests whose timings are sent to Sentry, 0 to 1
    #[arg(long, default_value = "0", value_parser = sample_rate)]
    pub(super) sentry_traces_sample_rate: f32,
    /// Send IP addresses, browsers and user ids to Sentry (true or false)
    #[arg(long, default_value = "false", action = ArgAction::Set, value_parser = switch)]
    pub(super) sentry_send_default_pii: bool,
}

/// The setting `APP_ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Everything has a default; a new database gets demo data.
    Development,
    /// Settings without a safe default are required.
    Production,
}

impl FromStr for Environment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "development" => Ok(Self::Development),
            "production" => Ok(Self::Production),
            _ => Err("it must be development or production"),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Production => "production",
        })
    }
}

/// The setting `LOG_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("it must be text or json"),
        }
    }
}
