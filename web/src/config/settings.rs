//! The settings, described as clap arguments: name of the variable, help, default and check.
#![allow(
    rustdoc::bare_urls,
    clippy::doc_markdown,
    reason = "doc comments are the text of --help"
)]

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use admin::{SecretKey, TimeZone};
use clap::{ArgAction, Args, Parser, ValueEnum};
use lettings::facts::Currency;
use mail::{Mailbox, Mailer, SmtpTransportBuilder};
use oc_core::{DatabaseUrl, OpenError, Pool, Sessions};
use oc_http::{AllowedHosts, Company};
use sentry::types::Dsn;

use super::value::{
    Networks, contact_url, cpus, duration, email_address, host, log_filter, networks, phone_number,
    public_url, sample_rate, seconds, secret_key, sentry_name, size, socket_address, switch,
    whole_number,
};

/// The settings of one run. The name of a field in capitals is its variable, unless `long` names another.
#[derive(Clone, Parser)]
#[command(no_binary_name = true, rename_all = "SCREAMING_SNAKE_CASE")]
pub struct Config {
    /// development or production
    #[arg(long = "APP_ENV", default_value = "development")]
    pub environment: Environment,
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME
    #[arg(long, default_value = "sqlite://oc-lettings.sqlite3")]
    pub database_url: DatabaseUrl,
    /// The database itself, where DATABASE_URL is a pooler in transaction mode; for migrations and commands
    #[arg(long)]
    pub database_direct_url: Option<DatabaseUrl>,
    /// Maximum number of database connections, 1 to 200; /readyz has one more
    #[arg(long, default_value = "8", value_parser = whole_number(1_u32..=200))]
    pub database_pool_size: u32,
    /// Serve pages only: logins and changes are rejected (true or false)
    #[arg(long, default_value = "false", action = ArgAction::Set, value_parser = switch)]
    pub read_only: bool,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_parser = host)]
    pub host: String,
    /// Port to listen on; 0 for any free port
    #[arg(long, default_value = "8000", value_parser = whole_number(0_u16..=u16::MAX))]
    pub port: u16,
    /// Worker threads, 1 to 256; one per CPU if unset
    #[arg(long, default_value_t = cpus(), value_parser = whole_number(1_usize..=256))]
    pub workers: usize,
    /// Limits on what clients may use, and on the time for a stop.
    #[command(flatten)]
    pub limits: Limits,
    /// Memory for rendered public pages, such as 64 MB; 0 turns the page cache off
    #[arg(long, default_value = "64 MB", value_parser = size)]
    pub page_cache_size: u64,
    /// How long cached pages are served while the database is unavailable, such as 10m or 1h
    #[arg(long, default_value = "10m", value_parser = duration)]
    pub stale_if_error: Duration,
    /// Address of the site for visitors, such as https://www.example.org; derived from the other settings if unset
    #[arg(long, default_value = "", value_parser = public_url)]
    pub public_url: String,
    /// Currency of prices, by its code (ISO 4217)
    #[arg(long, default_value = "USD")]
    pub currency: Currency,
    /// Name of the company, for the footer and the privacy page
    #[arg(long)]
    pub company_name: Option<String>,
    /// Its postal address, in one line
    #[arg(long)]
    pub company_address: Option<String>,
    /// Its email address, for visitors
    #[arg(long, value_parser = email_address)]
    pub company_email: Option<String>,
    /// Its phone number, for visitors
    #[arg(long, value_parser = phone_number)]
    pub company_phone: Option<String>,
    /// Where to report security problems, in /.well-known/security.txt, such as mailto:security@example.org
    #[arg(long, value_parser = contact_url)]
    pub security_contact: Option<String>,
    /// Browsers use https for all subdomains too, for a year (true or false)
    #[arg(long, default_value = "false", action = ArgAction::Set, value_parser = switch)]
    pub hsts_include_subdomains: bool,
    /// Host names of the site, separated by commas; required in production
    #[arg(long, default_value = "localhost,.localhost,127.0.0.1,[::1]")]
    pub allowed_hosts: AllowedHosts,
    /// Addresses or networks of proxies whose X-Forwarded-* headers are trusted, separated by commas
    #[arg(long, default_value = "", value_parser = networks)]
    pub trusted_proxies: Networks,
    /// Secret of 32 bytes or more; required in production, generated at each start in development
    #[arg(long, default_value = "", value_parser = secret_key)]
    pub secret_key: SecretKey,
    /// Time zone of the administration, such as America/Los_Angeles
    #[arg(long, default_value = "UTC")]
    pub time_zone: TimeZone,
    /// Superusers must use two-factor authentication (true or false)
    #[arg(long, default_value = "false", action = ArgAction::Set, value_parser = switch)]
    pub require_totp: bool,
    /// How mails are sent.
    #[command(flatten)]
    pub mail: MailConfig,
    /// Log levels, such as warn or info,web=debug
    #[arg(long = "RUST_LOG", default_value = "info", value_parser = log_filter)]
    pub log_filter: String,
    /// text or json
    #[arg(long, default_value = "text")]
    pub log_format: LogFormat,
    /// How errors are reported.
    #[command(flatten)]
    pub sentry: SentryConfig,
    /// Address and port to serve Prometheus metrics on; not served if unset
    #[arg(long = "METRICS_ADDR", value_parser = socket_address)]
    pub metrics_address: Option<SocketAddr>,
}

impl Config {
    /// The database itself, not a pooler.
    pub fn direct_url(&self) -> &DatabaseUrl {
        self.database_direct_url
            .as_ref()
            .unwrap_or(&self.database_url)
    }

