//! What trusted proxies say of a visitor.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// The proxies whose `X-Forwarded-…` headers count.
#[derive(Clone)]
pub(crate) struct Proxies(pub(crate) Vec<IpNet>);

impl Proxies {
    /// Whether that is the address of one of them.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        // An IPv4 address on an IPv6 socket is the same machine.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether the visitor came over https.
    pub(crate) fn say_https(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        let scheme = headers.get("x-forwarded-proto");
        peer.is_some_and(|peer| self.trust(peer))
            && scheme.is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
    }

    /// The visitor's own address: the last one in the chain that is not a proxy of ours.
    pub(crate) fn visitor(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip().to_canonical();
        let headers = request.headers().get_all("x-forwarded-for");
        let chain: Vec<&str> = headers
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        let mut nearest = peer;
        for step in chain.iter().rev() {
            if !self.trust(nearest) {
                break;
            }
            let Ok(address) = step.trim().parse::<IpAddr>() else {
                break;
            };
            nearest = address.to_canonical();
        }
        Some(nearest)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn visitor(peer: &str, chain: &str) -> String {
        let proxies = Proxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let request = TestRequest::get()
            .peer_addr(format!("{peer}:1234").parse().unwrap())
            .insert_header(("x-forwarded-for", chain))
            .to_http_request();
        proxies
            .visitor(&request)
            .map(|address| address.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn only_proxies_of_ours_are_believed() {
        assert_eq!(visitor("192.0.2.1", "198.51.100.7"), "192.0.2.1");
        assert_eq!(visitor("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(
            visitor("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2"),
            "198.51.100.7"
        );
        assert_eq!(visitor("10.0.0.1", "nonsense"), "10.0.0.1");
    }
}
