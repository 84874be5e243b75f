//! Hosts that the site answers for, and how hosts are compared.

use std::str::FromStr;

/// The setting `ALLOWED_HOSTS`: hosts, `.example.org` for a domain and its subdomains, or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// Whether the value of a Host header is allowed; ports, case and a trailing dot don't matter.
    pub fn allows(&self, host: &str) -> bool {
        let Some((name, _)) = normalize(host) else {
            return false;
        };
        let is_below = |domain: &str| {
            let start = name.len().checked_sub(domain.len());
            let parts = start.and_then(|start| name.split_at_checked(start));
            parts.is_some_and(|(rest, end)| {
                end.eq_ignore_ascii_case(domain) && (rest.is_empty() || rest.ends_with('.'))
            })
        };
        self.0.iter().any(|allowed| {
            allowed == "*"
                || name.eq_ignore_ascii_case(allowed)
                || allowed.strip_prefix('.').is_some_and(is_below)
        })
    }

    /// The first entry that is a single host, for a default `PUBLIC_URL`.
    pub fn first(&self) -> Option<&str> {
        self.0
            .iter()
            .map(String::as_str)
            .find(|name| *name != "*" && !name.starts_with('.'))
    }
}

impl FromStr for AllowedHosts {
    type Err = &'static str;

    /// Names separated by commas. A scheme, path or port is an error.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<String> = text
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        let is_valid = |name: &String| {
            let mut labels = name.strip_prefix('.').unwrap_or(name).split('.');
            let is_host = split_port(name) == Some((name, ""));
            name == "*" || (is_host && labels.all(|label| !label.is_empty()))
        };
        if names.is_empty() || !names.iter().all(is_valid) {
            Err(
                "it must be host names separated by commas, without scheme and port; .example.org includes its subdomains",
            )
        } else {
            Ok(Self(names))
        }
    }
}

/// Whether two values like those of Host headers name the same host, apart from case, a trailing dot and the default
/// ports 80 and 443.
pub(crate) fn is_same_host(left: &str, right: &str) -> bool {
    let hosts = normalize(left).zip(normalize(right));
    hosts.is_some_and(|(left, right)| left.0.eq_ignore_ascii_case(right.0) && left.1 == right.1)
}

/// Host without a trailing dot, and port, which is empty for a default one.
fn normalize(host: &str) -> Option<(&str, &str)> {
    let (name, port) = split_port(host)?;
    let is_default = matches!(port, "80" | "443");
    let name = name.strip_suffix('.').unwrap_or(name);
    Some((name, if is_default { "" } else { port }))
}

/// Host and port of `HOST:PORT`; the port is empty where there is none. `None` if it is not well-formed (RFC 3986,
/// section 3.2.2).
fn split_port(host: &str) -> Option<(&str, &str)> {
    let in_brackets = host.starts_with('[');
    let end = if in_brackets {
        host.find(']')? + 1
    } else {
        host.find(':').unwrap_or(host.len())
    };
    let (name, rest) = host.split_at(end);
    let port = rest.strip_prefix(':').or(rest.is_empty().then_some(""))?;
    let inner = name.trim_start_matches('[').trim_end_matches(']');
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c) || (in_brackets && c == ':');
    let is_valid =
        !inner.is_empty() && inner.chars().all(allowed) && port.bytes().all(|b| b.is_ascii_digit());
    is_valid.then_some((name, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> AllowedHosts {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_compared_without_port_and_case() {
        let hosts = hosts("Example.org, 10.0.0.1,[::1]");

        let names = "example.org example.org. example.org.:8000 EXAMPLE.org:8000 10.0.0.1:80 [::1] \
                [::1]:8000";
        for host in names.split(' ') {
            assert!(hosts.allows(host), "{host}");
        }
        let others =
            "|www.example.org|example.org.evil.com|example.org:80x|[::1|a/b|example.org@evil.com";
        for host in others.split('|') {
            assert!(!hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn a_leading_dot_means_the_domain_and_all_below_it() {
        let hosts = hosts(".example.org");

        assert!(hosts.allows("example.org") && hosts.allows("a.b.example.org:80"));
        assert!(!hosts.allows("badexample.org"));
        assert_eq!(hosts.first(), None);
    }

    #[test]
    fn a_star_means_any_well_formed_host() {
        assert!(hosts("*").allows("anything.example"));
        assert!(!hosts("*").allows("<script>"));
    }

    #[test]
    fn a_value_that_is_not_a_host_is_rejected() {
        for text in "| , |https://example.org|example.org/|example.org:8000|.".split('|') {
            assert!(text.parse::<AllowedHosts>().is_err(), "{text}");
        }
    }

    #[test]
    fn default_ports_case_and_a_trailing_dot_make_no_difference() {
        for (left, right) in [
            ("example.org", "Example.org:443"),
            ("example.org:80", "example.org"),
            ("example.org.", "example.org"),
            ("[::1]", "[::1]:80"),
            ("localhost:8192", "localhost:8192"),
        ] {
            assert!(is_same_host(left, right), "{left} {right}");
        }
        for (left, right) in [
            ("example.org", "example.org:8192"),
            ("example.org", "example.com"),
            ("", ""),
            ("a/b", "a/b"),
        ] {
            assert!(!is_same_host(left, right), "{left} {right}");
        }
    }
}
