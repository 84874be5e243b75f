//! Parsers for the values of settings. Each error says what is allowed.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use admin::SecretKey;
use email_address::EmailAddress;
use ipnet::IpNet;
use log::LevelFilter;
use url::Url;

/// A whole number in a range.
pub(super) fn whole_number<T: FromStr + PartialOrd + Display + Clone>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number.ok_or_else(|| format!("it must be a whole number from {least} to {most}"))
    }
}

/// A number of seconds, up to an hour.
pub(super) fn seconds(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
        _ => Err("it must be a whole number of seconds from 1 to 3600"),
    }
}

/// A duration with its unit.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "it must be a duration such as 30s, 10m or 1h")
}

/// A number of bytes, with or without a unit.
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    let size = text.parse::<bytesize::ByteSize>();
    size.map(|size| size.as_u64())
        .map_err(|_| "it must be a size such as 64 MB, or 0")
}

/// True or false, in any of the usual words.
pub(super) fn switch(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err("it must be true or false"),
    }
}

/// An IP address or a host name, without a port.
pub(super) fn host(text: &str) -> Result<String, &'static str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    // Only digits and dots: meant as an address.
    let is_name = text.chars().all(is_allowed) && text.chars().any(|c| c.is_ascii_alphabetic());
    if is_name || text.parse::<IpAddr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("it must be an address such as 127.0.0.1 or ::, or a host name")
    }
}

/// An address with a port.
pub(super) fn socket_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "it must be an address and a port, such as 127.0.0.1:9100")
}

/// Networks and addresses.
pub(super) type Networks = Vec<IpNet>;

/// Networks or addresses, separated by commas.
pub(super) fn networks(text: &str) -> Result<Networks, &'static str> {
    let parts = text.split(',').map(str::trim);
    let network = |text: &str| {
        let network = text.parse();
        network.or_else(|_| text.parse().map(|address: IpAddr| address.into()))
    };
    parts
        .filter(|text| !text.is_empty())
        .map(network)
        .collect::<Result<_, _>>()
        .map_err(|_| {
            "it must be addresses or networks separated by commas, such as 10.0.0.1,172.16.0.0/12"
        })
}

/// The default number of worker threads.
pub(super) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The key of the site; a random one without text.
pub(super) fn secret_key(text: &str) -> Result<SecretKey, &'static str> {
    match text {
        "" => Ok(SecretKey::random()),
        text => SecretKey::new(text.to_owned()),
    }
}

/// A URL without a path, or nothing; the result has no slash at its end.
pub(super) fn public_url(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    match url {
        Some(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        None => Err("it must be a URL such as https://www.example.org, without a path"),
    }
}

/// An email address.
pub(super) fn email_address(text: &str) -> Result<String, &'static str> {
    EmailAddress::is_valid(text)
        .then(|| text.to_owned())
        .ok_or("it must be an email address")
}

/// A phone number as people write it.
pub(super) fn phone_number(text: &str) -> Result<String, &'static str> {
    let is_allowed = |c: char| c.is_ascii_digit() || "+-(). /".contains(c);
    (text.chars().all(is_allowed) && text.contains(|c: char| c.is_ascii_digit()))
        .then(|| text.to_owned())
        .ok_or("it must be a phone number such as +1 714 555 0100")
}

/// A contact in security.txt.
pub(super) fn contact_url(text: &str) -> Result<String, &'static str> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "mailto" | "tel"))
        .map(String::from)
        .ok_or("it must be a URL such as mailto:security@example.org or https://www.example.org/security")
}

/// Levels as `env_logger` reads them, except that a word alone must be a level: a mistyped level would turn logging off.
pub(super) fn log_filter(text: &str) -> Result<String, &'static str> {
    let (directives, _) = text.split_once('/').unwrap_or((text, ""));
    let is_valid = |directive: &str| {
        let (target, level) = directive.rsplit_once('=').unwrap_or(("all", directive));
        !target.trim().is_empty() && level.trim().parse::<LevelFilter>().is_ok()
    };
    let mut directives = directives.split(',').map(str::trim);
    if directives.all(|directive| directive.is_empty() || is_valid(directive)) {
        Ok(text.to_owned())
    } else {
        Err("it must be log levels, such as warn or info,web=debug")
    }
}

/// The name of an environment or release in Sentry.
pub(super) fn sentry_name(text: &str) -> Result<String, &'static str> {
    let is_allowed = |c: char| !c.is_control() && !c.is_whitespace() && c != '/' && c != '\\';
    if text.len() <= 64 && text.chars().all(is_allowed) && text != "." && text != ".." {
        Ok(text.to_owned())
    } else {
        Err("it must be at most 64 bytes, without spaces and slashes")
    }
}

/// A share of requests.
pub(super) fn sample_rate(text: &str) -> Result<f32, &'static str> {
    let rate = text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or("it must be a number from 0 to 1, such as 0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_level_is_rejected() {
        let filters = "info|WARN|off|info,web=debug, access=off|actix_http::h1=trace|info/lettings";
        for filter in filters.split('|') {
            assert_eq!(log_filter(filter), Ok(filter.to_owned()));
        }
        for filter in "wran|info,loud|web=loud|web=|=|=info|info warn|web".split('|') {
            assert!(log_filter(filter).is_err(), "{filter}");
        }
    }
}
