//! What trusted proxies say of a visitor.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// The proxies whose `X-Forwarded-…` headers count.
#[derive(Clone)]
pub(crate) struct Proxies(pub(crate) Vec<IpNet>);

impl Proxies {
    fn trust(&self, address: IpAddr) -> bool {
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

    /// Whether the visitor came over https, as far as the beginning of a request tells that was never read in whole;
    /// `None` where it breaks off before a proxy of ours may have said so.
    pub(crate) fn say_https_in(&self, peer: IpAddr, head: &[u8]) -> Option<bool> {
        if !self.trust(peer) {
            return Some(false);
        }
        let is_empty = |line: &&[u8]| line.trim_ascii().is_empty();
        // Empty lines may come before a head, and another line like that in a body behind it.
        let lines = head
            .split_inclusive(|byte| *byte == b'\n')
            .skip_while(is_empty);
        for line in lines {
            if !line.ends_with(b"\n") {
                break;
            }
            if is_empty(&line) {
                return Some(false);
            }
            let colon = line.iter().position(|byte| *byte == b':');
            if let Some(colon) = colon
                && line[..colon].eq_ignore_ascii_case(b"x-forwarded-proto")
            {
                let scheme = line[colon + 1..].trim_ascii();
                return Some(scheme.eq_ignore_ascii_case(b"https"));
            }
        }
        None
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

    #[test]
    fn what_was_read_of_a_request_tells_whether_it_came_over_https() {
        let proxies = Proxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let said =
            |peer: &str, head: &str| proxies.say_https_in(peer.parse().unwrap(), head.as_bytes());
        let line = "GET / HTTP/1.1\r\n";

        for (head, expected) in [
            ("X-Forwarded-Proto: HTTPS\r\n", Some(true)),
            ("Host: a\r\nx-forwarded-proto:http\r\n\r\n", Some(false)),
            ("Host: a\r\n\r\nX-Forwarded-Proto: https\r\n", Some(false)),
            ("Host: a\r\nX-Forwarded-Proto: htt", None),
            ("", None),
        ] {
            assert_eq!(
                said("10.0.0.1", &format!("\r\n{line}{head}")),
                expected,
                "{head}"
            );
        }
        assert_eq!(said("10.0.0.1", "GET /aaaa"), None);
        assert_eq!(said("192.0.2.1", "GET /aaaa"), Some(false));
    }
}
