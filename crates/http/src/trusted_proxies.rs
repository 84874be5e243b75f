//! `X-Forwarded-…` headers of trusted proxies.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// The setting `TRUSTED_PROXIES`: networks whose `X-Forwarded-…` headers are used.
#[derive(Debug, Clone)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// Whether an address belongs to a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        // An IPv6 socket reports IPv4 peers as mapped addresses.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether the client used https, as the proxy that is nearest to it reports.
    pub fn is_https(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        let schemes = headers.get("x-forwarded-proto");
        let schemes = schemes.and_then(|schemes| schemes.to_str().ok());
        let scheme = schemes.and_then(|schemes| schemes.split(',').next());
        peer.is_some_and(|peer| self.contains(peer))
            && scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
    }

    /// The client's address: the last one in `X-Forwarded-For` that isn't a trusted proxy.
    pub fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip().to_canonical();
        let headers = request.headers().get_all("x-forwarded-for");
        let chain: Vec<&str> = headers
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|step| !step.is_empty())
            .collect();
        let mut nearest = peer;
        for step in chain.iter().rev() {
            if !self.contains(nearest) {
                break;
            }
            // Anybody may have written what is before an entry that isn't an address.
            let Some(address) = parse_address(step) else {
                break;
            };
            nearest = address.to_canonical();
        }
        Some(nearest)
    }
}

/// An address as proxies write it: with or without a port, brackets, quotes or an IPv6 zone.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"').trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let bare = bare.unwrap_or(text);
    let without_zone = bare.split_once('%').map_or(bare, |(address, _)| address);
    let address = without_zone.parse().ok();
    address.or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use actix_web::test::TestRequest;

    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, chain, client) in [
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            (
                "10.0.0.1",
                "203.0.113.9, 198.51.100.7, 10.0.0.2",
                "198.51.100.7",
            ),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "nonsense, 198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "198.51.100.7,, ", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.4:40001", "203.0.113.4"),
            ("10.0.0.1", "203.0.113.4:40001, 10.0.0.2:80", "203.0.113.4"),
            ("10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
            ("10.0.0.1", "[2001:db8::7]", "2001:db8::7"),
            ("10.0.0.1", "\"[2001:db8::7]:443\"", "2001:db8::7"),
            ("10.0.0.1", "\"203.0.113.4\"", "203.0.113.4"),
            ("10.0.0.1", "fe80::1%eth0", "fe80::1"),
            ("10.0.0.1", "::ffff:203.0.113.4", "203.0.113.4"),
        ] {
            let request = TestRequest::get()
                .peer_addr(format!("{peer}:1234").parse().unwrap())
                .insert_header(("x-forwarded-for", chain))
                .to_http_request();

            let address = proxies().client_address(&request);

            assert_eq!(address, client.parse().ok(), "{peer} {chain}");
        }
    }

    #[test]
    fn the_first_scheme_is_the_clients() {
        let is_https = |peer: &str, value: &str| {
            let name = HeaderName::from_static("x-forwarded-proto");
            let value = HeaderValue::from_str(value).unwrap();
            let headers = [(name, value)].into_iter().collect();
            proxies().is_https(peer.parse().ok(), &headers)
        };

        for value in ["https", "HTTPS", "https,http", "https, http", " https "] {
            assert!(is_https("10.0.0.1", value), "{value}");
            assert!(!is_https("192.0.2.1", value), "{value}");
        }
        for value in ["http", "http,https", "", "httpss"] {
            assert!(!is_https("10.0.0.1", value), "{value}");
        }
    }
}
