//! `X-Forwarded-…` headers of trusted proxies.

use std::net::IpAddr;
use std::sync::Once;

use actix_web::HttpRequest;
use actix_web::dev::RequestHead;
use actix_web::http::header::{X_FORWARDED_FOR, X_FORWARDED_PROTO};
use ipnet::IpNet;

/// The setting `TRUSTED_PROXIES`: networks whose `X-Forwarded-…` headers are used.
#[derive(Debug, Clone)]
pub struct TrustedProxies(pub Vec<IpNet>);

/// Logs an untrusted proxy only once.
static WARNING: Once = Once::new();

impl TrustedProxies {
    /// Whether an address belongs to a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        // An IPv6 socket reports IPv4 peers as mapped addresses.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether the client used https, as the proxy that is nearest to it reports. Warns about a proxy that isn't trusted.
    pub fn is_https(&self, request: &RequestHead) -> bool {
        let schemes = request.headers().get(X_FORWARDED_PROTO);
        let schemes = schemes.and_then(|schemes| schemes.to_str().ok());
        let scheme = schemes.and_then(|schemes| schemes.split(',').next());
        let Some(peer) = request.peer_addr.map(|peer| peer.ip()) else {
            return false;
        };
        let is_trusted = self.contains(peer);
        if scheme.is_some() && !is_trusted && is_local(peer.to_canonical()) {
            WARNING.call_once(|| {
                log::warn!(
                    "ignored X-Forwarded-… headers from {peer}: it is not in TRUSTED_PROXIES, so all visitors share one address"
                );
            });
        }
        is_trusted && scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
    }

    /// The client's address.
    ///
    /// Every proxy appends the address of its peer to `X-Forwarded-For`, so the list is read from its end: an entry
    /// counts while the one behind it (at first, the peer of this connection) is a trusted proxy. The client is the last
    /// address that counts. Ports, quotes, brackets, IPv6 zones, empty entries and bytes that aren't text make no
    /// difference. An entry that isn't an address ends the list: whatever is before it may be forged, and the client
    /// counts as the proxy that wrote the entry.
    pub fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        let mut client = request.peer_addr()?.ip().to_canonical();
        let headers = request.headers().get_all(X_FORWARDED_FOR);
        let lists: Vec<_> = headers
            .map(|list| String::from_utf8_lossy(list.as_bytes()))
            .collect();
        let entries = lists.iter().rev().flat_map(|list| list.rsplit(','));
        for entry in entries.filter(|entry| !entry.trim().is_empty()) {
            match parse_address(entry) {
                Some(address) if self.contains(client) => client = address.to_canonical(),
                _ => break,
            }
        }
        Some(client)
    }
}

/// Whether an address is loopback or private, as those of proxies usually are.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// An address as proxies write it: with or without a port, brackets, quotes or an IPv6 zone.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let host = match (text.strip_prefix('['), text.split_once(':')) {
        (Some(bracketed), _) => bracketed.split_once(']')?.0,
        (None, Some((host, port))) if !port.contains(':') => host,
        (None, _) => text,
    };
    host.split('%').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, chain, client) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (
                "10.0.0.1",
                &["203.0.113.9, 198.51.100.7, 10.0.0.2"],
                "198.51.100.7",
            ),
            (
                "10.0.0.1",
                &["203.0.113.9", "198.51.100.7, 10.0.0.2"],
                "198.51.100.7",
            ),
            ("10.0.0.1", &["198.51.100.7", "10.0.0.2"], "198.51.100.7"),
            // An entry that isn't an address: home-assistant/core#108712.
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["nonsense, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["\u{e9}, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7,, "], "198.51.100.7"),
            // An address with something around it: vert-x3/vertx-web#2464, django/daphne#90, akka/akka-http#3790.
            ("10.0.0.1", &["203.0.113.4:40001"], "203.0.113.4"),
            ("10.0.0.1", &["203.0.113.4:1, 10.0.0.2:80"], "203.0.113.4"),
            ("10.0.0.1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", &["\"[2001:db8::7]:443\""], "2001:db8::7"),
            ("10.0.0.1", &["\"203.0.113.4\""], "203.0.113.4"),
            ("10.0.0.1", &["fe80::1%eth0"], "fe80::1"),
            ("10.0.0.1", &["[fe80::1%eth0]:443"], "fe80::1"),
            ("10.0.0.1", &["::ffff:203.0.113.4"], "203.0.113.4"),
        ] {
            let request = TestRequest::get().peer_addr(format!("{peer}:1234").parse().unwrap());
            let request = chain.iter().fold(request, |request, list| {
                let list = HeaderValue::from_bytes(list.as_bytes()).unwrap();
                request.append_header(("x-forwarded-for", list))
            });

            let address = proxies().client_address(&request.to_http_request());

            assert_eq!(address, client.parse().ok(), "{peer} {chain:?}");
        }
    }

    #[test]
    fn the_first_scheme_is_the_clients() {
        let is_https = |peer: &str, value: &str| {
            let request = TestRequest::get().peer_addr(format!("{peer}:1234").parse().unwrap());
            let request = request.insert_header(("x-forwarded-proto", value));
            proxies().is_https(request.to_srv_request().head())
        };

        for value in ["https", "HTTPS", "https,http", "https, http", " https "] {
            assert!(is_https("10.0.0.1", value), "{value}");
            assert!(!is_https("192.0.2.1", value), "{value}");
        }
        for value in ["http", "http,https", "", "httpss"] {
            assert!(!is_https("10.0.0.1", value), "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_header_makes_the_parser_panic_or_hide_a_peer(
            list in proptest::collection::vec("(10\\.0\\.0\\.[1-9]|2001:db8::7|[,:;\"\\[\\]% a-f0-9.])*", 0..4),
            scheme in "[a-zA-Z, ]{0,12}",
        ) {
            let request = |peer: &str| {
                let request = TestRequest::get().peer_addr(format!("{peer}:1").parse().unwrap());
                let request = list.iter().fold(request, |request, list| {
                    request.append_header(("x-forwarded-for", list.as_str()))
                });
                request.append_header(("x-forwarded-proto", scheme.as_str())).to_http_request()
            };
            let peer = "192.0.2.1".parse().ok();
            prop_assert_eq!(proxies().client_address(&request("192.0.2.1")), peer);
            prop_assert!(!proxies().is_https(request("192.0.2.1").head()));
            prop_assert!(proxies().client_address(&request("10.0.0.1")).is_some());
        }
    }
}
