//! Database URL, the setting `DATABASE_URL`.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

/// Database URL. Its `Display` never shows a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file: `sqlite://relative/path` or `sqlite:///absolute/path`.
    Sqlite(PathBuf),
    /// A server, as a connection URI of libpq: `postgres://user:password@host/name`.
    Postgres(String),
}

/// Why a text is not a database URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidDatabaseUrl(&'static str);

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| Err(InvalidDatabaseUrl(reason));
        match text.strip_prefix("sqlite://") {
            Some("") => return invalid("sqlite:// must be followed by the path of a file"),
            // Every pooled connection would open a different one.
            Some(":memory:") => {
                return invalid(
                    "a database in memory cannot be shared by the site's connections; name a file",
                );
            }
            Some(path) => return Ok(Self::Sqlite(PathBuf::from(path))),
            None => {}
        }
        // libpq's key-value format (`host=… dbname=…`) is rejected on purpose: diesel takes it for the name of a SQLite
        // file when the server is unavailable.
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            invalid("it must begin with sqlite:// or postgres://")
        } else if has_valid_user_info(text) {
            Ok(Self::Postgres(text.to_owned()))
        } else {
            // libpq would read them in another way than intended, and quote them in its error.
            invalid(
                "special characters of the password must be encoded: @ as %40, / as %2F, % as %25",
            )
        }
    }
}

impl DatabaseUrl {
    /// The database file, for SQLite; also accepts `file:PATH?…`.
    pub fn file(&self) -> Option<PathBuf> {
        let Self::Sqlite(path) = self else {
            return None;
        };
        let text = path.to_string_lossy();
        let Some(path_of_uri) = text.strip_prefix("file:") else {
            return Some(path.clone());
        };
        let plain = path_of_uri.split(['?', '#']).next().unwrap_or_default();
        Some(PathBuf::from(plain.strip_prefix("//").unwrap_or(plain)))
    }

    /// Whether both name the same database. Another name of the same PostgreSQL database is not recognised.
    pub fn is_same(&self, other: &Self) -> bool {
        let canonical = |url: &Self| url.file().and_then(|file| file.canonicalize().ok());
        self == other || canonical(self).is_some_and(|file| canonical(other) == Some(file))
    }

