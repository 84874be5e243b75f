//! What a request tells of itself before it is refused: its head, line by line, as far as it came and however
//! malformed the rest of it is.

use std::net::IpAddr;

use super::request::is_for_head;
use oc_http::TrustedProxies;
use oc_http::request_id;

/// The most of a path that is told (bytes).
const LONGEST_PATH: usize = 1024;

/// The most of a line that is kept (bytes): enough for a method with such a path, and for the names of a request.
const LONGEST_LINE: usize = 2048;

/// The longest method that is told (bytes): every registered one is shorter.
const LONGEST_METHOD: usize = 32;

/// What has come of a head.
#[derive(Debug, Default)]
pub(super) struct Glimpse {
    /// The beginning of the line that has not ended.
    line: Vec<u8>,
    line_is_cut: bool,
    /// Where in the head that line stands.
    place: Place,
    method: Option<String>,
    path: Option<String>,
    /// The first two names that were given: with a second one neither counts.
    ids: Vec<Vec<u8>>,
    says_https: Option<bool>,
    is_for_head: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the line that says what is asked for, or in the empty ones before it.
    #[default]
    Start,
    /// In the fields.
    Fields,
    /// Behind the head.
    End,
}

impl Glimpse {
    /// What those first bytes of a request tell.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut glimpse = Self {
            is_for_head: is_for_head(bytes),
            ..Self::default()
        };
        glimpse.read(bytes);
        glimpse
    }

    /// Takes note of the bytes that come next.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.is_whole() {
                return;
            }
            if self.line.is_empty() && part.ends_with(b"\n") {
                self.take(part);
                continue;
            }
            let room = LONGEST_LINE.saturating_sub(self.line.len());
            self.line_is_cut |= part.len() > room;
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.take(&line);
                self.line_is_cut = false;
            } else if self.place == Place::Start {
                let line = std::mem::take(&mut self.line);
                self.take_start(&line, false);
                self.line = line;
            }
        }
    }

    /// Whether the head came to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.place == Place::End
    }

    /// What was asked for, where that was told.
    pub(super) fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// The beginning of the path, where that was told; never a query.
    pub(super) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Whether a head alone is asked for.
    pub(super) fn is_for_head(&self) -> bool {
        self.is_for_head
    }

    /// The request's name: the one that came with it, or a new one.
    pub(super) fn request_id(&self) -> String {
        request_id::from_values(self.ids.iter().map(Vec::as_slice))
    }

    /// Whether the visitor came over https; `None` where the head broke off before a proxy of ours may have said so.
    pub(super) fn over_https(&self, peer: IpAddr, proxies: &TrustedProxies) -> Option<bool> {
        if proxies.contains(peer) {
            self.says_https.or(self.is_whole().then_some(false))
        } else {
            Some(false)
        }
    }

    /// Takes note of a line that has ended.
    fn take(&mut self, line: &[u8]) {
        let is_empty = line.trim_ascii().is_empty();
        match self.place {
            Place::Start if is_empty => {}
            Place::Start => {
                self.take_start(line, !self.line_is_cut);
                self.place = Place::Fields;
            }
            Place::Fields if is_empty => self.place = Place::End,
            Place::Fields => self.take_field(line),
            Place::End => {}
        }
    }

    fn take_field(&mut self, line: &[u8]) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"x-forwarded-proto") {
            // The first one counts, as it does for a request that is answered.
            let is_https = value.eq_ignore_ascii_case(b"https");
            self.says_https.get_or_insert(is_https);
        } else if name.eq_ignore_ascii_case(request_id::HEADER.as_str().as_bytes())
            && self.ids.len() < 2
        {
            self.ids.push(value.to_vec());
        }
    }

    /// Takes note of what is asked for. A path counts once its end was seen, or as much of it as is told.
    fn take_start(&mut self, line: &[u8], has_ended: bool) {
        let line = line.trim_ascii_start();
        let Some(space) = line.iter().position(|byte| *byte == b' ') else {
            return;
        };
        let (method, target) = (&line[..space], &line[space + 1..]);
        let is_method =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let Some(path) = path_of(target) else {
            return;
        };
        if method.is_empty() || method.len() > LONGEST_METHOD || !method.iter().all(is_method) {
            return;
        }
        self.method = Some(String::from_utf8_lossy(method).into_owned());
        let end = path
            .iter()
            .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'?' | b'#'));
        let end = end.or((has_ended || path.len() > LONGEST_PATH).then_some(path.len()));
        self.path = end.map(|end| {
            let path = String::from_utf8_lossy(&path[..end]);
            path[..path.floor_char_boundary(LONGEST_PATH)].to_owned()
        });
    }
}

