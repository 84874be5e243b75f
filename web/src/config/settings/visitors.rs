//! How visitors reach the site: its address, its names, the proxies in between.

use ipnet::IpNet;
use url::Url;

use super::entry::Entry;
use super::environment::Environment;
use crate::config::read::{InvalidSetting, Source, refuse};
use oc_http::AllowedHosts;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "PUBLIC_URL",
        default: "from the above",
        meaning: "where visitors find the site, such as https://www.example.org",
    },
    Entry {
        name: "ALLOWED_HOSTS",
        default: "localhost",
        meaning: "names the site answers for, between commas; required in production",
    },
    Entry {
        name: "TRUSTED_PROXIES",
        default: "none",
        meaning: "addresses or networks of proxies whose X-Forwarded-… headers count",
    },
];

pub(super) fn allowed_hosts(
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

pub(super) fn public_url(
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

pub(super) fn trusted_proxies(source: &Source<'_>) -> Result<Vec<IpNet>, InvalidSetting> {
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