    /// The company, as far as it is set.
    pub(crate) fn company(&self) -> Company {
        Company {
            name: self.company_name.clone(),
            address: self.company_address.clone(),
            email: self.company_email.clone(),
            phone: self.company_phone.clone(),
            security_contact: self.security_contact.clone(),
        }
    }

    /// The connections that serve requests.
    ///
    /// # Errors
    /// When no connection can be opened.
    pub fn pool(&self) -> Result<Pool, OpenError> {
        let (url, size) = (self.database_url.clone(), self.database_pool_size);
        let sessions = match (&self.database_direct_url, self.read_only) {
            (Some(_), read_only) => Sessions::None { read_only },
            (None, true) => Sessions::ReadOnly,
            (None, false) => Sessions::Own,
        };
        Pool::connect(url, sessions, size)
    }
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
    /// Seconds to keep serving after the signal to stop, so that a proxy can remove the node
    #[arg(long = "SHUTDOWN_DELAY", value_parser = seconds)]
    pub shutdown_delay: Option<Duration>,
    /// Seconds that running requests may take after SHUTDOWN_DELAY
    #[arg(long = "SHUTDOWN_TIMEOUT", default_value = "30", value_parser = seconds)]
    pub shutdown_timeout: Duration,
}

/// How mails are sent.
#[derive(Clone, Default, Args)]
pub struct MailConfig {
    /// SMTP server, such as smtps://USER:PASSWORD@HOST; no mails are sent if unset
    #[arg(long = "SMTP_URL", value_parser = mail::parse_url)]
    pub smtp_url: Option<SmtpTransportBuilder>,
    /// Sender of mails, such as Holiday Homes <site@example.org>; required with SMTP_URL
    #[arg(long = "MAIL_FROM", value_parser = mail::parse_sender)]
    pub mail_from: Option<Mailbox>,
}

impl MailConfig {
    /// The mailer, if mails are sent.
    pub(crate) fn mailer(&self) -> Option<Mailer> {
        let (server, from) = self.smtp_url.as_ref().zip(self.mail_from.as_ref())?;
        Some(Mailer::new(server, from))
    }
}

/// How errors are reported.
#[derive(Clone, Args)]
pub struct SentryConfig {
    /// Sentry project to report errors to, such as https://KEY@HOST/PROJECT; nothing is reported if unset
    #[arg(long = "SENTRY_DSN")]
    pub dsn: Option<Dsn>,
    /// Name of this installation in Sentry; APP_ENV if unset
    #[arg(id = "SENTRY_ENVIRONMENT", long = "SENTRY_ENVIRONMENT", default_value = "", value_parser = sentry_name)]
    pub environment: String,
    /// Name of this release in Sentry; the git revision if unset
    #[arg(long = "SENTRY_RELEASE", default_value = env!("OC_REVISION"), value_parser = sentry_name)]
    pub release: String,
    /// Share of requests whose timings are sent to Sentry, 0 to 1
    #[arg(long = "SENTRY_TRACES_SAMPLE_RATE", default_value = "0", value_parser = sample_rate)]
    pub traces_sample_rate: f32,
    /// Send IP addresses, browsers and user ids to Sentry (true or false)
    #[arg(long = "SENTRY_SEND_DEFAULT_PII", default_value = "false", action = ArgAction::Set, value_parser = switch)]
    pub send_default_pii: bool,
}

/// The setting `APP_ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    /// Everything has a default; a new database gets demo data.
    Development,
    /// Settings without a safe default are required.
    Production,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
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
        assert!(!config.read_only && !config.require_totp && config.sentry.dsn.is_none());
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
        let any_host = read(&[PRODUCTION[0], ("ALLOWED_HOSTS", "*"), PRODUCTION[2]]);
        let problem = any_host.err().unwrap_or_default();
        assert!(problem.starts_with("PUBLIC_URL is not set"), "{problem}");
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
    fn every_invalid_value_is_reported_with_what_is_allowed() {
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
            ("SHUTDOWN_DELAY", "soon"),
            ("SHUTDOWN_TIMEOUT", "30s"),
            ("PAGE_CACHE_SIZE", "much"),
            ("STALE_IF_ERROR", "10"),
            ("PUBLIC_URL", "https://example.org/shop"),
            ("COMPANY_EMAIL", "hello"),
            ("COMPANY_PHONE", "none"),
            ("SECURITY_CONTACT", "security"),
            ("HSTS_INCLUDE_SUBDOMAINS", "maybe"),
            ("ALLOWED_HOSTS", "www..example.org"),
            ("TRUSTED_PROXIES", "10.0.0.1,proxy.local"),
            ("REQUIRE_TOTP", "maybe"),
            ("MAIL_FROM", "nobody"),
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
    fn other_invalid_values_are_rejected_too() {
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
            ("SMTP_URL", "imap://oc:hunter2@mail.example.org"),
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

        let default = read(&[dsn])?.sentry;
        let named = read(&[
            dsn,
            ("SENTRY_ENVIRONMENT", "staging"),
            ("SENTRY_RELEASE", "r1"),
            ("SENTRY_SEND_DEFAULT_PII", "yes"),
        ])?;
        let named = named.sentry;

        assert_eq!(default.environment, "development");
        assert_eq!(default.release, env!("OC_REVISION"));
        assert!(!default.send_default_pii && named.send_default_pii);
        assert_eq!((&*named.environment, &*named.release), ("staging", "r1"));
        Ok(())
    }

    #[test]
    fn proxies_are_addresses_or_networks() -> Result<(), String> {
        let config = read(&[("TRUSTED_PROXIES", "10.0.0.1, 172.16.0.0/12,, ::1,")])?;

        assert_eq!(config.trusted_proxies.len(), 3);
        Ok(())
    }
}
