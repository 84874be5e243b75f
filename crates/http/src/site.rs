//! The public address of the site, and the company behind it.

use serde::Serialize;

use crate::allowed_hosts::is_same_host;

/// The site as visitors see it.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The setting `PUBLIC_URL`, for absolute links. Never derived from a request; without a trailing slash.
    pub public_url: String,
    /// The absolute URL of the preview image.
    pub image: String,
    /// The company behind the site.
    pub company: Company,
    /// Whether Strict-Transport-Security includes subdomains.
    pub hsts_include_subdomains: bool,
}

/// The company behind the site, for the footer and the privacy page, as far as it is set.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Company {
    /// Name.
    pub name: Option<String>,
    /// Postal address, in one line.
    pub address: Option<String>,
    /// Email address for questions.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Where to report security problems: the URL in security.txt.
    #[serde(skip)]
    pub security_contact: Option<String>,
}

impl Site {
    /// The absolute URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    /// Whether visitors of a host use https.
    pub fn is_https_at(&self, host: &str) -> bool {
        let public_host = self.public_url.strip_prefix("https://");
        public_host.is_some_and(|public_host| is_same_host(public_host, host))
    }

    /// Whether the value of an Origin header is the site's: `PUBLIC_URL`, or the host of the request.
    pub fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, origin_host)) = origin.split_once("://") else {
            return false;
        };
        let public = self.public_url.split_once("://");
        let is_public = public.is_some_and(|(public_scheme, public_host)| {
            public_scheme.eq_ignore_ascii_case(scheme) && is_same_host(public_host, origin_host)
        });
        is_public || is_same_host(origin_host, host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(public_url: &str) -> Site {
        Site {
            public_url: public_url.to_owned(),
            ..Site::default()
        }
    }

    #[test]
    fn a_public_url_with_https_makes_visitors_of_its_host_use_https() {
        let at = |url, host| site(url).is_https_at(host);

        assert!(at("https://homes.example", "Homes.Example"));
        assert!(at("https://homes.example", "homes.example:443"));
        assert!(!at("https://homes.example", "localhost:8000"));
        assert!(!at("http://homes.example", "homes.example"));
    }

    #[test]
    fn forms_come_from_the_public_url_or_the_requested_host() {
        let site = site("http://localhost:8192");

        for (origin, host) in [
            // Ports that the proxy drops: nesquena/hermes-webui#360, builderz-labs/mission-control#592.
            ("http://localhost:8192", "localhost"),
            // Hosts that it replaces: gorilla/csrf#187, grafana/grafana#46418, Tr3kkR/Yuzu#2537.
            ("http://localhost:8192", "backend:3000"),
            ("HTTP://LOCALHOST:8192", "localhost"),
            ("http://localhost.:8192", "localhost"),
            ("http://[::1]:8000", "[::1]:8000"),
            ("http://localhost", "localhost:80"),
            ("https://homes.example", "homes.example"),
            // PegaProx/project-pegaprox#626.
            ("https://homes.example", "homes.example:443"),
        ] {
            assert!(site.is_own_origin(origin, host), "{origin} {host}");
        }
        for origin in [
            // qbittorrent/qBittorrent#21106: the log names the cause.
            "null",
            "",
            "https://localhost:8192",
            "http://localhost:8193",
            "http://localhost:8192/",
            "http://localhost:8192, http://evil.example",
            "http://localhost.evil.example:8192",
            "file://",
            "https://evil.example",
        ] {
            assert!(!site.is_own_origin(origin, "localhost"), "{origin}");
        }
    }
}
