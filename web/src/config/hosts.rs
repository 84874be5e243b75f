//! Which hosts the site answers for.

use std::str::FromStr;

/// The names in `ALLOWED_HOSTS`: a host, `.example.org` for a domain with all below it, or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// What a developer's machine is called.
    #[must_use]
    pub fn local() -> Self {
        Self(
            ["localhost", ".localhost", "127.0.0.1", "[::1]"]
                .map(str::to_owned)
                .to_vec(),
        )
    }

    /// Whether the value of a Host header, with or without a port, names one of them.
    #[must_use]
    pub fn allow(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else {
            return false;
        };
        let name = name.to_ascii_lowercase();
        self.0.iter().any(|allowed| {
            if allowed == "*" {
                return true;
            }
            match allowed.strip_prefix('.') {
                Some(domain) => name
                    .strip_suffix(domain)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
                None => name == *allowed,
            }
        })
    }

    /// The first name that stands for one host, for addresses of our own.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.0
            .iter()
            .map(String::as_str)
            .find(|name| *name != "*" && !name.starts_with('.'))
    }

    /// A name that is allowed, for a question to ourselves.
    #[must_use]
    pub(crate) fn example(&self) -> &str {
        self.first()
            .or_else(|| self.0.iter().find_map(|name| name.strip_prefix('.')))
            .unwrap_or("localhost")
    }
}

impl FromStr for AllowedHosts {
    type Err = ();

    /// Names between commas. A scheme, a path or a port is a misunderstanding, and refused.
    fn from_str(text: &str) -> Result<Self, ()> {
        let names: Vec<String> = text
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        let plausible = |name: &String| {
            name == "*"
                || (without_port(name) == Some(name)
                    && name
                        .strip_prefix('.')
                        .unwrap_or(name)
                        .split('.')
                        .all(|label| !label.is_empty()))
        };
        if names.is_empty() || !names.iter().all(plausible) {
            Err(())
        } else {
            Ok(Self(names))
        }
    }
}

/// The host in `host:port`, if it has the form of one (RFC 3986, section 3.2.2).
fn without_port(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')? + 2;
            let (name, port) = host.split_at(end);
            (
                name,
                port.strip_prefix(':').or(port.is_empty().then_some(""))?,
            )
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let inner = name.trim_start_matches('[').trim_end_matches(']');
    let in_brackets = name.starts_with('[');
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c) || (in_brackets && c == ':');
    let well_formed =
        !inner.is_empty() && inner.chars().all(allowed) && port.bytes().all(|b| b.is_ascii_digit());
    well_formed.then_some(name)
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

        for host in [
            "example.org",
            "EXAMPLE.org:8000",
            "10.0.0.1:80",
            "[::1]",
            "[::1]:8000",
        ] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in [
            "",
            "www.example.org",
            "example.org.evil.com",
            "example.org:80x",
            "[::1",
            "a/b",
            "example.org@evil.com",
        ] {
            assert!(!hosts.allow(host), "{host}");
        }
    }

    #[test]
    fn a_leading_dot_means_the_domain_and_all_below_it() {
        let hosts = hosts(".example.org");

        assert!(hosts.allow("example.org") && hosts.allow("a.b.example.org:80"));
        assert!(!hosts.allow("badexample.org"));
        assert_eq!(hosts.first(), None);
    }

    #[test]
    fn a_star_means_any_well_formed_host() {
        assert!(hosts("*").allow("anything.example"));
        assert!(!hosts("*").allow("<script>"));
    }

    #[test]
    fn the_example_is_allowed() {
        for text in [".example.org", "*", "*,.example.org", "[::1]", "a.example"] {
            let hosts = hosts(text);

            assert!(hosts.allow(hosts.example()), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            " , ",
            "https://example.org",
            "example.org/",
            "example.org:8000",
            ".",
        ] {
            assert!(text.parse::<AllowedHosts>().is_err(), "{text}");
        }
    }
}