    /// Whether the database is reached over a network.
    pub fn is_remote(&self) -> bool {
        let Self::Postgres(text) = self else {
            return false;
        };
        // libpq takes lists of hosts, which are no URLs.
        let Ok(url) = Url::parse(text) else {
            return true;
        };
        let is_local = |host: &str| {
            let host = percent_decode_str(host).decode_utf8_lossy();
            let address = host.parse::<IpAddr>();
            host.is_empty()
                || host.starts_with('/')
                || host == "localhost"
                || address.is_ok_and(|address| address.is_loopback())
        };
        let host = url.host_str().unwrap_or_default();
        let mut parameters = url.query_pairs();
        // IPv6 addresses are in brackets.
        !is_local(host.trim_matches(['[', ']']))
            || parameters.any(|(name, value)| name.starts_with("host") && !is_local(&value))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether user and password end at the first `@`, and every `%` in them begins an encoded character.
fn has_valid_user_info(url: &str) -> bool {
    let url = url.split_once('?').map_or(url, |(before, _)| before);
    let user_info = url
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'));
    let Some((user_info, _)) = user_info else {
        return true;
    };
    let is_hex = |code: &str| code.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_encoded = |after: &str| after.get(..2).is_some_and(is_hex);
    !user_info.contains(['@', '/']) && user_info.split('%').skip(1).all(is_encoded)
}

/// Scheme, user, host and path, without the password and all parameters (one may be a password).
fn without_password(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(before, _)| before);
    let Some((scheme, rest)) = url.split_once("://") else {
        return String::new();
    };
    let Some((user_info, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    let user = user_info
        .split_once(':')
        .map_or(user_info, |(user, _)| user);
    format!("{scheme}://{user}@{host}")
}

/// The file as a SQLite URI with parameters.
pub(crate) fn sqlite_uri(path: &Path, parameters: &str) -> String {
    let path = path.to_string_lossy();
    if path.starts_with("file:") {
        let separator = if path.contains('?') { '&' } else { '?' };
        return format!("{path}{separator}{parameters}");
    }
    let path = path
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    format!("file:{path}?{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemes_are_recognised() {
        assert_eq!(
            "sqlite://oc-lettings.sqlite3".parse(),
            Ok(DatabaseUrl::Sqlite("oc-lettings.sqlite3".into()))
        );
        assert_eq!(
            "sqlite:///data/a.db".parse(),
            Ok(DatabaseUrl::Sqlite("/data/a.db".into()))
        );
        assert_eq!(
            "postgresql://localhost/oc".parse(),
            Ok(DatabaseUrl::Postgres("postgresql://localhost/oc".into()))
        );
    }

    #[test]
    fn other_urls_are_rejected_with_a_reason() {
        let error = |text: &str| {
            let parsed = text.parse::<DatabaseUrl>();
            parsed.map_or_else(|error| error.to_string(), |_| String::new())
        };

        for url in ["host=localhost dbname=oc", "mysql://localhost/oc", ""] {
            assert!(error(url).contains("must begin with"), "{url}");
        }
        for url in "oc:p@ss@db/oc oc:p/ss@db/oc oc:p%zz@db/oc oc:p%@db/oc".split(' ') {
            let url = format!("postgres://{url}");
            assert!(error(&url).contains("must be encoded"), "{url}");
        }
        let urls = "oc:p%40ss%2f#$@db/oc oc@%2Frun%2Fpg/oc /oc?host=a@b db/oc?password=p@ss";
        for url in urls.split(' ') {
            assert_eq!(error(&format!("postgres://{url}")), "", "{url}");
        }
        assert!(error("sqlite://").contains("path of a file"));
        assert!(error("sqlite://:memory:").contains("in memory"));
    }

    #[test]
    fn a_sqlite_url_has_a_path() {
        for (url, file) in [
            ("sqlite://a.db", Some("a.db")),
            ("sqlite:///data/a.db", Some("/data/a.db")),
            ("sqlite://file:/data/a.db?mode=ro", Some("/data/a.db")),
            ("postgres://localhost/oc", None),
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            assert_eq!(url.file(), file.map(PathBuf::from));
        }
    }

    #[test]
    fn no_password_is_printed() {
        let printed = |text: &str| {
            let url: DatabaseUrl = text.parse().unwrap();
            format!("{url} {url:?}")
        };

        for url in [
            "postgres://oc:hunter2@db/oc",
            "postgres://oc@db/oc?password=hunter2",
            "postgres://oc@db?password=hunter2",
            "postgres://oc:hunter2@db1:5432,db2:5432/oc?target_session_attrs=read-write",
        ] {
            assert!(!printed(url).contains("hunter2"), "{}", printed(url));
            assert!(
                printed(url).contains("postgres://oc@db"),
                "{}",
                printed(url)
            );
        }
    }

    #[test]
    fn a_database_on_this_machine_is_not_remote() {
        for (url, expected) in [
            ("sqlite://oc.sqlite3", false),
            ("postgres:///oc", false),
            ("postgres://oc:pw@localhost/oc", false),
            ("postgres://oc@127.0.0.1:5433/oc", false),
            ("postgres://oc@[::1]/oc", false),
            ("postgres://oc@%2Frun%2Fpostgresql/oc", false),
            ("postgres:///oc?host=/run/postgresql", false),
            ("postgres://oc:pw@db.example.org/oc", true),
            ("postgres://oc@10.0.0.7/oc", true),
            ("postgres:///oc?host=db.example.org", true),
            ("postgres://oc@a.example:5432,b.example:5432/oc", true),
        ] {
            let parsed: DatabaseUrl = url.parse().unwrap();
            assert_eq!(parsed.is_remote(), expected, "{url}");
        }
    }

    #[test]
    fn one_file_by_two_names_is_the_same() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let url = |name: &str| DatabaseUrl::Sqlite(folder.path().join(name));
        std::fs::write(folder.path().join("a.sqlite3"), "")?;

        assert!(url("a.sqlite3").is_same(&url("./a.sqlite3")));
        assert!(!url("a.sqlite3").is_same(&url("b.sqlite3")));
        Ok(())
    }
}