/// Where the path begins in what is asked for: at once, or behind the name of the host.
fn path_of(target: &[u8]) -> Option<&[u8]> {
    let rest = match target {
        [b'/' | b'*', ..] => return Some(target),
        [b'h' | b'H', rest @ ..] => rest,
        _ => return None,
    };
    let host = rest.windows(3).position(|three| three == b"://")? + 3;
    let slash = rest[host..].iter().position(|byte| *byte == b'/')?;
    Some(&rest[host + slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &str) -> (Option<String>, Option<String>) {
        let glimpse = Glimpse::of(head.as_bytes());
        (glimpse.method, glimpse.path)
    }

    #[test]
    fn as_much_is_told_of_what_is_asked_for_as_came() {
        let long = "a".repeat(5000);
        for (head, method, path) in [
            ("GET /lettings/?q=a HTTP/1.1\r\n", "GET", "/lettings/"),
            ("\r\n\r\nGET /a/#b HTTP/1.1\nHost", "GET", "/a/"),
            ("PUT http://localhost/a?b HTTP/1.1\r\n", "PUT", "/a"),
            ("OPTIONS * HTTP/1.1\r\n", "OPTIONS", "*"),
            ("GET /a\r\n", "GET", "/a"),
            ("GET /lettings/?q=", "GET", "/lettings/"),
            ("GET /lett", "GET", ""),
            ("GET ", "", ""),
            ("GE", "", ""),
            ("this is not HTTP\r\n\r\n", "", ""),
            ("\u{16}\u{3} /\r\n", "", ""),
            (&format!("{long} / HTTP/1.1\r\n"), "", ""),
            (&format!("GET /{long}"), "GET", &format!("/{long}")[..1024]),
            (
                &format!("GET /{long} HTTP/1.1\r\n\r\n"),
                "GET",
                &format!("/{long}")[..1024],
            ),
        ] {
            let expected = [method, path].map(|word| (!word.is_empty()).then(|| word.to_owned()));

            assert_eq!(told(head), expected.into(), "{head}");
        }
    }

    #[test]
    fn a_head_tells_the_same_however_it_is_cut() {
        let long = "a".repeat(3 * LONGEST_LINE);
        let head = format!(
            "\r\nPOST /{long}?{long} HTTP/1.1\r\nX-Long: {long}\r\nX-Request-Id: my.req-1\r\n\
             X-Forwarded-Proto: https\r\n\r\nX-Request-Id: no\r\n"
        );
        let whole = Glimpse::of(head.as_bytes());
        for size in [1, 2, 7, 1000, 5000] {
            let mut cut = Glimpse::default();

            for part in head.as_bytes().chunks(size) {
                cut.read(part);
                assert!(cut.line.len() <= LONGEST_LINE);
            }

            for glimpse in [&whole, &cut] {
                assert!(glimpse.is_whole());
                assert_eq!(glimpse.method(), Some("POST"));
                assert_eq!(glimpse.path().map(str::len), Some(LONGEST_PATH));
                assert_eq!(glimpse.request_id(), "my.req-1");
                assert_eq!(glimpse.says_https, Some(true));
            }
        }
    }

    #[test]
    fn a_harmful_name_is_replaced_and_so_are_two() {
        for fields in [
            "X-Request-Id: a b\r\n",
            "X-Request-Id: a\r\nx-request-id: a\r\n",
            "X-Request-Id: a",
            "",
        ] {
            let glimpse = Glimpse::of(format!("GET / HTTP/1.1\r\n{fields}").as_bytes());

            assert_eq!(glimpse.request_id().len(), 32, "{fields}");
        }
    }

    #[test]
    fn what_was_read_of_a_request_tells_whether_it_came_over_https() {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let said = |peer: &str, head: &str| {
            Glimpse::of(head.as_bytes()).over_https(peer.parse().unwrap(), &proxies)
        };
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
